"""What is said: syllables in phrases, with pauses between. Lips and voice both follow this plan, so they agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatrace.streams import Trace
from vatrace.synth.episodes import Episode, active
from vatrace.synth.subject import Voice

Curve = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Vowel:
    """A vowel: what it sounds like and what the mouth does.

    Args:
        formants_hz: the first three resonances of a neutral adult.
        opening: of the mouth, 0 to 1.
        rounding: of the lips, 0 to 1.
    """

    formants_hz: tuple[float, float, float]
    opening: float
    rounding: float


# Formants after Peterson and Barney (1952), means of men and women; openings are ours.
VOWELS = (
    Vowel(formants_hz=(790, 1160, 2600), opening=1.0, rounding=0.0),  # a
    Vowel(formants_hz=(570, 2080, 2730), opening=0.7, rounding=0.0),  # e
    Vowel(formants_hz=(300, 2520, 3150), opening=0.35, rounding=0.0),  # i
    Vowel(formants_hz=(580, 880, 2560), opening=0.65, rounding=0.7),  # o
    Vowel(formants_hz=(335, 910, 2450), opening=0.3, rounding=1.0),  # u
    Vowel(formants_hz=(520, 1420, 2480), opening=0.5, rounding=0.2),  # schwa
)
ONSETS = ("none", "stop", "nasal", "s", "sh")
ONSET_CHANCES = (0.25, 0.3, 0.2, 0.15, 0.1)
PHRASE_SECONDS = (1.4, 3.6)
PAUSE_SECONDS = (0.25, 0.9)


@dataclass(frozen=True, kw_only=True)
class Syllable:
    """One syllable.

    Args:
        start_seconds: first moment, its consonant included.
        seconds: length.
        vowel: index into `VOWELS`.
        onset: one of `ONSETS`.
        stress: 0.6 to 1, of loudness, opening and melody.
        phrase_position: 0 at the start of the phrase to 1 at its end; melody falls along it.
    """

    start_seconds: float
    seconds: float
    vowel: int
    onset: str
    stress: float
    phrase_position: float


def plan_speech(
    rng: np.random.Generator, truth: Trace, voice: Voice, episodes: tuple[Episode, ...]
) -> tuple[Syllable, ...]:
    """Syllables in order of time; faster and with shorter pauses where arousal is high, none where the voice is silent.

    Args:
        rng: source of chance.
        truth: arousal sets the pace.
        voice: the speaker's.
        episodes: of the clip.
    """
    times, arousal = truth.times_seconds, truth.arousal
    now, last = float(times[0]) + rng.uniform(0, 0.4), float(times[-1])
    syllables: list[Syllable] = []
    while now < last:
        phrase_end = now + rng.uniform(*PHRASE_SECONDS)
        phrase_start = now
        while now < phrase_end:
            pace = voice.syllables_per_second * 2 ** (voice.rate_gain_octaves * float(np.interp(now, times, arousal)))
            syllable = _draw_syllable(rng, now, pace, (now - phrase_start) / (phrase_end - phrase_start))
            syllables.append(syllable)
            now += syllable.seconds
        now += rng.uniform(*PAUSE_SECONDS) * 2 ** -float(np.interp(now, times, arousal))
    starts = np.array([syllable.start_seconds for syllable in syllables])
    ends = starts + np.array([syllable.seconds for syllable in syllables])
    silent = active(episodes, starts, kind="silent") | active(episodes, ends, kind="silent") | (ends > last)
    return tuple(syllable for syllable, is_silent in zip(syllables, silent, strict=True) if not is_silent)


def _draw_syllable(rng: np.random.Generator, start_seconds: float, pace: float, phrase_position: float) -> Syllable:
    return Syllable(
        start_seconds=start_seconds,
        seconds=float(rng.uniform(0.8, 1.25)) / pace,
        vowel=int(rng.integers(len(VOWELS))),
        onset=str(rng.choice(ONSETS, p=ONSET_CHANCES)),
        stress=float(rng.uniform(0.6, 1.0)),
        phrase_position=phrase_position,
    )


def onset_seconds(syllable: Syllable) -> float:
    """Length of the consonant before the vowel."""
    return 0.0 if syllable.onset == "none" else 0.28 * syllable.seconds


def vowel_strength(syllables: tuple[Syllable, ...], times_seconds: Curve) -> Curve:
    """How strongly a vowel sounds, 0 to 1: rises after each consonant, stays, and falls before the next.

    Args:
        syllables: of one clip, in order.
        times_seconds: `[times]`, increasing.

    Returns:
        `[times]`; 0 in pauses and consonants.
    """
    strength = np.zeros(len(times_seconds))
    for syllable, (first, last) in zip(syllables, _spans(syllables, times_seconds), strict=True):
        start = syllable.start_seconds + onset_seconds(syllable)
        phase = (times_seconds[first:last] - start) / (syllable.start_seconds + syllable.seconds - start)
        rise_and_fall = np.clip(np.minimum(phase / 0.25, (1 - phase) / 0.35), 0, 1)
        strength[first:last] = syllable.stress * np.sin(rise_and_fall * np.pi / 2) ** 2
    return strength


def mouth_curves(syllables: tuple[Syllable, ...], times_seconds: Curve) -> tuple[Curve, Curve]:
    """What the plan does to the mouth.

    Args:
        syllables: of one clip, in order.
        times_seconds: `[times]`, increasing.

    Returns:
        Opening and rounding of the lips, each `[times]`, 0 to 1.
    """
    strength = vowel_strength(syllables, times_seconds)
    opening, rounding = np.zeros(len(times_seconds)), np.zeros(len(times_seconds))
    for syllable, (first, last) in zip(syllables, _spans(syllables, times_seconds), strict=True):
        opening[first:last] = VOWELS[syllable.vowel].opening
        rounding[first:last] = VOWELS[syllable.vowel].rounding
    return opening * strength, rounding * strength


def _spans(syllables: tuple[Syllable, ...], times_seconds: Curve) -> list[tuple[int, int]]:
    """First and one-after-last index of each syllable's times."""
    starts = np.array([syllable.start_seconds for syllable in syllables])
    ends = starts + np.array([syllable.seconds for syllable in syllables])
    firsts, lasts = np.searchsorted(times_seconds, starts), np.searchsorted(times_seconds, ends)
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]
