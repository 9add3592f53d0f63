"""From feelings to movements: what face, head, eyes, light and camera do in every frame.

The face follows the truth through the subject's habits; speech, blinks, sway and episodes come on top. Angles are
radians, lengths are heads (half head heights), and most movements run from 0 (none) to 1 (full).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from vatrace.streams import Trace
from vatrace.synth.episodes import Episode
from vatrace.synth.latent import slow_noise
from vatrace.synth.speech import Syllable, mouth_curves
from vatrace.synth.subject import Habits

Curve = NDArray[np.float64]

BLINK_SECONDS = 0.22
GLANCE_SECONDS = 1.6  # mean time between two glances
TURN_RADIANS = (1.2, 1.45)
RAMP_SECONDS = {"turned": 0.35, "covered": 0.3, "blurred": 0.25, "lost": 0.4}


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Everything the renderer needs for one frame.

    Args:
        smile: height of the mouth's corners, -1 down to 1 up (about).
        asymmetry: the share by which the right corner moves more than the left one.
        cheek: raise of the cheeks, 0 to 1.
        brow_raise: height of the brows, about -1 to 1.
        brow_knit: lowering and drawing together of the inner brows, 0 to 1.
        lid: opening of the eyes; 0 shut, 1 at rest, 1.5 wide.
        mouth_open: 0 shut to 1.
        rounding: of the lips, 0 to 1.
        yaw: turn of the head, positive to the viewer's right.
        pitch: nod, positive down.
        roll: tilt, positive clockwise.
        x: place of the head beside the middle of the picture, heads.
        y: place of the head below its usual height, heads.
        lean: size of the head relative to its usual size.
        gaze_x: of the eyes relative to the head, -1 to 1.
        gaze_y: the same, downwards.
        light: brightness of the scene, 1 as usual.
        warmth: reddish (above 0) or bluish light.
        cover: how far the hand is up before the face, 0 to 1.
        blur: of the camera, 0 sharp to 1.
    """

    smile: float = 0.0
    asymmetry: float = 0.0
    cheek: float = 0.0
    brow_raise: float = 0.0
    brow_knit: float = 0.0
    lid: float = 1.0
    mouth_open: float = 0.0
    rounding: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.0
    y: float = 0.0
    lean: float = 1.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    light: float = 1.0
    warmth: float = 0.0
    cover: float = 0.0
    blur: float = 0.0


POSE_NAMES = tuple(field.name for field in fields(Pose))


@dataclass(frozen=True, kw_only=True)
class Motion:
    """The poses of a clip.

    Args:
        curves: a curve `[frames]` for each field of `Pose`, by its name.
    """

    curves: dict[str, Curve]

    def pose(self, frame: int) -> Pose:
        """The pose in one frame, counted from 0."""
        return Pose(**{name: float(curve[frame]) for name, curve in self.curves.items()})


def still_pose(habits: Habits, valence: float, arousal: float) -> Pose:
    """The subject holding one expression, looking at the camera, saying nothing.

    Args:
        habits: of the subject.
        valence: -1 to 1.
        arousal: -1 to 1.
    """
    shown = _show(habits, np.array([valence]), np.array([arousal]))
    return Pose(**{name: float(curve[0]) for name, curve in shown.items()})


def plan_motion(
    rng: np.random.Generator,
    truth: Trace,
    habits: Habits,
    syllables: tuple[Syllable, ...],
    episodes: tuple[Episode, ...],
) -> Motion:
    """All movements of a clip.

    Args:
        rng: source of chance.
        truth: what the subject shows.
        habits: how the subject shows it.
        syllables: what is said.
        episodes: of the clip; those of the face change it.
    """
    times = truth.times_seconds
    valence, arousal = np.asarray(truth.valence, np.float64), np.asarray(truth.arousal, np.float64)
    curves = {name: np.full(len(times), float(getattr(Pose(), name))) for name in POSE_NAMES}
    curves |= _show(habits, valence, arousal)
    curves["smile"] = curves["smile"] + 0.06 * slow_noise(rng, times, 0.8)
    curves["brow_raise"] = curves["brow_raise"] + 0.08 * slow_noise(rng, times, 0.8)
    _talk(curves, habits, arousal, *mouth_curves(syllables, times))
    _sway(rng, curves, times, 0.55 * np.exp(1.3 * habits.motion_gain * arousal))
    _look(rng, curves, times, habits.blinks_per_minute)
    curves["light"] = 1 + 0.07 * slow_noise(rng, times, 4.0)
    curves["warmth"] = 0.02 * slow_noise(rng, times, 6.0) + rng.normal(0, 0.025)
    for episode in episodes:
        if episode.channel == "face":
            _disturb(rng, curves, times, episode)
    return Motion(curves=curves)


def _show(habits: Habits, valence: Curve, arousal: Curve) -> dict[str, Curve]:
    """The expression alone."""
    smile = np.clip(habits.smile_gain * valence + habits.smile_offset, -1.1, 1.1)
    cheek = np.clip(habits.cheek_gain * np.maximum(valence, 0), 0, 1)
    # Wide eyes go with brows up; both are squeezed a little by a strong smile.
    lid = 1 + 0.45 * (habits.lid_gain * arousal + habits.lid_offset) - 0.12 * cheek
    return {
        "smile": smile,
        "asymmetry": np.full(len(smile), habits.smile_asymmetry),
        "cheek": cheek,
        "brow_raise": habits.brow_gain * arousal + habits.brow_offset,
        "brow_knit": np.clip(habits.knit_gain * np.maximum(0.05 - valence, 0), 0, 1),
        "lid": np.clip(lid, 0.45, 1.55),
        "mouth_open": np.clip(habits.jaw_gain * 0.3 * np.maximum(arousal - 0.1, 0) ** 1.2, 0, 1),
    }


def _talk(curves: dict[str, Curve], habits: Habits, arousal: Curve, opening: Curve, rounding: Curve) -> None:
    strength = habits.speech_gain * (0.42 + 0.22 * arousal)
    curves["mouth_open"] = np.clip(curves["mouth_open"] + strength * opening, 0, 1)
    curves["rounding"] = np.clip(0.8 * rounding, 0, 1)


def _sway(rng: np.random.Generator, curves: dict[str, Curve], times: Curve, energy: Curve) -> None:
    """Slow drift of the head, and quick movements as strong as `energy`."""
    amounts = {"yaw": 0.09, "pitch": 0.06, "roll": 0.05, "x": 0.1, "y": 0.06, "lean": 0.025}
    for name, amount in amounts.items():
        slow, quick = slow_noise(rng, times, 1.8), slow_noise(rng, times, 0.22)
        curves[name] = curves[name] + amount * (slow + 0.45 * energy * quick)


def _look(rng: np.random.Generator, curves: dict[str, Curve], times: Curve, blinks_per_minute: float) -> None:
    """Glances that jump and hold, and blinks."""
    num_glances = int(times[-1] / GLANCE_SECONDS) + 1
    starts = np.sort(rng.uniform(0, times[-1] + GLANCE_SECONDS, num_glances))
    held = np.searchsorted(starts, times)
    curves["gaze_x"] = np.clip(0.3 * rng.standard_normal(num_glances + 1), -1, 1)[held]
    curves["gaze_y"] = np.clip(0.2 * rng.standard_normal(num_glances + 1), -1, 1)[held]
    open_share = np.ones(len(times))
    for moment in rng.uniform(0, times[-1], rng.poisson(blinks_per_minute * times[-1] / 60)):
        distance = np.abs(times - moment) / (BLINK_SECONDS / 2)
        open_share = np.minimum(open_share, np.clip(1.6 * distance - 0.6, 0, 1))
    curves["lid"] = curves["lid"] * open_share


def _disturb(rng: np.random.Generator, curves: dict[str, Curve], times: Curve, episode: Episode) -> None:
    """Bring one episode of the face in; it begins and ends with a short movement inside its own time."""
    ramp = RAMP_SECONDS[episode.kind]
    inside = np.minimum(times - episode.start_seconds, episode.end_seconds - times) / ramp
    amount = np.sin(np.clip(inside, 0, 1) * np.pi / 2) ** 2
    side = rng.choice([-1.0, 1.0])
    if episode.kind == "turned":
        curves["yaw"] = curves["yaw"] + side * rng.uniform(*TURN_RADIANS) * amount
    elif episode.kind == "lost":
        curves["x"] = curves["x"] + side * 4.5 * amount
    else:
        name = "cover" if episode.kind == "covered" else "blur"
        curves[name] = np.maximum(curves[name], amount)
