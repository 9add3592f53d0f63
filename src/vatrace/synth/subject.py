"""Who is seen and heard: looks, habits of expression and voice of one drawn subject.

Colours are RGB, 0 to 255. Lengths in a face are in half head heights ("heads"), y downwards, (0, 0) the middle of the
head. Habits vary moderately: somebody unseen can be read, but not by one threshold for all.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from vatrace.synth.seeds import Purpose, generator

Colour = tuple[int, int, int]

SKINS: tuple[Colour, ...] = (
    (250, 220, 200), (240, 200, 172), (229, 184, 150), (211, 160, 122), (186, 134, 98), (152, 104, 74), (120, 80, 58),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (28, 24, 26), (48, 34, 28), (84, 56, 38), (124, 84, 50),
    (176, 134, 78), (214, 180, 120), (150, 70, 40), (150, 148, 148),
)  # fmt: skip
IRISES: tuple[Colour, ...] = ((72, 46, 28), (96, 66, 36), (70, 96, 60), (66, 104, 140), (104, 124, 136))
HAIR_STYLES = ("short", "long", "bob", "bun")


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What a subject looks like, and the room around.

    Args:
        skin: colour of the skin.
        hair: colour of the hair.
        brow: colour of the eyebrows.
        iris: colour of the irises.
        lips: colour of the lips.
        cloth: colour of the clothes.
        hair_style: one of `HAIR_STYLES`.
        has_beard: a short beard.
        has_glasses: thin-rimmed glasses.
        head_size: half the head's height as a share of the picture's height.
        head_width: half the head's width, heads.
        jaw: how much the face narrows towards the chin, 0 to 1.
        eye_distance: from the middle to an eye's centre, heads.
        eye_width: half an eye's width, heads.
        eye_tilt: how much higher the outer corner is, heads.
        nose_length: from the eyes to the tip, heads.
        nose_width: half the nose's width, heads.
        mouth_width: half the resting mouth's width, heads.
        lip_height: height of a lip, heads.
        brow_height: thickness of a brow, heads.
        hairline: height of the forehead's upper edge, heads (negative).
        light_side: where the light comes from, -1 left to 1 right.
        wall: two colours of the background.
    """

    skin: Colour
    hair: Colour
    brow: Colour
    iris: Colour
    lips: Colour
    cloth: Colour
    hair_style: str
    has_beard: bool
    has_glasses: bool
    head_size: float
    head_width: float
    jaw: float
    eye_distance: float
    eye_width: float
    eye_tilt: float
    nose_length: float
    nose_width: float
    mouth_width: float
    lip_height: float
    brow_height: float
    hairline: float
    light_side: float
    wall: tuple[Colour, Colour]


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How a subject shows valence and arousal; 1 and 0 would be the average person.

    Args:
        smile_gain: movement of the mouth's corners per unit of valence.
        smile_offset: resting height of the corners, in units of valence.
        smile_asymmetry: the share by which one corner moves more than the other, -1 to 1.
        cheek_gain: cheek raise per unit of positive valence.
        brow_gain: brow raise per unit of arousal.
        brow_offset: resting height of the brows, in units of arousal.
        knit_gain: lowering and knitting of the brows per unit of negative valence.
        lid_gain: opening of the eyes per unit of arousal.
        lid_offset: resting opening, in units of arousal.
        jaw_gain: mouth opening per unit of arousal.
        motion_gain: head motion per unit of arousal.
        speech_gain: how much the mouth moves with a syllable.
        blinks_per_minute: rate of blinking.
    """

    smile_gain: float
    smile_offset: float
    smile_asymmetry: float
    cheek_gain: float
    brow_gain: float
    brow_offset: float
    knit_gain: float
    lid_gain: float
    lid_offset: float
    jaw_gain: float
    motion_gain: float
    speech_gain: float
    blinks_per_minute: float


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How a subject sounds.

    Args:
        pitch_hz: resting pitch.
        formant_scale: of a neutral adult's formants; below 1 for a longer throat.
        pitch_gain_semitones: rise of the pitch per unit of arousal.
        range_semitones: half the melody's range at rest.
        loudness_db: resting level of vowels relative to full scale.
        loudness_gain_db: rise of the level per unit of arousal.
        syllables_per_second: resting rate.
        rate_gain_octaves: rise of the rate per unit of arousal, octaves.
        tilt_db_per_octave: resting fall of the source's spectrum.
        tilt_gain_db: flattening of the fall per unit of arousal, dB per octave.
        breath: level of breath noise relative to the voice.
        room_noise_db: level of the room's noise relative to full scale.
    """

    pitch_hz: float
    formant_scale: float
    pitch_gain_semitones: float
    range_semitones: float
    loudness_db: float
    loudness_gain_db: float
    syllables_per_second: float
    rate_gain_octaves: float
    tilt_db_per_octave: float
    tilt_gain_db: float
    breath: float
    room_noise_db: float


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One drawn person.

    Args:
        number: of the subject in its corpus.
        looks: what is seen.
        habits: how feelings show.
        voice: what is heard.
    """

    number: int
    looks: Looks
    habits: Habits
    voice: Voice


def draw_subject(seed: int, number: int) -> Subject:
    """The subject of that number; depends on the two numbers alone.

    Args:
        seed: of the corpus.
        number: of the subject, 0 or more.
    """
    rng = generator(seed, number, 0, Purpose.LOOKS)
    is_deep_voiced = bool(rng.random() < 0.5)
    return Subject(
        number=number,
        looks=_draw_looks(rng, is_deep_voiced),
        habits=_draw_habits(rng),
        voice=_draw_voice(rng, is_deep_voiced),
    )


def _draw_looks(rng: np.random.Generator, is_deep_voiced: bool) -> Looks:
    skin_tone = int(rng.integers(len(SKINS)))
    skin = _vary(rng, SKINS[skin_tone], 6)
    # Light hair is drawn on light skin only; dark hair on all.
    hair = _vary(rng, HAIRS[int(rng.integers(len(HAIRS) if skin_tone < 3 else 3))], 6)
    styles, chances = (HAIR_STYLES, (0.8, 0.1, 0.05, 0.05)) if is_deep_voiced else (HAIR_STYLES, (0.2, 0.35, 0.25, 0.2))
    return Looks(
        skin=skin,
        hair=hair,
        brow=_mix(_mix(hair, (40, 28, 24), 0.45), skin, 0.1),
        iris=IRISES[int(rng.integers(len(IRISES) if skin_tone < 4 else 2))],
        lips=_mix(skin, (176, 52, 62), rng.uniform(0.4, 0.6)),
        cloth=_hsv(rng.random(), rng.uniform(0.25, 0.6), rng.uniform(0.3, 0.75)),
        hair_style=str(rng.choice(styles, p=chances)),
        has_beard=bool(is_deep_voiced and rng.random() < 0.35),
        has_glasses=bool(rng.random() < 0.2),
        head_size=rng.uniform(0.285, 0.325),
        head_width=rng.uniform(0.73, 0.81),
        jaw=rng.uniform(0.12, 0.3),
        eye_distance=rng.uniform(0.3, 0.34),
        eye_width=rng.uniform(0.145, 0.175),
        eye_tilt=rng.uniform(-0.015, 0.03),
        nose_length=rng.uniform(0.32, 0.38),
        nose_width=rng.uniform(0.11, 0.15),
        mouth_width=rng.uniform(0.24, 0.29),
        lip_height=rng.uniform(0.05, 0.08),
        brow_height=rng.uniform(0.035, 0.06),
        hairline=rng.uniform(-0.72, -0.58),
        light_side=rng.uniform(-1, 1),
        wall=_draw_wall(rng),
    )


def _draw_wall(rng: np.random.Generator) -> tuple[Colour, Colour]:
    hue, saturation, value = rng.random(), rng.uniform(0.08, 0.35), rng.uniform(0.4, 0.85)
    return _hsv(hue, saturation, value), _hsv(hue + rng.uniform(-0.1, 0.1), saturation, value * rng.uniform(0.5, 0.75))


def _draw_habits(rng: np.random.Generator) -> Habits:
    return Habits(
        smile_gain=rng.uniform(0.8, 1.2),
        smile_offset=rng.normal(0, 0.08),
        smile_asymmetry=float(np.clip(rng.normal(0, 0.1), -0.25, 0.25)),
        cheek_gain=rng.uniform(0.6, 1.3),
        brow_gain=rng.uniform(0.7, 1.3),
        brow_offset=rng.normal(0, 0.1),
        knit_gain=rng.uniform(0.6, 1.3),
        lid_gain=rng.uniform(0.75, 1.25),
        lid_offset=rng.normal(0, 0.1),
        jaw_gain=rng.uniform(0.7, 1.3),
        motion_gain=rng.uniform(0.7, 1.4),
        speech_gain=rng.uniform(0.75, 1.2),
        blinks_per_minute=rng.uniform(10, 24),
    )


def _draw_voice(rng: np.random.Generator, is_deep_voiced: bool) -> Voice:
    pitch_octave = rng.normal(0, 0.15)
    return Voice(
        pitch_hz=(112.0 if is_deep_voiced else 198.0) * float(2**pitch_octave),
        formant_scale=(0.95 if is_deep_voiced else 1.12) * rng.uniform(0.96, 1.05),
        pitch_gain_semitones=rng.uniform(3.5, 6.5),
        range_semitones=rng.uniform(1.2, 2.2),
        loudness_db=rng.uniform(-28, -25),
        loudness_gain_db=rng.uniform(8, 12),
        syllables_per_second=rng.uniform(3.6, 4.4),
        rate_gain_octaves=rng.uniform(0.35, 0.6),
        tilt_db_per_octave=rng.uniform(-13, -10.5),
        tilt_gain_db=rng.uniform(3.0, 5.0),
        breath=rng.uniform(0.01, 0.04),
        room_noise_db=rng.uniform(-66, -56),
    )


def _vary(rng: np.random.Generator, colour: Colour, spread: int) -> Colour:
    shifted = np.clip(np.array(colour) + rng.integers(-spread, spread + 1, 3), 0, 255)
    return int(shifted[0]), int(shifted[1]), int(shifted[2])


def _mix(colour: Colour, other: Colour, share: float) -> Colour:
    mixed = [round((1 - share) * a + share * b) for a, b in zip(colour, other, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)
