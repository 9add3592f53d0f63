"""Pitch and timbre of speech every 10 ms, in numpy: what `prosody` takes its statistics of.

Sound is mono float32 in [-1, 1] at 16 kHz. Row `r` looks at the 40 ms from 10 ms x r on. Nothing but `POWER_DB` depends
on how loud the recording is. The pitch is the highest peak of the autocorrelation divided by that of the window
(Boersma 1993), without his path search; alpha ratio, Hammarberg index and slopes are those of eGeMAPS (Eyben et al.
2016), but for their upper end, taken from the formulas: openSMILE's licence reaches models.

Harmonicity is periodicity after the spectrum was flattened, so that what is left of noise of any colour is white noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float32, Float64

from vatrace.features.mfcc import SAMPLE_RATE_HZ

HOP_SAMPLES = 160  # 10 ms
FRAME_SAMPLES = 640  # 40 ms: three periods of the lowest pitch
FFT_SAMPLES = 2048  # more than frame and longest lag together, so that the autocorrelation does not wrap around
ROWS_AT_ONCE = 50  # half a second; always so many, so that no rounding depends on how the sound comes
LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 75.0, 500.0
OCTAVE_COST = 0.02  # how much worse a peak may be for each octave that it is higher (Boersma 1993: 0.01)
RUMBLE_HZ = 60.0  # below, there is hum and handling noise and no voice
FLAT_HZ = 500.0  # flattening compares a frequency with those so far around: more than the highest pitch
HARMONIC_ROWS = 5  # harmonicity is that of the mean correlation of so many rows: noise comes down, a voice lasts
PITCH_BASE_HZ = 27.5  # semitones are counted from the lowest key of a piano, as eGeMAPS does
HIGHEST_HZ = 3500.0  # above it a telephone and many a codec have nothing, and timbre would be that of the line
NUM_MEL_BANDS = 20
POWER_FLOOR = 1e-10  # -100 dB of full scale

COLUMNS = (
    "power_db",  # of full scale
    "pitch",  # semitones above 27.5 Hz; of the best guess where nothing is periodic
    "periodicity",  # share of the power that repeats with that pitch, 0 to 1
    "flux",  # how much the spectrum changed since the row before, 0 to 1
    "alpha_ratio",  # dB of 50-1000 Hz above 1000-3500 Hz
    "hammarberg",  # dB of the peak in 0-2000 Hz above that in 2000-3500 Hz
    "slope_low",  # dB a kHz from 0 to 500 Hz
    "slope_high",  # dB a kHz from 500 to 1500 Hz
    "centroid",  # kHz
    "mfcc1",
    "mfcc2",
    "mfcc3",
    "mfcc4",
    "harmonicity",  # periodicity of the flattened spectrum over 80 ms, 0 to 1: noise .24, a clear voice .3 to .95
)
COLUMN = {name: place for place, name in enumerate(COLUMNS)}

Rows = Float32[np.ndarray, "rows 14"]


def speech_rows(blocks: Iterable[np.ndarray]) -> Iterator[Rows]:
    """Describe sound that comes in blocks.

    Args:
        blocks: stretches of mono samples that follow each other; their lengths change nothing.

    Yields:
        Up to 50 rows at a time; all but the last have 50.
    """
    step = ROWS_AT_ONCE * HOP_SAMPLES
    waiting = np.zeros(0, np.float32)
    before: _Before | None = None
    for block in blocks:
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= step - HOP_SAMPLES + FRAME_SAMPLES:
            values, before = _describe(waiting[: step - HOP_SAMPLES + FRAME_SAMPLES], before)
            waiting = waiting[step:]
            yield values
    if len(waiting) >= FRAME_SAMPLES:
        yield _describe(waiting, before)[0]


def row_centres(num_rows: int) -> Float64[np.ndarray, " rows"]:
    """Middle of each row in seconds after the first sample."""
    return (np.arange(num_rows) * HOP_SAMPLES + FRAME_SAMPLES / 2) / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class _Before:
    """What a stretch needs of the one before it: the last spectrum, and the last correlations."""

    shape: np.ndarray
    correlations: np.ndarray


def _describe(samples: np.ndarray, before: _Before | None) -> tuple[Rows, _Before]:
    """Rows of a stretch, and what the next one begins from."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME_SAMPLES)[::HOP_SAMPLES].astype(np.float64)
    power_db = 10 * np.log10(np.maximum(np.mean(frames**2, axis=1), POWER_FLOOR))
    frames = (frames - frames.mean(axis=1, keepdims=True)) * _window()
    power = np.abs(np.fft.rfft(frames, FFT_SAMPLES)) ** 2
    power[:, _bin(0.0) : _bin(RUMBLE_HZ)] = 0.0
    pitch, periodicity = _pitch(power)
    shape = np.sqrt(power @ _mel_bands())
    shape = shape / np.maximum(shape.sum(axis=1, keepdims=True), POWER_FLOOR)
    earlier = np.concatenate([shape[:1] if before is None else before.shape, shape[:-1]])
    flat = _flat_correlation(power)
    first = np.repeat(flat[:1], HARMONIC_ROWS - 1, axis=0) if before is None else before.correlations
    flat = np.concatenate([first, flat])
    columns = [
        power_db,
        pitch,
        periodicity,
        np.abs(shape - earlier).sum(axis=1) / 2,
        *_timbre(power),
        *_cepstra(power),
        _harmonicity(flat),
    ]
    return np.stack(columns, axis=1).astype(np.float32), _Before(shape[-1:], flat[1 - HARMONIC_ROWS :])


def _pitch(power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Semitones and periodicity of the best peak of the autocorrelation, in the range of voices."""
    shortest, longest = int(SAMPLE_RATE_HZ / HIGHEST_PITCH_HZ), int(SAMPLE_RATE_HZ / LOWEST_PITCH_HZ)
    lags = np.arange(shortest - 1, longest + 2)
    correlation = np.fft.irfft(power, FFT_SAMPLES)[:, : longest + 2]
    correlation = correlation / np.maximum(correlation[:, :1], POWER_FLOOR) / _window_correlation()[: longest + 2]
    around = correlation[:, lags]
    middle, left, right = around[:, 1:-1], around[:, :-2], around[:, 2:]
    is_peak = (middle >= left) & (middle > right)
    costs = OCTAVE_COST * np.log2(lags[1:-1] * LOWEST_PITCH_HZ / SAMPLE_RATE_HZ)
    best = np.where(is_peak, middle - costs, -1.0).argmax(axis=1)
    rows = np.arange(len(power))
    low, peak, high = left[rows, best], middle[rows, best], right[rows, best]
    curvature = np.minimum(low - 2 * peak + high, -POWER_FLOOR)  # negative at a peak
    offset = np.clip((low - high) / (2 * curvature), -0.5, 0.5)  # of the parabola through the three
    period = (lags[1:-1][best] + offset) / SAMPLE_RATE_HZ
    found = is_peak.any(axis=1)
    semitones = 12 * np.log2(1 / (period * PITCH_BASE_HZ))
    return semitones, np.where(found, np.clip(peak, 0.0, 1.0), 0.0)


def _flat_correlation(power: np.ndarray) -> np.ndarray:
    """Autocorrelation at the lags of voices of the spectrum divided by its envelope."""
    lowest, highest = _bin(RUMBLE_HZ), _bin(HIGHEST_HZ)
    part = power[:, lowest:highest]
    flat = np.zeros_like(power)
    flat[:, lowest:highest] = part / np.maximum(part @ _around(highest - lowest), np.finfo(np.float64).tiny)
    shortest, longest = int(SAMPLE_RATE_HZ / HIGHEST_PITCH_HZ), int(SAMPLE_RATE_HZ / LOWEST_PITCH_HZ)
    correlation: np.ndarray = np.fft.irfft(flat, FFT_SAMPLES)[:, : longest + 1]
    correlation /= np.maximum(correlation[:, :1], POWER_FLOOR) * _window_correlation()[: longest + 1]
    return correlation[:, shortest:]


def _harmonicity(correlations: np.ndarray) -> np.ndarray:
    """Highest peak of the mean of five correlations; there are four rows more than come out."""
    mean = np.lib.stride_tricks.sliding_window_view(correlations, HARMONIC_ROWS, axis=0).mean(axis=-1)
    harmonicity: np.ndarray = np.clip(mean.max(axis=1), 0.0, 1.0)
    return harmonicity


def _timbre(power: np.ndarray) -> list[np.ndarray]:
    """Alpha ratio, Hammarberg index, the two slopes and the centroid."""
    decibels = 10 * np.log10(np.maximum(power, POWER_FLOOR))
    low = power[:, _bin(50) : _bin(1000)].sum(axis=1)
    high = power[:, _bin(1000) : _bin(HIGHEST_HZ)].sum(axis=1)
    voice = power[:, : _bin(HIGHEST_HZ)]
    kilohertz = np.arange(voice.shape[1]) * SAMPLE_RATE_HZ / FFT_SAMPLES / 1000
    return [
        _decibels_above(low, high),
        decibels[:, : _bin(2000)].max(axis=1) - decibels[:, _bin(2000) : _bin(HIGHEST_HZ)].max(axis=1),
        _slope(decibels, RUMBLE_HZ, 500),
        _slope(decibels, 500, 1500),
        voice @ kilohertz / np.maximum(voice.sum(axis=1), POWER_FLOOR),
    ]


def _decibels_above(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = 10 * np.log10(np.maximum(one, POWER_FLOOR) / np.maximum(other, POWER_FLOOR))
    return ratio


def _slope(decibels: np.ndarray, lowest_hz: float, highest_hz: float) -> np.ndarray:
    """Least-squares slope in dB a kHz."""
    part = decibels[:, _bin(lowest_hz) : _bin(highest_hz)]
    kilohertz = np.arange(part.shape[1]) * SAMPLE_RATE_HZ / FFT_SAMPLES / 1000
    centred = kilohertz - kilohertz.mean()
    slope: np.ndarray = part @ centred / (centred @ centred)
    return slope


def _cepstra(power: np.ndarray) -> list[np.ndarray]:
    """MFCC 1 to 4: the cosine transform of the log mel bands, without c0, which is the loudness."""
    logarithms = np.log(np.maximum(power @ _mel_bands(), POWER_FLOOR))
    band = (np.arange(NUM_MEL_BANDS) + 0.5) / NUM_MEL_BANDS
    return [logarithms @ np.cos(np.pi * order * band) * np.sqrt(2 / NUM_MEL_BANDS) for order in (1, 2, 3, 4)]


def _bin(frequency_hz: float) -> int:
    return round(frequency_hz * FFT_SAMPLES / SAMPLE_RATE_HZ)


@cache
def _window() -> np.ndarray:
    window: np.ndarray = np.hanning(FRAME_SAMPLES)
    return window


@cache
def _window_correlation() -> np.ndarray:
    correlation: np.ndarray = np.fft.irfft(np.abs(np.fft.rfft(_window(), FFT_SAMPLES)) ** 2, FFT_SAMPLES)
    correlation /= correlation[0]
    return correlation


@cache
def _around(num_bins: int) -> Float64[np.ndarray, "bins bins"]:
    """Weights of the mean over 500 Hz to either side of each bin, less with distance."""
    bins = np.arange(num_bins)
    weights: np.ndarray = np.maximum(0.0, 1 - np.abs(bins[:, None] - bins) / _bin(FLAT_HZ))
    weights /= weights.sum(axis=0)
    return weights


@cache
def _mel_bands() -> Float64[np.ndarray, "bins bands"]:
    """Triangles on the mel scale from 60 to 3500 Hz that reach to their neighbours' middles."""
    mel = 1127.0 * np.log1p(np.arange(FFT_SAMPLES // 2 + 1) * SAMPLE_RATE_HZ / FFT_SAMPLES / 700.0)[:, None]
    ends = 1127.0 * np.log1p(np.array([RUMBLE_HZ, HIGHEST_HZ]) / 700.0)
    corners = np.linspace(ends[0], ends[1], NUM_MEL_BANDS + 2)
    rising = (mel - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - mel) / (corners[2:] - corners[1:-1])
    bands: np.ndarray = np.maximum(0.0, np.minimum(rising, falling))
    return bands
