"""What goes over a live connection, and on to the process that looks at it.

The page sends one line of JSON, `{"type": "start", "sample_rate": 16000}`, and then binary messages: a byte that says
what it is, when it was taken (float64, little-endian, seconds on one clock), and the thing itself.

    1  a picture: JPEG of at most 2 MB and 1920 x 1080 pixels
    2  sound: float32, little-endian, mono, 16 kHz, at most a second; the time is that of its first sample
    3  a moment without a picture; only the server says this, to the process

It gets a line of JSON for each picture that was looked at, as `vatrace.web.live` says.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PICTURE, SOUND, MOMENT = 1, 2, 3
SAMPLE_RATE_HZ = 16_000
MAX_PICTURE_BYTES = 2 * 2**20
MAX_PICTURE_PIXELS = 1920 * 1080
MAX_SOUND_SAMPLES = SAMPLE_RATE_HZ  # one second
MAX_START_CHARACTERS = 1_000
MAX_SAMPLE = 16.0  # as in `vatrace.media.audio`: beyond this a number is damage
HEAD = struct.Struct("<Bd")

WRONG_TYPE, TOO_LARGE, WRONG_DATA = 1003, 1009, 1007  # RFC 6455, 7.4.1


class WrongMessage(Exception):  # noqa: N818  (it is what came)
    """A message that the page does not send.

    Args:
        sentence: what came and what is expected.
        code: that the connection is closed with.
    """

    def __init__(self, sentence: str, code: int = WRONG_DATA) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


@dataclass(frozen=True)
class Message:
    """A binary message.

    Args:
        kind: `PICTURE`, `SOUND` or `MOMENT`.
        time_seconds: when it was taken; of sound, its first sample.
        payload: JPEG, or samples, or nothing.
    """

    kind: int
    time_seconds: float
    payload: bytes

    @property
    def num_samples(self) -> int:
        """Samples of a sound."""
        return len(self.payload) // 4

    @classmethod
    def unpacked(cls, data: bytes) -> Message:
        """From at least the nine bytes of its head."""
        kind, time_seconds = HEAD.unpack_from(data)
        return cls(kind, time_seconds, data[HEAD.size :])

    def packed(self) -> bytes:
        """As it came."""
        return HEAD.pack(self.kind, self.time_seconds) + self.payload


def check_start(text: str) -> None:
    """Raise unless a connection begins as it should.

    Raises:
        WrongMessage: it does not, or the sound has another rate.
    """
    try:
        given = json.loads(text) if len(text) <= MAX_START_CHARACTERS else None
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or given.get("type") != "start":
        raise WrongMessage('A live connection begins with {"type": "start", "sample_rate": 16000}.', WRONG_TYPE)
    if given.get("sample_rate") != SAMPLE_RATE_HZ:
        raise WrongMessage(f"Sound has to come at {SAMPLE_RATE_HZ} samples a second; the page has to convert it.")


def parse_message(data: bytes) -> Message:
    """Check what the page sent, as far as that goes without decoding it.

    Raises:
        WrongMessage: of another kind, too large, cut off, or of no time.
    """
    if len(data) < HEAD.size or data[0] not in (PICTURE, SOUND):
        raise WrongMessage("A message is a picture (1) or sound (2), its time, and its data.", WRONG_TYPE)
    message = Message.unpacked(data)
    if not math.isfinite(message.time_seconds):
        raise WrongMessage("A picture or sound has to have a time in seconds.")
    if message.kind == PICTURE:
        _check_picture(message.payload)
    else:
        _check_sound(message.payload)
    return message


def samples_of(message: Message) -> NDArray[np.float32]:
    """Samples of a sound, with what is no sound made silent."""
    import numpy as np  # makes threads, and who reads these is confined before there are any

    samples = np.frombuffer(message.payload, "<f4").astype(np.float32)
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -MAX_SAMPLE, MAX_SAMPLE)


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG says it has, read without decoding it; None if it is no JPEG.

    ITU-T T.81, B.1 and B.2: after the start marker come segments, each a marker and a length; a frame header is one.
    Markers without a length, which no camera writes before it, are not gone past: a decoder could see another header.
    """
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # these define tables
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if marker < 0xC0 or 0xD0 <= marker <= 0xDA or marker == 0xFF or length < 2:
            return None
        at += 2 + length
    return None


def _check_picture(data: bytes) -> None:
    if len(data) > MAX_PICTURE_BYTES:
        raise WrongMessage(f"A picture of {len(data)} bytes is too large; {MAX_PICTURE_BYTES} is the most.", TOO_LARGE)
    size = jpeg_size(data)
    if size is None or 0 in size:
        raise WrongMessage("A picture has to be a JPEG.")
    if size[0] * size[1] > MAX_PICTURE_PIXELS:
        raise WrongMessage(f"A picture of {size[0]} x {size[1]} pixels is too large; send smaller ones.", TOO_LARGE)


def _check_sound(data: bytes) -> None:
    if len(data) > 4 * MAX_SOUND_SAMPLES:
        raise WrongMessage("A second of sound is the most for one message.", TOO_LARGE)
    if len(data) % 4 or not data:
        raise WrongMessage("Sound has to be 32-bit floating-point samples.")
