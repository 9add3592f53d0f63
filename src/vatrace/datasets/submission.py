r"""Submissions to the valence-arousal task of the ABAW challenge: their format and their template.

    image_location,valence,arousal
    2-30-640x360/00001.jpg,0.5,-0.5

One text file in UTF-8 with `\n` line ends: the header, then every row of the organisers' template in its order. A
location is `<video>/<frame>.jpg`; frames are counted from 1, and the video's name may end with `_left` or `_right`.
Locations are kept as bytes, so that what is written is what the template has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vatrace.errors import DatasetError, NothingFound

HEADER = b"image_location,valence,arousal"
LOCATION_COLUMN = b"image_location"
UTF8_MARK = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 4096  # a row takes about 40; a file of one endless line must not fill the memory

_BLOCK_BYTES = 1 << 20

_FRAME = re.compile(rb"(.+)/([0-9]{1,7})\.[A-Za-z]+")  # seven digits are four days of film


@dataclass(frozen=True)
class Template:
    """Which rows a submission must have.

    Args:
        path: the file it was read from.
        positions: the place of each location, from 0, in the template's order.
    """

    path: Path
    positions: Mapping[bytes, int]

    def __len__(self) -> int:
        return len(self.positions)


def read_template(path: Path) -> Template:
    """Read the organisers' template.

    Args:
        path: a text whose first line is `image_location`, alone or with further columns. Only the first column counts;
            what stands in the others (nothing, zeros, other placeholders) is ignored.

    Raises:
        NothingFound: no such file.
        DatasetError: it has no such header, no row, or a row twice.
    """
    if not path.is_file():
        raise NothingFound(f"no such file: {path}.")
    positions: dict[bytes, int] = {}
    with path.open("rb") as file:
        lines = read_lines(file)
        header = next(lines, b"").removeprefix(UTF8_MARK)
        if _first_field(header) != LOCATION_COLUMN:
            raise DatasetError(
                f"{path} is no template: it must begin with {LOCATION_COLUMN.decode()!r}, got {shown(header)}."
            )
        for number, line in enumerate(lines, 2):
            location = _first_field(line)
            if not location:
                continue
            if location in positions:
                raise DatasetError(f"{path}, line {number}: {shown(location)} is there twice; a template has it once.")
            positions[location] = len(positions)
    if not positions:
        raise DatasetError(f"{path} has no rows; a template has one for every frame of the test set.")
    return Template(path, positions)


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    r"""Lines of a file without their `\n`, in bounded memory.

    Args:
        file: read from where it stands.

    Yields:
        Each line; one that is longer than a block ends the file, cut to that length.
    """
    rest = b""
    while block := file.read(_BLOCK_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
        if len(rest) > _BLOCK_BYTES:
            break
    if rest:
        yield rest


def video_of(location: bytes) -> str:
    """Name of the video of a location, as a message may show it: what stands before its last `/`."""
    name = location.rpartition(b"/")[0][:80].decode("utf-8", "backslashreplace")
    return name if name.isprintable() else repr(name)


def frame_of(location: bytes) -> int:
    """Index of the frame of a location, from 0 (`00001.jpg` is the first frame).

    Raises:
        DatasetError: the location is not `<video>/<number>.jpg` with a number from 1.
    """
    match = _FRAME.fullmatch(location)
    if match is None or int(match[2]) < 1:
        raise DatasetError(f"the template has {shown(location)}, where <video>/<frame from 1>.jpg was expected.")
    return int(match[2]) - 1


def submission_row(location: bytes, valence: float, arousal: float) -> bytes:
    """One row: the location as the template has it, both values with six decimals."""
    return b"%b,%b,%b\n" % (location, f"{valence:z.6f}".encode(), f"{arousal:z.6f}".encode())  # z: no "-0.000000"


def shown(text: bytes) -> str:
    """Bytes of a file as a message may show them: at most 80 characters, control characters escaped."""
    return repr(text.rstrip(b"\r\n")[:80].decode("utf-8", "backslashreplace"))


def _first_field(line: bytes) -> bytes:
    return line.partition(b",")[0].rstrip(b"\r")
