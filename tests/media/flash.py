"""Flash video by hand, since FFmpeg reads VP6 but does not write it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

WIDTH, HEIGHT = 64, 48
_VIDEO_TAG, _KEY_FRAME_OF_VP6 = 9, 0x14


def write_flash(path: Path, times_ms: Sequence[int]) -> Path:
    """Key frames of VP6, all of one colour, at given times in milliseconds."""
    blocks = [HEIGHT // 16, WIDTH // 16]
    # Quantiser 20 and its flags; version 6, profile 3; blocks coded and shown; then a range coder that reads zeros.
    frame = bytes([20 << 1, 6 << 3 | 6, *blocks, *blocks]) + bytes(200)
    body = bytes([_KEY_FRAME_OF_VP6, 0]) + frame
    header = b"FLV\x01\x01" + (9).to_bytes(4, "big") + bytes(4)
    path.write_bytes(header + b"".join(_tag(time_ms, body) for time_ms in times_ms))
    return path


def _tag(time_ms: int, body: bytes) -> bytes:
    head = bytes([_VIDEO_TAG]) + len(body).to_bytes(3, "big")
    clock = (time_ms & 0xFFFFFF).to_bytes(3, "big") + bytes([time_ms >> 24])
    tag = head + clock + bytes(3) + body
    return tag + len(tag).to_bytes(4, "big")
