"""The truth behind a clip, and what four raters make of it.

Valence and arousal are smooth random curves in [-1, 1] that change over seconds. As in Aff-Wild2 (the paper's Fig. 5)
most of their mass is a little above zero, with a long tail towards strong positive values. The annotation is the mean
of four raters who follow the truth with a delay, a gain, an offset and a slow wander of their own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from vatrace.streams import Trace

Curve = NDArray[np.float64]

STEP_SECONDS = 0.04  # grid on which slow curves are drawn; they are interpolated to the frames
MOOD_SECONDS, MOVE_SECONDS = 5.0, 1.4  # time constants of the two parts of a curve
SKEW = 0.3  # of the log-normal shape; 0 would be symmetric
VALENCE_CENTRE, VALENCE_SPREAD = 0.16, 0.46
AROUSAL_CENTRE, AROUSAL_SPREAD = 0.22, 0.42
COUPLING = 0.25  # correlation of the two before they are shaped
NUM_RATERS = 4
RATER_DELAY_SECONDS = (0.2, 1.0)


def slow_noise(rng: np.random.Generator, times_seconds: Curve, time_constant_seconds: float) -> Curve:
    """A smooth random curve with mean 0 and standard deviation 1 over many draws.

    Args:
        rng: source of chance.
        times_seconds: `[frames]`, increasing.
        time_constant_seconds: the curve forgets itself over about twice this time.

    Returns:
        `[frames]`.
    """
    sigma = time_constant_seconds / STEP_SECONDS
    margin = int(np.ceil(4 * sigma)) + 1
    first = float(times_seconds[0])
    num_steps = int(np.ceil((times_seconds[-1] - first) / STEP_SECONDS)) + 1
    white = rng.standard_normal(num_steps + 2 * margin)
    smooth = gaussian_filter1d(white, sigma)[margin : margin + num_steps]
    smooth *= np.sqrt(2 * sigma * np.sqrt(np.pi))  # what the filter took from the deviation of white noise
    return np.asarray(np.interp(times_seconds, first + np.arange(num_steps) * STEP_SECONDS, smooth))


def draw_truth(rng: np.random.Generator, times_seconds: Curve) -> Trace:
    """Smooth valence and arousal, each in [-1, 1] and leaning to positive values.

    Args:
        rng: source of chance.
        times_seconds: `[frames]`, increasing.
    """
    valence = _wander(rng, times_seconds)
    arousal = COUPLING * valence + np.sqrt(1 - COUPLING**2) * _wander(rng, times_seconds)
    return Trace(
        times_seconds=times_seconds,
        valence=_shape(valence, VALENCE_CENTRE, VALENCE_SPREAD),
        arousal=_shape(arousal, AROUSAL_CENTRE, AROUSAL_SPREAD),
        valid=np.ones(len(times_seconds), bool),
    )


def annotate(rng: np.random.Generator, truth: Trace) -> Trace:
    """The mean of `NUM_RATERS` raters, clipped to [-1, 1].

    Each rater has one delay for both dimensions, because it is one person's reaction time.

    Args:
        rng: source of chance.
        truth: what there is to be rated.
    """
    valence, arousal = np.zeros(len(truth)), np.zeros(len(truth))
    for _ in range(NUM_RATERS):
        delay_seconds = rng.uniform(*RATER_DELAY_SECONDS)
        valence += _rate(rng, truth.times_seconds, np.asarray(truth.valence, np.float64), delay_seconds)
        arousal += _rate(rng, truth.times_seconds, np.asarray(truth.arousal, np.float64), delay_seconds)
    return Trace(
        times_seconds=truth.times_seconds,
        valence=np.clip(valence / NUM_RATERS, -1, 1),
        arousal=np.clip(arousal / NUM_RATERS, -1, 1),
        valid=truth.valid,
    )


def _wander(rng: np.random.Generator, times_seconds: Curve) -> Curve:
    """Deviation 1: a clip's mood, its slow drift, and quicker moves."""
    mood = rng.standard_normal()
    drift = slow_noise(rng, times_seconds, MOOD_SECONDS)
    moves = slow_noise(rng, times_seconds, MOVE_SECONDS)
    return np.asarray(np.sqrt(0.12) * mood + np.sqrt(0.5) * drift + np.sqrt(0.38) * moves)


def _shape(curve: Curve, centre: float, spread: float) -> Curve:
    """Give a curve of deviation 1 a long positive tail and bound it to [-1, 1]."""
    skewed = (np.exp(SKEW * curve) - 1) / SKEW
    return np.asarray(np.tanh(centre + spread * skewed))


def _rate(rng: np.random.Generator, times_seconds: Curve, truth: Curve, delay_seconds: float) -> Curve:
    """One rater's curve; until the delay has passed the rater holds what there was at the start."""
    seen = np.interp(times_seconds - delay_seconds, times_seconds, truth)
    wander = 0.05 * slow_noise(rng, times_seconds, 1.5)
    return np.asarray(rng.uniform(0.85, 1.15) * seen + rng.normal(0, 0.04) + wander)
