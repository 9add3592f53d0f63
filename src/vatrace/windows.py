"""Cut a clip into overlapping windows and put predictions back together.

The last window is aligned to the end, so no frame is ever left out; a clip shorter than a window is one short window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
