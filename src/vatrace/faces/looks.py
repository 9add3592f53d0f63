"""What a face looks like, in a few numbers: enough to tell the people of one film apart, not to recognise anybody.

Three parts, each of length 1: the gradients of the aligned face in 4 x 4 cells, its colours in the same cells, and the
colours below the chin, where clothes are. What is beside the head is left out: it changes with every camera. Within one
film light, hair and clothes help. Two films cannot be compared with this, and nobody can be identified by it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.faces.alignment import align_face
from vatrace.faces.detection import Frame

_FACE_PIXELS = 64
_INNER = slice(8, 56)  # of the aligned crop: the face without what is beside the head
_CELLS = 4
_DIRECTIONS = 8
_LEVELS = 8  # a colour channel, of the histogram of the clothes
_CLOTHES_PIXELS = 32
_SIDE, _FROM, _TO = 0.2, 0.1, 0.8  # where clothes are: beside the face's box and below it, in its size
_MIN_CLOTHES = 0.3  # share of that which has to be in the picture

_FACE_DIM = _CELLS * _CELLS * _DIRECTIONS
_COLOUR_DIM = _CELLS * _CELLS * 3
_CLOTHES_DIM = 3 * _LEVELS
LOOKS_DIM = _FACE_DIM + _COLOUR_DIM + _CLOTHES_DIM
_PARTS = (slice(0, _FACE_DIM), slice(_FACE_DIM, _FACE_DIM + _COLOUR_DIM), slice(_FACE_DIM + _COLOUR_DIM, LOOKS_DIM))


def looks_of(pixels: Frame, box: NDArray[np.float32], landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Describe one face.

    Args:
        pixels: the frame, `[height, width, 3]` RGB.
        box: `[4]`, x1, y1, x2, y2.
        landmarks: `[5, 2]`, as `Detection.landmarks`.

    Returns:
        `[LOOKS_DIM]`; each of its three parts has length 1, or 0 where there is nothing to see.
    """
    face = align_face(pixels, landmarks, _FACE_PIXELS)
    parts = (_gradients(face), _colours(face), _clothes(pixels, box))
    return np.concatenate([_unit(part) for part in parts]).astype(np.float32)


def looks_distance(one: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """How different looks are: mean over the parts that both have of one minus the cosine.

    Args:
        one: `[LOOKS_DIM]`, or a sum or mean of some of the same face.
        others: `[faces, LOOKS_DIM]`.

    Returns:
        `[faces]`, 0 for the same, about 1 for what has nothing in common or cannot be compared.
    """
    cosines = np.zeros((len(_PARTS), len(others)))
    there = np.zeros((len(_PARTS), len(others)), np.bool_)
    for row, part in enumerate(_PARTS):
        cosines[row] = _unit(others[:, part].astype(np.float64)) @ _unit(one[part].astype(np.float64))
        there[row] = one[part].any() & others[:, part].any(axis=1)
    return np.asarray(1 - (cosines * there).sum(axis=0) / np.maximum(there.sum(axis=0), 1), np.float64)


def _unit(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Of length 1 along the last axis; zeros stay."""
    length = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.maximum(length, 1e-9), np.float64)


def _gradients(face: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Strength of the gradients by cell and direction, square-rooted, so that one strong edge does not say it all."""
    grey = cv2.GaussianBlur(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)[_INNER, _INNER].astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength, angle = np.hypot(across, down), np.arctan2(down, across)
    direction = np.floor((angle + np.pi) / (2 * np.pi) * _DIRECTIONS).astype(np.int64) % _DIRECTIONS
    cell = np.arange(len(grey)) * _CELLS // len(grey)
    place = (cell[:, None] * _CELLS + cell[None]) * _DIRECTIONS + direction
    return np.sqrt(np.bincount(place.ravel(), strength.ravel(), minlength=_FACE_DIM))


def _colours(face: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean colour of each cell against the mean of all, so that light and dark cells and their tint count."""
    cells = cv2.resize(face[_INNER, _INNER], (_CELLS, _CELLS), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
    return np.asarray(cells - cells.mean(), np.float64)


def _clothes(pixels: Frame, box: NDArray[np.float32]) -> NDArray[np.float64]:
    """Histograms of red, green and blue below the chin, square-rooted; zeros where that is out of the picture."""
    height, width = pixels.shape[:2]
    across, down = box[2:] - box[:2]
    wanted = np.array([box[0] - _SIDE * across, box[3] + _FROM * down, box[2] + _SIDE * across, box[3] + _TO * down])
    x1, y1, x2, y2 = np.clip(np.rint(wanted), 0, [width, height, width, height]).astype(int)
    area = (wanted[2] - wanted[0]) * (wanted[3] - wanted[1])
    if x2 - x1 < 1 or y2 - y1 < 1 or (x2 - x1) * (y2 - y1) < _MIN_CLOTHES * area:
        return np.zeros(_CLOTHES_DIM)
    side = (_CLOTHES_PIXELS, _CLOTHES_PIXELS)
    small = cv2.resize(pixels[y1:y2, x1:x2], side, interpolation=cv2.INTER_AREA)
    level = small.reshape(-1, 3, 1).astype(np.float32) / 256 * _LEVELS - 0.5
    weight = np.clip(1 - np.abs(level - np.arange(_LEVELS)), 0, 1)  # [pixels, 3, levels], shared by two neighbours
    return np.asarray(np.sqrt(weight.sum(axis=0, dtype=np.float64).ravel()), np.float64)
