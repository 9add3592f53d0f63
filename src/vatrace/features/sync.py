"""From the sound's 10 ms rows to the video's own frames.

A video frame at time t stands for the time from half-way to the frame before it to half-way to the frame after it; its
acoustic features are the mean of the rows whose centres lie in there. Frame times are the container's, so nothing here
knows a frame rate and variable rates need no special case.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64

LONGEST_INTERVAL_SECONDS = 0.5  # so that a frame beside a gap in the video does not average a minute of sound
LONE_FRAME_SECONDS = 0.04  # the interval of a single frame, which has no neighbour to tell: one frame at 25 fps
NEAREST_SECONDS = 0.02  # two hops: how far a frame may reach for a row when none lies in its interval
TIE_SECONDS = 1e-6  # times that differ by less are the same; a row on the border belongs to the later frame


def to_frame_clock(
    values: Float32[np.ndarray, "rows dim"],
    centres_seconds: Float64[np.ndarray, " rows"],
    valid_rows: Bool[np.ndarray, " rows"],
    times_seconds: Float64[np.ndarray, " frames"],
) -> tuple[Float32[np.ndarray, "frames dim"], Bool[np.ndarray, " frames"]]:
    """Average the valid rows of each video frame.

    Args:
        values: one row of features a hop.
        centres_seconds: centre of each row's window on the container's clock, increasing.
        valid_rows: False for rows that shall not be used.
        times_seconds: the video's frame times on the same clock, strictly increasing.

    Returns:
        The mean over the valid rows in each frame's interval, else the nearest valid row within 20 ms, else zeros; and
        whether there was any.
    """
    rows, centres = values[valid_rows], centres_seconds[valid_rows]
    frames = len(times_seconds)
    if len(rows) == 0 or frames == 0:
        return np.zeros((frames, values.shape[1]), dtype=np.float32), np.zeros(frames, dtype=bool)
    starts, ends = frame_intervals(times_seconds)
    first = np.searchsorted(centres, starts - TIE_SECONDS)
    stop = np.searchsorted(centres, ends - TIE_SECONDS)
    nearest, is_near = _nearest(centres, times_seconds)
    has_rows = stop > first
    means = np.where(has_rows[:, None], _means(rows, first, stop), rows[nearest])
    valid = has_rows | is_near
    return np.where(valid[:, None], means, 0.0).astype(np.float32), valid


def frame_intervals(
    times_seconds: Float64[np.ndarray, " frames"],
) -> tuple[Float64[np.ndarray, " frames"], Float64[np.ndarray, " frames"]]:
    """Start and end of the time each frame stands for.

    The borders lie half-way between neighbours; the first and the last frame reach as far outwards as inwards. No frame
    reaches further than a quarter of a second to either side.
    """
    if len(times_seconds) < 2:
        half = np.full(len(times_seconds), LONE_FRAME_SECONDS / 2)
        return times_seconds - half, times_seconds + half
    half = np.minimum(np.diff(times_seconds) / 2, LONGEST_INTERVAL_SECONDS / 2)
    return times_seconds - np.append(half[0], half), times_seconds + np.append(half, half[-1])


def _means(rows: np.ndarray, first: np.ndarray, stop: np.ndarray) -> Float64[np.ndarray, "frames dim"]:
    """Mean of rows[first:stop] for each pair; meaningless where that is empty.

    `reduceat` sums each stretch on its own, so that no rounding is carried along an hour as in a difference of running
    sums. It is given first and stop in turn and every second sum is dropped; the row of zeros lets `stop` be the end.
    """
    borders = np.stack([first, stop], axis=1).reshape(-1)  # [2 * frames]
    padded = np.concatenate([rows, np.zeros((1, rows.shape[1]), dtype=rows.dtype)])
    sums = np.add.reduceat(padded, borders, axis=0, dtype=np.float64)[::2]
    means: np.ndarray = sums / np.maximum(stop - first, 1)[:, None]
    return means


def _nearest(centres_seconds: np.ndarray, times_seconds: np.ndarray) -> tuple[np.ndarray, Bool[np.ndarray, " frames"]]:
    """Index of the row nearest to each time, and whether it is near enough to stand in."""
    after = np.searchsorted(centres_seconds, times_seconds).clip(max=len(centres_seconds) - 1)
    before = np.maximum(after - 1, 0)
    is_before_nearer = np.abs(centres_seconds[before] - times_seconds) <= np.abs(centres_seconds[after] - times_seconds)
    nearest = np.where(is_before_nearer, before, after)
    return nearest, np.abs(centres_seconds[nearest] - times_seconds) <= NEAREST_SECONDS + TIE_SECONDS
