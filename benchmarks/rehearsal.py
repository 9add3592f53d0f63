"""Dress rehearsal: the whole way of a challenge entry at the size of Aff-Wild2, on made-up features; time and memory.

    python benchmarks/rehearsal.py [--scale 1.0] [--folder DIR] [--seed 0]

Makes a corpus with the published counts and lengths (`rehearsal_corpus.py`; 15 GB at scale 1) and goes through it with
the project's own functions, each stage in a process of its own that begins with no features in the page cache. What
each stage finds is compared with the plan of the corpus; a difference ends the rehearsal. Prints a table of seconds and
of peak memory, interpreter and libraries included: anonymous memory is what the process itself holds; resident memory
also has the pages of mapped files, which the system takes back when it needs them. `--folder` keeps the corpus there
for the next time; otherwise it is removed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rehearsal_corpus import bytes_needed, drawn_clips
from rehearsal_stages import STAGES, Facts, make

SAMPLE_SECONDS = 0.01
ALLOWED_MB = 2000.0
MB = 1e6


@dataclass(frozen=True)
class Measured:
    """A stage that was gone through; megabytes are 1e6 bytes."""

    name: str
    seconds: float
    anonymous_mb: float
    resident_mb: float
    facts: Facts


def measured(stage: str, folder: Path, *options: str) -> Measured:
    """Go through a stage in a process of its own, and look at its memory a hundred times a second."""
    forget_files(folder / "features")
    began = time.perf_counter()
    command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder), *options]
    anonymous = resident = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            now = memory_of(process.pid)
            anonymous, resident = max(anonymous, now.get("RssAnon", 0)), max(resident, now.get("VmHWM", 0))
            time.sleep(SAMPLE_SECONDS)
        seconds = time.perf_counter() - began
        printed = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"the stage {stage!r} failed.")
    return Measured(stage, seconds, anonymous / MB, resident / MB, json.loads(printed))


def memory_of(process: int) -> dict[str, int]:
    """Bytes by the kernel's names (Linux); empty for a process that has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = [line.split(":") for line in lines if line.endswith(" kB")]
    return {name: int(value.split()[0]) * 1024 for name, value in pairs}


def forget_files(folder: Path) -> None:
    """Take files out of the page cache, so that reading them is reading the disk."""
    for path in folder.glob("*"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def prepare(folder: Path, scale: float, seed: int) -> list[Measured]:
    """Make the corpus, unless this very one is there."""
    wanted = {"scale": scale, "seed": seed}
    if (folder / "plan.json").is_file():
        there = json.loads((folder / "plan.json").read_text("utf-8"))
        if {name: there[name] for name in wanted} == wanted:
            return []
        raise SystemExit(f"{folder} has another corpus; remove it, or name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = bytes_needed(drawn_clips(scale, seed)), shutil.disk_usage(folder).free
    print(f"{needed / 1e9:.1f} GB needed in {folder}, {free / 1e9:.1f} GB free", flush=True)
    if needed * 1.1 > free:
        raise SystemExit("there is not enough space; choose a smaller --scale, or another --folder.")
    return [measured("make", folder, "--scale", str(scale), "--seed", str(seed))]


def rehearse(folder: Path, scale: float, seed: int) -> None:
    results = prepare(folder, scale, seed)
    for stage in STAGES:
        results.append(measured(stage, folder))
        print(f"{stage}: {json.dumps(results[-1].facts)}", flush=True)
    print(f"\n{os.cpu_count()} cores, scale {scale}, seed {seed}\n")
    print("| stage | s | MB anonymous | MB resident |\n|---|---|---|---|")
    for each in results:
        print(f"| {each.name} | {each.seconds:.1f} | {each.anonymous_mb:.0f} | {each.resident_mb:.0f} |")
    over = [each.name for each in results if each.name != "make" and each.anonymous_mb > ALLOWED_MB]
    if over:
        raise SystemExit(f"above {ALLOWED_MB:.0f} MB: {', '.join(over)}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scale", type=float, default=1.0, help="of the clips' lengths")
    parser.add_argument("--folder", type=Path, help="keep the corpus here")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stage", choices=["make", *STAGES], help="go through one stage of the corpus in --folder")
    given = parser.parse_args()
    if given.stage == "make":
        print(json.dumps(make(given.folder, given.scale, given.seed)))
    elif given.stage:
        print(json.dumps(STAGES[given.stage](given.folder)))
    elif given.folder:
        rehearse(given.folder, given.scale, given.seed)
    else:
        with tempfile.TemporaryDirectory() as folder:
            rehearse(Path(folder), given.scale, given.seed)


if __name__ == "__main__":
    main()
