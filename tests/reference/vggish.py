"""VGGish's log-mel spectrogram, a sum at a time, and its layers as published; imports nothing of ours."""

import math

import numpy as np

RATE, WINDOW, HOP, FFT, BANDS = 16000, 400, 160, 512, 64

# What `torchvggish` v0.1 saves: name and shape of each tensor.
LAYOUT = {
    "features.0": (64, 1, 3, 3),
    "features.3": (128, 64, 3, 3),
    "features.6": (256, 128, 3, 3),
    "features.8": (256, 256, 3, 3),
    "features.11": (512, 256, 3, 3),
    "features.13": (512, 512, 3, 3),
    "embeddings.0": (4096, 512 * 4 * 6),
    "embeddings.2": (4096, 4096),
    "embeddings.4": (128, 4096),
}


def log_mel_row(samples: np.ndarray, row: int) -> list[float]:
    """One row of 64 values."""
    frame = samples[row * HOP : row * HOP + WINDOW].astype(np.float64)
    windowed = np.array([frame[n] * math.sin(math.pi * n / WINDOW) ** 2 for n in range(WINDOW)])  # periodic Hann
    magnitudes = [_magnitude(windowed, k) for k in range(FFT // 2 + 1)]
    return [math.log(_band(magnitudes, band) + 0.01) for band in range(BANDS)]


def _magnitude(windowed: np.ndarray, k: int) -> float:
    angles = 2 * math.pi * k * np.arange(WINDOW) / FFT
    return math.hypot(math.fsum(windowed * np.cos(angles)), math.fsum(windowed * np.sin(angles)))


def _band(magnitudes: list[float], band: int) -> float:
    lowest, highest = _mel(125.0), _mel(7500.0)
    width = (highest - lowest) / (BANDS + 1)
    centre = lowest + (band + 1) * width
    weights = [max(0.0, 1.0 - abs(_mel(k * RATE / FFT) - centre) / width) for k in range(1, FFT // 2 + 1)]
    return math.fsum(weight * magnitude for weight, magnitude in zip(weights, magnitudes[1:], strict=True))


def _mel(hertz: float) -> float:
    return 1127.0 * math.log(1.0 + hertz / 700.0)
