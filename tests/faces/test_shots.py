"""How many pictures are held at once while faces are looked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from vatrace.faces import shots, tracking
from vatrace.faces.detection import Detection
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
