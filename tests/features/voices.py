"""A made voice: a buzz whose pitch never stands still, through formants that move, in syllables with hisses between."""

import numpy as np
from numpy.typing import NDArray

RATE = 16_000


def spoken(seconds: float, *, hertz: float = 150.0, glide: float = 1.0) -> NDArray[np.float32]:
    """Four syllables a second that glide between two vowels, and a hiss where the voice is weak; peaks at 0.5.

    With a glide of 0 the pitch stands still.
    """
    times = np.arange(round(seconds * RATE)) / RATE
    pitch = hertz * 2 ** (glide * (2 * np.sin(2 * np.pi * 0.7 * times) + 0.8 * np.sin(2 * np.pi * 2.9 * times)) / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    vowel = 0.5 + 0.5 * np.sin(2 * np.pi * 3.3 * times)  # from /a/ to /i/ and back
    formants = [(800 - 500 * vowel, 120.0), (1200 + 1000 * vowel, 160.0), (2500 + 500 * vowel, 220.0)]
    sound = np.zeros(len(times))
    for number in range(1, int(3800 / hertz) + 1):
        gain = sum(1 / (1 + ((number * pitch - middle) / width) ** 2) for middle, width in formants)
        sound += gain / number**0.5 * np.sin(number * phase) * (number * pitch < 3900)
    sound /= np.abs(sound).max()
    voiced = np.clip(np.sin(2 * np.pi * 2 * times) ** 2 * 1.5 - 0.4, 0.0, None)
    hiss = np.random.default_rng(0).normal(size=len(times)) * 0.03 * np.exp(-((voiced / 0.2) ** 2))
    sound = sound * voiced + hiss
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)
