"""Link the faces of successive frames into tracks.

A face continues the track whose last face lies nearest and is about as large; a face that continues none begins a
track. Distances are counted in face sizes, so they mean the same for a close-up and for a face across the room, and
what is allowed grows with the time since the track was last seen, so a film of 5 frames a second is linked as one of
60. No appearance is compared: a cut from one person to another in the same place is one track.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vatrace.faces.detection import Detection

BRIDGE_SECONDS = 1.5  # a track not seen for longer has ended
MAX_FACES_PER_FRAME = 16  # the most prominent are kept, which bounds the memory in a crowd
MAX_MOVE_SIZES = 0.6  # from one frame to the next, in face sizes
MOVE_SIZES_PER_SECOND = 1.0  # allowed on top for each second unseen
MAX_SIZE_RATIO = 1.6  # of the larger to the smaller face
SIZE_RATIO_PER_SECOND = 0.5  # allowed on top for each second unseen

_ROW = 15  # numbers a face: 4 box, 10 landmarks, 1 score


@dataclass(eq=False)
class Tracklet:
    """One unbroken appearance of one face, kept as plain numbers: 68 bytes a frame.

    Args:
        frames: index of each frame that has the face, increasing.
        rows: 15 numbers a frame: box, landmarks, score.
        last_seconds: when it was last seen.
    """

    frames: array[int] = field(default_factory=lambda: array("q"))
    rows: array[float] = field(default_factory=lambda: array("f"))
    last_seconds: float = 0.0

    def add(self, frame: int, time_seconds: float, face: Detection) -> None:
        """Append the face of a later frame."""
        self.frames.append(frame)
        self.rows.extend([*face.box.tolist(), *face.landmarks.ravel().tolist(), face.score])
        self.last_seconds = time_seconds

    def values(self) -> NDArray[np.float32]:
        """`[frames, 15]`: box, landmarks, score."""
        return np.array(self.rows, np.float32).reshape(-1, _ROW)

    def last_box(self) -> NDArray[np.float32]:
        """`[4]`, the box when last seen."""
        return np.array(self.rows[-_ROW : 4 - _ROW], np.float32)


def prominence(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score times area of each box `[..., 4]`: how much a face claims to be the one that matters in its frame."""
    return np.asarray(scores * (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]), np.float32)


def sizes(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Size of each face in pixels: the root of its box's area. `boxes` is `[..., 4]`."""
    area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return np.asarray(np.sqrt(np.maximum(area, 1e-6)), np.float32)


class Linker:
    """Takes the faces of one frame after the other and builds tracklets."""

    def __init__(self) -> None:
        self.tracklets: list[Tracklet] = []
        self._open: list[Tracklet] = []

    def add(self, frame: int, time_seconds: float, faces: Sequence[Detection]) -> list[Tracklet]:
        """Link the faces of the next frame.

        Args:
            frame: its index.
            time_seconds: its time.
            faces: what was found in it.

        Returns:
            The tracks that have a face in it.
        """
        self._open = [track for track in self._open if time_seconds - track.last_seconds <= BRIDGE_SECONDS]
        faces = _most_prominent(faces)
        if not faces:
            return []
        seen = []
        continued = _assign(self._open, faces, time_seconds)
        for place, face in enumerate(faces):
            track = continued.get(place)
            if track is None:
                track = Tracklet()
                self._open.append(track)
                self.tracklets.append(track)
            track.add(frame, time_seconds, face)
            seen.append(track)
        return seen


def _most_prominent(faces: Sequence[Detection]) -> list[Detection]:
    ranked = sorted(faces, key=lambda face: -float(prominence(face.box, np.array(face.score, np.float32))))
    return ranked[:MAX_FACES_PER_FRAME]


def _assign(tracks: list[Tracklet], faces: list[Detection], time_seconds: float) -> dict[int, Tracklet]:
    """Which track each face continues, cheapest pair first; faces that continue none are left out."""
    if not tracks:
        return {}
    costs = _costs(tracks, faces, time_seconds)
    assigned: dict[int, Tracklet] = {}
    while np.isfinite(costs).any():
        row, place = divmod(int(np.argmin(costs)), len(faces))
        assigned[place] = tracks[row]
        costs[row, :] = np.inf
        costs[:, place] = np.inf
    return assigned


def _costs(tracks: list[Tracklet], faces: list[Detection], time_seconds: float) -> NDArray[np.float64]:
    """`[tracks, faces]`: distance in face sizes plus log ratio of sizes; infinite where they cannot be one face."""
    before = np.stack([track.last_box() for track in tracks])[:, None]
    now = np.stack([face.box for face in faces])[None]
    unseen_seconds = time_seconds - np.array([[track.last_seconds] for track in tracks])
    centres = (before[..., :2] + before[..., 2:] - now[..., :2] - now[..., 2:]) / 2
    size_before, size_now = sizes(before), sizes(now)
    moved = np.hypot(centres[..., 0], centres[..., 1]) / np.sqrt(size_before * size_now)
    grown = np.abs(np.log(size_now / size_before))
    possible = moved <= MAX_MOVE_SIZES + MOVE_SIZES_PER_SECOND * unseen_seconds
    possible &= grown <= np.log(MAX_SIZE_RATIO + SIZE_RATIO_PER_SECOND * unseen_seconds)
    return np.where(possible, moved + grown, np.inf).astype(np.float64)
