"""Hand-made frames, faces and tracks, and a detector that says what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatrace.faces.alignment import ARCFACE_TEMPLATE
from vatrace.faces.detection import Detection
from vatrace.faces.tracking import FaceTrack

FRAME_SECONDS = 0.04


@dataclass(frozen=True)
class Shot:
    time_seconds: float
    pixels: NDArray[np.uint8]


def shots(count: int, frame_seconds: float = FRAME_SECONDS) -> list[Shot]:
    """Frames of one colour each: frame i is 10 + i."""
    return [Shot(i * frame_seconds, np.full((224, 224, 3), (10 + i) % 256, np.uint8)) for i in range(count)]


def face(x: float, y: float, size: float, score: float = 0.99) -> Detection:
    """A square face with its middle at (x, y)."""
    corner = np.array([x - size / 2, y - size / 2])
    return Detection(
        box=np.array([*corner, *(corner + size)], np.float32),
        landmarks=(corner + ARCFACE_TEMPLATE / 224 * size).astype(np.float32),
        score=score,
    )


class TellingDetector:
    """Gives the faces it was made with, frame after frame."""

    def __init__(self, faces: Sequence[list[Detection]]) -> None:
        self.faces = faces
        self.batches: list[int] = []

    def detect(self, frames: Sequence[NDArray[np.uint8]]) -> list[list[Detection]]:
        first = sum(self.batches)
        self.batches.append(len(frames))
        return list(self.faces[first : first + len(frames)])


def track_of(frames: Sequence[Shot], valid: Sequence[int]) -> FaceTrack:
    """A track of a face that fills the frame."""
    count = len(frames)
    return FaceTrack(
        times_seconds=np.array([shot.time_seconds for shot in frames]),
        boxes=np.tile(np.array([0, 0, 224, 224], np.float32), (count, 1)),
        landmarks=np.tile(ARCFACE_TEMPLATE.astype(np.float32), (count, 1, 1)),
        score=np.ones(count, np.float32),
        valid=np.array(valid, np.bool_),
    )
