"""Acoustic features of a moment as sound comes, from the last seconds of it.

A row of acoustic features covers some sound on either side of its time (`features`). Live there is none after, so the
row that goes with a picture is that of a moment a little before it: by so much that the row is the one that a file
would have there. VGGish has to be heard half a second late, MFCC eight hundredths. Prosody, which is of three seconds,
is taken of the last three; in a file a pause counts as speech where it lies between words, and live, where nobody knows
yet, for three quarters of a second. Nothing after the picture is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatrace.features.acoustic import AcousticExtractor
from vatrace.features.sync import LONE_FRAME_SECONDS, LONGEST_INTERVAL_SECONDS

SAMPLE_RATE_HZ = 16_000
KEPT_SECONDS = 5.0  # more than any context below
MAX_JITTER_SECONDS = 0.1  # between stamp and count: browsers stamp blocks when they get to it
STALE_SECONDS = 1.0  # a microphone that gave nothing for so long is off


@dataclass(frozen=True)
class Hearing:
    """What an extractor needs of the sound around a moment.

    Args:
        before_seconds: sound before it.
        after_seconds: sound after it; how far its rows come behind the pictures.
        every_seconds: its row is made anew when the last one is so old; 0 for every picture.
        held_seconds: how long after the last valid row it still counts.
    """

    before_seconds: float
    after_seconds: float
    every_seconds: float
    held_seconds: float = 0.0


HEARING = {
    "mfcc": Hearing(0.5, 0.06, 0.0),  # a window of 25 ms, and two derivatives that look 20 ms ahead each
    "egemaps": Hearing(2.0, 0.45, 0.1),  # pitch tracking looks 0.4 s around itself
    "vggish": Hearing(0.6, 0.49, 0.1),  # half a patch
    "vggish_pca": Hearing(0.6, 0.49, 0.1),
    "prosody": Hearing(2.9, 0.0, 0.25, 0.75),  # one window; in a file its middle is at the frame, here its end
}


class RecentSound:
    """The last seconds of a microphone, on the clock of whoever gives them."""

    def __init__(self, kept_seconds: float = KEPT_SECONDS) -> None:
        self._kept = round(kept_seconds * SAMPLE_RATE_HZ)
        self._samples: NDArray[np.float32] = np.zeros(0, np.float32)
        self.end_seconds: float | None = None  # of the sample after the last

    def add(self, samples: NDArray[np.float32], time_seconds: float) -> None:
        """Append a block.

        Blocks that follow each other within 0.1 s are counted, not placed by their stamps, which jitter. A gap is
        filled with silence. A stamp that lies further back sets the clock anew and loses no sound.

        Args:
            samples: `[samples]`, mono in [-1, 1] at 16 kHz.
            time_seconds: when the first of them sounded.
        """
        if self.end_seconds is None or abs(time_seconds - self.end_seconds) > MAX_JITTER_SECONDS:
            gap = 0 if self.end_seconds is None else round((time_seconds - self.end_seconds) * SAMPLE_RATE_HZ)
            silence = np.zeros(min(max(gap, 0), self._kept), np.float32)
            self._samples = np.concatenate([self._samples, silence])
            self.end_seconds = time_seconds
        self.end_seconds += len(samples) / SAMPLE_RATE_HZ
        self._samples = np.concatenate([self._samples, samples])[-self._kept :]

    def before(self, time_seconds: float, seconds: float) -> tuple[NDArray[np.float32], float]:
        """What sounded in the `seconds` before a time, and when its first sample did; less where there is less."""
        if self.end_seconds is None:
            return np.zeros(0, np.float32), time_seconds
        start = self.end_seconds - len(self._samples) / SAMPLE_RATE_HZ
        stop = _place(time_seconds - start, len(self._samples))
        first = _place(time_seconds - seconds - start, len(self._samples))
        return self._samples[first:stop], start + first / SAMPLE_RATE_HZ


class LiveSound:
    """Gives the acoustic rows that go with a picture.

    Args:
        extractors: what to give, in the order of the model.
    """

    def __init__(self, extractors: Sequence[AcousticExtractor]) -> None:
        self._recent = RecentSound()
        self._ears = [_Ear(each, HEARING[each.name]) for each in extractors]

    @property
    def end_seconds(self) -> float | None:
        """Up to when there is sound; None before there was any."""
        return self._recent.end_seconds

    def add(self, samples: NDArray[np.float32], time_seconds: float) -> None:
        """Take a block of sound: see `RecentSound.add`."""
        self._recent.add(samples, time_seconds)

    def rows(self, time_seconds: float, step_seconds: float | None) -> dict[str, tuple[NDArray[np.float32], bool]]:
        """The row of each extractor for a picture, by name, and whether it may be used.

        Args:
            time_seconds: of the picture, not before that of the last call.
            step_seconds: since the picture before it; None for the first.
        """
        end = self._recent.end_seconds
        if end is None or time_seconds - end > STALE_SECONDS:
            return {ear.extractor.name: ear.nothing() for ear in self._ears}
        step = min(step_seconds or LONE_FRAME_SECONDS, LONGEST_INTERVAL_SECONDS)
        heard_until = min(time_seconds, end)
        return {ear.extractor.name: ear.row(self._recent, heard_until, step) for ear in self._ears}


class _Ear:
    """One extractor and what it said last."""

    def __init__(self, extractor: AcousticExtractor, hearing: Hearing) -> None:
        self.extractor, self.hearing = extractor, hearing
        self._said = self.nothing()
        self._said_of: float | None = None

    def nothing(self) -> tuple[NDArray[np.float32], bool]:
        return np.zeros(self.extractor.dim, np.float32), False

    def row(self, sound: RecentSound, heard_until: float, step: float) -> tuple[NDArray[np.float32], bool]:
        if self._said_of is not None and 0 <= heard_until - self._said_of < self.hearing.every_seconds:
            return self._said
        moment = heard_until - self.hearing.after_seconds - step / 2  # a row is a mean over `step` around its moment
        samples, start = sound.before(heard_until, heard_until - moment + self.hearing.before_seconds + step)
        earliest = moment - self.hearing.held_seconds
        times = np.array([*np.arange(earliest, moment - step, step), moment - step, moment])
        values, valid = self.extractor.extract(samples, start, times)
        usable = np.flatnonzero(valid & (times >= earliest))
        self._said = (values[usable[-1] if len(usable) else -1], bool(len(usable)))
        self._said_of = heard_until
        return self._said


def _place(seconds: float, num_samples: int) -> int:
    return min(max(round(seconds * SAMPLE_RATE_HZ), 0), num_samples)
