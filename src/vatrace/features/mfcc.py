"""MFCC 39: thirteen cepstral coefficients and their first and second derivatives, every 10 ms (paper, III-C).

The definition is HTK's `MFCC_0_D_A`, as openSMILE computes it with the settings of `mfcc39.conf` beside this file; a
test compares the two. Written in numpy, so that these features need no program with a research-only licence.

Sound is mono float32 in [-1, 1] at 16 kHz. Columns are c0..c12, delta c0..c12, delta-delta c0..c12; c0 comes first
(HTK's own files put it last). Row `r` covers the samples of 10 ms × r to 10 ms × r + 25 ms.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float32, Float64

MFCC_DIM = 39
SAMPLE_RATE_HZ = 16_000
WINDOW_SAMPLES = 400  # 25 ms
HOP_SAMPLES = 160  # 10 ms
FFT_SAMPLES = 512  # the next power of two, as openSMILE pads
PRE_EMPHASIS = 0.97
NUM_BANDS = 26
LOWEST_HZ, HIGHEST_HZ = 0.0, 8_000.0
NUM_CEPSTRA = 13  # c0..c12
LIFTER = 22.0
DELTA_WINDOW_ROWS = 2  # rows on either side that a regression sees
SAMPLE_SCALE = 32_768.0  # HTK works on 16-bit integers
BAND_FLOOR = 1.0  # HTK's floor under a band's power, on that scale
CHUNK_ROWS = 2_048  # about 20 s of sound at a time: some 30 MB, however long the recording


def mfcc(
    samples: Float32[np.ndarray, " samples"], sample_rate_hz: int = SAMPLE_RATE_HZ
) -> tuple[Float32[np.ndarray, "rows 39"], Float64[np.ndarray, " rows"]]:
    """Compute MFCC 39 of a whole recording.

    Args:
        samples: mono sound in [-1, 1].
        sample_rate_hz: its rate; only 16000 is meant by the paper's feature set.

    Returns:
        The coefficients, and the centre of each row's 25 ms window in seconds after the first sample. Sound shorter
        than one window has no rows.

    Raises:
        ValueError: another sample rate.
    """
    if sample_rate_hz != SAMPLE_RATE_HZ:
        raise ValueError(f"MFCC 39 is defined at {SAMPLE_RATE_HZ} Hz, got {sample_rate_hz} Hz; resample first.")
    rows = num_rows(len(samples))
    static = np.empty((rows, NUM_CEPSTRA))
    for first in range(0, rows, CHUNK_ROWS):
        stop = min(first + CHUNK_ROWS, rows)
        piece = samples[first * HOP_SAMPLES : (stop - 1) * HOP_SAMPLES + WINDOW_SAMPLES]
        static[first:stop] = _cepstra(piece)
    delta = _regression(static)
    values = np.concatenate([static, delta, _regression(delta)], axis=1, dtype=np.float32, casting="same_kind")
    return values, row_centres(rows)


def num_rows(num_samples: int) -> int:
    """Number of whole 25 ms windows in that many samples."""
    return max(0, 1 + (num_samples - WINDOW_SAMPLES) // HOP_SAMPLES)


def row_centres(rows: int) -> Float64[np.ndarray, " rows"]:
    """Centres of the first `rows` windows, in seconds after the first sample."""
    return (np.arange(rows) * HOP_SAMPLES + WINDOW_SAMPLES / 2) / SAMPLE_RATE_HZ


@cache
def mel_filterbank(num_bands: int, lowest_hz: float, highest_hz: float) -> Float64[np.ndarray, "257 bands"]:
    """Weights of each bin of a 512-point spectrum at 16 kHz in each mel band (HTK's mel scale).

    The triangles are straight on the mel axis, of height 1, and reach to their neighbours' centres.
    """
    bins_mel = _mel(np.arange(FFT_SAMPLES // 2 + 1) * SAMPLE_RATE_HZ / FFT_SAMPLES)[:, None]
    lowest_mel, highest_mel = _mel(np.array([lowest_hz, highest_hz]))
    corners = np.linspace(lowest_mel, highest_mel, num_bands + 2)
    rising = (bins_mel - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins_mel) / (corners[2:] - corners[1:-1])
    weights: np.ndarray = np.maximum(0.0, np.minimum(rising, falling))
    weights.setflags(write=False)  # shared by every caller
    return weights


def _cepstra(samples: Float32[np.ndarray, " samples"]) -> Float64[np.ndarray, "rows 13"]:
    """Liftered c0..c12 of every window in `samples`."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[::HOP_SAMPLES] * SAMPLE_SCALE
    spectrum = np.fft.rfft(_pre_emphasised(frames) * np.hamming(WINDOW_SAMPLES), FFT_SAMPLES)
    power = spectrum.real**2 + spectrum.imag**2
    bands = power @ mel_filterbank(NUM_BANDS, LOWEST_HZ, HIGHEST_HZ)
    cepstra: Float64[np.ndarray, "rows 13"] = np.log(np.maximum(bands, BAND_FLOOR)) @ _liftered_cosines()
    return cepstra


def _pre_emphasised(frames: np.ndarray) -> Float64[np.ndarray, "rows 400"]:
    """Pre-emphasis inside each window, as HTK does it: the first sample is taken for its own predecessor."""
    emphasised = frames.astype(np.float64)
    emphasised[:, 1:] -= PRE_EMPHASIS * frames[:, :-1]
    emphasised[:, 0] *= 1 - PRE_EMPHASIS
    return emphasised


def _mel(frequency_hz: np.ndarray) -> np.ndarray:
    mel: np.ndarray = 1127.0 * np.log1p(frequency_hz / 700.0)
    return mel


@cache
def _liftered_cosines() -> Float64[np.ndarray, "26 13"]:
    """HTK's cosine transform with the lifter 1 + L/2 sin(pi i / L) folded in."""
    order = np.arange(NUM_CEPSTRA)
    band = np.arange(NUM_BANDS)[:, None] + 0.5
    cosines = np.sqrt(2.0 / NUM_BANDS) * np.cos(np.pi * order * band / NUM_BANDS)
    lifter: np.ndarray = 1.0 + LIFTER / 2.0 * np.sin(np.pi * order / LIFTER)
    liftered: np.ndarray = cosines * lifter
    return liftered


def _regression(values: Float64[np.ndarray, "rows dim"]) -> Float64[np.ndarray, "rows dim"]:
    """Slope over five rows; beyond the ends the first and the last row go on."""
    rows = len(values)
    if rows == 0:
        return values.copy()
    padded = np.pad(values, ((DELTA_WINDOW_ROWS, DELTA_WINDOW_ROWS), (0, 0)), mode="edge")
    slope = np.zeros_like(values)
    for distance in range(1, DELTA_WINDOW_ROWS + 1):
        later = padded[DELTA_WINDOW_ROWS + distance :][:rows]
        earlier = padded[DELTA_WINDOW_ROWS - distance :][:rows]
        slope += distance * (later - earlier)
    return slope / (2 * sum(distance**2 for distance in range(1, DELTA_WINDOW_ROWS + 1)))
