import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatrace.windows import Window, merge_windows, smooth_in_time, split_windows, windows_in_time


def test_the_papers_windows_overlap_by_a_hundred_frames_and_keep_the_tail() -> None:
    assert split_windows(700, 300, 200) == [Window(0, 300), Window(200, 500), Window(400, 700)]
    assert split_windows(701, 300, 200)[-1] == Window(401, 701)


def test_a_short_clip_is_one_short_window_and_an_empty_one_is_none() -> None:
    assert split_windows(120, 300, 200) == [Window(0, 120)]
    assert split_windows(0, 300, 200) == []


@given(st.integers(1, 2000), st.integers(1, 400), st.data())
def test_every_frame_is_in_a_window_and_none_is_longer_than_asked(
    frames: int, window: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, window))
    pieces = split_windows(frames, window, stride)
    seen = np.zeros(frames, bool)
    for piece in pieces:
        assert 0 <= piece.start < piece.stop <= frames
        assert len(piece) == min(window, frames)
        seen[piece.start : piece.stop] = True
    assert seen.all()


@given(st.integers(1, 1500), st.integers(0, 9))
def test_merging_what_was_split_gives_it_back(frames: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(frames, 2))
    pieces = split_windows(frames, 300, 200)
    padded = [np.pad(values[p.start : p.stop], ((0, 300 - len(p)), (0, 0)), constant_values=99.0) for p in pieces]
    assert np.allclose(merge_windows(pieces, padded, frames), values, atol=1e-12)


def test_overlaps_are_averaged() -> None:
    merged = merge_windows([Window(0, 3), Window(1, 4)], [np.zeros(3), np.ones(3)], 4)
    assert merged.tolist() == [0.0, 0.5, 0.5, 1.0]


def test_a_stride_beyond_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match=r"stride_frames \(400\)"):
        split_windows(1000, 300, 400)


def test_a_frame_in_no_window_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 of 4 frames uncovered"):
        merge_windows([Window(0, 3)], [np.zeros(3)], 4)


def test_a_gap_in_time_parts_the_windows_and_every_frame_is_still_in_one() -> None:
    times = np.r_[np.arange(10), 100 + np.arange(4)] / 25  # 3.6 s between frame 9 and frame 10
    assert windows_in_time(times, 6, 5) == [Window(0, 6), Window(4, 10), Window(10, 14)]


def test_a_slow_film_has_no_gaps_and_one_lost_frame_is_none() -> None:
    slow = 2.0 * np.arange(20)  # a frame every two seconds
    assert windows_in_time(slow, 8, 6) == split_windows(20, 8, 6)
    lost = np.delete(np.arange(20) / 25, [7, 8, 9])
    assert windows_in_time(lost, 8, 6) == split_windows(17, 8, 6)
    assert windows_in_time(np.zeros(1), 8, 6) == [Window(0, 1)]
    assert windows_in_time(np.zeros(0), 8, 6) == []


def test_smoothing_is_the_mean_over_the_time_around_and_not_over_a_number_of_frames() -> None:
    times = np.array([0.0, 0.1, 0.2, 0.9, 1.0])  # a rate that changes
    values = np.array([[1.0], [2.0], [6.0], [10.0], [20.0]])
    smooth = smooth_in_time(values, times, 0.2, np.ones(5, bool))
    assert smooth[:, 0].tolist() == pytest.approx([1.5, 3.0, 4.0, 15.0, 15.0])


def test_smoothing_takes_nothing_from_frames_without_a_value_and_gives_them_none() -> None:
    times = np.arange(4) / 10
    values = np.array([[1.0, 5.0], [np.nan, 6.0], [3.0, 7.0], [100.0, 100.0]])
    smooth = smooth_in_time(values, times, 1.0, np.array([True, True, True, False]))
    assert smooth[[0, 2], 0].tolist() == pytest.approx([2.0, 2.0])
    assert np.isnan(smooth[1, 0])
    assert smooth[:3, 1].tolist() == pytest.approx([6.0, 6.0, 6.0])
    assert smooth[3].tolist() == [100.0, 100.0]  # as it was


def test_smoothing_of_a_long_clip_loses_no_digits() -> None:
    values = np.full((200_000, 1), 0.3)
    values[0] = 1e6
    smooth = smooth_in_time(values, np.arange(200_000) / 25, 1.0, np.ones(200_000, bool))
    assert np.abs(smooth[1000:] - 0.3).max() < 1e-9
