"""How something is said: 36 numbers of three seconds of speech, and whether they are speech at all.

Pitch, harmonics-to-noise ratio, loudness movement, timbre and rhythm, in numpy (`speech_rows`). Loudness is counted
from the mean of the active rows, which is what levelling a recording to -26 dB of full scale over its active parts
comes to, so that gain changes nothing.

Sound is mono float32 in [-1, 1] at 16 kHz. A file is described in windows of 3 s every 0.5 s; a video frame takes the
window of speech whose middle is nearest. A frame is valid where somebody is heard (`speech_gate`): beside a voiced row
of a window of speech, or in a pause of up to a second between two of them. It never is before the first voiced row or
after the last, but for the 40 ms that a row looks at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64
from numpy.typing import NDArray

from vatrace.features.mfcc import SAMPLE_RATE_HZ
from vatrace.features.speech_gate import (
    ROWS_A_SECOND,
    SHORTEST_VOICED_ROWS,
    active_and_voiced,
    heard_at,
    is_speech,
    runs_of,
)
from vatrace.features.speech_rows import COLUMN, ROWS_AT_ONCE, Rows, row_centres, speech_rows

WINDOW_SECONDS = 3.0
WINDOW_ROWS = 300
HOP_ROWS = ROWS_AT_ONCE  # a new window every half second
SMOOTH_ROWS = 7  # 70 ms, less than a syllable

PROSODY_NAMES = (
    "pitch_mean",
    "pitch_std",
    "pitch_p20",
    "pitch_p80",
    "pitch_range",
    "pitch_rise",
    "pitch_fall",
    "pitch_jitter",
    "hnr_mean",
    "hnr_std",
    "loudness_std",
    "loudness_range",
    "loudness_rise",
    "loudness_fall",
    "alpha_ratio_mean",
    "alpha_ratio_std",
    "hammarberg_mean",
    "hammarberg_std",
    "slope_low_mean",
    "slope_high_mean",
    "centroid_mean",
    "centroid_std",
    "flux_mean",
    "flux_std",
    "mfcc1_mean",
    "mfcc1_std",
    "mfcc2_mean",
    "mfcc2_std",
    "mfcc3_mean",
    "mfcc3_std",
    "mfcc4_mean",
    "mfcc4_std",
    "voiced_share",
    "voiced_runs_a_second",
    "voiced_run_seconds",
    "loudness_peaks_a_second",
)
PROSODY_DIM = len(PROSODY_NAMES)


@dataclass(frozen=True)
class WindowProsody:
    """What a window sounds like.

    Args:
        features: `[36]` float32, in the order of `PROSODY_NAMES`; zeros where nothing is voiced.
        is_speech: whether somebody speaks in it.
        voiced: `[rows]`, the 10 ms rows in which a voice sounds.
    """

    features: Float32[np.ndarray, " 36"]
    is_speech: bool
    voiced: Bool[np.ndarray, " rows"]


def window_prosody(samples: Float32[np.ndarray, " samples"]) -> WindowProsody:
    """Describe a window, as live use needs it.

    Args:
        samples: mono sound in [-1, 1] at 16 kHz, by custom the last 3 s.
    """
    pieces = list(speech_rows([samples]))
    return _of_rows(np.concatenate(pieces)) if pieces else _of_rows(np.zeros((0, len(COLUMN)), np.float32))


def prosody_of_blocks(
    blocks: Iterable[tuple[np.ndarray, float]], times_seconds: Float64[np.ndarray, " frames"]
) -> tuple[Float32[np.ndarray, "frames 36"], Bool[np.ndarray, " frames"]]:
    """Describe the speech at each frame of a video.

    Args:
        blocks: stretches of samples that follow each other without a gap, each with the time of its first sample on the
            container's clock in seconds; how the sound is cut up changes nothing.
        times_seconds: the video's frame times on the same clock, increasing.

    Returns:
        Features, zero where not valid, and whether somebody is heard.
    """
    starts: list[float] = []
    num_samples = 0

    def samples() -> Iterator[np.ndarray]:
        nonlocal num_samples
        for block, start_seconds in blocks:
            starts.append(start_seconds) if not starts else None
            num_samples += len(block)
            yield block

    windows = list(_speech_windows(speech_rows(samples())))
    values = np.zeros((len(times_seconds), PROSODY_DIM), np.float32)
    if not windows:
        return values, np.zeros(len(times_seconds), bool)
    seconds = num_samples / SAMPLE_RATE_HZ
    valid = heard_at(_voiced(windows), seconds, np.asarray(times_seconds) - starts[0])
    values[valid] = _nearest(windows, np.asarray(times_seconds)[valid] - starts[0])
    return values, valid


def prosody(
    samples: np.ndarray, start_seconds: float, times_seconds: np.ndarray
) -> tuple[Float32[np.ndarray, "frames 36"], Bool[np.ndarray, " frames"]]:
    """The same of sound that is there as a whole."""
    return prosody_of_blocks([(samples, start_seconds)], times_seconds)


@dataclass(frozen=True)
class _SpeechWindow:
    """A window in which somebody speaks: its features, and its first row in the recording."""

    first_row: int
    described: WindowProsody

    @property
    def centre_seconds(self) -> float:
        """Middle of the window, after the first sample."""
        return float(row_centres(1)[0] + (self.first_row + (len(self.described.voiced) - 1) / 2) / ROWS_A_SECOND)


def _speech_windows(pieces: Iterable[Rows]) -> Iterator[_SpeechWindow]:
    """The windows of speech of a recording whose rows come 50 at a time; the last window ends with it."""
    kept = np.zeros((0, len(COLUMN)), np.float32)
    first_row, described_up_to = 0, 0
    for piece in pieces:
        kept = np.concatenate([kept, piece])
        spare = max(0, len(kept) - WINDOW_ROWS)
        kept, first_row = kept[spare:], first_row + spare
        if len(kept) == WINDOW_ROWS:
            described_up_to = first_row + len(kept)
            yield from _if_speech(first_row, kept)
    if first_row + len(kept) > described_up_to:  # a recording shorter than a window
        yield from _if_speech(first_row, kept)


def _if_speech(first_row: int, rows: Rows) -> Iterator[_SpeechWindow]:
    described = _of_rows(rows)
    if described.is_speech:
        yield _SpeechWindow(first_row, described)


def _voiced(windows: list[_SpeechWindow]) -> NDArray[np.bool_]:
    """The rows of the recording, up to the last window of speech, in which a voice sounds."""
    last = windows[-1]
    voiced = np.zeros(last.first_row + len(last.described.voiced), bool)
    for each in windows:
        voiced[each.first_row : each.first_row + len(each.described.voiced)] |= each.described.voiced
    return voiced


def _nearest(windows: list[_SpeechWindow], times_seconds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Features of the window of speech whose middle is nearest to each time."""
    centres = np.array([each.centre_seconds for each in windows])
    borders = (centres[1:] + centres[:-1]) / 2
    features = np.stack([each.described.features for each in windows])
    return features[np.searchsorted(borders, times_seconds)]


def _of_rows(rows: Rows) -> WindowProsody:
    active, voiced = active_and_voiced(rows)
    if voiced.sum() < SHORTEST_VOICED_ROWS:
        return WindowProsody(np.zeros(PROSODY_DIM, np.float32), False, np.zeros(len(rows), bool))
    values = [
        *_pitch_statistics(rows, voiced),
        *_voice_quality(rows, voiced),
        *_loudness_statistics(rows, active),
        *_timbre_statistics(rows, active, voiced),
        *_rhythm(rows, active, voiced),
    ]
    features = np.array(values, np.float32)
    return WindowProsody(features, is_speech(rows, active, voiced), voiced)


def _pitch_statistics(rows: Rows, voiced: NDArray[np.bool_]) -> list[float]:
    pitch = rows[:, COLUMN["pitch"]].astype(np.float64)
    inside = voiced[1:] & voiced[:-1]
    slopes = np.diff(pitch)[inside] * ROWS_A_SECOND  # semitones a second
    slopes = slopes[np.abs(slopes) < 2 * ROWS_A_SECOND]  # a jump of two semitones in 10 ms is the tracker's
    bent = np.abs(pitch[2:] - 2 * pitch[1:-1] + pitch[:-2])[inside[1:] & inside[:-1]]
    low, high = np.percentile(pitch[voiced], [20, 80])
    jitter = float(np.median(bent)) if len(bent) else 0.0
    return [
        float(pitch[voiced].mean()),
        float(pitch[voiced].std()),
        float(low),
        float(high),
        float(high - low),
        _mean(slopes[slopes > 0]),
        _mean(slopes[slopes < 0]),
        jitter,
    ]


def _voice_quality(rows: Rows, voiced: NDArray[np.bool_]) -> list[float]:
    """Harmonics-to-noise ratio in dB (Boersma 1993: 10 log10 of r / (1 - r))."""
    share = np.clip(rows[voiced, COLUMN["periodicity"]].astype(np.float64), 1e-3, 0.999)
    ratio = 10 * np.log10(share / (1 - share))
    return [float(ratio.mean()), float(ratio.std())]


def _loudness_statistics(rows: Rows, active: NDArray[np.bool_]) -> list[float]:
    power = rows[:, COLUMN["power_db"]].astype(np.float64)
    slopes = np.diff(_smoothed(power))[active[1:] & active[:-1]] * ROWS_A_SECOND  # dB a second
    low, high = np.percentile(power[active], [20, 80])
    return [float(power[active].std()), float(high - low), _mean(slopes[slopes > 0]), _mean(slopes[slopes < 0])]


def _timbre_statistics(rows: Rows, active: NDArray[np.bool_], voiced: NDArray[np.bool_]) -> list[float]:
    def both(name: str, where: NDArray[np.bool_]) -> list[float]:
        column = rows[where, COLUMN[name]].astype(np.float64)
        return [float(column.mean()), float(column.std())]

    return [
        *both("alpha_ratio", voiced),
        *both("hammarberg", voiced),
        both("slope_low", voiced)[0],
        both("slope_high", voiced)[0],
        *both("centroid", voiced),
        *both("flux", active),
        *(number for order in (1, 2, 3, 4) for number in both(f"mfcc{order}", voiced)),
    ]


def _rhythm(rows: Rows, active: NDArray[np.bool_], voiced: NDArray[np.bool_]) -> list[float]:
    runs = runs_of(voiced)
    seconds = active.sum() / ROWS_A_SECOND
    return [
        float(voiced.sum() / active.sum()),
        len(runs) / seconds,
        float(np.mean([stop - start for start, stop in runs])) / ROWS_A_SECOND,
        _num_peaks(rows, active) / seconds,
    ]


def _num_peaks(rows: Rows, active: NDArray[np.bool_]) -> int:
    """Peaks of the loudness over 70 ms, about one a syllable."""
    power = _smoothed(rows[:, COLUMN["power_db"]].astype(np.float64))
    return int(((power[1:-1] > power[:-2]) & (power[1:-1] >= power[2:]) & active[1:-1]).sum())


def _smoothed(power: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.pad(power, SMOOTH_ROWS // 2, mode="edge")
    return np.convolve(padded, np.full(SMOOTH_ROWS, 1 / SMOOTH_ROWS), mode="valid")


def _mean(numbers: NDArray[np.float64]) -> float:
    return float(numbers.mean()) if len(numbers) else 0.0
