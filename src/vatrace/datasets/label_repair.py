"""What becomes of frames that the annotators left out. Only labels to learn from are ever repaired, never scored ones.

The paper (IV-A) takes over a "label refinement" from its reference [29], whose formula is not public. Here are three
ways, of which the last two are our own reading:

- `mask`, the default: an unlabelled frame teaches nothing;
- `interpolate`: linear in time between the labels on both sides, where they are near enough to each other;
- `expressions`: the mean valence and arousal of the frame's expression label. The rules of the ABAW challenge forbid
  the use of expression labels in the valence-arousal track.

Of Aff-Wild2's labelled rows 0.19 % are missing, so no way can matter much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vatrace.errors import DatasetError, NothingFound
from vatrace.streams import Trace

Repair = Literal["mask", "interpolate", "expressions"]
Point = tuple[float, float]

MAX_INTERPOLATED_SECONDS = 2.0  # between two labels; what happens in longer gaps nobody knows
NUM_EXPRESSIONS = 8  # Neutral, Anger, Disgust, Fear, Happiness, Sadness, Surprise, Other
NO_EXPRESSION = -1
RULES_WARNING = (
    "labels are filled from expression labels: the rules of the ABAW challenge forbid that "
    "in the valence-arousal track."
)


def interpolate_labels(label: Trace, max_gap_seconds: float = MAX_INTERPOLATED_SECONDS) -> Trace:
    """Fill gaps linearly in time; what lies before the first label or after the last one stays unlabelled.

    Args:
        label: of a clip.
        max_gap_seconds: from the label before a gap to the one after it.
    """
    known = np.flatnonzero(label.valid)
    if len(known) < 2:
        return label
    times = label.times_seconds
    place = np.searchsorted(known, np.arange(len(label)))
    after = known[place.clip(0, len(known) - 1)]
    before = known[(place - 1).clip(0)]
    is_inside = (place > 0) & (place < len(known))
    fills = ~label.valid & is_inside & (times[after] - times[before] <= max_gap_seconds)
    return _with(label, fills, *(np.interp(times, times[known], values[known]) for values in _values(label)))


def read_expressions(path: Path) -> NDArray[np.int64]:
    """An expression annotation of Aff-Wild2: a header with the names of eight classes, then a number a frame.

    Returns:
        `[rows]`, 0 to 7; -1 where there is none.

    Raises:
        NothingFound: no such file.
        DatasetError: a row that is none of these.
    """
    if not path.is_file():
        raise NothingFound(f"no expression annotation at {path}.")
    try:
        lines = path.read_text("utf-8-sig").splitlines()[1:]
        found = np.array([int(line) for line in lines], np.int64)
    except ValueError as error:
        raise DatasetError(f"{path} has a row that is no class number, or is no text: {error}.") from error
    if ((found < NO_EXPRESSION) | (found >= NUM_EXPRESSIONS)).any():
        raise DatasetError(f"{path} has a class that is not one of {NO_EXPRESSION} to {NUM_EXPRESSIONS - 1}.")
    return found


def expression_means(pairs: Iterable[tuple[Trace, NDArray[np.int64]]]) -> dict[int, Point]:
    """Mean valence and arousal of each expression, over all frames that have both labels.

    Args:
        pairs: label and expressions of each clip that is learned from; rows beyond the shorter one are let be.
    """
    sums = np.zeros((NUM_EXPRESSIONS, 2))
    counts = np.zeros(NUM_EXPRESSIONS)
    for label, expressions in pairs:
        rows = min(len(label), len(expressions))
        both = label.valid[:rows] & (expressions[:rows] != NO_EXPRESSION)
        classes = expressions[:rows][both]
        counts += np.bincount(classes, minlength=NUM_EXPRESSIONS)
        for column, values in enumerate(_values(label)):
            sums[:, column] += np.bincount(classes, values[:rows][both], NUM_EXPRESSIONS)
    return {
        each: (float(sums[each, 0] / counts[each]), float(sums[each, 1] / counts[each]))
        for each in range(NUM_EXPRESSIONS)
        if counts[each]
    }


def fill_from_expressions(label: Trace, expressions: NDArray[np.int64], means: Mapping[int, Point]) -> Trace:
    """Give unlabelled frames the mean of their expression; without one, or one without a mean, they stay as they are.

    Args:
        label: of a clip.
        expressions: `[rows]` of the same clip.
        means: from `expression_means`.
    """
    classes = np.full(len(label), NO_EXPRESSION)
    rows = min(len(label), len(expressions))
    classes[:rows] = expressions[:rows]
    fills = ~label.valid & np.isin(classes, list(means))
    table = np.array([means.get(each, (np.nan, np.nan)) for each in range(NUM_EXPRESSIONS)])
    return _with(label, fills, *table[classes].T)


def _values(label: Trace) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.asarray(label.valence, np.float64), np.asarray(label.arousal, np.float64)


def _with(label: Trace, fills: NDArray[np.bool_], valence: NDArray[np.float64], arousal: NDArray[np.float64]) -> Trace:
    return replace(
        label,
        valence=np.where(fills, valence, label.valence),
        arousal=np.where(fills, arousal, label.arousal),
        valid=label.valid | fills,
    )
