"""What happens to the voice between mouth and file: nothing, mute, noise or music, as the episodes say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from vatrace.synth.episodes import Episode
from vatrace.synth.voice import SAMPLE_RATE_HZ

Sound = NDArray[np.float32]

NOISE_DB = (-17.0, -13.0)  # relative to full scale; a vowel at rest is near -26
MUSIC_DB = (-18.0, -14.0)
FADE_SECONDS = 0.05
BEAT_SECONDS = 0.5
TRIADS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (9, 12, 16))  # semitones: tonic, subdominant, dominant, relative minor
ROOT_HZ = 196.0


def disturb(rng: np.random.Generator, sound: Sound, episodes: tuple[Episode, ...]) -> Sound:
    """The sound with its episodes; a new array.

    Args:
        rng: source of chance.
        sound: `[samples]`, the clean voice at `SAMPLE_RATE_HZ`.
        episodes: of the clip.

    Returns:
        `[samples]` in (-1, 1); exactly zero where muted.
    """
    disturbed = sound.copy()
    for episode in episodes:
        first = round(episode.start_seconds * SAMPLE_RATE_HZ)
        here = disturbed[first : round(episode.end_seconds * SAMPLE_RATE_HZ)]
        if episode.kind == "muted":
            here[:] = 0
        elif episode.kind == "noise":
            here += _levelled(_noise(rng, len(here)), rng.uniform(*NOISE_DB))
        elif episode.kind == "music":
            here += _levelled(_chords(rng, len(here)), rng.uniform(*MUSIC_DB))
    return np.clip(disturbed, -0.99, 0.99)


def _levelled(sound: Sound, level_db: float) -> Sound:
    """Scaled to a root mean square of `level_db`, faded in and out."""
    position = np.arange(len(sound)) / SAMPLE_RATE_HZ
    fade = np.clip(np.minimum(position, position[-1] - position) / FADE_SECONDS, 0, 1)
    return np.asarray(sound * fade * 10 ** (level_db / 20) / np.sqrt(np.mean(np.square(sound))), np.float32)


def _noise(rng: np.random.Generator, num_samples: int) -> Sound:
    """Broad noise whose upper edge differs from episode to episode: an engine, a street, a storm."""
    edge_hz = rng.uniform(1500, 6000)
    white = rng.standard_normal(num_samples)
    return np.asarray(
        sosfilt(butter(1, (80.0, edge_hz), "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), white), np.float32
    )


def _chords(rng: np.random.Generator, num_samples: int) -> Sound:
    """Plucked triads, one a beat."""
    sound = np.zeros(num_samples, np.float32)
    root_hz = ROOT_HZ * 2 ** rng.uniform(-0.5, 0.5)
    beat = round(BEAT_SECONDS * SAMPLE_RATE_HZ)
    for first in range(0, num_samples, beat):
        times = np.arange(min(beat, num_samples - first)) / SAMPLE_RATE_HZ
        for semitone in TRIADS[int(rng.integers(len(TRIADS)))]:
            pitch_hz = root_hz * 2 ** (semitone / 12)
            for harmonic in (1, 2, 3):
                pluck = np.exp(-3 * harmonic * times) / harmonic
                sound[first : first + beat] += (pluck * np.sin(2 * np.pi * harmonic * pitch_hz * times)).astype(
                    np.float32
                )
    return sound
