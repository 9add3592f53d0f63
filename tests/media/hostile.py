"""Files that try to have others read, sockets opened or memory filled: sent, opened by path and named in a batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.media.clips import HEIGHT, WIDTH, click_at, even_times, write_clip
from tests.media.test_guard_is_armed import CONCAT, HLS, SDP, write_sparse_sound, write_wav

CANARY_COLOUR = (255, 0, 255)

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


def write_canary(path: Path) -> Path:
    """A clip that hostile files point to, of a colour that no other has."""
    picture = np.full((HEIGHT, WIDTH, 3), CANARY_COLOUR, np.uint8)
    return write_clip(path, times=even_times(5), paint=lambda *_: picture)


def is_canary(pixels: NDArray[np.uint8]) -> bool:
    return bool(np.abs(pixels.mean(axis=(0, 1)) - CANARY_COLOUR).max() < 30)


def write_good(path: Path) -> Path:
    """An ordinary clip, without a face or a voice."""
    return write_clip(path, times=even_times(25), sound=click_at(0.5, start=0, seconds=1, rate=48_000))


def make_hostile(folder: Path, canary: Path, port: int) -> dict[str, bytes]:
    """Hostile files by their names.

    Args:
        folder: an empty one to make them in.
        canary: a file that many of them point to, from a folder beside it, too.
        port: of this machine, to which others point.
    """
    targets = {"file": f"file://{canary}", "http": f"http://127.0.0.1:{port}/x.ts", "beside": f"../{canary.name}"}
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
    good = write_good(folder / "good.mp4").read_bytes()
    files["cut off"] = good[: len(good) // 2]
    dice = np.random.default_rng(0)
    for number in range(6):
        damaged = np.frombuffer(good, np.uint8).copy()
        where = dice.integers(0, len(good), 40)
        damaged[where] = dice.integers(0, 256, 40, dtype=np.uint8)
        files[f"damaged {number}"] = damaged.tobytes()
    return files
