"""From the traces of one clip, made by one run or several, to a value for every frame that a template asks for.

Values are `[frames]` of one dimension, or `[frames, 2]` with valence first. A submission has no empty rows, so a frame
without a value takes one from its neighbours in time; it is never made up where no frame has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vatrace.metrics import ccc
from vatrace.streams import BoolArray, Trace

Ensemble = Literal["mean", "ccc-centred"]
WithoutFace = Literal["interpolate", "model"]


@dataclass(frozen=True)
class FilledTrace:
    """Valence and arousal of every frame.

    Args:
        values: `[frames, 2]`, finite.
        valid: `[frames]`, False where a value was taken from neighbours in time.
    """

    values: NDArray[np.float64]
    valid: BoolArray


def counting_frames(trace: Trace, without_face: WithoutFace) -> BoolArray:
    """Frames whose own value is used.

    Args:
        trace: what a run predicts.
        without_face: "interpolate" uses those with a face; where a clip has none, or the model takes no face, all that
            have a value. "model" uses all that have a value.

    Returns:
        `[frames]`.
    """
    has_value: BoolArray = trace.valid & np.isfinite(trace.valence) & np.isfinite(trace.arousal)
    if without_face == "model" or trace.face_valid is None or not (has_value & trace.face_valid).any():
        return has_value
    return has_value & trace.face_valid


def fill(trace: Trace, valid: BoolArray, num_frames: int) -> FilledTrace:
    """A value for each of the first `num_frames` frames: interpolated in time, held at both ends.

    Args:
        trace: what a run predicts.
        valid: `[frames]`, whose values count; at least one.
        num_frames: how many are wanted; those beyond the trace hold its last value.
    """
    times = trace.times_seconds
    columns = [np.interp(times, times[valid], each[valid]) for each in (trace.valence, trace.arousal)]
    values, own = np.stack(columns, axis=1)[:num_frames], valid[:num_frames]
    beyond = num_frames - len(values)
    return FilledTrace(np.pad(values, ((0, beyond), (0, 0)), mode="edge"), np.pad(own, (0, beyond)))


def combine(runs: Sequence[FilledTrace], ensemble: Ensemble) -> FilledTrace:
    """One trace of several runs, which have equal numbers of frames; valid where one of them is."""
    values = np.stack([run.values for run in runs])  # [runs, frames, 2]
    if ensemble == "ccc-centred":
        combined = np.stack([ccc_centred(values[:, :, dimension]) for dimension in range(2)], axis=1)
    else:
        combined = values.mean(axis=0)
    return FilledTrace(combined, np.any([run.valid for run in runs], axis=0))


def ccc_centred(runs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Combine runs by how far each agrees with the others, one clip and one dimension at a time.

    With x_k[t] the value of run k of K at frame t, and m_k its mean over the clip:

        c_k  = mean over j != k of CCC(x_k, x_j)          agreement of run k with the others
        w_k  = max(c_k, 0) / sum_j max(c_j, 0)            a run that contradicts the others counts nothing
        y[t] = mean_k m_k + sum_k w_k (x_k[t] - m_k)

    The level is the plain mean of the runs' levels, the movement around it is weighted: the CCC-centring that gold
    standards of several raters are made by, with runs in the place of raters. A run that never moves has a CCC of 0 and
    adds nothing but its level. Where no run agrees with another, the weights are equal. With two runs they always
    are, which makes it their mean. The exact formulas of other systems are not published; this one is ours.

    Args:
        runs: `[runs, frames]`.

    Returns:
        `[frames]`.
    """
    count = len(runs)
    agreement = np.zeros(count)
    for first in range(count):
        for second in range(first):
            agreement[[first, second]] += ccc(runs[first], runs[second])
    weights = np.maximum(agreement, 0)
    weights = weights / weights.sum() if weights.sum() > 0 else np.full(count, 1 / count)
    levels = runs.mean(axis=1)
    combined: NDArray[np.float64] = levels.mean() + weights @ (runs - levels[:, None])
    return combined


def smooth(values: NDArray[np.float64], valid: BoolArray, window_frames: int) -> NDArray[np.float64]:
    """Centred moving average of one dimension.

    Args:
        values: `[frames]`.
        valid: `[frames]`, the frames that count in a mean. A frame with none of them in its window keeps its value.
        window_frames: width, an odd number; cut at both ends of the clip. 0 and 1 change nothing.

    Returns:
        `[frames]`.
    """
    if window_frames <= 1:
        return values
    frames = np.arange(len(values))
    start = np.maximum(frames - window_frames // 2, 0)
    stop = np.minimum(frames + window_frames // 2 + 1, len(values))
    sums = np.concatenate([[0.0], np.cumsum(np.where(valid, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(valid)])
    count = counts[stop] - counts[start]
    return np.where(count > 0, (sums[stop] - sums[start]) / np.maximum(count, 1), values)
