"""Head, hair, ears, neck and shoulders: what does not move with feelings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.synth import features
from vatrace.synth.geometry import Head
from vatrace.synth.paint import Canvas, Picture, tone
from vatrace.synth.subject import Colour, Looks

Points = NDArray[np.float64]

PLATE_PIXELS = 128
PLATE_HEADS = 1.6  # a plate reaches this far from the middle of the head
SKIN_BLUR_HEADS = 0.045
ROUND = np.linspace(0, 2 * np.pi, 40, endpoint=False)
FRONT = np.linspace(-1.45, 1.45, 17)  # azimuths from ear to ear


@dataclass(frozen=True, kw_only=True)
class Plates:
    """Shaded colours in the head's own frame, made once a subject.

    Args:
        skin: `uint8 [PLATE_PIXELS, PLATE_PIXELS, 3]`.
        hair: the same.
    """

    skin: Picture
    hair: Picture


def make_plates(rng: np.random.Generator, looks: Looks) -> Plates:
    """Shade skin and hair with the subject's light.

    Args:
        rng: source of the strands of hair.
        looks: colours and direction of the light.
    """
    place = np.linspace(-PLATE_HEADS, PLATE_HEADS, PLATE_PIXELS)
    x, y = np.meshgrid(place / looks.head_width, place)
    lambert = _lambert(x, y, looks.light_side)
    strands = cv2.GaussianBlur(rng.standard_normal((1, 360)), (0, 0), 1.2)[0] * 2.2
    angle = np.degrees(np.arctan2(x, y + 1.15)) % 360
    sheen = np.exp(-np.square((np.hypot(x, y) - 0.93) / 0.1)) * np.clip(lambert, 0, 1)
    hair_shade = 0.68 + 0.4 * lambert + 0.1 * np.interp(angle, np.arange(360), strands) + 0.45 * sheen
    return Plates(skin=_coloured(looks.skin, 0.7 + 0.36 * lambert), hair=_coloured(looks.hair, hair_shade))


def paint_behind(canvas: Canvas, head: Head) -> None:
    """Hair behind the neck, neck, shoulders, and the ears that are beside the head."""
    looks = head.looks
    if looks.hair_style in ("long", "bob"):
        length = 1.55 if looks.hair_style == "long" else 0.95
        right = np.array(
            [(0.98, -0.3), (1.07, 0.2), (1.12, 0.6), (1.1, length - 0.15), (0.98, length), (0.5, length + 0.06)]
        )
        fall = np.concatenate([right, right[::-1] * (-1, 1)])
        canvas.polygon(head.flat(fall * (looks.head_width * 1.08, 1)), tone(looks.hair, 0.62))
    if looks.hair_style == "bun":
        canvas.oval(head.flat(np.array([0.0, -1.1])), (0.34 * head.scale, 0.3 * head.scale), tone(looks.hair, 0.8))
    _paint_body(canvas, head)
    _paint_ears(canvas, head, is_in_front=False)


def paint_head(canvas: Canvas, head: Head, half: Head, plates: Plates) -> None:
    """The head with its face and hair.

    Args:
        canvas: the whole picture.
        head: in the picture.
        half: the same head in a picture of half the size, on which soft things are painted.
        plates: of the subject.
    """
    outline = _outline(head)
    skin = _skin(half, plates)
    canvas.clipped(outline, lambda inner: inner.show(skin))
    canvas.line(outline[:21], tone(head.looks.skin, 0.6), 0.014 * head.scale)
    features.paint_sharp(canvas, head)
    hair = _lay(plates.hair, head)
    canvas.clipped(_hair(head), lambda inner: inner.show(hair))
    features.paint_profile(canvas, head)
    _paint_ears(canvas, head, is_in_front=True)


def _lambert(x: NDArray[np.float64], y: NDArray[np.float64], light_side: float) -> NDArray[np.float64]:
    """Light that falls on a ball from above, in front and one side; negative where it is turned away."""
    light = np.array([0.65 * light_side, -0.5, 0.75])
    light /= np.linalg.norm(light)
    depth = np.sqrt(np.maximum(0.0, 1 - np.square(x) - np.square(y)))
    length = np.maximum(1.0, np.hypot(x, y))
    return np.asarray((light[0] * x + light[1] * y) / length + light[2] * depth)


def _coloured(colour: Colour, shade: NDArray[np.float64]) -> Picture:
    return np.asarray(np.clip(shade[..., None] * np.array(colour), 0, 255), np.uint8)


def _lay(plate: Picture, head: Head) -> Picture:
    """A plate at the head's place, as a whole picture."""
    scale = head.scale * 2 * PLATE_HEADS / (PLATE_PIXELS - 1)
    cos, sin = scale * np.cos(head.pose.roll), scale * np.sin(head.pose.roll)
    turn = np.array([[cos, -sin], [sin, cos]])
    shift = head.centre - turn @ np.full(2, (PLATE_PIXELS - 1) / 2)
    size = (head.picture_size, head.picture_size)
    laid = cv2.warpAffine(plate, np.column_stack([turn, shift]), size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, np.uint8)


def _skin(half: Head, plates: Plates) -> Picture:
    """Shaded, soft skin with its shadows and blush, as a whole picture of full size."""
    small = _lay(plates.skin, half)
    features.paint_soft(Canvas(small), half)
    blurred = cv2.GaussianBlur(small, (0, 0), SKIN_BLUR_HEADS * half.scale)
    size = (2 * half.picture_size, 2 * half.picture_size)
    return np.asarray(cv2.resize(blurred, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _outline(head: Head) -> Points:
    """Silhouette of the head, `[points, 2]` pixels, clockwise from the right ear over the chin."""
    y = np.sin(ROUND)
    return head.flat(np.stack([np.sign(np.cos(ROUND)) * head.half_width(y), y], axis=1))


def _hair(head: Head) -> Points:
    """The cap of hair: over the crown from ear to ear, back along the hairline."""
    looks = head.looks
    volume = 1.07 if looks.hair_style != "bun" else 1.04
    hem = {"short": 0.12, "bun": 0.05, "bob": 0.8, "long": 0.95}[looks.hair_style]
    crown_angle = np.linspace(np.pi - 0.1, 2 * np.pi + 0.1, 25)
    crown = np.stack([np.cos(crown_angle) * looks.head_width * volume, np.sin(crown_angle) * volume], axis=1)
    sides = np.array([(-looks.head_width * 1.04, hem), (looks.head_width * 1.04, hem)])
    rise = np.clip((1.25 - np.abs(FRONT)) / 0.45, 0, 1) ** 0.6  # 0 at the ears, 1 over the forehead
    parting = 0.05 * np.sin(2.2 * FRONT + 0.8)
    line = hem + (looks.hairline + parting - hem) * rise
    hairline = head.around(FRONT[::-1], line[::-1], 0.01, hang_below=0.15)
    return np.concatenate([head.flat(sides[:1]), head.flat(crown), head.flat(sides[1:]), hairline])


def _paint_ears(canvas: Canvas, head: Head, *, is_in_front: bool) -> None:
    """Ears lie behind the cheeks when the head looks ahead; the one turned to the viewer comes before the hair."""
    looks = head.looks
    if is_in_front and looks.hair_style in ("long", "bob"):
        return
    for side in features.SIDES:
        azimuth = side * 1.62 + head.pose.yaw
        if (np.cos(azimuth) > 0.2) != is_in_front or np.cos(azimuth) < -0.6:
            continue
        place = np.array([np.sin(azimuth) * looks.head_width * 1.02, 0.08])
        width = 0.09 + 0.07 * max(0.0, float(np.cos(azimuth)))
        centre = head.flat(place)
        for share, shade in ((1.0, 0.82), (0.6, 0.7)):
            radii = (share * width * head.scale, share * 0.19 * head.scale)
            canvas.oval(centre, radii, tone(looks.skin, shade), angle_degrees=head.angle_degrees)


def _paint_body(canvas: Canvas, head: Head) -> None:
    """Neck and shoulders; they follow half of the head's sway and none of its tilt."""
    looks, unit = head.looks, head.looks.head_size * head.picture_size
    half_way = np.array([head.centre[0] - 0.4 * unit * np.clip(head.pose.x, -0.4, 0.4), 0.47 * head.picture_size])

    def place(points: list[tuple[float, float]]) -> Points:
        return np.asarray(half_way + unit * np.array(points))

    neck = place([(-0.36, 0.5), (0.36, 0.5), (0.4, 1.3), (0.0, 1.5), (-0.4, 1.3)])
    canvas.polygon(neck, tone(looks.skin, 0.74))
    shoulders = [
        (-0.42, 1.12),
        (-1.0, 1.32),
        (-1.45, 1.55),
        (-1.62, 2.4),
        (1.62, 2.4),
        (1.45, 1.55),
        (1.0, 1.32),
        (0.42, 1.12),
    ]
    collar = [(0.2, 1.36), (0.0, 1.42), (-0.2, 1.36)]
    canvas.polygon(place(shoulders + collar), looks.cloth)
    canvas.line(place([(0.42, 1.12), *collar, (-0.42, 1.12)]), tone(looks.cloth, 0.72), 0.05 * unit)
