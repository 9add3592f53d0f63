"""What a face looks like, in a few numbers: enough to tell the people of one film apart, not to recognise anybody.

Two parts of the aligned face, each of a length of its own: the strength of its gradients by direction in 6 x 6 cells,
and its colours in 4 x 4 cells. Neither changes much with the brightness of the picture, its sharpness or the
compression, so one real face seen so, or lit from one side, differs from itself by less than .02, and two people by .06
and more (figures in `faces.shots`). Drawn faces, which have hardly any texture, are less steady. Clothes are left out:
their colours change more with the light than from one person to the next. Two films cannot be compared with this, and
nobody can be identified by it: a face that is turned away has other looks.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.faces.alignment import align_face
from vatrace.faces.detection import Frame

_FACE_PIXELS = 64
_INNER = slice(8, 56)  # of the aligned crop: the face without what is beside the head
_GRADIENT_CELLS = 6  # 4 tell less of two people, 8 more of how one is turned
_COLOUR_CELLS = 4
_DIRECTIONS = 8
_GRADIENT_SHARE = 2 / 3  # of the distance; the colours, which depend more on the light, have the rest

_HEAD = cv2.ellipse(np.zeros((_FACE_PIXELS, _FACE_PIXELS), np.float32), (32, 32), (28, 29), 0, 0, 360, 1.0, -1)

_GRADIENT_DIM = _GRADIENT_CELLS * _GRADIENT_CELLS * _DIRECTIONS
LOOKS_DIM = _GRADIENT_DIM + _COLOUR_CELLS * _COLOUR_CELLS * 3


def looks_of(pixels: Frame, landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Describe one face.

    Args:
        pixels: the frame, `[height, width, 3]` RGB.
        landmarks: `[5, 2]`, as `Detection.landmarks`.

    Returns:
        `[LOOKS_DIM]` of length 1, or less where there is nothing to see.
    """
    face = align_face(pixels, landmarks, _FACE_PIXELS)
    gradients, colours = _unit(_gradients(face)), _unit(_colours(face))
    parts = (np.sqrt(_GRADIENT_SHARE) * gradients, np.sqrt(1 - _GRADIENT_SHARE) * colours)
    return np.concatenate(parts).astype(np.float32)


def looks_distance(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """How different looks are: one minus the cosine, a weighted mean over the parts.

    Args:
        some: `[some, LOOKS_DIM]`.
        others: `[others, LOOKS_DIM]`.

    Returns:
        `[some, others]`, 0 for the same, about 1 for what has nothing in common or cannot be compared.
    """
    return np.asarray(1 - some @ others.T, np.float32)


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of length 1; zeros stay."""
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-9), np.float64)


def _gradients(face: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Strength of the gradients by cell and direction, square-rooted, so that one strong edge does not say it all."""
    grey = cv2.GaussianBlur(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (0, 0), 1.0).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength, angle = np.hypot(across, down) * _HEAD, np.arctan2(down, across)
    direction = np.floor((angle + np.pi) / (2 * np.pi) * _DIRECTIONS).astype(np.int64) % _DIRECTIONS
    cell = np.arange(len(grey)) * _GRADIENT_CELLS // len(grey)
    place = (cell[:, None] * _GRADIENT_CELLS + cell[None]) * _DIRECTIONS + direction
    return np.sqrt(np.bincount(place.ravel(), strength.ravel(), minlength=_GRADIENT_DIM))


def _colours(face: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean colour of each cell against the mean of all, so that light and dark cells and their tint count."""
    side = (_COLOUR_CELLS, _COLOUR_CELLS)
    cells = cv2.resize(face[_INNER, _INNER], side, interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
    return np.asarray(cells - cells.mean(), np.float64)
