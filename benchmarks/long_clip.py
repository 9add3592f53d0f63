"""Memory of `vatrace predict` on a short and on a long clip: the whole process, as the system counts it.

    python benchmarks/long_clip.py [--minutes 2 120] [--model MODEL] [--video CLIP]

Makes clips of these lengths by repeating the packets of a short one (a drawn talking face of 10 s in small pictures, if
none is given), runs `vatrace predict` on each in a process of its own, and prints the most resident memory, frames and
seconds, and the ratio to the shortest. 120 minutes of small pictures take about 15 minutes on two cores.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2

from vatrace.inference import starter_folder
from vatrace.media.encode import write_video
from vatrace.synth.corpus import plan_clip, render_frames

SECONDS, SIDE_PIXELS = 10, 128
CHILD = """
import sys
from pathlib import Path
from vatrace.cli import main
code = main(sys.argv[1:])
(line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print("peak", int(line.split()[1]) // 1024, file=sys.stderr)
sys.exit(code)
"""


def short_clip(path: Path) -> Path:
    """Ten seconds of a drawn face that talks."""
    clip = plan_clip(0, 999, 0, float(SECONDS))
    pictures = (
        cv2.resize(picture, (SIDE_PIXELS, SIDE_PIXELS), interpolation=cv2.INTER_AREA)
        for picture in render_frames(clip, size=2 * SIDE_PIXELS)
    )
    write_video(path, pictures, size=(SIDE_PIXELS, SIDE_PIXELS), fps=Fraction(25), waveform=clip.waveform)
    return path


def repeat(short: Path, minutes: float, path: Path) -> Path:
    """The same packets again and again, each time later."""
    with av.open(str(short)) as source, av.open(str(path), "w") as output:
        streams = {each.index: output.add_stream_from_template(each) for each in source.streams}
        packets = [packet for packet in source.demux() if packet.size]
        seconds = 0.1 + max(float((packet.pts + packet.duration) * packet.time_base) for packet in packets)
        for turn in range(max(1, round(60 * minutes / seconds))):
            for packet in packets:
                later = round(turn * seconds / packet.time_base)
                copy = av.Packet(bytes(packet))
                copy.pts, copy.dts, copy.duration = packet.pts + later, packet.dts + later, packet.duration
                copy.time_base, copy.is_keyframe = packet.time_base, packet.is_keyframe
                copy.stream = streams[packet.stream_index]
                output.mux(copy)
    return path


def peak_megabytes(clip: Path, model: Path, out: Path) -> tuple[int, int, float]:
    """Most resident memory of a process that predicts; frames; seconds it took."""
    began = time.perf_counter()
    command = [sys.executable, "-c", CHILD, "predict", str(clip), "--model", str(model), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took = time.perf_counter() - began
    frames = sum(1 for _ in (out / f"{clip.stem}.csv").open()) - 1
    return int(done.stderr.split("peak ")[-1]), frames, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", nargs="+", type=float, default=[2, 120])
    parser.add_argument("--model", type=Path, default=starter_folder())
    parser.add_argument("--video", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = given.video or short_clip(folder / "short.mp4")
        first = None
        for minutes in given.minutes:
            clip = repeat(short, minutes, folder / f"{minutes:g}min.mp4")
            peak, frames, took = peak_megabytes(clip, given.model, folder / "out")
            first = first or peak
            print(
                f"{minutes:6g} min, {frames:7d} rows: {peak:5d} MB, {peak / first:.2f} times the first; "
                f"{took:.0f} s, {60 * minutes / took:.1f} times real time",
                flush=True,
            )


if __name__ == "__main__":
    main()
