"""Eyes, brows, nose and mouth: the parts of a face that feelings move.

`paint_soft` lays shadows and blush on the skin before it is blurred; `paint_sharp` draws what has edges. Left and right
are the viewer's; `side` is -1 for left, 1 for right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vatrace.synth.geometry import EYE_HEIGHT, MOUTH_HEIGHT, Head
from vatrace.synth.paint import Canvas, mix, tone
from vatrace.synth.subject import Colour

Points = NDArray[np.float64]

SIDES = (-1, 1)
ALONG = np.linspace(-1, 1, 15)  # of an eye or mouth, corner to corner
BULGE = 1 - np.square(ALONG)  # 0 at the corners, 1 in the middle
PROFILE_RADIANS = 0.8  # a head turned further shows its nose against the room
BROW_ALONG = np.linspace(0, 1, 8)  # inner end to outer end
IRIS_RADIUS = 0.078  # heads
EYE_WHITE: Colour = (238, 236, 234)
TEETH: Colour = (240, 236, 226)
MOUTH_INSIDE: Colour = (74, 22, 26)
TONGUE: Colour = (186, 84, 88)
LASH: Colour = (34, 24, 22)


def paint_soft(canvas: Canvas, head: Head) -> None:
    """Shadows and blush of the skin, meant to be blurred afterwards."""
    looks, pose = head.looks, head.pose
    shadow, light, blush = tone(looks.skin, 0.8), tone(looks.skin, 1.09), mix(looks.skin, (222, 96, 90), 0.28)
    for side in SIDES:
        if head.is_facing(side * looks.eye_distance):
            _blob(canvas, head, (side * looks.eye_distance, EYE_HEIGHT - 0.05), (0.2, 0.12), tone(looks.skin, 0.87))
        if head.is_facing(side * 0.42):
            cheek_height = 0.36 - 0.07 * pose.cheek
            blush_share = 0.35 + 0.65 * pose.cheek
            _blob(canvas, head, (side * 0.42, cheek_height), (0.17, 0.12), mix(looks.skin, blush, blush_share))
            _blob(canvas, head, (side * 0.4, cheek_height - 0.07), (0.09, 0.045), mix(looks.skin, light, pose.cheek))
    if looks.has_beard:
        _paint_beard(canvas, head)
    if not head.is_facing(0.0):
        return
    tip = EYE_HEIGHT + looks.nose_length
    shady = -1.0 if looks.light_side > 0 else 1.0
    bridge = np.array([(0.02, -0.1), (0.09, -0.06), (0.06, 0.12), (looks.nose_width, tip), (0.03, tip)]) * (shady, 1)
    canvas.polygon(head.on_face(bridge, 0.03), tone(looks.skin, 0.86))
    _blob(canvas, head, (0, tip + 0.07), (looks.nose_width * 0.9, 0.035), shadow)
    canvas.oval(
        head.on_face(np.array([[-0.02 * shady, tip - 0.06]]), 0.15)[0], (0.05 * head.scale, 0.055 * head.scale), light
    )
    _blob(canvas, head, (0, mouth_bottom(head) + 0.06), (0.13, 0.03), shadow)


def paint_sharp(canvas: Canvas, head: Head) -> None:
    """Everything with an edge, from the back to the front."""
    for side in SIDES:
        if head.is_facing(side * head.looks.eye_distance):
            _paint_eye(canvas, head, side)
    for side in SIDES:
        _paint_brow(canvas, head, side)
    if head.is_facing(0.0):
        _paint_nose(canvas, head)
        _paint_mouth(canvas, head)
    _paint_folds(canvas, head)
    if head.looks.has_glasses:
        _paint_glasses(canvas, head)


def paint_profile(canvas: Canvas, head: Head) -> None:
    """The nose of a head turned away, standing out from the rim and before the hair."""
    if abs(head.pose.yaw) < PROFILE_RADIANS:
        return
    tip = EYE_HEIGHT + head.looks.nose_length
    heights = np.array([EYE_HEIGHT - 0.02, 0.5 * tip, tip - 0.03, tip + 0.04, tip + 0.08])
    lifts = (0.0, 0.07, 0.19, 0.13, 0.0)
    ridge = [head.around(np.zeros(1), heights[[index]], lift) for index, lift in enumerate(lifts)]
    canvas.polygon(np.concatenate(ridge), tone(head.looks.skin, 0.9))


def mouth_corners(head: Head) -> Points:
    """Left and right corner of the mouth, `[2, 2]` heads, in the flat design."""
    upper_inner, _ = _inner_lips(head)
    return upper_inner[[0, -1]]


def mouth_bottom(head: Head) -> float:
    """Height of the lower lip's lower edge, heads."""
    _, lower_inner = _inner_lips(head)
    return float(lower_inner[len(ALONG) // 2, 1]) + 1.25 * head.looks.lip_height


def _blob(canvas: Canvas, head: Head, place: tuple[float, float], radii: tuple[float, float], colour: Colour) -> None:
    """An ellipse lying on the face."""
    narrow = head.narrowing(place[0])
    centre = head.on_face(np.array([place]))[0]
    canvas.oval(
        centre, (radii[0] * head.scale * narrow, radii[1] * head.scale), colour, angle_degrees=head.angle_degrees
    )


def _paint_beard(canvas: Canvas, head: Head) -> None:
    azimuth = np.linspace(-1.25, 1.25, 13)
    edge = 0.62 - 0.28 * np.abs(azimuth / 1.25) ** 2.5
    edge[4:9] = [0.52, 0.47, 0.46, 0.47, 0.52]  # the moustache
    chin = np.full(13, 0.985)
    outline = np.concatenate([head.around(azimuth, edge), head.around(azimuth[::-1], chin)])
    canvas.polygon(outline, mix(head.looks.skin, head.looks.hair, 0.5))


def _paint_eye(canvas: Canvas, head: Head, side: int) -> None:
    looks, pose = head.looks, head.pose
    x = side * looks.eye_distance + looks.eye_width * ALONG
    tilt = EYE_HEIGHT - looks.eye_tilt * side * ALONG
    rest_below = 0.055 * (1 - 0.45 * pose.cheek)
    above = 0.105 * pose.lid - 0.75 * rest_below * max(0.0, 1 - 1.4 * pose.lid)
    upper = head.on_face(np.stack([x, tilt - above * BULGE**0.75], axis=1))
    lower = head.on_face(np.stack([x, tilt + rest_below * BULGE], axis=1))
    if pose.lid > 0.12:
        canvas.clipped(np.concatenate([upper, lower[::-1]]), lambda inner: _paint_eyeball(inner, head, side, upper))
    crease = head.on_face(np.stack([x, tilt - (0.07 + 0.6 * max(above, 0.03)) * BULGE**0.7], axis=1))
    canvas.line(crease[2:-2], tone(looks.skin, 0.68), 0.01 * head.scale)
    canvas.line(lower[2:-2], tone(looks.skin, 0.62), 0.01 * head.scale)
    canvas.line(upper, LASH, 0.03 * head.scale)


def _paint_eyeball(canvas: Canvas, head: Head, side: int, upper: Points) -> None:
    looks, pose = head.looks, head.pose
    place = np.array([[side * looks.eye_distance + 0.05 * pose.gaze_x, EYE_HEIGHT - 0.025 + 0.03 * pose.gaze_y]])
    centre = head.on_face(place)[0]
    radius = IRIS_RADIUS * head.scale
    narrow = max(0.3, head.narrowing(side * looks.eye_distance))
    canvas.picture[:] = EYE_WHITE
    canvas.oval(centre, (radius * narrow, radius), tone(looks.iris, 0.6), angle_degrees=head.angle_degrees)
    canvas.oval(centre, (0.82 * radius * narrow, 0.82 * radius), looks.iris, angle_degrees=head.angle_degrees)
    canvas.oval(centre, (0.45 * radius * narrow, 0.45 * radius), (16, 12, 12), angle_degrees=head.angle_degrees)
    canvas.line(upper + np.array([0, 0.025 * head.scale]), (176, 170, 168), 0.04 * head.scale)  # the lid's shadow
    glint = centre + radius * np.array([0.3 * looks.light_side, -0.35])
    canvas.oval(glint, (0.24 * radius, 0.24 * radius), (255, 255, 255))


def _paint_brow(canvas: Canvas, head: Head, side: int) -> None:
    looks, pose = head.looks, head.pose
    if not head.is_facing(side * (looks.eye_distance + 0.05)):
        return
    inner, outer = 0.13 - 0.045 * pose.brow_knit, looks.eye_distance + 0.21
    x = side * (inner + (outer - inner) * BROW_ALONG)
    arch = -0.055 * np.sin(np.pi * np.minimum(1, 0.15 + 0.8 * BROW_ALONG))
    middle = -0.25 - 0.085 * pose.brow_raise + arch + 0.1 * pose.brow_knit * (1 - BROW_ALONG) ** 1.3
    half = 0.5 * looks.brow_height * (1 - 0.75 * BROW_ALONG**2) + 0.004
    above, below = np.stack([x, middle - half], axis=1), np.stack([x, middle + half], axis=1)
    canvas.polygon(head.on_face(np.concatenate([above, below[::-1]])), looks.brow)


def _paint_nose(canvas: Canvas, head: Head) -> None:
    looks = head.looks
    tip = EYE_HEIGHT + looks.nose_length
    for side in SIDES:
        nostril = head.on_face(np.array([[side * 0.45 * looks.nose_width, tip + 0.025]]), 0.07)[0]
        width = 0.032 * head.scale * max(0.35, head.narrowing(side * 0.1))
        canvas.oval(nostril, (width, 0.016 * head.scale), tone(looks.skin, 0.42), angle_degrees=head.angle_degrees)
        wing = np.array([(0.9, -0.07), (1.05, -0.02), (1.0, 0.02), (0.8, 0.035)]) * (side * looks.nose_width, 1) + (
            0,
            tip,
        )
        canvas.line(head.on_face(wing, 0.04), tone(looks.skin, 0.66), 0.014 * head.scale)


def _inner_lips(head: Head) -> tuple[Points, Points]:
    """Lower edge of the upper lip and upper edge of the lower lip, each `[15, 2]` heads."""
    looks, pose = head.looks, head.pose
    width = looks.mouth_width * (1 + 0.2 * pose.smile) * (1 - 0.33 * pose.rounding)
    parted = pose.mouth_open + 0.16 * max(0.0, pose.smile - 0.35)  # a broad smile shows teeth
    lopsided = 1 + pose.asymmetry * ALONG
    line = MOUTH_HEIGHT + 0.045 * pose.smile - 0.16 * pose.smile * np.abs(ALONG) ** 1.8 * lopsided
    upper = np.stack([width * ALONG, line - 0.05 * parted * BULGE], axis=1)
    lower = np.stack([width * ALONG, line + 0.25 * parted * BULGE**0.8], axis=1)
    return upper, lower


def _paint_mouth(canvas: Canvas, head: Head) -> None:
    looks = head.looks
    upper_inner, lower_inner = _inner_lips(head)
    plump = looks.lip_height * (1 + 0.3 * head.pose.rounding)
    bow = 1 - 0.22 * np.exp(-np.square(ALONG / 0.14)) + 0.1 * np.exp(-np.square((np.abs(ALONG) - 0.3) / 0.15))
    upper_outer = upper_inner - np.stack([0 * ALONG, plump * bow * BULGE**0.6], axis=1)
    lower_outer = lower_inner + np.stack([0 * ALONG, 1.25 * plump * BULGE**0.7], axis=1)
    curves = (upper_outer, upper_inner, lower_inner, lower_outer)
    top, inner_top, inner_bottom, bottom = (head.on_face(curve, 0.03) for curve in curves)
    canvas.polygon(np.concatenate([inner_bottom, bottom[::-1]]), tone(looks.lips, 1.06))
    opening = np.concatenate([inner_top, inner_bottom[::-1]])
    canvas.clipped(opening, lambda inner: _paint_inside(inner, head, inner_top, inner_bottom))
    canvas.polygon(np.concatenate([top, inner_top[::-1]]), tone(looks.lips, 0.9))
    canvas.line(inner_top, tone(looks.lips, 0.5), 0.014 * head.scale)
    glow = (inner_bottom[6:9] + bottom[6:9]) / 2
    canvas.line(glow, tone(looks.lips, 1.25), 0.016 * head.scale)


def _paint_inside(canvas: Canvas, head: Head, inner_top: Points, inner_bottom: Points) -> None:
    canvas.picture[:] = MOUTH_INSIDE
    canvas.oval(inner_bottom[len(ALONG) // 2], (0.13 * head.scale, 0.06 * head.scale), TONGUE)
    drop = np.array([0, 0.075 * head.scale])
    canvas.polygon(np.concatenate([inner_top[2:-2], inner_top[2:-2][::-1] + drop]), TEETH)


def _paint_folds(canvas: Canvas, head: Head) -> None:
    """Lines from the nose's wings round the mouth, deeper with raised cheeks; and between knitted brows."""
    looks, pose = head.looks, head.pose
    corners = mouth_corners(head)
    for side, corner in zip(SIDES, corners, strict=True):
        if head.is_facing(side * 0.4) and pose.cheek > 0.08:
            start = np.array([side * (looks.nose_width + 0.05), EYE_HEIGHT + looks.nose_length])
            end = corner + np.array([side * 0.06, -0.02])
            bend = (start + end) / 2 + np.array([side * 0.05, -0.02])
            along = np.linspace(0, 1, 6)[:, None]
            curve = (1 - along) ** 2 * start + 2 * along * (1 - along) * bend + along**2 * end
            canvas.line(head.on_face(curve), tone(looks.skin, 0.93 - 0.17 * pose.cheek), 0.016 * head.scale)
        if head.is_facing(0.0) and pose.brow_knit > 0.1:
            furrow = np.array([(side * 0.05, -0.27), (side * 0.04, -0.2), (side * 0.05, -0.15)])
            canvas.line(head.on_face(furrow), tone(looks.skin, 0.95 - 0.25 * pose.brow_knit), 0.014 * head.scale)


def _paint_glasses(canvas: Canvas, head: Head) -> None:
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    for side in SIDES:
        if head.is_facing(side * head.looks.eye_distance):
            x = side * head.looks.eye_distance + 0.225 * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.8
            y = EYE_HEIGHT + 0.01 + 0.175 * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.8
            canvas.line(head.on_face(np.stack([x, y], axis=1), 0.06), (52, 44, 44), 0.02 * head.scale, is_closed=True)
    if head.is_facing(0.0):
        bridge = np.array([(-0.1, EYE_HEIGHT - 0.02), (0, EYE_HEIGHT - 0.05), (0.1, EYE_HEIGHT - 0.02)])
        canvas.line(head.on_face(bridge, 0.06), (52, 44, 44), 0.02 * head.scale)
