"""Follow the main person of a video.

The main person is the track with the largest sum over its frames of score times box area: who is large, clear and
long in the picture. It may be lost and come back. After a short loss linking continues the same track; after a long
one, a later (or earlier) track is taken for the same person if it never shares a moment with the person, is about as
large, is a clear face, and no other track of that spell could as well be the person. Faces are not compared by looks,
so a cut to somebody else who is alone in the picture and about as large counts as the same person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vatrace.faces.detection import Detection, Frame
from vatrace.faces.linking import Linker, Tracklet, prominence, sizes
from vatrace.streams import BoolArray, TimeArray, check_times

BATCH_FRAMES = 16
BATCH_BYTES = 64 << 20  # of pixels: 10 frames of 1920x1080. A small file may hold frames of 28 MB each
RETURN_SIZE_RATIO = 2.5  # a person who comes back is at most so much larger or smaller
RETURN_MIN_SCORE = 0.8  # mean score; a lone weak detection is no person coming back
RIVAL_PROMINENCE = 0.5  # from this share of a track's prominence on, another one at the same time makes it doubtful


class TimedFrame(Protocol):
    """A decoded frame: its time in the video and its pixels `[height, width, 3]` uint8 RGB."""

    @property
    def time_seconds(self) -> float: ...  # noqa: D102  (said above)
    @property
    def pixels(self) -> Frame: ...  # noqa: D102  (said above)


FrameT = TypeVar("FrameT", bound=TimedFrame)


class Detector(Protocol):
    """What tracking needs of a detector; `FaceDetector` is one."""

    def detect(self, frames: Sequence[Frame]) -> list[list[Detection]]: ...  # noqa: D102  (see FaceDetector)


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceTrack:
    """Where one person's face is in each frame; rows of frames without it are zero.

    Args:
        times_seconds: `[frames]` float64, strictly increasing.
        boxes: `[frames, 4]` float32, x1, y1, x2, y2 in pixels.
        landmarks: `[frames, 5, 2]` float32, in pixels, in the order of `Detection.landmarks`.
        score: `[frames]` float32, 0 to 1.
        valid: `[frames]`, True where the face was seen.

    Raises:
        ValueError: shapes differ or times do not increase.
    """

    times_seconds: TimeArray
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: NDArray[np.float32]
    valid: BoolArray

    def __post_init__(self) -> None:
        frames = len(self.times_seconds)
        expected = {"boxes": (frames, 4), "landmarks": (frames, 5, 2), "score": (frames,), "valid": (frames,)}
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"a face track of {frames} times needs {name} {shape}, got {getattr(self, name).shape}"
                )
        check_times(self.times_seconds)

    def __len__(self) -> int:
        return len(self.times_seconds)


@dataclass(frozen=True, kw_only=True, eq=False)
class LinkedFaces:
    """Every face of a video, linked through its frames.

    Args:
        times_seconds: `[frames]`.
        tracklets: unbroken appearances, in order of their beginning.
        width_pixels: of the picture; 0 where there is no frame.
    """

    times_seconds: TimeArray
    tracklets: Sequence[Tracklet]
    width_pixels: int


def track_main_face(frames: Iterable[TimedFrame], detector: Detector, *, batch_frames: int = BATCH_FRAMES) -> FaceTrack:
    """Find the main person's face in every frame.

    Args:
        frames: as for `link_faces`.
        detector: as for `link_faces`.
        batch_frames: as for `link_faces`.

    Returns:
        The track, a row a frame; all rows invalid where there was no face at all.

    Raises:
        ValueError: `batch_frames` is below 1, or times do not increase.
    """
    linked = link_faces(frames, detector, batch_frames=batch_frames)
    return as_track(linked.times_seconds, main_person(linked.tracklets))


def link_faces(frames: Iterable[TimedFrame], detector: Detector, *, batch_frames: int = BATCH_FRAMES) -> LinkedFaces:
    """Find all faces of a video and link them from frame to frame.

    Frames are read once, `batch_frames` at a time; of each only boxes and landmarks are kept.

    Args:
        frames: the video's frames in order.
        detector: finds the faces of some frames.
        batch_frames: how many frames the detector gets at once, at most.

    Raises:
        ValueError: `batch_frames` is below 1, or times do not increase.
    """
    if batch_frames < 1:
        raise ValueError(f"batch_frames must be at least 1, got {batch_frames}")
    linker = Linker()
    times: list[float] = []
    width = 0
    for batch in batches(frames, batch_frames):
        width = batch[0].pixels.shape[1]
        for frame, faces in zip(batch, detector.detect([frame.pixels for frame in batch]), strict=True):
            linker.add(len(times), frame.time_seconds, faces)
            times.append(frame.time_seconds)
    return LinkedFaces(times_seconds=np.array(times, np.float64), tracklets=linker.tracklets, width_pixels=width)


def main_person(tracklets: Sequence[Tracklet]) -> list[Tracklet]:
    """Choose the main person's tracklets: the most prominent one, and those in which the same person is back.

    Args:
        tracklets: all of a video.

    Returns:
        Tracklets of which no two share a moment, the main one first; empty if there are none.
    """
    if not tracklets:
        return []
    facts = [_Facts.of(track) for track in tracklets]
    prominences = np.array([fact.prominence for fact in facts])
    main = int(np.argmax(prominences))
    starts, ends = np.array([(fact.start, fact.end) for fact in facts]).T
    taken = np.zeros(int(ends.max()) + 1, np.bool_)  # frames in which the person's whereabouts are settled
    taken[starts[main] : ends[main] + 1] = True
    candidates = np.array([fact.may_be(facts[main]) for fact in facts]) & (
        (ends < starts[main]) | (starts > ends[main])
    )
    person = [tracklets[main]]
    for i in np.flatnonzero(candidates)[np.argsort(-prominences[candidates], kind="stable")]:
        rivals = (
            candidates & (starts <= ends[i]) & (ends >= starts[i]) & (prominences >= RIVAL_PROMINENCE * prominences[i])
        )
        if rivals.sum() == 1 and not taken[starts[i] : ends[i] + 1].any():  # the one is the track itself
            taken[starts[i] : ends[i] + 1] = True
            person.append(tracklets[i])
    return person


@dataclass(frozen=True)
class _Facts:
    """What the choice of the main person rests on."""

    start: int
    end: int
    prominence: float
    size_pixels: float
    score: float

    @classmethod
    def of(cls, track: Tracklet) -> _Facts:
        values = track.values()
        boxes, scores = values[:, :4], values[:, 14]
        return cls(
            start=track.frames[0],
            end=track.frames[-1],
            prominence=float(prominence(boxes, scores).sum(dtype=np.float64)),
            size_pixels=float(np.median(sizes(boxes))),
            score=float(scores.mean()),
        )

    def may_be(self, person: _Facts) -> bool:
        """Whether size and score allow this to be that person."""
        ratio = max(self.size_pixels, person.size_pixels) / min(self.size_pixels, person.size_pixels)
        return ratio <= RETURN_SIZE_RATIO and self.score >= RETURN_MIN_SCORE


def batches(frames: Iterable[FrameT], batch_frames: int = BATCH_FRAMES) -> Iterator[list[FrameT]]:
    """Some frames at a time, fewer where they are large: `BATCH_BYTES`, or a single frame."""
    remaining = iter(frames)
    for first in remaining:
        more = min(batch_frames, BATCH_BYTES // max(first.pixels.nbytes, 1)) - 1
        yield [first, *islice(remaining, max(more, 0))]


def as_track(times_seconds: TimeArray, person: Sequence[Tracklet]) -> FaceTrack:
    """Put the appearances of one person together, a row a frame.

    Args:
        times_seconds: `[frames]`, of the video.
        person: the appearances; where two share a frame, the later of this list counts.
    """
    values = np.zeros((len(times_seconds), 15), np.float32)
    valid = np.zeros(len(times_seconds), np.bool_)
    for track in person:
        where = np.array(track.frames, np.int64)
        values[where] = track.values()
        valid[where] = True
    return FaceTrack(
        times_seconds=times_seconds,
        boxes=values[:, :4],
        landmarks=values[:, 4:14].reshape(-1, 5, 2),
        score=values[:, 14],
        valid=valid,
    )
