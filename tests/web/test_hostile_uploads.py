"""Fifty hostile files sent to a real server: no other file is read, no socket opened, and little memory is taken."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.media.clips import click_at, even_times, write_clip
from tests.media.test_guard_is_armed import CONCAT, HLS, SDP, write_sparse_sound, write_wav
from tests.web.serving import Serving

MOST_MEMORY_BYTES = 300 * 2**20  # beyond what a worker has after an ordinary clip

DASH = "<MPD><Period><AdaptationSet><BaseURL>{target}</BaseURL></AdaptationSet></Period></MPD>"
SMIL = "<smil><body><video src='{target}'/></body></smil>"
IMF = "<CompositionPlaylist xmlns='http://www.smpte-ra.org/schemas/2067-3/2016'><Id>{target}</Id></CompositionPlaylist>"
REFERRING = {
    "hls": HLS,
    "hls with key": HLS.replace("#EXTINF", "#EXT-X-KEY:METHOD=AES-128,URI={target}\n#EXTINF"),
    "concat": CONCAT,
    "dash": DASH,
    "smil": SMIL,
    "imf": IMF,
    "ram": "{target}\n",
    "rtsp": "RTSPtextRTSP://{target}\n",
    "svg": "<svg xmlns='http://www.w3.org/2000/svg'><image href='{target}'/></svg>",
    "subtitles": "1\n00:00:00,000 --> 00:00:01,000\n{target}\n",
    "metadata": ";FFMETADATA1\ntitle={target}\n",
}
PLAIN = {
    "sdp": SDP.encode(),
    "html": b"<!doctype html><script>alert(1)</script>",
    "zip": b"PK\x03\x04" + bytes(100),
    "elf": b"\x7fELF" + bytes(100),
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xff\xff\x00\x00\xff\xff\x10\x06\x00\x00\x00" + bytes(50),
    "gif": b"GIF89a\xff\xff\xff\xff\x00\x00\x00" + bytes(50),
    "zeros": bytes(50_000),
    "one byte": b"x",
}


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """A port of this machine at which nobody may knock."""
    with socket.create_server(("127.0.0.1", 0)) as knocked_at:
        knocked_at.settimeout(0.01)
        yield knocked_at


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that hostile files point to."""
    return write_clip(tmp_path_factory.mktemp("canary") / "canary.ts", times=even_times(5))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, canary: Path, listener: socket.socket) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("hostile")
    port = listener.getsockname()[1]
    targets = {"file": f"file://{canary}", "http": f"http://127.0.0.1:{port}/x.ts", "beside": "../canary.ts"}
    files = dict(PLAIN)
    for kind, text in REFERRING.items():
        files |= {f"{kind} {where}": text.format(target=target).encode() for where, target in targets.items()}
    for path in (
        write_wav(folder / "one sample a second.wav", rate=1),
        write_wav(folder / "billions of samples a second.wav", rate=2_000_000_000),
        write_wav(folder / "many channels.wav", rate=16_000, channels=64),
        write_clip(folder / "late picture.mkv", times=[0.0, 0.04, 3_000_000.0]),
        write_clip(folder / "late start.mkv", times=[100_000.0, 100_000.04]),
        write_sparse_sound(folder / "late sound.mkv", [0.0, 700.0]),
        write_sparse_sound(folder / "many gaps.mkv", [500.0 * index for index in range(20)]),
    ):
        files[path.stem] = path.read_bytes()
    good = write_clip(
        folder / "good.mp4", times=even_times(25), sound=click_at(0.5, start=0, seconds=1, rate=48_000)
    ).read_bytes()
    files["cut off"] = good[: len(good) // 2]
    dice = np.random.default_rng(0)
    for number in range(6):
        damaged = np.frombuffer(good, np.uint8).copy()
        where = dice.integers(0, len(good), 40)
        damaged[where] = dice.integers(0, 256, 40, dtype=np.uint8)
        files[f"damaged {number}"] = damaged.tobytes()
    return files


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
