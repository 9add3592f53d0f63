"""A film of one or two people, and where each face is in every picture.

Each person is drawn in a panel of 256x256 pixels; two panels stand side by side, as in a call. A film can cut to a
close-up of one of two people for a while. Landmarks are known exactly, because the face was drawn: left eye, right eye,
tip of the nose, left and right corner of the mouth, as the viewer sees them, (x, y) in pixels of the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.synth.corpus import PICTURE_SIZE, Clip
from vatrace.synth.expression import Pose
from vatrace.synth.features import PROFILE_RADIANS, mouth_corners
from vatrace.synth.geometry import EYE_HEIGHT, HEAD_CENTRE, Head
from vatrace.synth.scene import Scene
from vatrace.synth.seeds import Purpose, generator

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]

NOSE_LIFT_HEADS = 0.15  # of the tip above the skin, as it is drawn
LIP_LIFT_HEADS = 0.03
CLOSE_UP_SIDE = 3 * PICTURE_SIZE // 2  # of a panel close up: a head then fills most of the picture's height
CLOSE_UP_TOP = round(HEAD_CENTRE[1] * CLOSE_UP_SIDE) - PICTURE_SIZE // 2  # what is cut off above
CLOSE_UP_LEFT = (2 * PICTURE_SIZE - CLOSE_UP_SIDE) // 2  # the black bar beside it


@dataclass(frozen=True, kw_only=True)
class CloseUp:
    """A stretch in which one of two people fills the picture and the other is not seen.

    Args:
        person: 0 for the left one, 1 for the right one.
        first: frame of it, counted from 0.
        stop: the frame after its last.
    """

    person: int
    first: int
    stop: int


@dataclass(frozen=True, kw_only=True)
class Film:
    """One film, planned.

    Args:
        people: one or two, from left to right, on the same times. They may be planned for more frames than the film
            shows.
        num_frames: that the film shows.
        length_seconds: of the film.
        width: of the picture with one person, pixels; even, at most 256. Two people have 512.
        close_up: of one of two people.

    Raises:
        ValueError: neither one nor two people, or a close-up of one who is alone.
    """

    people: tuple[Clip, ...]
    num_frames: int
    length_seconds: float
    width: int = PICTURE_SIZE
    close_up: CloseUp | None = None

    def __post_init__(self) -> None:
        if len(self.people) not in (1, 2):
            raise ValueError(f"a film shows one or two people, got {len(self.people)}.")
        if self.close_up is not None and len(self.people) == 1:
            raise ValueError("a close-up needs two people, of whom it shows one.")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures, pixels."""
        return (self.width if len(self.people) == 1 else 2 * PICTURE_SIZE), PICTURE_SIZE

    @property
    def margin(self) -> int:
        """What is cut off on each side of one person's panel, pixels."""
        return (PICTURE_SIZE - self.width) // 2

    @property
    def times_seconds(self) -> NDArray[np.float64]:
        """Time of each frame that is shown, `[num_frames]`."""
        return self.people[0].times_seconds[: self.num_frames]

    def is_close_up(self, frame: int) -> bool:
        """Whether a frame, counted from 0, shows one of two people."""
        return self.close_up is not None and self.close_up.first <= frame < self.close_up.stop


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture.

    Args:
        pixels: `uint8 [height, width, 3]` RGB.
        faces: landmarks of each person, `[5, 2]`; None where the face is not in the picture or turned away.
    """

    pixels: Picture
    faces: tuple[Points | None, ...]


def shoot(film: Film) -> Iterator[Shot]:
    """Draw every frame that was planned, those after the film's end included.

    Args:
        film: what to draw.

    Yields:
        Shots in order of time.
    """
    scenes = [
        Scene(clip.subject.looks, generator(clip.seed, clip.subject.number, clip.number, Purpose.CAMERA), PICTURE_SIZE)
        for clip in film.people
    ]
    for frame in range(len(film.people[0].truth)):
        panels = [scene.film(clip.motion.pose(frame)) for scene, clip in zip(scenes, film.people, strict=True)]
        yield Shot(pixels=_compose(film, frame, panels), faces=faces_at(film, frame))


def faces_at(film: Film, frame: int) -> tuple[Points | None, ...]:
    """Where each person's face is in one frame; needs no drawing.

    Args:
        film: of whom.
        frame: counted from 0.

    Returns:
        As `Shot.faces`.
    """
    faces = [_landmarks(clip, clip.motion.pose(frame)) for clip in film.people]
    if film.is_close_up(frame):
        assert film.close_up is not None, "a frame of a close-up has one"
        shown = film.close_up.person
        return tuple(_enlarged(face) if person == shown else None for person, face in enumerate(faces))
    lefts = (0, PICTURE_SIZE) if len(faces) == 2 else (-film.margin,)
    return tuple(_moved(face, left, film.size) for face, left in zip(faces, lefts, strict=True))


def soundtrack(film: Film) -> NDArray[np.float32]:
    """The voices of all people together, `[samples]` at the rate of their clips, as long as the film."""
    num_samples = round(film.length_seconds * film.people[0].sample_rate_hz)
    voices = [clip.waveform[:num_samples] for clip in film.people]
    return np.asarray(np.clip(np.sum(voices, axis=0), -0.99, 0.99), np.float32)


def _landmarks(clip: Clip, pose: Pose) -> Points | None:
    """Of one person in the panel; None where a point is outside of it or the face is seen from the side."""
    looks = clip.subject.looks
    head = Head(looks=looks, pose=pose, picture_size=PICTURE_SIZE)
    eyes = np.array([(side * looks.eye_distance, EYE_HEIGHT) for side in (-1, 1)])
    nose = np.array([(0.0, EYE_HEIGHT + looks.nose_length)])
    lips = head.on_face(mouth_corners(head), LIP_LIFT_HEADS)
    points = np.concatenate([head.on_face(eyes), head.on_face(nose, NOSE_LIFT_HEADS), lips])
    return _inside(points, (PICTURE_SIZE, PICTURE_SIZE)) if abs(pose.yaw) < PROFILE_RADIANS else None


def _compose(film: Film, frame: int, panels: list[Picture]) -> Picture:
    """Panels side by side, one of them close up, or the only one cut to the film's width."""
    if film.close_up is not None and film.is_close_up(frame):
        return _close_up(panels[film.close_up.person])
    if len(panels) == 2:
        return np.hstack(panels)
    return np.ascontiguousarray(panels[0][:, film.margin : film.margin + film.width])


def _close_up(panel: Picture) -> Picture:
    """A panel, larger, its top and bottom cut, between black bars."""
    large = cv2.resize(panel, (CLOSE_UP_SIDE, CLOSE_UP_SIDE), interpolation=cv2.INTER_LINEAR)
    pixels = np.zeros((PICTURE_SIZE, 2 * PICTURE_SIZE, 3), np.uint8)
    pixels[:, CLOSE_UP_LEFT : CLOSE_UP_LEFT + CLOSE_UP_SIDE] = large[CLOSE_UP_TOP : CLOSE_UP_TOP + PICTURE_SIZE]
    return pixels


def _enlarged(face: Points | None) -> Points | None:
    if face is None:
        return None
    # A pixel's middle is half a pixel from its corner, in the small picture and in the large one.
    large = CLOSE_UP_SIDE / PICTURE_SIZE * (face + 0.5) - 0.5
    return _inside(large + np.array([CLOSE_UP_LEFT, -CLOSE_UP_TOP]), (2 * PICTURE_SIZE, PICTURE_SIZE))


def _moved(face: Points | None, left: int, size: tuple[int, int]) -> Points | None:
    return None if face is None else _inside(face + np.array([left, 0.0]), size)


def _inside(points: Points, size: tuple[int, int]) -> Points | None:
    """The points, or None if one is outside of a picture of (width, height) pixels."""
    is_inside = (points >= 0).all() and (points <= np.array(size) - 1).all()
    return points if is_inside else None
