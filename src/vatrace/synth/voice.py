"""The voice: harmonics with pitch, melody, loudness and tilt, shaped by formants, with consonants and room noise.

Every parameter is a curve at 100 Hz; harmonics are summed at 16 kHz. Arousal raises pitch, melody, loudness and pace,
and flattens the spectrum; valence only brightens a little, as spread lips do. Samples are mono float32 in (-1, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfilt

from vatrace.streams import Trace
from vatrace.synth.latent import slow_noise
from vatrace.synth.speech import VOWELS, Syllable, onset_seconds, vowel_strength
from vatrace.synth.subject import Voice

Curve = NDArray[np.float64]
Sound = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
CURVE_RATE_HZ = 100
SAMPLES_PER_STEP = SAMPLE_RATE_HZ // CURVE_RATE_HZ
HIGHEST_HARMONIC_HZ = 5_000.0
FORMANT_BANDWIDTHS_HZ = (80.0, 110.0, 170.0)
NASAL_FORMANTS_HZ = (260.0, 1100.0, 2200.0)
SMILE_FORMANT_SHIFT = 0.04  # spread lips shorten the throat
VALENCE_SEMITONES = 0.8
CONSONANT_BANDS_HZ = {"s": (4200.0, 7600.0), "sh": (2200.0, 5500.0), "stop": (900.0, 5000.0)}
CONSONANT_DB = -10.0  # relative to a vowel


@dataclass(frozen=True, kw_only=True)
class VoiceCurves:
    """What the voice does, at 100 Hz.

    Args:
        pitch_hz: `[steps]`.
        level: `[steps]`, root mean square of the voiced part, 0 to 1.
        loudness: `[steps]`, the level a full vowel would have, 0 to 1.
        tilt_db_per_octave: `[steps]`, fall of the source's spectrum.
        formants_hz: `[steps, 3]`.
    """

    pitch_hz: Curve
    level: Curve
    loudness: Curve
    tilt_db_per_octave: Curve
    formants_hz: Curve


def make_voice(
    rng: np.random.Generator, truth: Trace, voice: Voice, syllables: tuple[Syllable, ...], seconds: float
) -> Sound:
    """Sound of one clip, before anything happens to the channel.

    Args:
        rng: source of chance.
        truth: what the voice follows.
        voice: of the speaker.
        syllables: what is said.
        seconds: length of the sound.

    Returns:
        `[samples]`, mono at `SAMPLE_RATE_HZ`.
    """
    num_samples = round(seconds * SAMPLE_RATE_HZ)
    num_steps = num_samples // SAMPLES_PER_STEP + 2
    curves = voice_curves(rng, truth, voice, syllables, num_steps)
    white = rng.standard_normal(num_samples).astype(np.float32)
    sound = _harmonics(curves)[:num_samples]
    sound += voice.breath * _upsample(curves.level)[:num_samples] * white
    sound += _consonants(curves, syllables, white)
    sound += _room(rng, voice.room_noise_db, num_samples)
    return np.tanh(sound)


def voice_curves(
    rng: np.random.Generator, truth: Trace, voice: Voice, syllables: tuple[Syllable, ...], num_steps: int
) -> VoiceCurves:
    """The voice's parameters over time.

    Args:
        rng: source of chance.
        truth: what they follow.
        voice: of the speaker.
        syllables: what is said.
        num_steps: how many steps of 10 ms, from time 0.
    """
    times = np.arange(num_steps) / CURVE_RATE_HZ
    valence = np.interp(times, truth.times_seconds, truth.valence)
    arousal = np.interp(times, truth.times_seconds, truth.arousal)
    melody, formants, is_nasal = _articulate(syllables, times)
    melody_range = voice.range_semitones * (1 + 0.7 * arousal)
    semitones = voice.pitch_gain_semitones * arousal + VALENCE_SEMITONES * valence + melody_range * melody
    semitones += 0.35 * slow_noise(rng, times, 0.12) + 0.12 * rng.standard_normal(num_steps)
    loudness = 10 ** ((voice.loudness_db + voice.loudness_gain_db * arousal) / 20)
    strength = np.maximum(vowel_strength(syllables, times), 0.25 * is_nasal)
    shimmer = 1 + 0.05 * rng.standard_normal(num_steps)
    return VoiceCurves(
        pitch_hz=voice.pitch_hz * 2 ** (semitones / 12),
        level=loudness * gaussian_filter1d(strength, 0.8) * shimmer,
        loudness=loudness,
        tilt_db_per_octave=voice.tilt_db_per_octave + voice.tilt_gain_db * arousal,
        formants_hz=formants * voice.formant_scale * (1 + SMILE_FORMANT_SHIFT * valence)[:, None],
    )


def _articulate(syllables: tuple[Syllable, ...], times: Curve) -> tuple[Curve, Curve, Curve]:
    """Melody about -1 to 1, formants `[steps, 3]` and nasality 0 or 1; all held through pauses and smoothed."""
    melody, is_nasal = np.zeros(len(times)), np.zeros(len(times))
    formants = np.tile(np.array(VOWELS[-1].formants_hz), (len(times), 1))
    for syllable in syllables:
        first = round(syllable.start_seconds * CURVE_RATE_HZ)
        vowel = first + round(onset_seconds(syllable) * CURVE_RATE_HZ)
        formants[first:] = VOWELS[syllable.vowel].formants_hz
        melody[first:] = (0.6 - 1.2 * syllable.phrase_position) + 2.5 * (syllable.stress - 0.8)
        if syllable.onset == "nasal":
            formants[first:vowel] = NASAL_FORMANTS_HZ
            is_nasal[first:vowel] = 1
    return gaussian_filter1d(melody, 4.0), gaussian_filter1d(formants, 2.0, axis=0), is_nasal


def _harmonics(curves: VoiceCurves) -> Sound:
    """Sum of harmonics, each with the source's tilt and the formants' gain, scaled to `level`."""
    highest = int(np.clip(HIGHEST_HARMONIC_HZ / np.median(curves.pitch_hz), 12, 50))
    orders = np.arange(1, highest + 1)
    frequencies = curves.pitch_hz[:, None] * orders  # [steps, harmonics]
    gains_db = curves.tilt_db_per_octave[:, None] * np.log2(orders)
    gains = 10 ** (gains_db / 20) * _formant_gain(frequencies, curves.formants_hz)
    gains[frequencies > 0.47 * SAMPLE_RATE_HZ] = 0
    gains *= curves.level[:, None] / np.sqrt(0.5 * np.square(gains).sum(axis=1, keepdims=True))
    turns = np.cumsum(_upsample(curves.pitch_hz).astype(np.float64)) / SAMPLE_RATE_HZ
    sound = np.zeros(len(turns), np.float32)
    for order, gain in zip(orders, gains.T, strict=True):
        # Only the fraction of a turn goes to float32, where sine is fast; whole turns would eat its precision.
        angle = (2 * np.pi * np.mod(order * turns, 1.0)).astype(np.float32)
        sound += _upsample(gain) * np.sin(angle)
    return sound


def _formant_gain(frequencies_hz: Curve, formants_hz: Curve) -> Curve:
    """Magnitude of three resonances in series, `[steps, harmonics]`."""
    gain = np.ones_like(frequencies_hz)
    for index, bandwidth_hz in enumerate(FORMANT_BANDWIDTHS_HZ):
        centre = formants_hz[:, index : index + 1]
        ratio = frequencies_hz / centre
        gain /= np.sqrt(np.square(1 - np.square(ratio)) + np.square(ratio * bandwidth_hz / centre))
    return gain


def _consonants(curves: VoiceCurves, syllables: tuple[Syllable, ...], white: Sound) -> Sound:
    """Hiss before the vowels that have one; stops are a short burst after a silence."""
    sound = np.zeros(len(white), np.float32)
    gain = 10 ** (CONSONANT_DB / 20)
    for onset, band_hz in CONSONANT_BANDS_HZ.items():
        hiss = _band(white, band_hz)
        hiss /= max(float(np.std(hiss)), 1e-9)
        for syllable in (syllable for syllable in syllables if syllable.onset == onset):
            seconds = onset_seconds(syllable)
            end = round((syllable.start_seconds + seconds) * SAMPLE_RATE_HZ)
            first = end - round((0.02 if onset == "stop" else seconds) * SAMPLE_RATE_HZ)
            loudness = curves.loudness[round(syllable.start_seconds * CURVE_RATE_HZ)]
            window = np.hanning(end - first).astype(np.float32)[: len(white) - first]
            sound[first:end] += gain * loudness * window * hiss[first:end]
    return sound


def _room(rng: np.random.Generator, level_db: float, num_samples: int) -> Sound:
    """Steady noise that falls towards high frequencies, as in any room."""
    noise = _band(rng.standard_normal(num_samples).astype(np.float32), (60.0, 1200.0))
    return np.asarray(10 ** (level_db / 20) * noise / np.std(noise), np.float32)


def _band(sound: Sound, band_hz: tuple[float, float]) -> Sound:
    filtered = sosfilt(butter(2, band_hz, "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), sound)
    return np.asarray(filtered, np.float32)


def _upsample(curve: Curve) -> Sound:
    """Straight lines from step to step, `[samples]`; the last step only ends the last line."""
    left = curve[:-1, None].astype(np.float32)
    rise = np.diff(curve)[:, None].astype(np.float32)
    ramp = np.arange(SAMPLES_PER_STEP, dtype=np.float32) / SAMPLES_PER_STEP
    return np.asarray(left + rise * ramp, np.float32).ravel()  # [(steps - 1) * SAMPLES_PER_STEP]
