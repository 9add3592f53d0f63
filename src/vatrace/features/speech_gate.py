"""Whether somebody speaks, and when: what decides that a voice may have a say at all.

The bounds lie between what speech has and what other sounds have. Speech was 376 clips of EMO-DB, 6 of GRID and 12 of
CREMA-D (two actors, in a room), all also under pink and white noise, and an English, a German, a Spanish, an Italian, a
French, a Polish and a Russian voice of a synthesiser (espeak-ng). Other sounds were made: noise of five colours and of
narrow bands, steady and in gusts at 2 to 7 a second, rain, wind, traffic, engines, hum, clicks, drums, tones, chords,
melodies. Behind a bound is the most extreme of either side.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from vatrace.features.mfcc import SAMPLE_RATE_HZ
from vatrace.features.speech_rows import COLUMN, FRAME_SAMPLES, HOP_SAMPLES, Rows, row_centres

ROWS_A_SECOND = SAMPLE_RATE_HZ // HOP_SAMPLES
ACTIVE_RANGE_DB = 30.0  # below the loud rows of a window; what is quieter is a pause
QUIETEST_DB = -65.0  # of full scale: quieter speech than this is not looked for
VOICED_PERIODICITY = 0.5  # white noise reaches .3, a vowel .9
SHORTEST_VOICED_ROWS = 3
PITCH_REACH_SEMITONES = 12.0  # from the window's median; further away the tracker has jumped an octave

LEAST_VOICED_SECONDS = 0.2
LEAST_VOICED_SHARE = 0.1  # of the active rows; speech .19, with noise 10 dB below .13
LEAST_HARMONICITY = 0.24  # for 0.1 s; noise of any colour or band .21, speech .31, with noise 20 dB below .28
HARMONIC_SECONDS = 0.1
LEAST_PITCH_CHANGE_SEMITONES = 0.2  # median over 40 ms; chords .1, two melodies .21, people .32, espeak .24
LEAST_FLUX = 0.045  # mean over the voiced rows; strings, flutes and hum .03, a siren .04, speech .05
LEAST_LOUDNESS_STD_DB = 3.0  # over the active rows; steady noise 2.8, speech 4

# Pauses inside speech last up to a second, and longer ones are turns or silence: Campione and Veronis, "A large-scale
# multilingual study of silent pause duration", Speech Prosody 2002.
LONGEST_PAUSE_SECONDS = 1.0  # between two voiced rows
MARGIN_SECONDS = FRAME_SAMPLES / SAMPLE_RATE_HZ  # to either side of a voiced row, which looks at so much


def active_and_voiced(rows: Rows) -> tuple[Bool[np.ndarray, " rows"], Bool[np.ndarray, " rows"]]:
    """Rows that are no pause, and those of them with a pitch that lasts."""
    if not len(rows):
        return np.zeros(0, bool), np.zeros(0, bool)
    power = rows[:, COLUMN["power_db"]]
    active = power > max(float(np.percentile(power, 95)) - ACTIVE_RANGE_DB, QUIETEST_DB)
    voiced = active & (rows[:, COLUMN["periodicity"]] >= VOICED_PERIODICITY)
    if voiced.any():
        pitch = rows[:, COLUMN["pitch"]]
        voiced &= np.abs(pitch - np.median(pitch[voiced])) <= PITCH_REACH_SEMITONES
    for start, stop in runs_of(voiced):
        if stop - start < SHORTEST_VOICED_ROWS:
            voiced[start:stop] = False
    return active, voiced


def runs_of(flags: Bool[np.ndarray, " rows"]) -> list[tuple[int, int]]:
    """First row and row after the last of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def is_speech(rows: Rows, active: Bool[np.ndarray, " rows"], voiced: Bool[np.ndarray, " rows"]) -> bool:
    """Whether a window sounds as speech does.

    Speech has several harmonics at least for moments, a pitch that never stands still, a spectrum that changes all the
    time, and a loudness that falls between syllables. Noise has no harmonics, whatever its colour; its periodicity
    alone does not tell, as that of low or narrow noise is that of hoarse speech in a room. The pitch of tones and notes
    stands still; the spectrum of what is bowed, blown or hums hardly changes.

    Args:
        rows: of a window.
        active: which of them are no pause.
        voiced: which have a pitch that lasts.
    """
    changes = _pitch_changes(rows, voiced)
    if voiced.sum() < LEAST_VOICED_SECONDS * ROWS_A_SECOND or not len(changes):
        return False
    harmonic = active & (rows[:, COLUMN["harmonicity"]] >= LEAST_HARMONICITY)
    return bool(
        voiced.sum() >= LEAST_VOICED_SHARE * active.sum()
        and harmonic.sum() >= HARMONIC_SECONDS * ROWS_A_SECOND
        and np.median(changes) >= LEAST_PITCH_CHANGE_SEMITONES
        and np.mean(rows[voiced, COLUMN["flux"]]) >= LEAST_FLUX
        and np.std(rows[active, COLUMN["power_db"]]) >= LEAST_LOUDNESS_STD_DB
    )


def _pitch_changes(rows: Rows, voiced: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far the pitch moved, up or down, within the length of a row; rows that are closer share their sound."""
    apart = FRAME_SAMPLES // HOP_SAMPLES
    pitch = rows[:, COLUMN["pitch"]].astype(np.float64)
    changes: NDArray[np.float64] = np.abs(pitch[apart:] - pitch[:-apart])[voiced[apart:] & voiced[:-apart]]
    return changes


def heard_at(
    voiced: Bool[np.ndarray, " rows"], sound_seconds: float, times_seconds: Float64[np.ndarray, " times"]
) -> Bool[np.ndarray, " times"]:
    """Whether somebody is heard at each time: beside a voiced row, or in a pause between two.

    Args:
        voiced: which rows of a recording have a voice.
        sound_seconds: length of the recording; nobody is heard before and after it.
        times_seconds: after the first sample.
    """
    centres = np.concatenate([[-np.inf], row_centres(len(voiced))[voiced], [np.inf]])
    place = np.searchsorted(centres, times_seconds)
    since, until = times_seconds - centres[place - 1], centres[place] - times_seconds
    heard = (np.minimum(since, until) <= MARGIN_SECONDS) | (since + until <= LONGEST_PAUSE_SECONDS)
    inside: Bool[np.ndarray, " times"] = heard & (times_seconds >= 0) & (times_seconds <= sound_seconds)
    return inside
