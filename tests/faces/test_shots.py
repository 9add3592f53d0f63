"""How many pictures are held at once while faces are looked for, where cuts are, and what is kept of a face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from vatrace.faces import shots, tracking
from vatrace.faces.detection import Detection
from vatrace.faces.linking import Tracklet
from vatrace.media.video import VideoFrame


class Counter:
    """Finds nobody, and remembers how many frames came at once."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def detect(self, frames: Sequence[NDArray[np.uint8]]) -> list[list[Detection]]:
        self.numbers.append(len(frames))
        return [[] for _ in frames]


@pytest.mark.parametrize(
    ("frames_that_fit", "expected"),
    [(100, [16, 4]), (16, [16, 4]), (3, [3, 3, 3, 3, 3, 3, 2]), (0.5, [1] * 20)],
)
def test_large_pictures_are_looked_at_few_at_a_time_and_none_is_left_out(
    frames_that_fit: float, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.zeros((36, 64, 3), np.uint8)
    monkeypatch.setattr(tracking, "BATCH_BYTES", int(frames_that_fit * pixels.nbytes))
    counter = Counter()
    seen = shots.see_faces((VideoFrame(index / 25, pixels) for index in range(20)), counter)
    assert counter.numbers == expected
    np.testing.assert_array_equal(seen.times_seconds, np.arange(20) / 25)

    counter.numbers.clear()
    tracking.link_faces((VideoFrame(index / 25, pixels) for index in range(20)), counter)
    assert counter.numbers == expected


def test_ten_frames_of_full_hd_come_at_once_and_two_of_4k() -> None:
    for height, expected in ((1080, [10, 2]), (2160, [2] * 6)):
        pixels = np.zeros((height, height * 16 // 9, 3), np.uint8)
        counter = Counter()
        shots.see_faces((VideoFrame(index / 25, pixels) for index in range(12)), counter)
        assert counter.numbers == expected


# ---- where cuts are, and what is kept of a face ---------------------------------------------------------------------


def shots_begin(levels: Sequence[float]) -> list[int]:
    """Frames of one brightness each, and a face throughout: with which of them a shot begins."""
    pixels = [np.full((36, 64, 3), round(255 * level), np.uint8) for level in levels]
    return [
        number
        for number, frame in enumerate(shots._with_cuts(VideoFrame(i / 25, each) for i, each in enumerate(pixels)))
        if frame.is_cut
    ]


STILL = [0.3, 0.304]  # a change of .004, as of somebody who speaks


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (STILL * 10, []),
        ([*STILL * 10, *[0.6, 0.604] * 10], [20]),
        ([*STILL * 10, *[0.36, 0.364] * 10], [20]),
        ([*STILL * 10, 0.34, *[0.38, 0.384] * 10], [20, 21]),
        ([0.1, 0.16, 0.22, 0.28, 0.34, 0.4, 0.46], []),
        ([*STILL * 10, 0.3, 0.34, 0.38, 0.42, 0.46, 0.5, 0.54], []),
        ([*STILL * 10, *[0.316, 0.32] * 10], []),
        ([*STILL * 10, 0.6], [20]),
        ([0.3], []),
        ([], []),
    ],
    ids=[
        "nothing moves", "another picture", "a picture that is alike", "with a mixed frame between", "all moves",
        "begins to move", "a small jump", "in the last frame", "one frame", "none",
    ],
)  # fmt: skip
def test_a_shot_begins_where_a_change_stands_out(levels: list[float], expected: list[int]) -> None:

    assert shots_begin(levels) == expected


@pytest.mark.parametrize("offered", [1, 8, 9, 100, 1000])
def test_of_a_long_piece_a_few_looks_are_kept_spread_evenly_over_it(offered: int) -> None:
    piece = shots.Piece(Tracklet(), 0, 1, 0, 0)
    for number in range(offered):
        piece.sample(np.array([number], np.float32))
    kept = [int(looks[0]) for looks in piece.looks]
    assert min(offered, shots.MAX_LOOKS // 2) <= len(kept) <= shots.MAX_LOOKS
    steps = set(np.diff(kept).tolist())
    assert len(steps) <= 1
    assert offered - 1 - kept[-1] < max(steps, default=1)
