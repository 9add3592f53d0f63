"""How fast `vatrace predict` is: times real time on a clip of 640x360 at 25 pictures a second, beside decoding alone.

    python benchmarks/predict_speed.py [--seconds 18 60] [--model MODEL] [--video CLIP]

Draws a face that talks in the middle of such a picture, of these lengths (or takes a clip as it is), and times, each in
a process of its own: reading the pictures once and nothing else (which `predict` does twice); the trace, once all is
loaded; the whole command from its start to its end; the same with the overlay video. The bar: at least 3 times real
time on two cores.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from vatrace.inference import starter_folder
from vatrace.media.encode import write_video
from vatrace.media.video import read_times
from vatrace.synth.corpus import plan_clip, render_frames

WIDTH, HEIGHT, FPS = 640, 360, 25
DRAWN_SECONDS = 6.0  # drawn once, and shown again and again
DECODE = """
import sys, time
from pathlib import Path
from vatrace.media.video import read_frames
began = time.perf_counter()
for frame in read_frames(Path(sys.argv[1])):
    pass
print(time.perf_counter() - began)
"""
TRACE = """
import os, sys, time
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # as the command does
from pathlib import Path
from vatrace.inference.video import VideoPredictor
predictor = VideoPredictor.from_folder(Path(sys.argv[2]))
began = time.perf_counter()
predictor.predict(Path(sys.argv[1]))
print(time.perf_counter() - began)
"""


def drawn_clip(path: Path, seconds: float) -> Path:
    """A face as high as the picture, which talks."""
    clip = plan_clip(0, 999, 0, DRAWN_SECONDS, fps=FPS)
    faces = [cv2.resize(each, (HEIGHT, HEIGHT), interpolation=cv2.INTER_LINEAR) for each in render_frames(clip)]
    num_frames = round(seconds * FPS)

    def pictures() -> Iterator[np.ndarray]:
        left = (WIDTH - HEIGHT) // 2
        for number in range(num_frames):
            room = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
            room[:, left : left + HEIGHT] = faces[number % len(faces)]
            yield room

    wanted = round(seconds * 16_000)
    waveform = np.resize(clip.waveform, wanted)
    write_video(path, pictures(), size=(WIDTH, HEIGHT), fps=Fraction(FPS), waveform=waveform)
    return path


def seconds_of(code: str, *arguments: object) -> float:
    """What a process says it took."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def command_seconds(*arguments: object) -> float:
    """What a command takes from its start to its end."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "vatrace", *map(str, arguments)]
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - began


def measure(clip: Path, model: Path, out: Path) -> None:
    times = read_times(clip)
    length = float(times[-1] - times[0]) + 1 / FPS
    chosen = ["predict", clip, "--model", model]
    rows = [
        ("read the pictures once", seconds_of(DECODE, clip)),
        ("the trace", seconds_of(TRACE, clip, model)),
        ("the command", command_seconds(*chosen, "--out", out / "csv")),
        ("the command with overlay", command_seconds(*chosen, "--out", out / "overlay", "--formats", "overlay")),
    ]
    print(f"{clip.name}: {length:.1f} s, {len(times)} pictures")
    for name, took in rows:
        print(f"  {name:<26} {took:6.2f} s  {length / took:6.1f} times real time", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", nargs="+", type=float, default=[18, 60])
    parser.add_argument("--model", type=Path, default=starter_folder())
    parser.add_argument("--video", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = (
            [given.video]
            if given.video
            else [drawn_clip(folder / f"drawn-{seconds:g}s.mp4", seconds) for seconds in given.seconds]
        )
        for clip in clips:
            measure(clip, given.model, folder / f"out-{clip.stem}")


if __name__ == "__main__":
    main()
