"""Sound as one mono signal at 16 kHz on the container's clock.

Sample k sounds at `start_seconds + k / 16000`, with the same zero as the times of the pictures. Within a run of packets
that follow each other the samples are counted, not their stamps, which jitter. Where stamps and count disagree by 50 ms
or more, a new run is placed by its stamp: a gap is filled with silence, an overlap is cut off the later run.

Channels are averaged so that the sum cannot be louder than the loudest: a stereo and a mono copy of a voice come out
equally loud. (FFmpeg's own floating-point downmix would make the stereo one 3 dB louder.)

An hour takes 230 MB, twice that while it is being put together; `read_audio_blocks` gives the same samples a stretch
at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from vatrace.errors import MediaError
from vatrace.media.decoding import decoded_frames
from vatrace.media.opener import CONVERT_HINT, OpenMedia, check_sound, media_errors, open_media
from vatrace.media.remarks import Tell, to_log

SAMPLE_RATE_HZ = 16_000
MAX_JITTER_SECONDS = 0.05  # between stamp and count; browsers' recorders reach 30 ms
MAX_GAP_SECONDS = 600.0
MAX_SILENCE_SECONDS = 3600.0  # filled in altogether; else a few packets could ask for gigabytes of zeros
MAX_SPAN_SECONDS = 24 * 3600.0
MAX_START_SECONDS = 27 * 3600.0  # MPEG's clock wraps after 26.5 h, and a broadcast may start anywhere on it
BLOCK_SECONDS = 30.0
MAX_AMPLITUDE = 16.0  # decoded speech reaches about 2; beyond this a number is damage


@dataclass(frozen=True, kw_only=True)
class Waveform:
    """Mono sound.

    Args:
        samples: `[samples]`, float32, full scale is 1; lossy decoders may go somewhat beyond.
        start_seconds: when the first sample sounds, on the container's clock.
        sample_rate_hz: samples a second.
    """

    samples: NDArray[np.float32]
    start_seconds: float
    sample_rate_hz: int = SAMPLE_RATE_HZ

    @property
    def duration_seconds(self) -> float:
        """How long it sounds."""
        return len(self.samples) / self.sample_rate_hz

    @property
    def end_seconds(self) -> float:
        """When the sample after the last would sound, on the container's clock."""
        return self.start_seconds + self.duration_seconds


def read_audio(path: Path, *, tell: Tell | None = None) -> Waveform | None:
    """Decode the sound of a file.

    Args:
        path: a video or sound file.
        tell: told at the end what is damaged or missing; None logs it.

    Returns:
        The sound, or None if the file has none.

    Raises:
        NothingFound: there is no such path.
        MediaError: no media file, or sound that cannot be decoded or whose times cannot be.
    """
    blocks = list(read_audio_blocks(path, tell=tell))
    if not blocks:
        return None
    return Waveform(samples=np.concatenate([each.samples for each in blocks]), start_seconds=blocks[0].start_seconds)


def read_audio_blocks(
    path: Path, *, block_seconds: float = BLOCK_SECONDS, tell: Tell | None = None
) -> Iterator[Waveform]:
    """Decode the sound of a file a stretch at a time, in bounded memory.

    Args:
        path: a video or sound file.
        block_seconds: length of a stretch; the last may be shorter.
        tell: as for `read_audio`.

    Yields:
        Stretches that follow each other without a gap: end to end they are what `read_audio` gives, sample for sample.
        None at all if the file has no sound.

    Raises:
        ValueError: `block_seconds` holds no sample.
        NothingFound: as `read_audio`.
        MediaError: as `read_audio`; stretches before the damage were given by then.
    """
    block_samples = round(block_seconds * SAMPLE_RATE_HZ)
    if block_samples < 1:
        raise ValueError(f"block_seconds must hold a sample of 1/{SAMPLE_RATE_HZ} s, got {block_seconds}")
    timeline = _Timeline(path)
    for _ in _placed(path, timeline, tell):
        yield from timeline.take(block_samples)
    yield from timeline.take(block_samples, everything=True)
    timeline.report(tell or to_log(path))


def _placed(path: Path, timeline: _Timeline, tell: Tell | None) -> Iterator[None]:
    """Decode the sound onto a timeline; gives control back after each packet."""
    with open_media(path) as media:
        if media.audio is None:
            return
        run: _Run | None = None
        for frame in decoded_frames(media, media.audio, tell):
            with media_errors(path, "has sound that could not be decoded"):
                check_sound(path, frame.sample_rate, len(frame.layout.channels))
                start = _stamp(media, frame)
                if run is None or not run.is_continued_by(frame, start):
                    if run is not None:
                        timeline.place(run.finish())
                        start = run.end_seconds if start is None else start
                    run = _Run(frame, 0.0 if start is None else start)
                    timeline.begin(run.start_seconds)
                timeline.place(run.add(frame))
            yield
        if run is not None:
            with media_errors(path, "has sound that could not be decoded"):
                timeline.place(run.finish())


class _Run:
    """Packets that follow each other, resampled as one signal."""

    def __init__(self, first: AudioFrame, start_seconds: float) -> None:
        self.start_seconds = start_seconds
        self._form = _form(first)
        self._num_samples = 0
        self._resampler = av.AudioResampler(
            format="flt", layout="mono", rate=SAMPLE_RATE_HZ, options={"rematrix_maxval": "1.0"}
        )

    @property
    def end_seconds(self) -> float:
        """Where the next sample belongs, by count."""
        return self.start_seconds + self._num_samples / self._form[0]

    def is_continued_by(self, frame: AudioFrame, start_seconds: float | None) -> bool:
        """Whether a frame follows without gap, overlap or change of form."""
        if _form(frame) != self._form:
            return False
        return start_seconds is None or abs(start_seconds - self.end_seconds) < MAX_JITTER_SECONDS

    def add(self, frame: AudioFrame) -> NDArray[np.float32]:
        """Take a frame; returns what the resampler has ready."""
        self._num_samples += frame.samples
        frame.pts = None  # the resampler would try to follow the jitter
        return _joined(self._resampler.resample(frame))

    def finish(self) -> NDArray[np.float32]:
        """Returns what the resampler held back."""
        return _joined(self._resampler.resample(None))


class _Timeline:
    """Puts runs one after the other, each where it belongs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start_seconds: float | None = None
        self._waiting: list[NDArray[np.float32]] = []  # placed and not taken yet
        self._num_waiting = 0
        self._num_samples = 0
        self._num_silent = 0
        self._num_to_cut = 0

    def begin(self, start_seconds: float) -> None:
        """Move to where the next run starts: fill with silence up to there, or note what overlaps."""
        if self._start_seconds is None:
            self._check(abs(start_seconds) <= MAX_START_SECONDS, f"starts at {start_seconds:.0f} s")
            self._start_seconds = start_seconds
        gap_seconds = start_seconds - self._start_seconds - self._num_samples / SAMPLE_RATE_HZ
        self._check(abs(gap_seconds) <= MAX_GAP_SECONDS, f"jumps by {gap_seconds:.0f} s to {start_seconds:.0f} s")
        gap_samples = round(gap_seconds * SAMPLE_RATE_HZ)
        self._num_to_cut = max(0, -gap_samples)
        if gap_samples > 0:
            self._num_silent += gap_samples
            is_bounded = self._num_silent <= MAX_SILENCE_SECONDS * SAMPLE_RATE_HZ
            self._check(is_bounded, f"leaves out more than {MAX_SILENCE_SECONDS:.0f} s altogether")
            self._append(np.zeros(gap_samples, dtype=np.float32))

    def place(self, samples: NDArray[np.float32]) -> None:
        """Append samples of the current run, less what overlaps the run before."""
        num_cut = min(self._num_to_cut, len(samples))
        self._num_to_cut -= num_cut
        self._append(samples[num_cut:])

    def take(self, block_samples: int, *, everything: bool = False) -> Iterator[Waveform]:
        """Blocks of what is placed, cleaned of numbers that are no sound; the last, unfull one only of `everything`."""
        while self._num_waiting >= block_samples or (everything and self._num_waiting):
            waiting = np.concatenate(self._waiting)
            samples, rest = waiting[:block_samples].copy(), waiting[block_samples:]
            np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            np.clip(samples, -MAX_AMPLITUDE, MAX_AMPLITUDE, out=samples)
            first = self._num_samples - self._num_waiting
            self._waiting, self._num_waiting = [rest], len(rest)
            yield Waveform(samples=samples, start_seconds=(self._start_seconds or 0.0) + first / SAMPLE_RATE_HZ)

    def report(self, tell: Tell) -> None:
        """Tell what was filled in."""
        if self._num_silent:
            tell(f"{self._num_silent / SAMPLE_RATE_HZ:.2f} s of sound are missing and were filled with silence")

    def _append(self, samples: NDArray[np.float32]) -> None:
        self._num_samples += len(samples)
        self._num_waiting += len(samples)
        self._check(self._num_samples <= MAX_SPAN_SECONDS * SAMPLE_RATE_HZ, "runs for more than 24 hours")
        self._waiting.append(samples)

    def _check(self, is_plausible: bool, what: str) -> None:
        if not is_plausible:
            raise MediaError(f"the clock of the sound in {self._path} {what}.", hint=CONVERT_HINT, code="time")


def _stamp(media: OpenMedia, frame: AudioFrame) -> float | None:
    """When a frame starts, in seconds on the container's clock; None where the container does not say."""
    if frame.pts is None or media.audio is None:
        return None
    return float(frame.pts * (media.audio.time_base or Fraction(1, frame.sample_rate)))


def _form(frame: AudioFrame) -> tuple[int, str, str]:
    return (frame.sample_rate, frame.format.name, frame.layout.name)


def _joined(frames: list[AudioFrame]) -> NDArray[np.float32]:
    """Samples of mono float frames, `[samples]`; a resampler with nothing to do answers None when it is emptied."""
    empty = np.zeros(0, dtype=np.float32)
    answers: list[AudioFrame | None] = [*frames]
    chunks = [frame.to_ndarray().reshape(-1).astype(np.float32, copy=False) for frame in answers if frame is not None]
    return np.concatenate((empty, *chunks))
