"""Follow one face as pictures come, with nothing known of what comes next.

A film is looked through whole before its main person is chosen (`tracking`); live, the choice is made at once. The face
that continues the last one is kept, by the distances and sizes of `linking`. Where there is none to keep, the most
prominent is taken. So that a poster that was seen first does not stay the main person, somebody who is far more
prominent for a while takes over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vatrace.faces.detection import Detection
from vatrace.faces.linking import (
    BRIDGE_SECONDS,
    MAX_MOVE_SIZES,
    MAX_SIZE_RATIO,
    MOVE_SIZES_PER_SECOND,
    SIZE_RATIO_PER_SECOND,
    prominence,
    sizes,
)

TAKEOVER_RATIO = 2.0  # how much more prominent somebody else has to be: 1.4 times as wide and as high
TAKEOVER_SECONDS = 1.0  # and for how long; leaning into the picture for a moment changes nothing


class FaceFollower:
    """Takes the faces of one picture after the other and says which is the main person's.

    It remembers one face and two times, however long it goes on.
    """

    def __init__(self) -> None:
        self._last: Detection | None = None
        self._seen_seconds = 0.0
        self._rival_seconds: float | None = None  # since when there is one

    def follow(self, faces: Sequence[Detection], time_seconds: float) -> Detection | None:
        """Choose the main person's face.

        Args:
            faces: of the picture, in any order.
            time_seconds: of the picture; later than the one before.

        Returns:
            One of them; None where the person is not there, or has been gone for so short a time (1.5 s) that they
            are waited for.
        """
        if not faces:
            return None
        foremost = max(faces, key=_prominence)
        unseen_seconds = time_seconds - self._seen_seconds
        if self._last is None or unseen_seconds > BRIDGE_SECONDS:
            return self._take(foremost, time_seconds)
        last = self._last
        costs = [_cost(last, face, unseen_seconds) for face in faces]
        nearest = int(np.argmin(costs))
        if not np.isfinite(costs[nearest]):
            return None
        face = faces[nearest]
        if _prominence(foremost) < TAKEOVER_RATIO * _prominence(face):
            return self._take(face, time_seconds)
        since = time_seconds if self._rival_seconds is None else self._rival_seconds
        if time_seconds - since >= TAKEOVER_SECONDS:
            return self._take(foremost, time_seconds)
        chosen = self._take(face, time_seconds)
        self._rival_seconds = since
        return chosen

    def _take(self, face: Detection, time_seconds: float) -> Detection:
        self._last, self._seen_seconds, self._rival_seconds = face, time_seconds, None
        return face


def _prominence(face: Detection) -> float:
    return float(prominence(face.box, np.array(face.score, np.float32)))


def _cost(before: Detection, now: Detection, unseen_seconds: float) -> float:
    """Distance in face sizes plus log ratio of sizes; infinite where they cannot be one face (as in `linking`)."""
    size_before, size_now = float(sizes(before.box)), float(sizes(now.box))
    between = (before.box[:2] + before.box[2:] - now.box[:2] - now.box[2:]) / 2
    moved = float(np.hypot(*between)) / np.sqrt(size_before * size_now)
    grown = abs(np.log(size_now / size_before))
    is_possible = moved <= MAX_MOVE_SIZES + MOVE_SIZES_PER_SECOND * unseen_seconds
    is_possible &= grown <= np.log(MAX_SIZE_RATIO + SIZE_RATIO_PER_SECOND * unseen_seconds)
    return float(moved + grown) if is_possible else np.inf
