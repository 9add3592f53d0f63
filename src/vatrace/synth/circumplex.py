"""Names of expressions for valence and arousal, so that a corpus can have labels of the expression task too.

The six emotions lie where people rated their names: Russell and Mehrabian, "Evidence for a three-factor theory of
emotions", Journal of Research in Personality 11, 1977 (pleasure and arousal). `Neutral` lies at zero. `Other` is what
is far from all of them. It is a rule for drawn faces and says nothing about how raters name expressions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vatrace.streams import Trace

EXPRESSIONS = ("Neutral", "Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Other")
POSITIONS: NDArray[np.float64] = np.array(  # valence, arousal, in the order of EXPRESSIONS; the last has none
    [(0.0, 0.0), (-0.51, 0.59), (-0.60, 0.35), (-0.64, 0.60), (0.81, 0.51), (-0.63, -0.27), (0.40, 0.67)]
)
POSITIONS.flags.writeable = False
OTHER = len(EXPRESSIONS) - 1
OTHER_DISTANCE = 0.5  # from the nearest position; beyond it an expression is none of them


def name_expressions(trace: Trace) -> NDArray[np.int64]:
    """The expression nearest to each frame's valence and arousal.

    Args:
        trace: of one clip.

    Returns:
        `[frames]`, index into `EXPRESSIONS`.
    """
    points = np.stack([trace.valence, trace.arousal], axis=1).astype(np.float64)
    distances = np.linalg.norm(points[:, None] - POSITIONS, axis=2)  # [frames, positions]
    nearest = distances.argmin(axis=1)
    return np.where(distances.min(axis=1) > OTHER_DISTANCE, OTHER, nearest).astype(np.int64)
