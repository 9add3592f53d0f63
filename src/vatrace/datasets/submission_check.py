"""Check a submission, made by any program, against the organisers' template.

The file is read once, line by line. Of the template every location is kept, of the submission one byte a row; so time
and memory grow with the template, and a damaged or endless submission cannot fill the memory.
"""

from __future__ import annotations

import math
import os
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from vatrace.datasets.affwild2 import UNLABELLED
from vatrace.datasets.submission import (
    HEADER,
    MAX_LINE_BYTES,
    UTF8_MARK,
    Template,
    read_lines,
    read_template,
    video_of,
)
from vatrace.datasets.submission_report import Findings, SubmissionReport
from vatrace.errors import NothingFound

_HEAD_BYTES = 65536
_MAX_EXTRA_VIDEOS = 10_000  # are told apart
_OF_NUMBERS = b"0123456789+-.eE,"  # ordinary values are made of these
_NUMBERED = re.compile(rb"(?:.*/)?([^/]+/)([0-9]{1,9})(?:\.\w+)?")
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_COMPRESSED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
FROZEN_ROWS = 100  # of one value up to a video's end, from which on it is pointed out
_DIMENSIONS = (b"valence", b"arousal")
_IN_RANGE = "a number in [-1, 1]"


def check_submission(path: Path, template: Path) -> SubmissionReport:
    """Find what is wrong with a submission.

    Args:
        path: the submission.
        template: the organisers' template; only its first column counts.

    Returns:
        All that was found. Where the file cannot be read as rows at all, that is the only finding.

    Raises:
        NothingFound: one of the files is not there.
        DatasetError: the template cannot be used.
    """
    if not path.is_file():
        raise NothingFound(f"no such file: {path}.")
    checker = _Checker(read_template(template))
    with path.open("rb") as file:
        if _is_readable(file, checker.findings) and checker.read(file):
            checker.conclude()
    return checker.report()


def _is_readable(file: BinaryIO, findings: Findings) -> bool:
    """Whether the file has lines of text; leaves it at its beginning, or after a mark of UTF-8."""
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    expected = "a text in UTF-8 that begins with " + repr(HEADER.decode())
    for start, name in _MARKS.items():
        if head.startswith(start):
            findings.add("encoding", line=1, found=f"the mark of {name}", expected=expected)
            return False
    for start, name in _COMPRESSED.items():
        if head.startswith(start):
            findings.add("not-text", line=1, found=f"a file compressed with {name}", expected=expected)
            return False
    if not head:
        findings.add("empty", found="no byte", expected=expected)
    elif b"\0" in head:
        findings.add(
            "not-text", line=1 + head[: head.index(b"\0")].count(b"\n"), found="a zero byte", expected=expected
        )
    elif b"\r" in head and b"\n" not in head:
        findings.add("line-ends", line=1, found=r"lines that end with \r alone", expected=r"lines that end with \n")
    else:
        if head.startswith(UTF8_MARK):
            findings.add("byte-order-mark", line=1, found="the bytes EF BB BF", expected=repr(HEADER.decode()))
            file.seek(len(UTF8_MARK))
        return True
    return False


class _Checker:
    """Goes through a submission row by row."""

    def __init__(self, template: Template) -> None:
        self.findings = Findings()
        self.rows = 0
        self.positions = template.positions
        numbers: dict[bytes, int] = {}
        folders = (location.rpartition(b"/")[0] for location in self.positions)
        self.video_at = array("i", (numbers.setdefault(folder, len(numbers)) for folder in folders))
        self.videos = [video_of(folder + b"/") for folder in numbers]
        self.is_in_template = frozenset(self.videos)
        self.seen = bytearray(len(self.positions))
        self.previous = -1  # position of the last row that was in the template
        self.previous_location = b""
        self.first: list[Sequence[float]] = [()] * len(self.videos)
        self.is_constant = [[True, True] for _ in self.videos]
        self.latest: list[Sequence[float]] = [() for _ in self.videos]
        self.still_rows = [0] * len(self.videos)  # how many rows up to the latest have the same two values
        self.is_to_follow = bytearray(b"\1" * len(self.videos))  # whether one of the two may still be constant
        self.extra: Counter[str] = Counter()

    def read(self, file: BinaryIO) -> bool:
        """Go through all lines; False where they cannot be read as rows."""
        line, number = b"", 0
        for number, line in enumerate(read_lines(file), 1):
            if len(line) > MAX_LINE_BYTES:
                found = f"more than {MAX_LINE_BYTES} bytes"
                self.findings.add("line-too-long", line=number, found=found, expected="a row of about 40")
                return False
            if number == 1 and not self._header(line):
                return False
            if number > 1:
                self._row(number, line)
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            self.findings.add("no-last-newline", line=number, found=line, expected=r"\n after it")
        return True

    def conclude(self) -> None:
        """Find what is known only at the end: what is missing, whole videos that are not wanted, constant ones."""
        for name, count in self.extra.items():
            self.findings.add("extra-video", video=name, found=f"{count} rows", expected="none")
        total = Counter(self.video_at)
        for number, count in total.items():
            self._constant(number, count)
            self._frozen(number, count)
        if 0 not in self.seen:
            return
        last_seen = {video: at for at, video in enumerate(self.video_at) if self.seen[at]}
        behind: Counter[int] = Counter()  # rows of a video that are missing after its last one
        for at, (location, video) in enumerate(zip(self.positions, self.video_at, strict=True)):
            if not self.seen[at] and at > last_seen.get(video, -1):
                behind[video] += 1
            elif not self.seen[at]:
                where = self.videos[video]
                self.findings.add("missing-row", video=where, found="no such row", expected=location)
        for video, count in behind.items():
            kind = "truncated-video" if video in last_seen else "missing-video"
            found = f"the last {count} are missing" if video in last_seen else "no row"
            self.findings.add(kind, video=self.videos[video], found=found, expected=f"{total[video]} rows")

    def report(self) -> SubmissionReport:
        """All of it."""
        there = {video for at, video in enumerate(self.video_at) if self.seen[at]}
        return SubmissionReport(
            findings=self.findings.all(),
            rows=self.rows,
            videos=len(there) + len(self.extra),
            expected_rows=len(self.positions),
            expected_videos=len(self.videos),
        )

    def _header(self, line: bytes) -> bool:
        """Check the first line; False where the rest cannot be read as rows."""
        text = self._without_return(1, line)
        if text == HEADER:
            return True
        names = [name.strip(b" \t\"'").lower() for name in text.split(b",")]
        if len(names) == 1 and re.search(rb"[;\t|]|\S[ ]+\S", text):
            self.findings.add("delimiter", line=1, found=text, expected=HEADER)
            return False
        if names == [b"image_location", b"arousal", b"valence"]:
            self.findings.add("swapped-columns", line=1, found=text, expected=HEADER)
        else:
            self.findings.add("header", line=1, found=text, expected=HEADER)
            if text.partition(b",")[0] in self.positions:
                self._row(1, line)  # the header was left out
        return True

    def _row(self, number: int, line: bytes) -> None:
        """An ordinary row is done with here; it takes about a microsecond, as there are a million."""
        if line.endswith(b"\r"):
            line = self._without_return(number, line)
        location, _, rest = line.partition(b",")
        position = self.positions.get(location)
        try:
            valence, arousal = map(float, rest.split(b","))
        except ValueError:
            self._odd_row(number, line)
            return
        in_range = -1 <= valence <= 1 and -1 <= arousal <= 1  # NaN is not
        if position is None or not in_range or rest.translate(None, _OF_NUMBERS):
            self._odd_row(number, line)
            return
        self.rows += 1
        self._place(number, location, position)
        video = self.video_at[position]
        if self.is_to_follow[video]:
            self._follow(video, (valence, arousal))
        if (valence, arousal) == self.latest[video]:
            self.still_rows[video] += 1
        else:
            self.latest[video] = (valence, arousal)
            self.still_rows[video] = 1

    def _odd_row(self, number: int, line: bytes) -> None:
        """A row in which something is unusual, if not wrong."""
        fields = self._fields(number, line)
        if not fields:
            return
        self.rows += 1
        location, texts = fields[0], fields[1:]
        position = self._meant(number, location)
        if position is None:
            return
        self._place(number, location, position)
        if len(texts) == 2:
            self._values(number, self.video_at[position], texts)

    def _fields(self, number: int, line: bytes) -> Sequence[bytes]:
        """Fields of a line that is no ordinary row, none of a blank one; says what is wrong with it as a whole."""
        text = self._without_return(number, line) if b"\r" in line else line
        if not text or text.isspace():
            self.findings.add("blank-line", line=number, found="nothing", expected="a row, or the end of the file")
            return ()
        location, *values = text.split(b",")
        if len(values) != 2:
            found = b"%d fields: %b" % (1 + len(values), text)
            self.findings.add("field-count", line=number, video=location, found=found, expected="3 fields")
        if b"\r" in text:
            self.findings.add("line-ends", line=number, video=location, found=text, expected=r"\n")
        bare = [value.strip(b" \t") for value in values] if b" " in text or b"\t" in text else values
        if bare != values:
            self.findings.add("spaces", line=number, video=location, found=text, expected="no spaces")
        return location, *bare

    def _without_return(self, number: int, text: bytes) -> bytes:
        if not text.endswith(b"\r"):
            return text
        self.findings.add("windows-line-ends", line=number, found=r"\r\n", expected=r"\n")
        return text.removesuffix(b"\r")

    def _meant(self, number: int, location: bytes) -> int | None:
        """Place of a row, also of one whose location is misspelt; None if the template has no such row."""
        if location in self.positions:
            return self.positions[location]
        if not _is_utf8(location):
            self.findings.add("encoding", line=number, video=location, found=location, expected="UTF-8")
        for likely in _likely_meant(location):
            if likely in self.positions:
                self.findings.add("wrong-name", line=number, video=location, found=location, expected=likely)
                return self.positions[likely]
        video = video_of(location)
        is_other = video and video not in self.is_in_template
        if is_other and (video in self.extra or len(self.extra) < _MAX_EXTRA_VIDEOS):
            self.extra[video] += 1
        else:
            self.findings.add("extra-row", line=number, video=location, found=location, expected="no such row")
        return None

    def _place(self, number: int, location: bytes, position: int) -> None:
        if self.seen[position]:
            self.findings.add("duplicate-row", line=number, video=location, found=location, expected="it once")
            return
        self.seen[position] = 1
        if position < self.previous:
            found = b"%b after %b" % (location, self.previous_location)
            self.findings.add("out-of-order", line=number, video=location, found=found, expected="the template's order")
        self.previous, self.previous_location = position, location

    def _values(self, number: int, video: int, texts: Sequence[bytes]) -> None:
        name = self.videos[video]
        kinds = [_trouble(text) for text in texts]
        if kinds[0] == kinds[1] != "":  # one row, one finding
            self.findings.add(kinds[0], line=number, video=name, found=b" and ".join(texts), expected=_IN_RANGE)
        else:
            for dimension, kind, text in zip(_DIMENSIONS, kinds, texts, strict=True):
                if kind:
                    found = b"%b %b" % (dimension, text)
                    self.findings.add(kind, line=number, video=name, found=found, expected=_IN_RANGE)
        if self.is_to_follow[video]:
            self._follow(video, [math.nan if kind else float(text) for kind, text in zip(kinds, texts, strict=True)])

    def _follow(self, video: int, values: Sequence[float]) -> None:
        """Whether a video moves at all."""
        if not self.first[video]:
            self.first[video] = values
        still = [
            was and value == first
            for was, value, first in zip(self.is_constant[video], values, self.first[video], strict=True)
        ]
        self.is_constant[video], self.is_to_follow[video] = still, any(still)

    def _constant(self, video: int, rows: int) -> None:
        """A video that was predicted moves in both dimensions, if only a little."""
        for name, is_constant, value in zip(_DIMENSIONS, self.is_constant[video], self.first[video], strict=False):
            if is_constant and rows > 1:
                found = f"{name.decode()} {value:g} in every row"
                self.findings.add("constant-video", video=self.videos[video], found=found, expected="values that vary")

    def _frozen(self, video: int, rows: int) -> None:
        """What was predicted goes on to the end; a value that is held for long stands in for what is not there."""
        still = self.still_rows[video]
        if FROZEN_ROWS <= still < rows:
            found = f"the last {still:,} of {rows:,} rows are the same"
            self.findings.add("frozen-tail", video=self.videos[video], found=found, expected="values that vary")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _trouble(text: bytes) -> str:
    """Kind of what is wrong with a value; empty if nothing is."""
    word = text.lower().lstrip(b"+-")
    if word == b"nan":
        return "nan"
    try:
        value = float(text)
    except ValueError:
        return "not-a-number"
    if math.isinf(value):
        return "infinite"
    if text.translate(None, _OF_NUMBERS):  # Python alone reads 1_0 as 10, and takes form feeds for spaces
        return "not-a-number"
    if value == UNLABELLED:
        return "unlabelled-marker"
    return "" if -1 <= value <= 1 else "out-of-range"


def _likely_meant(location: bytes) -> Iterator[bytes]:
    """Spellings that a template may have for a location that it has not."""
    plain = location.strip(b" \t\"'").replace(b"\\", b"/")
    yield plain
    match = _NUMBERED.fullmatch(plain)
    if match:  # a folder in front, another number of zeros, another suffix
        yield b"%b%05d.jpg" % (match[1], int(match[2]))
