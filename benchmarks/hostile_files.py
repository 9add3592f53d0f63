"""What hostile files cost `vatrace predict`: seconds, and memory beyond that of an ordinary clip.

    python benchmarks/hostile_files.py [--only WORDS ...]

Each file of the tests (`tests/media/hostile.py`: files that point to others, damaged ones, odd times and rates), and
below them three that are valid and cost more than they look, in a process of its own: the model is loaded, an ordinary
clip is traced, and then the file. The bar for a hostile file: 2 s and 300 MB. The last three are shown, not judged:
what is valid and long takes the time that its length needs.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))  # the tests' files are made by the tests' functions

from tests.media.hostile import make_hostile, write_canary, write_good  # noqa: E402

MOST_SECONDS, MOST_MEGABYTES = 2.0, 300
LONG_FRAMES, LONG_SECONDS, MANY_REFERENCES = 20_000, 4 * 3600, 16
MEASURE = """
import json, sys, time
from pathlib import Path
from tests.media.test_hostile_paths import peak_bytes
from vatrace.errors import VatraceError
from vatrace.inference import starter_folder
from vatrace.inference.video import VideoPredictor
predictor = VideoPredictor.from_folder(starter_folder())
predictor.predict(Path(sys.argv[1]))
before, began, said = peak_bytes(), time.perf_counter(), ""
try:
    said = f"{len(predictor.predict(Path(sys.argv[2])).trace)} rows"
except VatraceError as error:
    said = type(error).__name__
print(json.dumps([time.perf_counter() - began, (peak_bytes() - before) / 2**20, said]))
"""


def pictures(path: Path, width: int, height: int, times: Iterator[int], codec: str, options: dict[str, str]) -> Path:
    """A clip of grey pictures at these milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), number % 250, np.uint8))
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def silence(path: Path) -> Path:
    """Hours of digital silence in a few kilobytes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        for number in range(LONG_SECONDS):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, number * 16_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def costly(folder: Path) -> dict[str, Path]:
    """Valid files that cost more than they look."""
    references = {"x264-params": f"ref={MANY_REFERENCES}:bframes=0", "preset": "ultrafast"}
    steps = (10 * number for number in range(LONG_FRAMES))
    return {
        f"{LONG_FRAMES} pictures of 64x64": pictures(
            folder / "many.webm", 64, 64, steps, "libvpx", {"cpu-used": "16", "deadline": "realtime"}
        ),
        f"{LONG_SECONDS // 3600} hours of silence": silence(folder / "silence.flac"),
        f"3840x2160 with {MANY_REFERENCES} references": pictures(
            folder / "references.mp4", 3840, 2160, (40 * number for number in range(20)), "libx264", references
        ),
    }


def measured(good: Path, path: Path) -> tuple[float, float, str]:
    """Seconds, megabytes beyond the ordinary clip, and what came of it."""
    places = {"PYTHONPATH": f"{PROJECT / 'src'}:{PROJECT}", "PATH": "/usr/bin:/bin", "OMP_WAIT_POLICY": "PASSIVE"}
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(good), str(path)], capture_output=True, text=True, env=places, check=False
    )
    if run.returncode:
        return float("inf"), float("inf"), (run.stderr.strip().splitlines() or [f"ended with {run.returncode}"])[-1]
    seconds, megabytes, said = json.loads(run.stdout.splitlines()[-1])
    return seconds, megabytes, said


def table(good: Path, files: dict[str, Path]) -> list[tuple[float, float, str]]:
    """Measure files and print a line each, the slowest first."""
    rows = []
    for number, (name, path) in enumerate(files.items(), 1):
        print(f"\r{number} of {len(files)}", end="", file=sys.stderr, flush=True)
        rows.append((name, path.stat().st_size, *measured(good, path)))
    print("\r", end="", file=sys.stderr)
    for name, size, seconds, megabytes, said in sorted(rows, key=lambda row: -row[2]):
        print(f"  {name:<34} {size / 1000:9.1f} kB {seconds:7.2f} s {megabytes:+7.0f} MB  {said}")
    return [(seconds, megabytes, name) for name, _, seconds, megabytes, _ in rows]


def main() -> int:
    """Measure, print, and fail where a hostile file is beyond the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[""], metavar="WORDS", help="files whose names hold one of these")
    only = parser.parse_args().only
    with tempfile.TemporaryDirectory() as held, socket.create_server(("127.0.0.1", 0)) as knocked_at:
        folder = Path(held)
        (folder / "made").mkdir()
        (folder / "files").mkdir()
        good = write_good(folder / "good.mp4")
        made = make_hostile(folder / "made", write_canary(folder / "canary.ts"), knocked_at.getsockname()[1])
        files = {name: folder / "files" / f"{name}.mp4" for name in made if any(word in name for word in only)}
        for name, path in files.items():
            path.write_bytes(made[name])
        print(f"{len(files)} hostile files")
        rows = table(good, files)
        beyond = [name for seconds, size, name in rows if seconds > MOST_SECONDS or size > MOST_MEGABYTES]
        print(f"beyond {MOST_SECONDS:g} s or {MOST_MEGABYTES} MB: {', '.join(beyond) or 'none'}")
        others = {name: path for name, path in costly(folder).items() if any(word in name for word in only)}
        print(f"{len(others)} valid files that cost more than they look")
        table(good, others)
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
