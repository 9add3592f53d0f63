"""Sounds that nobody speaks in, and changes of speech, to see how the starter model fails. All are made by formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, istft, sosfilt, stft

from vatrace.media.audio import SAMPLE_RATE_HZ

Samples = NDArray[np.float64]

_SECONDS = 4.0
_SEED = 0
_ENVELOPE_HZ = 300.0  # width of what is kept of a spectrum in a whisper: formants, and no harmonics


def made_sounds() -> dict[str, Samples]:
    """Sounds without a voice, 4 s each, peaks at 0.5 of full scale."""
    seconds = np.arange(round(_SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    noise = np.random.default_rng(_SEED).normal(size=len(seconds))
    sounds = {
        "silence": np.zeros(len(seconds)),
        "white noise": noise,
        "white noise, 4 bursts a second": noise * (1 + np.sin(2 * np.pi * 4 * seconds)),
        "brown noise": np.cumsum(noise - noise.mean()),
        "pink noise": _coloured(noise, 1.0),
        "pink noise in gusts, as fast as syllables": _coloured(noise, 1.0) * _gusts(4.0),
        "brown noise in gusts, as fast as syllables": _coloured(noise, 2.0) * _gusts(4.0),
        "rain": _band(np.where(np.abs(noise) > 2.5, noise, 0.0), 800.0, 6000.0) + 0.02 * noise,
        "hum of 50 Hz": np.sum([np.sin(2 * np.pi * 50 * k * seconds) / k for k in range(1, 15)], axis=0),
        "traffic": _coloured(noise, 1.3) * np.exp(-(((seconds - 2) / 1.2) ** 2)) + 0.3 * _coloured(noise[::-1], 2.0),
        "200 Hz tone": np.sin(2 * np.pi * 200 * seconds),
        "200 Hz tone, 4 bursts a second": np.sin(2 * np.pi * 200 * seconds) * (1 + np.sin(2 * np.pi * 4 * seconds)),
        "siren, 300 to 900 Hz": np.sin(2 * np.pi * np.cumsum(600 + 300 * np.sin(np.pi * seconds)) / SAMPLE_RATE_HZ),
        "chords, one in 2 s": sum((_notes(seconds, [hertz], 0.5) for hertz in (220.0, 277.2, 329.6)), np.zeros(1)),
        "melody, 4 notes a second": _notes(seconds, [220.0, 247.0, 262.0, 294.0, 330.0], 4.0),
        "melody with vibrato, 2 notes a second": _notes(seconds, [220.0, 247.0, 262.0, 294.0], 2.0, vibrato=0.02),
        "drums": _drums(seconds, noise),
    }
    return {name: _levelled(each) for name, each in sounds.items()}


def hard_sounds() -> dict[str, Samples]:
    """Sounds without a voice that may be taken for one, alike."""
    seconds = np.arange(round(_SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    random = np.random.default_rng(_SEED)
    noise = random.normal(size=len(seconds))
    wander = sosfilt(butter(1, 1.0, fs=SAMPLE_RATE_HZ, output="sos"), random.normal(size=len(seconds)))
    narrow = sosfilt(butter(2, 20.0, fs=SAMPLE_RATE_HZ, output="sos"), random.normal(size=(2, len(seconds))))
    phase = 2 * np.pi * np.cumsum(400 * 2 ** (0.7 * wander / wander.std())) / SAMPLE_RATE_HZ
    turns = 120 * (1 + 0.1 * np.sin(2 * np.pi * 0.9 * seconds) + 0.05 * np.sin(2 * np.pi * 2.3 * seconds))
    engine = np.sum([np.sin(k * 2 * np.pi * np.cumsum(turns) / SAMPLE_RATE_HZ) / k**0.7 for k in range(1, 20)], axis=0)
    melody = _notes(seconds, [220.0, 294.0, 247.0, 330.0], 4.0, vibrato=0.01)
    bass = _notes(seconds, [98.0, 131.0, 110.0], 2.0)
    sounds = {
        "whistling wind in gusts": (narrow[0] * np.cos(phase) + narrow[1] * np.sin(phase)) * _gusts(4.0),
        "an engine in noise, in gusts": (engine / engine.std() + 0.6 * _coloured(noise, 1.0)) * _gusts(2.0),
        "melody, bass and drums": melody + bass + 3 * _drums(seconds, noise),
    }
    return {name: _levelled(each) for name, each in sounds.items()}


def _levelled(samples: Samples) -> Samples:
    levelled: Samples = samples / max(1e-9, np.abs(samples).max()) * 0.5
    return levelled


def _coloured(noise: Samples, exponent: float) -> Samples:
    """Noise whose power falls with so high a power of the frequency; deviation 1."""
    hertz = np.maximum(np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE_HZ), 20.0)
    coloured: Samples = np.fft.irfft(np.fft.rfft(noise) * hertz ** (-exponent / 2), len(noise))
    coloured /= coloured.std()
    return coloured


def _band(samples: Samples, lowest_hz: float, highest_hz: float) -> Samples:
    filtered: Samples = sosfilt(butter(2, [lowest_hz, highest_hz], "band", fs=SAMPLE_RATE_HZ, output="sos"), samples)
    return filtered


def _gusts(fastest_hz: float) -> Samples:
    """A loudness that wanders, by 9 dB for a deviation."""
    random = np.random.default_rng(_SEED + 1).normal(size=round(_SECONDS * SAMPLE_RATE_HZ))
    wander = sosfilt(butter(2, fastest_hz, fs=SAMPLE_RATE_HZ, output="sos"), random)
    gusts: Samples = np.exp(wander / wander.std())
    return gusts


def _drums(seconds: Samples, noise: Samples) -> Samples:
    """Four beats a second, a drum and a cymbal in turn."""
    since = seconds * 4 % 1 / 4
    fall = np.exp(-since / 0.06)
    drums: Samples = np.where(
        (seconds * 4).astype(int) % 2, noise * fall * 0.5, np.sin(2 * np.pi * (60 * since - 2 * fall)) * fall
    )
    return drums


def _notes(seconds: Samples, hertz: list[float], notes_a_second: float, *, vibrato: float = 0.0) -> Samples:
    """Notes of six overtones that die away, as of a plucked string."""
    which = (seconds * notes_a_second).astype(int) % len(hertz)
    pitch = np.array(hertz)[which] * (1 + vibrato * np.sin(2 * np.pi * 5.5 * seconds))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ
    tones: Samples = np.sum([np.sin(number * phase) / number for number in range(1, 7)], axis=0)
    fading: Samples = tones * np.exp(-3 * (seconds * notes_a_second % 1))
    return fading


def _louder(decibels: float) -> Callable[[Samples], Samples]:
    return lambda samples: samples * 10 ** (decibels / 20)


def _with_noise(decibels: float) -> Callable[[Samples], Samples]:
    """White noise so far below the speech."""
    return _with_coloured(0.0, decibels)


def _with_coloured(exponent: float, decibels: float) -> Callable[[Samples], Samples]:
    def change(samples: Samples) -> Samples:
        noise = _coloured(np.random.default_rng(_SEED).normal(size=len(samples)), exponent)
        return samples + noise * float(np.sqrt(np.mean(samples**2))) * 10 ** (-decibels / 20)

    return change


def _with_melody(decibels: float) -> Callable[[Samples], Samples]:
    """Notes so far below the speech."""

    def change(samples: Samples) -> Samples:
        melody = _notes(np.arange(len(samples)) / SAMPLE_RATE_HZ, [220.0, 247.0, 262.0, 294.0, 330.0], 4.0)
        level = float(np.sqrt(np.mean(samples**2) / np.mean(melody**2)))
        return samples + melody * level * 10 ** (-decibels / 20)

    return change


def _telephone(samples: Samples) -> Samples:
    """As sound of 8 kHz has it: nothing above 3.4 kHz."""
    filtered: Samples = sosfilt(butter(8, 3400, fs=SAMPLE_RATE_HZ, output="sos"), samples)
    return filtered


def _whispered(samples: Samples) -> Samples:
    """The same formants and loudness, and noise in place of the voice."""
    _, _, spectrum = stft(samples, fs=SAMPLE_RATE_HZ, nperseg=512)
    width = max(1, round(_ENVELOPE_HZ / (SAMPLE_RATE_HZ / 512)))
    smooth = np.apply_along_axis(
        lambda column: np.convolve(column, np.full(width, 1 / width), "same"), 0, np.abs(spectrum)
    )
    angles = np.random.default_rng(_SEED).uniform(0, 2 * np.pi, spectrum.shape)
    whisper: Samples = istft(smooth * np.exp(1j * angles), fs=SAMPLE_RATE_HZ, nperseg=512)[1]
    return whisper[: len(samples)]


CHANGES: Mapping[str, Callable[[Samples], Samples]] = {
    "12 dB louder, clipped": _louder(12),
    "12 dB quieter": _louder(-12),
    "30 dB quieter": _louder(-30),
    "nothing above 3.4 kHz": _telephone,
    "white noise 20 dB below": _with_noise(20),
    "white noise 10 dB below": _with_noise(10),
    "white noise 5 dB below": _with_noise(5),
    "pink noise 20 dB below": _with_coloured(1.0, 20),
    "pink noise 10 dB below": _with_coloured(1.0, 10),
    "pink noise 5 dB below": _with_coloured(1.0, 5),
    "melody 20 dB below": _with_melody(20),
    "melody 10 dB below": _with_melody(10),
    "whispered": _whispered,
}
