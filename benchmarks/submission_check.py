"""Time and memory of checking a submission of full size: as many rows and videos as the test set of ABAW-8 has.

    python benchmarks/submission_check.py

Writes a template and a good submission of 927,210 rows (162 videos of 128 to 26,618 rows, median 4,230), and damaged
ones; runs `vatrace submission check` on each in a process of its own; prints seconds and the most resident memory,
interpreter included.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROWS, VIDEOS, SHORTEST, MEDIAN, LONGEST = 927_210, 162, 128, 4230, 26_618
CHILD = """
import sys
from pathlib import Path
from vatrace.cli import main
code = main(["submission", "check", sys.argv[1], "--template", sys.argv[2]])
(line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(line.split()[1])
"""


def lengths() -> list[int]:
    """Rows of each video: the published shortest, median, longest and sum; what lies between is made up."""
    half = VIDEOS // 2
    lower = [round(SHORTEST + (MEDIAN - SHORTEST) * at / (half - 1)) for at in range(half)]
    upper = [round(MEDIAN + (LONGEST - MEDIAN) * (at / (half - 1)) ** 3.51) for at in range(half)]
    upper[half * 2 // 3] += ROWS - sum(lower) - sum(upper)
    made = lower + upper
    random.Random(0).shuffle(made)
    assert (sum(made), len(made), min(made), max(made)) == (ROWS, VIDEOS, SHORTEST, LONGEST)
    assert statistics.median(made) == MEDIAN
    return made


def locations() -> Iterator[str]:
    for video, rows in enumerate(lengths()):
        yield from (f"{video + 1}-30-1920x1080/{frame:05d}.jpg" for frame in range(1, rows + 1))


def write(folder: Path) -> tuple[Path, dict[str, Path]]:
    """A template, and submissions by what is wrong with them."""
    template, good = folder / "template.txt", folder / "good.txt"
    numbers = random.Random(0)
    with template.open("w", newline="\n") as empty, good.open("w", newline="\n") as full:
        for file in (empty, full):
            file.write("image_location,valence,arousal\n")
        for location in locations():
            empty.write(f"{location},,\n")
            full.write(f"{location},{numbers.uniform(-1, 1):.6f},{numbers.uniform(-1, 1):.6f}\n")
    content = good.read_bytes()
    header, *rows = content.splitlines(keepends=True)
    submissions = {"good": good}
    for name, damaged in {
        "CRLF": content.replace(b"\n", b"\r\n"),
        "all names with backslashes": content.replace(b"/", b"\\"),
        "half of it": content[: len(content) // 2],
        "backwards": b"".join([header, *reversed(rows)]),
        "every row twice": b"".join([header, *rows, *rows]),
        "other videos": content.replace(b"-30-", b"-25-"),
        "all -5": header + b"".join(row.split(b",")[0] + b",-5,-5\n" for row in rows),
    }.items():
        submissions[name] = folder / f"{len(submissions)}.txt"
        submissions[name].write_bytes(damaged)
    return template, submissions


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        template, submissions = write(Path(folder))
        print(f"{ROWS:,} rows of {VIDEOS} videos, {submissions['good'].stat().st_size / 1e6:.1f} MB")
        for name, path in submissions.items():
            began = time.perf_counter()
            command = [sys.executable, "-c", CHILD, str(path), str(template)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds = time.perf_counter() - began
            *_, verdict, kilobytes = done.stdout.splitlines()
            print(f"{name:<28}{seconds:6.2f} s {int(kilobytes) / 1024:7.0f} MB   {verdict}", flush=True)


if __name__ == "__main__":
    main()
