"""Random changes of a training picture: turned, mirrored, cut, recoloured (paper, IV-C).

Everything random is drawn from a generator that the caller keys by picture and epoch, so a picture is changed in the
same way whoever loads it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

_LOG_RATIO = math.log(4 / 3)  # of width to height of what is cut out, at most; as in torchvision's RandomResizedCrop
_ATTEMPTS = 10  # same source


@dataclass(frozen=True)
class Change:
    """What is done to the shape of a square picture, in this order: turned, mirrored, cut, made square again.

    Args:
        degrees: how far it is turned about its middle, counter-clockwise.
        mirrored: whether left and right are swapped.
        box: left, top, width and height of what is cut out, as shares of the side.
    """

    degrees: float
    mirrored: bool
    box: tuple[float, float, float, float]


def draw_change(random: np.random.Generator, *, rotation_degrees: float, smallest_crop: float) -> Change:
    """A random change: rotation up to +-`rotation_degrees`, mirrored half of the time, a random resized crop.

    Args:
        random: keyed by the picture.
        rotation_degrees: how far to turn at most.
        smallest_crop: smallest share of the area that is cut out, in (0, 1].
    """
    degrees = random.uniform(-rotation_degrees, rotation_degrees)
    mirrored = bool(random.random() < 0.5)
    for _ in range(_ATTEMPTS):
        area, ratio = random.uniform(smallest_crop, 1), math.exp(random.uniform(-_LOG_RATIO, _LOG_RATIO))
        width, height = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if width <= 1 and height <= 1:
            box = (random.uniform(0, 1 - width), random.uniform(0, 1 - height), width, height)
            return Change(degrees, mirrored, box)
    return Change(degrees, mirrored, (0.0, 0.0, 1.0, 1.0))


def apply_change(picture: NDArray[np.uint8], change: Change) -> NDArray[np.uint8]:
    """The changed picture, of the same size; black where there was nothing.

    Args:
        picture: `[pixels, pixels, 3]`, square.
        change: what to do.
    """
    pixels = len(picture)
    warped = cv2.warpAffine(
        picture, _sources(change, pixels), (pixels, pixels), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return np.asarray(warped, np.uint8)


def _sources(change: Change, pixels: int) -> NDArray[np.float64]:
    """Where each pixel (column, row, 1) of the changed picture comes from in the given one: a matrix `[2, 3]`."""
    left, top, width, height = change.box
    cut = np.array([[width, 0, left * pixels], [0, height, top * pixels], [0, 0, 1]])
    mirror = np.array([[-1, 0, pixels], [0, 1, 0], [0, 0, 1]]) if change.mirrored else np.eye(3)
    cos, sin = math.cos(math.radians(change.degrees)), math.sin(math.radians(change.degrees))
    middle = pixels / 2
    turn = np.array(
        [[cos, -sin, middle * (1 - cos + sin)], [sin, cos, middle * (1 - cos - sin)], [0, 0, 1]]
    )  # a point turned about the middle
    # The matrices speak of places, where pixel 0 reaches from 0 to 1; OpenCV speaks of the middles of pixels.
    to_place = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix: NDArray[np.float64] = (np.linalg.inv(to_place) @ turn @ mirror @ cut @ to_place)[:2]
    return matrix


def draw_colours(random: np.random.Generator, strength: float) -> NDArray[np.float32]:
    """How to recolour a picture: share of colour kept, contrast, and a shift for each of the channels.

    Args:
        random: keyed by the picture.
        strength: 0 changes nothing, 1 changes much.

    Returns:
        `[5]`, for `recolour`.
    """
    kept = 1 - strength * random.random()
    contrast = 1 + strength * (0.8 * random.random() - 0.4)
    return np.array([kept, contrast, *(0.4 * strength * random.standard_normal(3))], np.float32)


def recolour(
    images: Float[Tensor, "batch 3 height width"], colours: Float[Tensor, "batch 5"]
) -> Float[Tensor, "batch 3 height width"]:
    """Fade each normalised picture towards grey, change its contrast, and shift its channels.

    Hair and skin then tell less of who it is.
    """
    numbers = colours[:, :, None, None]  # [batch, 5, 1, 1]
    kept, contrast, shifts = numbers[:, :1], numbers[:, 1:2], numbers[:, 2:]
    faded = torch.lerp(images.mean(dim=1, keepdim=True), images, kept)
    return faded * contrast + shifts
