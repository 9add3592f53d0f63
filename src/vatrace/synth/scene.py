"""A whole picture: the room, the figure, a hand before the face, the light and the camera."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.synth.expression import Pose
from vatrace.synth.figure import make_plates, paint_behind, paint_head
from vatrace.synth.geometry import Head
from vatrace.synth.paint import Canvas, Picture, tone
from vatrace.synth.subject import Looks

NUM_GRAINS = 8  # different noise pictures; a frame takes one at a random place
GRAIN_MARGIN_PIXELS = 32
GRAIN_DEVIATION = 2.5  # of 255
BLUR_SHARE = 0.055  # deviation of the strongest blur as a share of the picture's width
LEVELS = np.arange(256, dtype=np.float64)


class Scene:
    """Draws one subject in one room.

    Args:
        looks: of the subject.
        rng: source of the room, the strands of hair and the camera's noise.
        picture_size: width and height, pixels; even.
    """

    def __init__(self, looks: Looks, rng: np.random.Generator, picture_size: int) -> None:
        if picture_size % 2:
            raise ValueError(f"picture_size is {picture_size}; it must be even")
        self.looks = looks
        self.picture_size = picture_size
        self._rng = rng
        self._plates = make_plates(rng, looks)
        self._room = _paint_room(rng, looks, picture_size)
        span = picture_size + GRAIN_MARGIN_PIXELS
        grains = np.rint(rng.normal(0, GRAIN_DEVIATION, (NUM_GRAINS, span, span, 3)))
        self._grains_up = np.clip(grains, 0, 255).astype(np.uint8)
        self._grains_down = np.clip(-grains, 0, 255).astype(np.uint8)

    def draw(self, pose: Pose) -> Picture:
        """What is there, in plain light and all in focus, `uint8 [size, size, 3]` RGB."""
        canvas = Canvas(self._room.copy())
        head = Head(looks=self.looks, pose=pose, picture_size=self.picture_size)
        half = Head(looks=self.looks, pose=pose, picture_size=self.picture_size // 2)
        if abs(pose.x) < 4:  # further away nothing of the figure is in the picture
            paint_behind(canvas, head)
            paint_head(canvas, head, half, self._plates)
            if pose.cover > 0:
                _paint_hand(canvas, head)
        return canvas.picture

    def expose(self, pose: Pose) -> Picture:
        """The scene in its light and focus, without the camera's noise."""
        picture = np.asarray(cv2.LUT(self.draw(pose), _light_table(pose)), np.uint8)
        if pose.blur > 0.02:
            picture = _defocus(picture, pose.blur * BLUR_SHARE * self.picture_size)
        return picture

    def film(self, pose: Pose) -> Picture:
        """The next frame as the camera takes it, with noise; advances the camera's chance."""
        picture = self.expose(pose)
        which = int(self._rng.integers(NUM_GRAINS))
        x, y = self._rng.integers(GRAIN_MARGIN_PIXELS, size=2)
        window = (which, slice(y, y + self.picture_size), slice(x, x + self.picture_size))
        grainy = cv2.subtract(cv2.add(picture, self._grains_up[window]), self._grains_down[window])
        return np.asarray(grainy, np.uint8)


def _paint_room(rng: np.random.Generator, looks: Looks, size: int) -> Picture:
    """A wall that darkens downwards, with a few things out of focus."""
    share = np.linspace(0, 1, size)[:, None, None]
    wall = (1 - share) * np.array(looks.wall[0]) + share * np.array(looks.wall[1])
    room = Canvas(np.repeat(wall, size, axis=1).astype(np.uint8))
    for _ in range(int(rng.integers(2, 6))):
        corner, extent = rng.uniform(-0.1, 0.9, 2) * size, rng.uniform(0.1, 0.4, 2) * size
        box = corner + extent * np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
        room.polygon(box, tone(looks.wall[int(rng.integers(2))], rng.uniform(0.65, 1.25)))
    return np.asarray(cv2.GaussianBlur(room.picture, (0, 0), 0.03 * size), np.uint8)


def _paint_hand(canvas: Canvas, head: Head) -> None:
    """A hand that comes up from below and lies before brows, eyes, nose and mouth."""
    drop = 3.0 * (1 - head.pose.cover)
    skin, unit = head.looks.skin, head.scale

    def place(x: float, y: float) -> NDArray[np.float64]:
        return head.flat(np.array([x, y + drop]))

    sleeve = np.array([place(-0.34, 1.25), place(0.34, 1.25), place(0.5, 3.5), place(-0.5, 3.5)])
    canvas.polygon(sleeve, tone(head.looks.cloth, 0.85))
    canvas.polygon(
        np.array([place(-0.26, 0.8), place(0.26, 0.8), place(0.3, 1.35), place(-0.3, 1.35)]), tone(skin, 0.9)
    )
    fingers = ((-0.45, -0.28, 0.2), (-0.16, -0.46, 0.21), (0.15, -0.48, 0.21), (0.45, -0.3, 0.19), (0.62, 0.35, 0.17))
    for x, top, width in fingers:
        bone = np.array([place(0.72 * x, 0.75), place(x, top)])
        canvas.line(bone, tone(skin, 0.62), 1.18 * width * 1.5 * unit)
        canvas.line(bone, tone(skin, 0.96), width * 1.5 * unit)
    canvas.oval(place(0.0, 0.66), (0.5 * unit, 0.42 * unit), tone(skin, 0.94), angle_degrees=head.angle_degrees)


def _light_table(pose: Pose) -> Picture:
    """Brightness and warmth as a table for each channel, `[1, 256, 3]`."""
    gains = pose.light * np.array([1 + pose.warmth, 1.0, 1 - pose.warmth])
    return np.clip(LEVELS[None, :, None] * gains, 0, 255).astype(np.uint8)


def _defocus(picture: Picture, deviation_pixels: float) -> Picture:
    """Blur, strong ones on a smaller picture, where they are cheap."""
    size = picture.shape[0]
    factor = 4 if deviation_pixels > 6 else 2 if deviation_pixels > 2.5 else 1
    small = cv2.resize(picture, (size // factor, size // factor), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), deviation_pixels / factor)
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
