"""Cut a clip into overlapping windows and put predictions back together.

The last window is aligned to the end, so no frame is ever left out; a clip shorter than a window is one short window.
No window holds frames from both sides of a gap in time: a model that sees rows alone would take them for neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vatrace.streams import TimeArray

GAP_SECONDS = 1.0  # between two frames: a longer step is a gap, unless the whole clip is that slow
GAP_STEPS = 5.0  # usual steps of the clip
_TIE_SECONDS = 1e-6  # times that differ by less are the same


@dataclass(frozen=True)
class Window:
    """Frames `start` to `stop` (not included) of a clip."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def split_windows(num_frames: int, window_frames: int, stride_frames: int) -> list[Window]:
    """Windows that together cover every frame (paper, IV-C: 300 frames, stride 200; keeping the tail is ours).

    Args:
        num_frames: frames in the clip, 0 or more.
        window_frames: frames a window.
        stride_frames: frames between the starts of two windows, at most `window_frames`.

    Returns:
        Windows in order of time. The last ends with the clip; it overlaps its neighbour by as much as that takes.

    Example:
        >>> [(w.start, w.stop) for w in split_windows(650, 300, 200)]
        [(0, 300), (200, 500), (350, 650)]
    """
    if not 0 < stride_frames <= window_frames:
        raise ValueError(
            f"stride_frames ({stride_frames}) must be above 0 and at most window_frames ({window_frames})."
        )
    if num_frames <= window_frames:
        return [Window(0, num_frames)] if num_frames > 0 else []
    starts = list(range(0, num_frames - window_frames + 1, stride_frames))
    if starts[-1] + window_frames < num_frames:
        starts.append(num_frames - window_frames)
    return [Window(start, start + window_frames) for start in starts]


def windows_in_time(times_seconds: TimeArray, window_frames: int, stride_frames: int) -> list[Window]:
    """Windows as `split_windows` has them, of each stretch between gaps in time.

    Args:
        times_seconds: `[frames]`, increasing. A step of more than a second, and of more than five times the clip's
            usual step, is a gap.
        window_frames: frames a window.
        stride_frames: frames between the starts of two windows.

    Example:
        >>> times = np.r_[np.arange(4), 90 + np.arange(3)] / 25
        >>> [(w.start, w.stop) for w in windows_in_time(times, 3, 2)]
        [(0, 3), (1, 4), (4, 7)]
    """
    steps = np.diff(times_seconds)
    if not len(steps):
        return split_windows(len(times_seconds), window_frames, stride_frames)
    gaps = np.flatnonzero(steps > max(GAP_SECONDS, GAP_STEPS * float(np.median(steps)))) + 1
    return [
        Window(start + piece.start, start + piece.stop)
        for start, stop in pairwise([0, *gaps.tolist(), len(times_seconds)])
        for piece in split_windows(stop - start, window_frames, stride_frames)
    ]


def merge_windows(
    windows: Iterable[Window], values: Iterable[NDArray[np.floating]], num_frames: int
) -> NDArray[np.float64]:
    """Average what overlapping windows say of each frame.

    Args:
        windows: windows that cover every frame.
        values: for each window `[frames, ...]`, at least as long as the window; what is beyond it is padding.
        num_frames: frames in the clip.

    Returns:
        `[num_frames, ...]` float64.

    Raises:
        ValueError: a frame is in no window.
    """
    total: NDArray[np.float64] | None = None
    count = np.zeros(num_frames)
    for window, value in zip(windows, values, strict=True):
        if total is None:
            total = np.zeros((num_frames, *value.shape[1:]))
        total[window.start : window.stop] += value[: len(window)]
        count[window.start : window.stop] += 1
    if total is None or (count == 0).any():
        raise ValueError(f"the windows leave {int((count == 0).sum())} of {num_frames} frames uncovered.")
    return total / count.reshape(-1, *[1] * (total.ndim - 1))


def smooth_in_time(
    values: NDArray[np.floating], times_seconds: TimeArray, seconds: float, valid: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Replace each value by the mean over the time around it.

    Args:
        values: `[frames, outputs]`; NaN is no value.
        times_seconds: `[frames]`, increasing.
        seconds: how much time, half of it to either side; frames on the border count.
        valid: `[frames]`, which frames may be taken.

    Returns:
        `[frames, outputs]` float64. A value that is NaN, or of a frame that is not valid, stays as it is.
    """
    known = valid[:, None] & np.isfinite(values)
    first = np.searchsorted(times_seconds, times_seconds - seconds / 2 - _TIE_SECONDS)
    stop = np.searchsorted(times_seconds, times_seconds + seconds / 2 + _TIE_SECONDS, side="right")
    start = np.zeros((1, values.shape[1]))
    sums = np.concatenate([start, np.cumsum(np.where(known, values, 0.0), axis=0, dtype=np.float64)])
    counts = np.concatenate([start, np.cumsum(known, axis=0)])
    means = (sums[stop] - sums[first]) / np.maximum(counts[stop] - counts[first], 1)
    return np.where(known, means, values)
