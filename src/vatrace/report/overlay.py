"""The clip with its trace drawn below the picture: both curves, a cursor at the moment shown, and what there was.

Both axes are fixed to -1..1. Each person has a curve in either panel; the main person's is solid, others differ by dash
and by the name beside their number. Where nobody has a value the panel is grey, and the lanes at the foot are filled
where a person's face was seen and where a voice was heard. A clip of up to 30 seconds is drawn whole and the cursor
runs over it; of a longer one 20 seconds are drawn that run under the cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vatrace.errors import DatasetError
from vatrace.media.redraw import player_start_seconds, redraw
from vatrace.media.video import VideoFrame
from vatrace.report.basis import MAKER
from vatrace.report.export import TracedPerson
from vatrace.report.spans import frame_ends
from vatrace.report.summary import clock
from vatrace.report.tiers import known, participant
from vatrace.streams import BoolArray, FloatArray, TimeArray, Trace

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

WHOLE_SECONDS = 30.0
WINDOW_SECONDS = 20.0
MIN_WIDTH = 480  # of the result in pixels: on less the words do not fit
DESIGN_WIDTH = 640  # at which one unit of the sizes below is a pixel
SMALLEST_UNIT = 0.9  # pixels; smaller letters cannot be read

BACKGROUND: Colour = (22, 24, 29)
PANEL: Colour = (32, 35, 42)
GRID: Colour = (62, 67, 77)
MISSING: Colour = (74, 78, 86)
WORDS: Colour = (214, 218, 225)
QUIET: Colour = (150, 156, 167)
CURSOR: Colour = (255, 255, 255)
# Okabe and Ito's, in their light forms, which stand out from a dark ground for colour-blind readers too.
VALENCE: Colour = (86, 180, 233)
AROUSAL: Colour = (240, 160, 70)
LANES: dict[str, Colour] = {"face": (60, 185, 140), "voice": (214, 128, 180)}
DASHES: tuple[tuple[int, int], ...] = ((1, 0), (9, 5), (3, 4), (14, 4), (6, 3), (2, 6), (11, 8), (4, 2))  # on, off
CAPTION = "vatrace: estimate of expressed affect"

_SUBPIXEL_BITS = 4


def write_overlay(
    path: Path,
    people: Sequence[TracedPerson],
    video: Path,
    *,
    on_frames: Callable[[int], object] | None = None,
) -> None:
    """Commit the clip with the curves drawn below it: its pictures at their times, and its sound.

    Args:
        path: where the `.mp4` shall be.
        people: everybody in the clip, the main person first; times are the container's.
        video: the clip.
        on_frames: told after each picture that one more is done.

    Raises:
        NothingFound: the clip is not there.
        MediaError: it has no pictures, or cannot be read.
        DatasetError: the people's traces have different times.
    """
    if any(not np.array_equal(each.trace.times_seconds, people[0].trace.times_seconds) for each in people):
        raise DatasetError(f"the traces of {video.name} have different times, so they are not of one clip.")
    start_seconds = player_start_seconds(video)
    artist: _Artist | None = None

    def draw(shown: VideoFrame) -> Picture:
        nonlocal artist
        if artist is None:
            artist = _Artist(people, shown.pixels.shape[1], start_seconds)
        if on_frames is not None:
            on_frames(1)
        return artist.compose(shown)

    redraw(video, path, draw, comment=MAKER)


class _Artist:
    """Puts pictures and panels together.

    Args:
        people: everybody, the main person first.
        width: of the pictures, in pixels.
        start_seconds: the container's time that the written clock calls 0.
    """

    def __init__(self, people: Sequence[TracedPerson], width: int, start_seconds: float) -> None:
        self._width = max(MIN_WIDTH, width) + max(MIN_WIDTH, width) % 2
        self._board = _Board(tuple(people), self._width, start_seconds)

    def compose(self, shown: VideoFrame) -> Picture:
        """Give one picture with the panels below it."""
        height, width = shown.pixels.shape[:2]
        total = height + self._board.height
        canvas = np.empty((total + total % 2, self._width, 3), dtype=np.uint8)
        left = (self._width - width) // 2
        canvas[:height] = BACKGROUND if width < self._width else 0
        canvas[:height, left : left + width] = shown.pixels
        self._board.name_faces(canvas[:height, left : left + width], shown.time_seconds)
        canvas[height:] = BACKGROUND
        self._board.draw(canvas[height : height + self._board.height], shown.time_seconds)
        return canvas


@dataclass(frozen=True)
class _Board:
    """Everything below the picture."""

    people: tuple[TracedPerson, ...]
    width: int
    start_seconds: float

    @cached_property
    def unit(self) -> float:
        """Pixels to one unit of size."""
        return max(SMALLEST_UNIT, self.width / DESIGN_WIDTH)

    def px(self, units: float) -> int:
        """Whole pixels of a size."""
        return round(units * self.unit)

    @cached_property
    def panel_height(self) -> int:
        """Of either curve: room for a number a person."""
        return self.px(max(62, 15 * len(self.people) + 4))

    @cached_property
    def lanes(self) -> list[tuple[str, str, BoolArray]]:
        """Name, channel and presence of each lane that the traces know."""
        alone = len(self.people) == 1
        faces = [
            ("face" if alone else f"face {participant(each.person)}", "face", each.trace.face_valid)
            for each in self.people
        ]
        every = [*faces, ("voice", "voice", self.people[0].trace.voice_valid)]
        return [(name, channel, there) for name, channel, there in every if there is not None]

    @cached_property
    def tops(self) -> tuple[int, int, int]:
        """First rows of valence, arousal and the lanes."""
        first = self.px(10)
        return first, first + self.panel_height + self.px(10), first + 2 * (self.panel_height + self.px(10))

    @cached_property
    def height(self) -> int:
        """Of the whole board."""
        return self.tops[2] + self.px(11 * len(self.lanes) + 22)

    @cached_property
    def left(self) -> int:
        """First column of the curves."""
        return self.px(74)

    @cached_property
    def right(self) -> int:
        """The column after the curves."""
        return self.width - self.px(82 if len(self.people) > 1 else 62)

    @cached_property
    def times(self) -> TimeArray:
        """Of the frames, `[frames]`: one clock for all."""
        return self.people[0].trace.times_seconds

    @cached_property
    def ends(self) -> TimeArray:
        """When each frame gives way to the next."""
        return frame_ends(self.times)

    @cached_property
    def is_whole(self) -> bool:
        """Whether the whole clip is drawn at once."""
        return bool(self.ends[-1] - self.times[0] <= WHOLE_SECONDS)

    @cached_property
    def drawn(self) -> tuple[float, Picture]:
        """The whole clip without its cursor, which is drawn once; with the first time in it."""
        begin = float(self.times[0])
        return begin, self._curves(begin, max(float(self.ends[-1]) - begin, 1e-3))

    def draw(self, board: Picture, time_seconds: float) -> None:
        """Draw the moment `time_seconds` into `[height, width, 3]` pixels."""
        if self.is_whole:
            begin, picture = self.drawn
            span = max(float(self.ends[-1]) - begin, 1e-3)
        else:
            span = WINDOW_SECONDS
            begin = min(max(time_seconds - span / 2, float(self.times[0])), float(self.ends[-1]) - span)
            picture = self._curves(begin, span)
        board[:] = picture
        x = self.left + round((time_seconds - begin) / span * (self.right - 1 - self.left))
        if self.left <= x < self.right:
            cv2.line(board, (x, self.tops[0]), (x, self.tops[2] + self.px(11 * len(self.lanes))), CURSOR, self.px(1))
        self._numbers(board, time_seconds)

    def _curves(self, begin: float, span: float) -> Picture:
        board = np.empty((self.height, self.width, 3), dtype=np.uint8)
        board[:] = BACKGROUND
        frames = slice(
            max(0, int(np.searchsorted(self.times, begin)) - 1), int(np.searchsorted(self.times, begin + span)) + 1
        )
        for dimension, top in (("valence", self.tops[0]), ("arousal", self.tops[1])):
            self._panel(board, dimension, top, frames, begin, span)
        self._lanes(board, frames, begin, span)
        return board

    def _panel(self, board: Picture, dimension: str, top: int, frames: slice, begin: float, span: float) -> None:
        colour = VALENCE if dimension == "valence" else AROUSAL
        inside = board[top : top + self.panel_height, self.left : self.right]
        inside[:] = PANEL
        curves = [_curve_of(each.trace, dimension) for each in self.people]
        has_value = np.any([there[frames] for _, there in curves], axis=0)
        for first, stop in self._columns(~has_value, frames, begin, span):
            inside[:, first:stop] = MISSING
        for level, word in ((1, "+1"), (0, "0"), (-1, "-1")):
            row = round((1 - level) / 2 * (self.panel_height - 1))
            inside[row : row + 1] = GRID
            _write(board, word, self.left - self.px(6), top + row, self.px(10), QUIET, across=1.0)
        _write(board, dimension, self.px(8), top + self.panel_height // 2, self.px(11.5), colour)
        for number, (values, there) in enumerate(curves):
            thickness = max(1, self.px(2 if number == 0 else 1.4))
            for points in self._runs(values[frames], there[frames], frames, begin, span):
                # Dashes are tied to the clock, so that they do not crawl over a curve that moves.
                phase = float(self._across(np.zeros(1), begin, span)[0])
                pieces = _dashes(points, DASHES[number % len(DASHES)], self.unit, phase)
                _curve(inside, pieces, colour, thickness)

    def _lanes(self, board: Picture, frames: slice, begin: float, span: float) -> None:
        for number, (name, channel, there) in enumerate(self.lanes):
            top = self.tops[2] + self.px(11 * number)
            lane = board[top : top + self.px(6), self.left : self.right]
            lane[:] = PANEL
            for first, stop in self._columns(there[frames], frames, begin, span):
                lane[:, first:stop] = LANES[channel]
            _write(board, name, self.left - self.px(6), top + self.px(3), self.px(9.5), QUIET, across=1.0)
        _write(board, CAPTION, self.left, self.height - self.px(9), self.px(9.5), QUIET)

    def name_faces(self, picture: Picture, time_seconds: float) -> None:
        """Write each person's name at the face, where there are several people."""
        if len(self.people) == 1:
            return
        frame = self._frame_at(time_seconds)
        for each in self.people:
            box = None if each.face_boxes is None else each.face_boxes[frame]
            if box is not None and not np.isnan(box).any():
                self._name_face(picture, participant(each.person), box)

    def _name_face(self, picture: Picture, name: str, box: NDArray[np.float32]) -> None:
        height, width = picture.shape[:2]
        left, top, right, bottom = (round(float(side)) for side in box * np.array([width, height, width, height]))
        framed = np.ascontiguousarray(picture)  # cv2 draws into contiguous memory only
        cv2.rectangle(framed, (left, top), (right, bottom), BACKGROUND, self.px(3))
        cv2.rectangle(framed, (left, top), (right, bottom), CURSOR, self.px(1.4))
        size = self.px(13)
        tag_top = max(0, top - 2 * size)
        cv2.rectangle(framed, (left, tag_top), (left + round(2.2 * size), tag_top + round(1.7 * size)), BACKGROUND, -1)
        picture[:] = framed
        _write(picture, name, left + round(0.35 * size), tag_top + round(0.85 * size), size, CURSOR)

    def _frame_at(self, time_seconds: float) -> int:
        return int(np.clip(np.searchsorted(self.times, time_seconds + 1e-6) - 1, 0, len(self.times) - 1))

    def _numbers(self, board: Picture, time_seconds: float) -> None:
        frame = self._frame_at(time_seconds)
        for dimension, top, colour in (("valence", self.tops[0], VALENCE), ("arousal", self.tops[1], AROUSAL)):
            step = self.panel_height / len(self.people)
            for number, each in enumerate(self.people):
                values, there = _curve_of(each.trace, dimension)
                text = f"{float(values[frame]):+z.2f}" if there[frame] else "--"
                name = f"{participant(each.person)} " if len(self.people) > 1 else ""
                size = self.px(16 if len(self.people) == 1 else 11.5)
                _write(board, name + text, self.right + self.px(8), round(top + (number + 0.5) * step), size, colour)
        moment = clock(time_seconds - self.start_seconds)
        _write(board, moment, self.width - self.px(10), self.height - self.px(9), self.px(10), WORDS, across=1.0)

    def _across(self, times: TimeArray, begin: float, span: float) -> NDArray[np.float64]:
        """Columns of times, counted from the left of the curves."""
        return (times - begin) / span * (self.right - 1 - self.left)

    def _columns(self, wanted: BoolArray, frames: slice, begin: float, span: float) -> list[tuple[int, int]]:
        """First column and the one after the last of each stretch of frames in which something is so."""
        changes = np.diff(np.concatenate(([False], wanted, [False])).astype(np.int8))
        firsts = self._across(self.times[frames][changes[:-1] == 1], begin, span)
        stops = self._across(self.ends[frames][changes[1:] == -1], begin, span)
        width = self.right - self.left
        pairs = np.clip(np.rint(np.stack([firsts, stops], axis=1)), 0, width).astype(int).tolist()
        return [(first, min(width, max(stop, first + 1))) for first, stop in pairs]

    def _runs(
        self, values: FloatArray, valid: BoolArray, frames: slice, begin: float, span: float
    ) -> list[NDArray[np.float64]]:
        """Points `[frames, 2]` (column, row) of each stretch that has values."""
        columns = self._across(self.times[frames], begin, span)
        rows = (1 - np.clip(values.astype(np.float64), -1, 1)) / 2 * (self.panel_height - 1)
        changes = np.diff(np.concatenate(([False], valid, [False])).astype(np.int8))
        bounds = zip(np.flatnonzero(changes == 1), np.flatnonzero(changes == -1), strict=True)
        return [np.stack([columns[first:stop], rows[first:stop]], axis=1) for first, stop in bounds]


def _curve_of(trace: Trace, dimension: str) -> tuple[FloatArray, BoolArray]:
    """Values of a dimension, `[frames]`, and where there are any."""
    values = trace.valence if dimension == "valence" else trace.arousal
    return values, known(values, trace.valid)


def _curve(inside: Picture, pieces: Sequence[NDArray[np.float64]], colour: Colour, thickness: int) -> None:
    """Draw lines through points `[points, 2]` (column, row)."""
    fixed = [np.rint(piece * (1 << _SUBPIXEL_BITS)).astype(np.int32).reshape(-1, 1, 2) for piece in pieces]
    # cv2 draws into contiguous memory only, and `inside` is a part of the board.
    cut = np.ascontiguousarray(inside)
    cv2.polylines(cut, fixed, False, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
    inside[:] = cut


def _dashes(
    points: NDArray[np.float64], dash: tuple[int, int], unit: float, origin: float
) -> list[NDArray[np.float64]]:
    """Cut a line into dashes whose place depends on the distance from the column `origin` alone."""
    if len(points) == 1:
        return [points + np.array([[0.0, 0.0], [1.0, 0.0]])]  # a lone frame is a dot
    on, off = dash
    if not off:
        return [points]
    columns, period = points[:, 0], (on + off) * unit
    pieces = []
    for number in range(int((columns[0] - origin) // period), int((columns[-1] - origin) // period) + 1):
        begin = max(origin + number * period, columns[0])
        end = min(origin + number * period + on * unit, columns[-1])
        if end > begin:
            places = np.concatenate(([begin], columns[(columns > begin) & (columns < end)], [end]))
            pieces.append(np.stack([places, np.interp(places, columns, points[:, 1])], axis=1))
    return pieces


def _write(board: Picture, text: str, x: int, y: int, size: int, colour: Colour, *, across: float = 0.0) -> None:
    """Set words with their middle at row `y`; `across` of their width lies left of column `x`."""
    mask = _letters(text, max(8, size))
    height, width = mask.shape[:2]
    left = max(0, min(board.shape[1] - width, round(x - across * width)))
    top = max(0, min(board.shape[0] - height, y - height // 2))
    place = board[top : top + height, left : left + width]
    mixed = place + (np.array(colour, dtype=np.float32) - place) * mask[: place.shape[0], : place.shape[1], None]
    place[:] = np.rint(mixed).astype(np.uint8)


@lru_cache(maxsize=2048)
def _letters(text: str, size: int) -> NDArray[np.float32]:
    """How much of each pixel a text covers, `[height, width]`, 0 to 1."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = (int(side) for side in font.getbbox(text))
    _, line_top, _, line_bottom = (int(side) for side in font.getbbox("0"))
    image = Image.new("L", (right - left + 2, max(bottom, line_bottom) - min(top, line_top) + 2))
    ImageDraw.Draw(image).text((1 - left, 1 - min(top, line_top)), text, fill=255, font=font)
    return np.asarray(image, dtype=np.float32) / np.float32(255)
