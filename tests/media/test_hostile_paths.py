"""Hostile files opened by path, and named in one batch: nothing else is read or opened, and names are shown as text."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media.clips import click_at, even_times, write_clip
from tests.media.hostile import is_canary, make_hostile, write_canary
from vatrace.errors import shown
from vatrace.media.video import read_frames
from vatrace.report.export import read_clip_csv
from vatrace.synth.corpus import plan_clip, render_frames

PROJECT = Path(__file__).parents[2]
MOST_MEMORY_BYTES = 300 * 2**20  # beyond what an ordinary clip takes

IMAGE = "<img src=x onerror=alert(1)>"
GOOD_NAMES = (
    "good.mp4",
    "...mp4",  # its table is "...csv"
    f"{IMAGE}[bold]bold\x1b[2J\x1b]0;title\x07\nfailed: other.mp4: gone\r\u202e.mp4",
    os.fsdecode(b"no text \xff\xfe.mp4"),
)
BAD_NAMES = (
    "..%2f..%2fcanary.mp4",
    "[red]\x1b[31m[not red].mp4",
    "two\nfailed: lines.mp4",
    "<script>alert(1)<!--.mp4",
    "%s%n{0}$(id)`id`;.mp4",
    "\u202e4pm.mp4",
    "\u2028\x85\x9b31m.mp4",
    os.fsdecode(b"\xc3\x28.mp4"),
    "-o.mp4",
)

# Both run in a process of their own, so that what they take is theirs. An ordinary clip first, then the others.
BY_PATH = """
import json, sys
from pathlib import Path
import psutil
from tests.media.hostile import is_canary
from tests.media.test_hostile_paths import peak_bytes
from vatrace.errors import VatraceError
from vatrace.media.audio import read_audio_blocks
from vatrace.media.video import probe, read_frames

def outcome(read):
    try:
        return read()
    except VatraceError as error:
        return str(error)

def look(path):
    return {
        "probe": outcome(lambda: probe(path).has_video),
        "canaries": outcome(lambda: [is_canary(frame.pixels) for frame in read_frames(path)]),
        "samples": outcome(lambda: sum(len(block.samples) for block in read_audio_blocks(path))),
        "connections": len(psutil.Process().net_connections()),
    }

paths = sorted(Path().iterdir())
good = look(Path(sys.argv[1]))
before = peak_bytes()
looks = {path.name: look(path) for path in paths}
print(json.dumps({"good": good, "looks": looks, "taken": peak_bytes() - before}))
"""
BATCH = """
import json, os, sys
import psutil
from tests.media.test_hostile_paths import peak_bytes
from vatrace.cli import main

good, out, told = sys.argv[1:]
first = main(["predict", good, "--out", os.path.join(out, "first"), "--formats", "html"])
before = peak_bytes()
print("BATCH", flush=True)
print("BATCH", file=sys.stderr, flush=True)
names = [os.path.join(".", name) for name in sorted(os.listdir())]
code = main(["predict", *names, "--out", os.path.join(out, "batch"), "--formats", "html,json,vtt"])
facts = {"first": first, "code": code, "taken": peak_bytes() - before}
with open(told, "w") as file:
    json.dump(facts | {"connections": len(psutil.Process().net_connections())}, file)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks of memory are read from /proc")


def peak_bytes() -> int:
    """The most memory that this process ever had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """A port of this machine at which nobody may knock."""
    with socket.create_server(("127.0.0.1", 0)) as knocked_at:
        knocked_at.settimeout(0.01)
        yield knocked_at


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_canary(tmp_path_factory.mktemp("hostile") / "canary.ts")


@pytest.fixture(scope="module")
def good(canary: Path) -> Path:
    """A clip with a face, 25 frames and a second of sound."""
    faces = list(render_frames(plan_clip(0, 0, 0, 1.0), size=160))
    click = click_at(0.5, start=0, seconds=1, rate=48_000)

    def paint(index: int, time_seconds: float) -> NDArray[np.uint8]:
        return faces[index % len(faces)]

    return write_clip(canary.with_name("good.mp4"), times=even_times(25), paint=paint, sound=click)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, canary: Path, listener: socket.socket) -> Path:
    """A folder of hostile files beside the canary."""
    made = make_hostile(tmp_path_factory.mktemp("made"), canary, listener.getsockname()[1])
    folder = canary.with_name("files")
    folder.mkdir()
    for name, content in made.items():
        (folder / f"{name}.mp4").write_bytes(content)
    for name in BAD_NAMES:
        (folder / name).write_bytes(made["hls beside"])
    return folder


def run(code: str, *arguments: Path, folder: Path) -> subprocess.CompletedProcess[bytes]:
    places = os.pathsep.join([str(PROJECT / "src"), str(PROJECT)])
    environment = os.environ | {"PYTHONPATH": places, "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=folder, env=environment, capture_output=True
    )


def watch_over(canary: Path) -> None:
    os.utime(canary, ns=(1, canary.stat().st_mtime_ns))  # an access would set it to now, even on relatime


def assert_nothing_else_was_touched(canary: Path, listener: socket.socket) -> None:
    assert canary.stat().st_atime_ns == 1
    with pytest.raises(TimeoutError):
        listener.accept()


def test_files_opened_by_path_show_no_other_file_open_no_socket_and_take_little(
    hostile: Path, good: Path, canary: Path, listener: socket.socket
) -> None:
    assert all(is_canary(frame.pixels) for frame in read_frames(canary)), "it would be known again"
    watch_over(canary)
    told = json.loads(run(BY_PATH, good, folder=hostile).stdout)
    assert told["good"]["canaries"] == [False] * 25
    assert told["good"]["samples"] >= 16_000
    assert len(told["looks"]) >= 40
    for name, look in told["looks"].items():
        assert look["connections"] == 0, name
        assert isinstance(look["canaries"], str) or not any(look["canaries"]), name
        if name in BAD_NAMES or name.endswith((" file.mp4", " http.mp4", " beside.mp4")):
            for what in ("probe", "canaries", "samples"):
                assert str(look[what]).startswith(f"{name} is not a video"), f"{what}: {look[what]}"
    assert told["taken"] < MOST_MEMORY_BYTES
    assert_nothing_else_was_touched(canary, listener)


def test_one_batch_of_them_does_the_good_ones_and_names_each_bad_one_as_text(
    hostile: Path, good: Path, canary: Path, listener: socket.socket, tmp_path: Path
) -> None:
    bad = sorted(path.name for path in hostile.iterdir())
    for name in GOOD_NAMES:
        (hostile / name).write_bytes(good.read_bytes())
    watch_over(canary)
    ended = run(BATCH, good, tmp_path / "out", tmp_path / "told.json", folder=hostile)
    talk = ended.stderr.decode("utf-8")
    assert ended.returncode == 0, talk
    told = json.loads((tmp_path / "told.json").read_text())
    assert (told["first"], told["code"], told["connections"]) == (0, 1, 0)
    assert told["taken"] < MOST_MEMORY_BYTES
    assert_nothing_else_was_touched(canary, listener)

    assert "Traceback" not in talk
    assert talk.replace("\n", "").isprintable(), "no control characters, nothing that turns the text around"
    failed = [line for line in talk.partition("BATCH\n")[2].splitlines() if line.startswith("failed: ")]
    assert len(failed) == len(bad) >= 40, "one line for each, and none that a name made"
    for name, line in zip(bad, failed, strict=True):
        named, _, reason = line.partition(shown(name))
        assert named.startswith("failed: "), line
        assert len(reason.split()) >= 5, f"a sentence: {line}"

    out = tmp_path / "out" / "batch"
    for name in GOOD_NAMES:
        stem = name.removesuffix(".mp4")
        (person,) = read_clip_csv(out / f"{stem}.csv")
        assert len(person.trace) == 25
        assert json.loads((out / f"{stem}.json").read_text("utf-8"))["clip"] == name
        page = (out / f"{stem}.html").read_text("utf-8")
        assert IMAGE not in page
        assert (IMAGE in name) == ("&lt;img src=x" in page)
        subtitles = (out / f"{stem}.vtt").read_text("utf-8").splitlines()
        assert all(line.startswith("NOTE ") for line in subtitles if IMAGE in line), "a remark is never drawn"
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {
        tmp_path,
        out,
        tmp_path / "out" / "first",
    }
