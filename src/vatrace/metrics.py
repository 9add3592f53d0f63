"""The concordance correlation coefficient (CCC), Eq. 8 of the paper: the one definition that metric and loss share.

    CCC = 2 S_x S_y rho_xy / (S_x^2 + S_y^2 + (mean_x - mean_y)^2)

S is the standard deviation in its population form (the paper's text calls it variance, with which the formula would
not be Lin's coefficient). 2 S_x S_y rho_xy is twice the covariance. A constant prediction, or constant truth, gives 0.
The score of a set of videos is the CCC over all their valid frames concatenated, as the ABAW challenge does it; it is
not the mean of the videos' own CCCs. `CccStatistics` of parts add up to those of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from vatrace.streams import Trace

Number = TypeVar("Number", float, Tensor)


def ccc_from_moments(
    mean_x: Number, mean_y: Number, variance_x: Number, variance_y: Number, covariance: Number, epsilon: float = 0.0
) -> Number:
    """Eq. 8 from means, population variances and covariance; numbers or tensors.

    Args:
        mean_x: mean of the predictions.
        mean_y: mean of the true values.
        variance_x: population variance of the predictions.
        variance_y: population variance of the true values.
        covariance: population covariance of both.
        epsilon: added to the denominator; a loss needs it to stay finite where both are constant.

    Returns:
        The coefficient, from -1 to 1.
    """
    difference = mean_x - mean_y
    return 2 * covariance / (variance_x + variance_y + difference * difference + epsilon)


@dataclass(frozen=True, kw_only=True)
class CccStatistics:
    """What is enough to know the CCC of a set of frames, in float64; statistics of disjoint parts can be added.

    `sum_xx`, `sum_yy` and `sum_xy` are centred on the means, so that nothing is lost by cancellation.
    """

    count: int = 0
    mean_x: float = 0.0
    mean_y: float = 0.0
    sum_xx: float = 0.0
    sum_yy: float = 0.0
    sum_xy: float = 0.0

    @classmethod
    def of(cls, prediction: ArrayLike, truth: ArrayLike, valid: ArrayLike | None = None) -> CccStatistics:
        """Statistics of one part.

        Args:
            prediction: `[frames]`.
            truth: `[frames]`.
            valid: `[frames]`, the frames to count; all if None.

        Raises:
            ValueError: the lengths differ, or a counted value is not finite.
        """
        x, y = np.asarray(prediction, np.float64), np.asarray(truth, np.float64)
        if x.shape != y.shape or x.ndim != 1:
            raise ValueError(f"prediction and truth must be one row of equal length, got {x.shape} and {y.shape}.")
        if valid is not None:
            chosen = np.asarray(valid, bool)
            x, y = x[chosen], y[chosen]
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError("a counted frame has no finite value; mark it invalid, or predict it.")
        return cls._of_finite(x, y) if len(x) else cls()

    @classmethod
    def _of_finite(cls, x: NDArray[np.float64], y: NDArray[np.float64]) -> CccStatistics:
        # A constant's mean must be that constant: rounding would leave it a tiny variance, and a CCC of noise.
        mean_x = float(x[0]) if (x == x[0]).all() else float(x.mean())
        mean_y = float(y[0]) if (y == y[0]).all() else float(y.mean())
        dx, dy = x - mean_x, y - mean_y
        return cls(
            count=len(x),
            mean_x=mean_x,
            mean_y=mean_y,
            sum_xx=float(dx @ dx),
            sum_yy=float(dy @ dy),
            sum_xy=float(dx @ dy),
        )

    def __add__(self, other: CccStatistics) -> CccStatistics:
        """Statistics of both parts together (Chan, Golub and LeVeque 1979)."""
        if not self.count or not other.count:
            return other if other.count else self
        count = self.count + other.count
        step_x, step_y = other.mean_x - self.mean_x, other.mean_y - self.mean_y
        weight = self.count * other.count / count
        return CccStatistics(
            count=count,
            mean_x=self.mean_x + step_x * other.count / count,
            mean_y=self.mean_y + step_y * other.count / count,
            sum_xx=self.sum_xx + other.sum_xx + step_x * step_x * weight,
            sum_yy=self.sum_yy + other.sum_yy + step_y * step_y * weight,
            sum_xy=self.sum_xy + other.sum_xy + step_x * step_y * weight,
        )

    @property
    def ccc(self) -> float:
        """The coefficient, from -1 to 1; 0 where prediction or truth is constant, nan where nothing was counted."""
        if not self.count:
            return float("nan")
        if self.sum_xx == 0 or self.sum_yy == 0:
            return 0.0
        n = self.count
        return ccc_from_moments(self.mean_x, self.mean_y, self.sum_xx / n, self.sum_yy / n, self.sum_xy / n)


def ccc(prediction: ArrayLike, truth: ArrayLike, valid: ArrayLike | None = None) -> float:
    """CCC of one row of predictions with the truth (Eq. 8).

    Example:
        >>> round(ccc([0.0, 0.5, 1.0], [0.1, 0.6, 1.1]), 6)
        0.970874
    """
    return CccStatistics.of(prediction, truth, valid).ccc


@dataclass(frozen=True, kw_only=True)
class Score:
    """CCC of both dimensions over a set of traces, and their mean (Eq. 7)."""

    valence: CccStatistics
    arousal: CccStatistics

    @property
    def valence_ccc(self) -> float:
        """CCC of valence."""
        return self.valence.ccc

    @property
    def arousal_ccc(self) -> float:
        """CCC of arousal."""
        return self.arousal.ccc

    @property
    def mean_ccc(self) -> float:
        """Eq. 7: the mean of both."""
        return (self.valence_ccc + self.arousal_ccc) / 2

    @property
    def frames(self) -> int:
        """How many frames were counted."""
        return self.valence.count


def score_traces(pairs: Iterable[tuple[Trace, Trace]]) -> Score:
    """Score predictions against labels over all labelled frames concatenated.

    Every frame whose label is valid counts. Where the prediction has no value, one is interpolated between the nearest
    that have (held at the ends, 0 where there is none at all): leaving out hard frames would flatter the score. For the
    same reason labels beyond the last predicted frame are scored with the last value.

    Args:
        pairs: (prediction, label) traces; the label may be longer.

    Returns:
        CCC statistics of both dimensions.
    """
    valence, arousal = [CccStatistics()], [CccStatistics()]
    for prediction, label in pairs:
        told = [every_frame(prediction, values, len(label)) for values in (prediction.valence, prediction.arousal)]
        valence.append(CccStatistics.of(told[0], label.valence, label.valid))
        arousal.append(CccStatistics.of(told[1], label.arousal, label.valid))
    return Score(valence=reduce(CccStatistics.__add__, valence), arousal=reduce(CccStatistics.__add__, arousal))


def every_frame(trace: Trace, values: ArrayLike, num_rows: int) -> NDArray[np.float64]:
    """Values of a trace with one for every row: interpolated in time, held at the ends and beyond the last frame.

    Args:
        trace: whose frames they are.
        values: `[frames]`, those of `trace.valid` count.
        num_rows: how many are wanted, at least as many as there are frames.

    Returns:
        `[num_rows]`; all 0 where no frame has a value.

    Raises:
        ValueError: there are more frames than rows.
    """
    values = np.asarray(values, np.float64)
    if num_rows < len(trace):
        raise ValueError(f"{len(trace)} frames are more than the {num_rows} rows wanted.")
    if not trace.valid.any():
        return np.zeros(num_rows)
    filled = np.interp(trace.times_seconds, trace.times_seconds[trace.valid], values[trace.valid])
    return np.pad(filled, (0, num_rows - len(filled)), mode="edge")
