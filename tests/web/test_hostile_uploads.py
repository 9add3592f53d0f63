"""Fifty hostile files sent to a real server: no other file is read, no socket opened, and little memory is taken."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.media.hostile import make_hostile, write_canary
from tests.web.serving import Serving

MOST_MEMORY_BYTES = 300 * 2**20  # beyond what a worker has after an ordinary clip


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """A port of this machine at which nobody may knock."""
    with socket.create_server(("127.0.0.1", 0)) as knocked_at:
        knocked_at.settimeout(0.01)
        yield knocked_at


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that hostile files point to."""
    return write_canary(tmp_path_factory.mktemp("canary") / "canary.ts")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, canary: Path, listener: socket.socket) -> dict[str, bytes]:
    return make_hostile(tmp_path_factory.mktemp("hostile"), canary, listener.getsockname()[1])


def worker_of(server: Serving) -> psutil.Process:
    (worker,) = [
        each for each in psutil.Process(server.process.pid).children() if "vatrace.web.worker" in each.cmdline()
    ]
    return worker


def peak_bytes(process: psutil.Process) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks of memory are read from /proc")
def test_hostile_clips_read_nothing_open_nothing_and_take_little(
    server: Serving, clip: Path, hostile: dict[str, bytes], canary: Path, listener: socket.socket
) -> None:
    assert len(hostile) >= 40
    server.wait_for(server.send(clip).json["id"])
    server.remove_all()
    worker = worker_of(server)
    before = peak_bytes(worker)
    os.utime(canary, ns=(1, canary.stat().st_mtime_ns))
    made = []
    for name, content in hostile.items():
        outcome = server.wait_for(server.send(content).json["id"])
        assert worker.is_running(), f"{name}: {outcome['error']}"
        with contextlib.suppress(psutil.AccessDenied):  # it hides itself from all but root; see test_confine
            assert worker.net_connections() == [], name
        made += [name] if outcome["state"] == "done" else []
        server.remove_all()
    assert {name.split()[0] for name in made} <= {"damaged"}, "only a good clip with a few wrong bytes may be read"
    assert canary.stat().st_atime_ns == 1
    with pytest.raises(TimeoutError):
        listener.accept()
    assert worker_of(server) == worker, "it crashed at none of them"
    assert peak_bytes(worker) - before < MOST_MEMORY_BYTES
    assert server.wait_for(server.send(clip).json["id"])["state"] == "done"
    server.remove_all()
