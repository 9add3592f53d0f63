"""The head as a solid: where a point of the face is in the picture when the head turns, nods, tilts and moves.

A face is designed flat, in heads (half head heights), y downwards, (0, 0) the middle of the head. It lies on a solid
that is round from left to right and narrows towards the chin. Turning moves features over it; what goes behind the
horizon gathers at the rim, so that shapes stay closed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatrace.synth.expression import Pose
from vatrace.synth.subject import Looks

Points = NDArray[np.float64]

HEAD_CENTRE = (0.5, 0.47)  # of the picture
EYE_HEIGHT = -0.02
MOUTH_HEIGHT = 0.6


@dataclass(frozen=True, kw_only=True)
class Head:
    """A head in a pose, ready to be projected.

    Args:
        looks: its shape.
        pose: its place and direction.
        picture_size: width and height of the picture, pixels.
    """

    looks: Looks
    pose: Pose
    picture_size: int

    @property
    def scale(self) -> float:
        """Pixels in a head."""
        return self.looks.head_size * self.picture_size * self.pose.lean

    @property
    def centre(self) -> Points:
        """Of the head, `[2]` in pixels."""
        return self.picture_size * np.array(HEAD_CENTRE) + self.scale * np.array([self.pose.x, self.pose.y])

    @property
    def angle_degrees(self) -> float:
        """Of ellipses that tilt with the head."""
        return float(np.degrees(self.pose.roll))

    def half_width(self, y: Points) -> Points:
        """Half the head's width at a height, heads; 0 above the crown and below the chin."""
        return np.asarray(self._widest(y) * np.sqrt(np.maximum(0, 1 - np.square(y))))

    def flat(self, points: Points) -> Points:
        """Place points that tilt and move with the head, but do not turn: `[..., 2]` heads to pixels."""
        cos, sin = np.cos(self.pose.roll), np.sin(self.pose.roll)
        rotation = np.array([[cos, sin], [-sin, cos]])
        return np.asarray(self.centre + self.scale * (points @ rotation))

    def on_face(self, points: Points, lift: float = 0.0) -> Points:
        """Place points of the face: `[points, 2]` heads to pixels.

        Args:
            points: in the flat design.
            lift: height above the skin, heads (the nose).
        """
        x, y = points[:, 0], points[:, 1]
        depth = np.sqrt(np.maximum(0, np.square(self.half_width(y)) - np.square(x))) + lift
        return self._turn(x, y, depth)

    def around(self, azimuth: Points, y: Points, lift: float = 0.0, *, hang_below: float = 1.0) -> Points:
        """Place points all round the head, `[points, 2]` pixels.

        Args:
            azimuth: 0 is the nose, positive to the viewer's right.
            y: heights, heads.
            lift: height above the skin, heads.
            hang_below: below this height things hang straight down instead of following the head.
        """
        radius = self.half_width(np.minimum(y, hang_below)) + lift
        return self._turn(radius * np.sin(azimuth), y, radius * np.cos(azimuth))

    def is_facing(self, x: float) -> bool:
        """Whether a point of the face at eye height can be seen."""
        azimuth = np.arcsin(np.clip(x / self.looks.head_width, -1, 1)) + self.pose.yaw
        return bool(np.cos(azimuth) > 0.12)

    def narrowing(self, x: float) -> float:
        """How narrow something at a place of the face looks, 0 (edge on) to 1."""
        azimuth = np.arcsin(np.clip(x / self.looks.head_width, -1, 1)) + self.pose.yaw
        return float(np.clip(np.cos(azimuth), 0, 1))

    def _widest(self, y: Points) -> Points:
        return np.asarray(self.looks.head_width * (1 - self.looks.jaw * np.square(np.maximum(0, y))))

    def _turn(self, x: Points, y: Points, depth: Points) -> Points:
        cos_yaw, sin_yaw = np.cos(self.pose.yaw), np.sin(self.pose.yaw)
        cos_pitch, sin_pitch = np.cos(self.pose.pitch), np.sin(self.pose.pitch)
        x, depth = x * cos_yaw + depth * sin_yaw, depth * cos_yaw - x * sin_yaw
        y, depth = y * cos_pitch + depth * sin_pitch, depth * cos_pitch - y * sin_pitch
        distance = np.sqrt(np.square(x / self._widest(y)) + np.square(y))
        to_rim = np.where((depth < 0) & (distance > 1e-6), 1 / np.maximum(distance, 1e-6), 1.0)
        return self.flat(np.stack([x * to_rim, y * to_rim], axis=1))
