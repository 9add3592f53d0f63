"""MFCC after the HTK book (section 5), one number at a time; imports nothing of ours."""

import math

import numpy as np

RATE, WINDOW, HOP, FFT, BANDS, CEPSTRA = 16000, 400, 160, 512, 26, 13


def mel(hertz: float) -> float:
    return 2595.0 * math.log10(1.0 + hertz / 700.0)


def cepstrum(frame: np.ndarray) -> list[float]:
    """c0..c12 of 400 samples in [-1, 1]."""
    integers = [32768.0 * float(sample) for sample in frame]
    emphasised = [integers[0] * (1 - 0.97)] + [integers[n] - 0.97 * integers[n - 1] for n in range(1, WINDOW)]
    windowed = [value * (0.54 - 0.46 * math.cos(2 * math.pi * n / (WINDOW - 1))) for n, value in enumerate(emphasised)]
    powers = [_power(np.array(windowed), k) for k in range(FFT // 2 + 1)]
    logs = [math.log(max(1.0, _band(powers, band))) for band in range(1, BANDS + 1)]
    return [_coefficient(logs, i) for i in range(CEPSTRA)]


def slope(track: list[float], at: int) -> float:
    """HTK's delta over two rows on either side, ends repeated."""
    last = len(track) - 1
    return sum(d * (track[min(at + d, last)] - track[max(at - d, 0)]) for d in (1, 2)) / 10.0


def _power(windowed: np.ndarray, k: int) -> float:
    angles = 2 * math.pi * k * np.arange(WINDOW) / FFT
    return float(np.dot(windowed, np.cos(angles)) ** 2 + np.dot(windowed, np.sin(angles)) ** 2)


def _band(powers: list[float], band: int) -> float:
    step = mel(8000.0) / (BANDS + 1)
    total = 0.0
    for k, power in enumerate(powers):
        distance = abs(mel(k * RATE / FFT) - band * step) / step
        total += max(0.0, 1.0 - distance) * power
    return total


def _coefficient(logs: list[float], i: int) -> float:
    cosine = sum(value * math.cos(math.pi * i / BANDS * (j - 0.5)) for j, value in enumerate(logs, start=1))
    return math.sqrt(2.0 / BANDS) * cosine * (1.0 + 11.0 * math.sin(math.pi * i / 22.0))
