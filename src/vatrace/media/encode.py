"""The one writer of video: H.264 and AAC in an MP4 (or whatever container the suffix names), committed whole.

Frames are `uint8 [height, width, 3]` RGB, sound is mono float in [-1, 1]. Every frame may have its own timestamp, sound
may begin after the picture, and either may be missing. An `.avi` is written as old cameras did: MPEG-4 part 2 and plain
samples, frames at a constant rate, since that container keeps no times. The same input gives the same bytes: one
encoder thread, and no date, host or version of ours is written.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vatrace.files import committed

TIME_BASE = Fraction(1, 90_000)  # MPEG's own clock: fine enough for any camera, exact for 24, 25, 30 and 29.97 fps
SAMPLES_PER_PACKET = 1024  # AAC takes exactly this many samples at a time
BIT_EXACT = {"flags": "+bitexact"}
AVI_QUANTISER = {"qmin": "3", "qmax": "3"}  # MPEG-4 part 2: 1 (best) to 31; one for all frames


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]] | None,
    *,
    size: tuple[int, int] | None = None,
    fps: Fraction | int | None = None,
    times_seconds: Iterable[float] | None = None,
    waveform: NDArray[np.float32] | None = None,
    sample_rate_hz: int = 16_000,
    waveform_start_seconds: float = 0.0,
    crf: int = 20,
    preset: str = "veryfast",
) -> None:
    """Write pictures and sound as one file.

    Args:
        path: where to; the suffix chooses the container (`.mp4`, `.mkv`, `.mov`, `.avi`).
        frames: RGB pictures, drawn one at a time; None for sound only.
        size: (width, height) in pixels, both even; needed with `frames`.
        fps: constant frame rate; the first frame is at time 0.
        times_seconds: instead of `fps`, one time a frame, 0 or later, increasing by at least 1/90000 s; not in `.avi`.
        waveform: `[samples]`, mono; None for silent film.
        sample_rate_hz: of `waveform`; AAC knows 16000, 44100, 48000 and a few more.
        waveform_start_seconds: when the first sample sounds, 0 or later; 0 in `.avi`.
        crf: constant quality of x264, 0 (lossless) to 51.
        preset: x264's trade of time for size.

    Raises:
        ValueError: neither or both of `fps` and `times_seconds`, no `size`, a frame of another size, too few times,
            times that do not increase, nothing to write, or times in an `.avi`.
    """
    if frames is None and waveform is None:
        raise ValueError("write_video got neither frames nor a waveform; give at least one")
    if waveform_start_seconds < 0:
        raise ValueError(f"waveform_start_seconds is {waveform_start_seconds}; sound cannot begin before time 0")
    is_avi = path.suffix.lower() == ".avi"
    if is_avi and (times_seconds is not None or waveform_start_seconds > 0):
        raise ValueError(f"{path.name}: an .avi keeps no times; give fps, and sound that begins at 0, or write an .mp4")
    options = {"fflags": "+bitexact"}
    if path.suffix.lower() in (".mp4", ".mov"):
        # These keep a late start in ticks of the whole film's clock, which would otherwise be milliseconds.
        options["movie_timescale"] = str(TIME_BASE.denominator)
    with committed(path) as part, av.open(str(part), "w", options=options) as container:
        # B-frames would make the first decoding time negative, which some readers take for the start of the clip.
        codec_options = AVI_QUANTISER if is_avi else {"crf": str(crf), "preset": preset, "bf": "0"}
        video = None if frames is None else _add_video(container, size, fps, codec_options, is_avi=is_avi)
        audio = None if waveform is None else _add_audio(container, sample_rate_hz, is_avi=is_avi)
        sound = iter(()) if waveform is None else _sound_frames(waveform, sample_rate_hz, waveform_start_seconds)
        if video is not None and frames is not None:
            sound = _write_pictures(container, video, audio, _timed(frames, fps, times_seconds), sound)
        if audio is not None:
            for frame in sound:
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))


def _add_video(
    container: OutputContainer,
    size: tuple[int, int] | None,
    fps: Fraction | int | None,
    codec_options: dict[str, str],
    *,
    is_avi: bool,
) -> VideoStream:
    if size is None or size[0] % 2 or size[1] % 2:
        raise ValueError(f"size is {size}; H.264 in yuv420p needs (width, height), both even")
    rate = Fraction(fps) if fps is not None else Fraction(25)
    options = {**codec_options, "threads": "1", **BIT_EXACT}
    stream = container.add_stream("mpeg4" if is_avi else "libx264", rate=rate, options=options)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = 1 / rate if is_avi else TIME_BASE  # AVI has a tick a frame
    return stream


def _add_audio(container: OutputContainer, sample_rate_hz: int, *, is_avi: bool) -> AudioStream:
    if is_avi:
        return container.add_stream("pcm_s16le", rate=sample_rate_hz, layout="mono")
    # 64 kbit/s leaves no audible trace in one channel of speech at 16 kHz.
    return container.add_stream("aac", rate=sample_rate_hz, layout="mono", options={"b": "64000", **BIT_EXACT})


def _timed(
    frames: Iterable[NDArray[np.uint8]], fps: Fraction | int | None, times_seconds: Iterable[float] | None
) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Each frame with its time in ticks of `TIME_BASE`."""
    if (fps is None) == (times_seconds is None):
        raise ValueError("write_video needs either fps or times_seconds")
    step = 1 / Fraction(fps or 1)
    steps = (number * step for number in itertools.count())
    times: Iterator[Fraction | float] = iter(times_seconds) if times_seconds is not None else steps
    last_ticks = -1
    for index, frame in enumerate(frames):
        time = next(times, None)
        if time is None:
            raise ValueError(f"there are more frames than the {index} times given")
        ticks = round(time / TIME_BASE)
        if ticks <= last_ticks:
            raise ValueError(f"frame {index} at {float(time):.6f} s is before time 0 or not after the frame before it")
        last_ticks = ticks
        yield frame, ticks


def _write_pictures(
    container: OutputContainer,
    video: VideoStream,
    audio: AudioStream | None,
    timed: Iterator[tuple[NDArray[np.uint8], int]],
    sound: Iterator[av.AudioFrame],
) -> Iterator[av.AudioFrame]:
    """Write every picture, and between them the sound that belongs there; returns the sound left over."""
    waiting = next(sound, None)
    for picture, ticks in timed:
        while audio is not None and waiting is not None and (waiting.time or 0.0) <= ticks * TIME_BASE:
            container.mux(audio.encode(waiting))
            waiting = next(sound, None)
        if picture.shape != (video.height, video.width, 3):
            raise ValueError(f"a frame is {picture.shape}, expected {(video.height, video.width, 3)}")
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = ticks, TIME_BASE
        container.mux(video.encode(frame))
    container.mux(video.encode(None))
    return sound if waiting is None else itertools.chain([waiting], sound)


def _sound_frames(waveform: NDArray[np.float32], sample_rate_hz: int, start_seconds: float) -> Iterator[av.AudioFrame]:
    samples = np.ascontiguousarray(waveform, dtype=np.float32)[None]  # [channel = 1, samples]
    start = round(start_seconds * sample_rate_hz)
    for first in range(0, samples.shape[1], SAMPLES_PER_PACKET):
        frame = av.AudioFrame.from_ndarray(samples[:, first : first + SAMPLES_PER_PACKET], format="fltp", layout="mono")
        frame.sample_rate = sample_rate_hz
        frame.pts, frame.time_base = start + first, Fraction(1, sample_rate_hz)
        yield frame
