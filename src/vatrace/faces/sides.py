"""Tell two people of one video apart: who is on the left of the picture, and who on the right.

Aff-Wild2 annotates two people of a video as `_left` and `_right`. In a frame that shows both, the two most prominent
faces are they, and an appearance counts for the side on which it is in most of those frames. One that is never seen
beside another (a cut to one person alone) counts for the side whose usual place is nearer. Faces are not compared by
looks, so whoever is alone in the middle of the picture may be given to the wrong side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vatrace.faces.linking import Tracklet, prominence
from vatrace.faces.tracking import FaceTrack, LinkedFaces, as_track

Side = Literal["left", "right"]
PAIR_PROMINENCE = 0.1  # below this share of the more prominent face, the other is somebody in the background


@dataclass(frozen=True)
class _Faces:
    """All faces of a video as plain columns, a row a face."""

    tracklet: NDArray[np.int64]
    frame: NDArray[np.int64]
    x: NDArray[np.float64]
    prominence: NDArray[np.float64]

    @classmethod
    def of(cls, tracklets: Sequence[Tracklet]) -> _Faces:
        values = np.concatenate([track.values() for track in tracklets])
        return cls(
            tracklet=np.repeat(np.arange(len(tracklets)), [len(track.frames) for track in tracklets]),
            frame=np.concatenate([np.array(track.frames, np.int64) for track in tracklets]),
            x=values[:, [0, 2]].mean(axis=1, dtype=np.float64),
            prominence=prominence(values[:, :4], values[:, 14]).astype(np.float64),
        )


def track_sides(linked: LinkedFaces) -> Mapping[Side, FaceTrack]:
    """The faces of the person on the left and of the one on the right of the picture.

    Args:
        linked: all faces of the video.

    Returns:
        A track for each side, a row a frame; all rows of a side invalid where nobody is there.
    """
    chosen: dict[Side, list[Tracklet]] = {"left": [], "right": []}
    if linked.tracklets:
        faces = _Faces.of(linked.tracklets)
        is_right, belongs = _places(faces, len(linked.tracklets), linked.width_pixels)
        order = np.argsort([faces.prominence[faces.tracklet == number].mean() for number in range(len(belongs))])
        for number in order:  # the most prominent last, so that it counts where two share a frame
            if belongs[number]:
                chosen["right" if is_right[number] else "left"].append(linked.tracklets[number])
    return {side: as_track(linked.times_seconds, tracklets) for side, tracklets in chosen.items()}


def _places(faces: _Faces, num_tracklets: int, width_pixels: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each tracklet is of the person on the right, and whether it is of either person at all."""
    left, right = _pairs(faces)
    votes = np.bincount(faces.tracklet[right], minlength=num_tracklets) - np.bincount(
        faces.tracklet[left], minlength=num_tracklets
    )
    middle = (faces.x[left].mean() + faces.x[right].mean()) / 2 if len(left) else width_pixels / 2
    count = np.bincount(faces.tracklet, minlength=num_tracklets)
    usual_x = np.bincount(faces.tracklet, faces.x, num_tracklets) / count
    usual_prominence = np.bincount(faces.tracklet, faces.prominence, num_tracklets) / count
    is_right = np.where(votes == 0, usual_x > middle, votes > 0)
    of_pairs = np.concatenate([faces.prominence[left], faces.prominence[right]])
    least = PAIR_PROMINENCE * (np.median(of_pairs) if len(of_pairs) else usual_prominence.max())
    belongs = (votes != 0) | (usual_prominence >= least)
    return is_right, belongs


def _pairs(faces: _Faces) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the left and of the right face of every frame in which two people are seen."""
    by_frame = np.lexsort((-faces.prominence, faces.frame))
    frame = faces.frame[by_frame]
    first = np.flatnonzero(np.r_[True, frame[1:] != frame[:-1]])
    first = first[np.r_[first[1:], len(frame)] - first >= 2]
    one, other = by_frame[first], by_frame[first + 1]
    is_pair = faces.prominence[other] >= PAIR_PROMINENCE * faces.prominence[one]
    one, other = one[is_pair], other[is_pair]
    swapped = faces.x[one] > faces.x[other]
    return np.where(swapped, other, one), np.where(swapped, one, other)
