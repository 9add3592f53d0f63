"""Where the numbers come from with which the starter model joins face and voice: the raters of CREMA-D.

Ten people rated each of its 7,442 clips by the face alone, ten others by the voice alone, ten by both (Cao et al. 2014,
ODbL). What the last say is regressed on what the others say:

    from vatrace.recipes.starter_joining import joining_of
    joining_of("CREMA-D/processedResults/tabulatedVotes.csv")

The starter model uses the slopes, and no intercept: somebody whose face and voice are in the middle is to be read as in
the middle. The intercepts say by how much acted clips seem more aroused to those who see and hear them, whatever they
express; that is a matter of the corpus, and would move everybody. The slopes are not those of lines through zero, which
would put the same offset into the slope (1.17 of the voice alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatrace.datasets.cremad import RATERS, read_votes


@dataclass(frozen=True)
class Plane:
    """Least squares of what raters of both say, `slopes @ values + intercept`."""

    slopes: tuple[float, ...]
    intercept: float


@dataclass(frozen=True)
class Joining:
    """What those say who see and hear, by what others say.

    Args:
        valence_of_face: by the valence that the face alone has.
        arousal_of_face: by its arousal.
        arousal_of_voice: by the arousal that the voice alone has.
        arousal_of_both: by both arousals, the face's first.
        num_clips: how many clips have all three kinds of raters.
    """

    valence_of_face: Plane
    arousal_of_face: Plane
    arousal_of_voice: Plane
    arousal_of_both: Plane
    num_clips: int


def joining_of(votes: Path | str) -> Joining:
    """The regressions of CREMA-D's raters.

    Args:
        votes: `processedResults/tabulatedVotes.csv` of CREMA-D; the values are votes x circumplex x intensity.
    """
    clips = [each for each in read_votes(Path(votes)).values() if each.keys() >= set(RATERS)]
    valence = {name: np.array([each[name].valence for each in clips]) for name in RATERS}
    arousal = {name: np.array([each[name].arousal for each in clips]) for name in RATERS}
    seen_and_heard = arousal["audio-visual"]
    return Joining(
        valence_of_face=_plane(valence["audio-visual"], valence["face"]),
        arousal_of_face=_plane(seen_and_heard, arousal["face"]),
        arousal_of_voice=_plane(seen_and_heard, arousal["voice"]),
        arousal_of_both=_plane(seen_and_heard, arousal["face"], arousal["voice"]),
        num_clips=len(clips),
    )


def _plane(target: NDArray[np.float64], *values: NDArray[np.float64]) -> Plane:
    columns = np.stack([*values, np.ones(len(target))], axis=1)
    *slopes, intercept = np.linalg.lstsq(columns, target, rcond=None)[0].tolist()
    return Plane(tuple(slopes), intercept)
