"""How sure a CCC is: bootstrap intervals over people.

Frames of one person are not independent of each other, so people are drawn with replacement and their frames come with
them. The CCC of a draw is that of all its frames concatenated, as the score itself. Where a model was trained with
several seeds, the mean over the seeds is taken within each draw. Two models are compared on the same draws.

The sums that make a CCC add up (`metrics.CccStatistics`), so a draw costs as much as there are people, not frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from vatrace.metrics import CccStatistics, Score

LEVEL = 0.95
RESAMPLES = 5000
_BATCH = 500  # draws at once, to bound memory

Dimension = Literal["valence", "arousal", "mean"]
Seeds = Sequence[Mapping[str, Score]]
"""For each seed, the score of every person (or video source) by name."""


@dataclass(frozen=True)
class Interval:
    """A value and the interval around it, from `low` to `high`."""

    value: float
    low: float
    high: float


def ccc_interval(
    seeds: Seeds, dimension: Dimension = "mean", *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """95 % percentile interval of a model's CCC over draws of people.

    Args:
        seeds: scores by person, for each seed.
        dimension: valence, arousal or the mean of both.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        The mean CCC over seeds and its interval; None where there are fewer than two people.
    """
    sums = _sums(seeds, _people(seeds))
    return _interval(lambda draw: _mean_ccc(sums, draw, dimension), sums.shape[1], resamples, seed)


def difference_interval(
    seeds: Seeds, reference: Seeds, dimension: Dimension = "mean", *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """95 % percentile interval of how much better a model is than another, on the same draws of people.

    Args:
        seeds: scores by person, for each seed.
        reference: the same people's scores of the other model; the number of its seeds may differ.
        dimension: valence, arousal or the mean of both.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        CCC of the model minus that of the reference; None where there are fewer than two people.

    Raises:
        ValueError: the two were scored on different people.
    """
    people = _people(seeds)
    if people != _people(reference):
        raise ValueError(f"both models must be scored on the same people, got {len(people)} and {_people(reference)}.")
    ours, theirs = _sums(seeds, people), _sums(reference, people)

    def difference(draw: NDArray[np.intp]) -> NDArray[np.float64]:
        return _mean_ccc(ours, draw, dimension) - _mean_ccc(theirs, draw, dimension)

    return _interval(difference, len(people), resamples, seed)


def _interval(statistic, number: int, resamples: int, seed: int) -> Interval | None:  # type: ignore[no-untyped-def]
    everybody = np.arange(number)
    if number < 2:
        return None
    found = bootstrap(
        (everybody,),
        lambda draw, axis: statistic(np.moveaxis(draw, axis, -1).astype(np.intp)),
        n_resamples=resamples,
        batch=_BATCH,
        vectorized=True,
        confidence_level=LEVEL,
        method="percentile",  # the others divide by the spread, which is zero where two models are the same
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(statistic(everybody[None])[0]), float(found.low), float(found.high))


def _people(seeds: Seeds) -> list[str]:
    """Who was scored, in order of name; those without a labelled frame count for nothing."""
    names = [{name for name, score in scores.items() if score.frames} for scores in seeds]
    if not names or any(each != names[0] for each in names):
        raise ValueError("every seed of a model must be scored on the same people, of whom somebody is labelled.")
    return sorted(names[0])


def _sums(seeds: Seeds, people: Sequence[str]) -> NDArray[np.float64]:
    """`[seeds, people, 2, 6]`: count, x, y, xx, yy, xy about one centre for each dimension."""
    parts = [[[scores[name].valence, scores[name].arousal] for name in people] for scores in seeds]
    # Sums about a value near both means lose nothing to cancellation; any fixed centre gives the same CCC.
    centres = [float(np.mean([part[0][dimension].mean_y for part in parts])) for dimension in (0, 1)]
    return np.array(
        [[[_about(each[d], centres[d]) for d in (0, 1)] for each in part] for part in parts], dtype=np.float64
    )


def _about(part: CccStatistics, centre: float) -> tuple[float, ...]:
    n, x, y = part.count, part.mean_x - centre, part.mean_y - centre
    return n, n * x, n * y, part.sum_xx + n * x * x, part.sum_yy + n * y * y, part.sum_xy + n * x * y


def _mean_ccc(sums: NDArray[np.float64], draw: NDArray[np.intp], dimension: Dimension) -> NDArray[np.float64]:
    """CCC of each draw `[draws, people]`, averaged over seeds and, for the mean, over both dimensions."""
    chosen = sums[:, draw].sum(axis=2)  # [seeds, draws, 2, 6]
    n, x, y, xx, yy, xy = np.moveaxis(chosen, -1, 0)
    mean_x, mean_y = x / n, y / n
    variance_x, variance_y = xx / n - mean_x**2, yy / n - mean_y**2
    scale = variance_x + variance_y + (mean_x - mean_y) ** 2
    both = np.divide(2 * (xy / n - mean_x * mean_y), scale, out=np.zeros_like(scale), where=scale > 0)
    over_seeds: NDArray[np.float64] = both.mean(axis=0)  # [draws, 2]
    if dimension == "mean":
        return np.asarray(over_seeds.mean(axis=1))
    return over_seeds[:, 0 if dimension == "valence" else 1]
