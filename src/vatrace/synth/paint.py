"""Brushes: anti-aliased shapes at sub-pixel places on an RGB picture. Points are `[points, 2]` in pixels, x first."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.synth.subject import Colour

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]

SUBPIXEL_BITS = 4
SUBPIXELS = 1 << SUBPIXEL_BITS


class Canvas:
    """A picture to paint on.

    Args:
        picture: `uint8 [height, width, 3]`, painted in place.
        origin: the pixel that is at the picture's upper left corner; points count from where 0 would be.
    """

    def __init__(self, picture: Picture, origin: tuple[int, int] = (0, 0)) -> None:
        self.picture = picture
        self.origin = origin

    def polygon(self, points: Points, colour: Colour) -> None:
        """Fill a closed shape."""
        cv2.fillPoly(self.picture, [self._fixed(points)], colour, cv2.LINE_AA, SUBPIXEL_BITS)

    def line(self, points: Points, colour: Colour, width: float, *, is_closed: bool = False) -> None:
        """Draw through the points; `width` in pixels, rounded to 1 or more."""
        thickness = max(1, round(width))
        cv2.polylines(self.picture, [self._fixed(points)], is_closed, colour, thickness, cv2.LINE_AA, SUBPIXEL_BITS)

    def oval(self, centre: Points, radii: tuple[float, float], colour: Colour, *, angle_degrees: float = 0.0) -> None:
        """Fill an ellipse."""
        x, y = self._fixed(centre)
        axes = (max(1, round(radii[0] * SUBPIXELS)), max(1, round(radii[1] * SUBPIXELS)))
        place = (int(x), int(y))
        cv2.ellipse(self.picture, place, axes, angle_degrees, 0, 360, colour, cv2.FILLED, cv2.LINE_AA, SUBPIXEL_BITS)

    def clipped(self, outline: Points, paint: Callable[[Canvas], None]) -> None:
        """Paint only inside a closed shape, with a soft edge.

        Args:
            outline: of the shape.
            paint: gets a canvas that covers the shape and holds what is there.
        """
        height, width = self.picture.shape[:2]
        low = np.floor(outline.min(axis=0)).astype(int) - self.origin - 1
        high = np.ceil(outline.max(axis=0)).astype(int) - self.origin + 2
        left, top = max(0, int(low[0])), max(0, int(low[1]))
        right, bottom = min(width, int(high[0])), min(height, int(high[1]))
        if left >= right or top >= bottom:
            return
        below = self.picture[top:bottom, left:right]
        inner = Canvas(below.copy(), (self.origin[0] + left, self.origin[1] + top))
        paint(inner)
        inside = np.zeros_like(below)
        cv2.fillPoly(inside, [inner._fixed(outline)], (255, 255, 255), cv2.LINE_AA, SUBPIXEL_BITS)
        blended = cv2.add(
            cv2.multiply(inner.picture, inside, scale=1 / 255),
            cv2.multiply(below, cv2.bitwise_not(inside), scale=1 / 255),
        )
        self.picture[top:bottom, left:right] = blended

    def show(self, picture: Picture) -> None:
        """Copy the part of a whole picture (whose corner is pixel (0, 0)) that this canvas covers."""
        height, width = self.picture.shape[:2]
        x, y = self.origin
        self.picture[:] = picture[y : y + height, x : x + width]

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        return np.asarray(np.rint((points - np.array(self.origin)) * SUBPIXELS), np.int32)


def tone(colour: Colour, factor: float) -> Colour:
    """A darker (below 1) or lighter (above 1) tone."""
    red, green, blue = (min(255, max(0, round(factor * channel))) for channel in colour)
    return red, green, blue


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """`colour` with a `share` (0 to 1) of `other`."""
    red, green, blue = (round((1 - share) * a + share * b) for a, b in zip(colour, other, strict=True))
    return red, green, blue
