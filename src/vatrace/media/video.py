"""Pictures with their own times, streamed, and what a file says about itself.

A frame's time is the container's presentation timestamp in seconds, not an index over a rate: a clip may start at 0.5 s
and its frame rate may vary. Sound has the same clock (`vatrace.media.audio`). What is not the container's own:

- AVI knows no presentation times: a frame is shown when the decoder gives it, less the decoder's own delay;
- a frame without a time follows its predecessor by the stream's frame duration;
- a frame as early as its predecessor or slightly earlier (up to 0.1 s) is set a microsecond after it, so that every
  frame keeps its row and times strictly increase;
- a frame earlier than that is left out and counted in the log. A clock that stays back is an error: two recordings were
  joined without joining their clocks, and sound and picture could not be matched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vatrace.errors import MediaError
from vatrace.media.decoding import decoded_frames
from vatrace.media.opener import MAX_PIXELS, OpenMedia, decoder_name, media_errors, open_media
from vatrace.media.remarks import Tell, to_log
from vatrace.streams import TimeArray

MAX_GAP_SECONDS = 600.0  # between two frames; beyond it one wrong timestamp is more likely than a pause
MAX_SPAN_SECONDS = 24 * 3600.0  # from the first frame to the last
MAX_START_SECONDS = 27 * 3600.0  # MPEG's 33-bit clock wraps after 26.5 h, and a broadcast may start anywhere on it
MAX_STEP_BACK_SECONDS = 0.1
MAX_LATE_FRAMES = 250  # left out in a row before the clock counts as broken
SMALLEST_STEP_SECONDS = 1e-6
MAX_PIXEL_SHAPE = Fraction(4)  # width by height, or the other way round; anamorphic film has 2
REMUX_HINT = "Write it anew with one clock: ffmpeg -i INPUT -c:v libx264 -c:a aac OUTPUT.mp4"


@dataclass(frozen=True)
class VideoFrame:
    """One picture.

    Args:
        time_seconds: when it is shown, on the container's clock.
        pixels: `[height, width, 3]`, uint8 RGB, upright (rotation and mirroring of the container applied). Where
            those of the file are not square, the picture was stretched, as players do.
    """

    time_seconds: float
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class MediaInfo:
    """What a file says about itself; nothing was decoded, so these are claims.

    Args:
        has_video: whether it has pictures; a cover image of a song does not count.
        has_audio: whether it has sound.
        width: of the stored frames before rotation, in pixels; 0 without video.
        height: as `width`.
        duration_seconds: None where it does not say.
        average_fps: None where it does not say, or without video.
        num_sound_tracks: how many there are; one of them is read.
        num_frames_estimate: for progress bars; None where it cannot be told.
        num_frames_promised: of the container's index or header; None where it has neither.
        has_varying_rate: whether frames follow each other at uneven times; None where the index does not tell.
        sound_delay_seconds: from the first picture to the first sound; None where either is missing or untold.
        video_codec: decoder's name, such as `"h264"`; empty without video.
        audio_codec: as `video_codec`.
    """

    has_video: bool
    has_audio: bool
    width: int
    height: int
    duration_seconds: float | None
    average_fps: float | None
    num_sound_tracks: int
    num_frames_estimate: int | None
    num_frames_promised: int | None
    has_varying_rate: bool | None
    sound_delay_seconds: float | None
    video_codec: str
    audio_codec: str


def probe(path: Path) -> MediaInfo:
    """Read what a file says about itself.

    Args:
        path: a video or sound file.

    Raises:
        NothingFound: there is no such path.
        MediaError: it is not a media file that can be read.
    """
    with open_media(path) as media, media_errors(path, "could not be read"):
        duration = media.container.duration
        duration_seconds = duration / av.time_base if duration is not None and duration > 0 else None
        video, audio = media.video, media.audio
        return MediaInfo(
            has_video=video is not None,
            has_audio=audio is not None,
            width=video.codec_context.width if video is not None and decoder_name(video) else 0,
            height=video.codec_context.height if video is not None and decoder_name(video) else 0,
            duration_seconds=duration_seconds,
            average_fps=float(video.average_rate) if video and video.average_rate else None,
            num_sound_tracks=len(media.container.streams.audio),
            num_frames_estimate=_estimate_frames(media, duration_seconds),
            num_frames_promised=(video.frames or None) if video is not None else None,
            has_varying_rate=_has_varying_rate(media),
            sound_delay_seconds=_sound_delay(media),
            video_codec=decoder_name(video) if video is not None else "",
            audio_codec=decoder_name(audio) if audio is not None else "",
        )


def read_frames(path: Path, *, tell: Tell | None = None) -> Iterator[VideoFrame]:
    """Decode the pictures of a file one after the other; only a few are in memory at a time.

    Args:
        path: a video file.
        tell: told at the end what was put right or is missing; None logs it.

    Yields:
        Every frame that can be decoded, times strictly increasing. All have the size of the first.

    Raises:
        NothingFound: there is no such path.
        MediaError: no media file, no video in it, nothing decodable, or times that cannot be.
    """
    size: tuple[int, int] | None = None
    orientation = _Orientation()
    for time_seconds, frame, shape in _timed_frames(path, tell):
        with media_errors(path, "could not be decoded"):
            size = size or _shown_size(frame.width, frame.height, shape)
            pixels = _upright_rgb(frame, size, orientation)
        yield VideoFrame(time_seconds, pixels)


def read_times(path: Path) -> TimeArray:
    """Times of the frames that `read_frames` gives, `[frames]` in seconds, without making pictures of them.

    Raises:
        NothingFound: there is no such path.
        MediaError: as `read_frames`.
    """
    return np.array([time_seconds for time_seconds, *_ in _timed_frames(path, None)], np.float64)


def _timed_frames(path: Path, tell: Tell | None) -> Iterator[tuple[float, av.VideoFrame, Fraction | None]]:
    """Frames with their times and the width of a stored pixel as a share of its height, where the file says it."""
    with open_media(path) as media:
        if media.video is None:
            raise MediaError(f"{path} has no video stream.", hint="Give a recording with a picture.", code="no-video")
        clock = _FrameClock(media, media.video)
        for frame in decoded_frames(media, media.video, tell):
            with media_errors(path, "could not be decoded"):
                time_seconds = clock.time_of(frame)
            if time_seconds is not None:
                yield time_seconds, frame, media.video.sample_aspect_ratio
        clock.report(media, tell or to_log(path))


class _FrameClock:
    """Gives each frame of a stream its time, as the head of this file says."""

    def __init__(self, media: OpenMedia, stream: VideoStream) -> None:
        self._path = media.path
        self._is_avi = media.container.format.name == "avi"
        self._context = stream.codec_context
        self._time_base = stream.time_base or Fraction(1, av.time_base)
        rate = stream.average_rate or stream.guessed_rate
        self._step_seconds = float(1 / rate) if rate else SMALLEST_STEP_SECONDS
        self._first: float | None = None
        self._last: float | None = None
        self._late_in_a_row = 0
        self._num_frames = 0
        self._num_late = 0
        self._num_nudged = 0

    def time_of(self, frame: av.VideoFrame) -> float | None:
        """The frame's time in seconds, or None if it has to be left out."""
        self._num_frames += 1
        time_seconds = self._stamp(frame)
        if self._first is None or self._last is None:
            self._check(abs(time_seconds) <= MAX_START_SECONDS, f"starts at {time_seconds:.0f} s")
            self._first = self._last = time_seconds
            return time_seconds
        if time_seconds < self._last - MAX_STEP_BACK_SECONDS:
            self._num_late += 1
            self._late_in_a_row += 1
            broken = f"jumps back from {self._last:.3f} s to {time_seconds:.3f} s and stays there"
            self._check(self._late_in_a_row <= MAX_LATE_FRAMES, broken)
            return None
        self._late_in_a_row = 0
        if time_seconds < self._last + SMALLEST_STEP_SECONDS:
            self._num_nudged += 1
            time_seconds = self._last + SMALLEST_STEP_SECONDS
        jump = f"jumps from {self._last:.3f} s to {time_seconds:.3f} s"
        self._check(time_seconds - self._last <= MAX_GAP_SECONDS, jump)
        self._check(time_seconds - self._first <= MAX_SPAN_SECONDS, "runs for more than 24 hours")
        self._last = time_seconds
        return time_seconds

    def report(self, media: OpenMedia, tell: Tell) -> None:
        """Tell what was put right, and of a recording that ends before it said it would."""
        if self._num_late or self._num_nudged:
            tell(
                f"times put right: {self._num_nudged} frames were not later than the frame before, "
                f"{self._num_late} were left out"
            )
        missing = self._what_is_missing(media)
        if missing:
            tell(f"{missing}; it may have been cut off")

    def _what_is_missing(self, media: OpenMedia) -> str:
        promised_frames = media.video.frames if media.video is not None else 0
        if self._num_frames < 0.9 * promised_frames:
            return f"{self._num_frames} pictures are there of the {promised_frames} that the file promises"
        duration = media.container.duration
        if promised_frames or not duration or self._last is None:
            return ""
        # Matroska's duration counts from 0, others' from the beginning.
        counts_from = 0 if "matroska" in media.container.format.name else media.container.start_time or 0
        promised_end = (counts_from + duration) / av.time_base
        if self._last >= promised_end - max(1.0, 0.05 * promised_end):
            return ""
        return f"the pictures end at {self._last:.1f} s, and the file should last to {promised_end:.1f} s"

    def _stamp(self, frame: av.VideoFrame) -> float:
        if frame.pts is not None and not self._is_avi:
            return float(frame.pts * self._time_base)
        if frame.dts is not None:
            delay_ticks = self._context.reorder_depth if self._is_avi else 0  # AVI has one tick a frame
            return float((frame.dts - delay_ticks) * self._time_base)
        return 0.0 if self._last is None else self._last + self._step_seconds

    def _check(self, is_plausible: bool, what: str) -> None:
        if not is_plausible:
            raise MediaError(f"the clock of the video in {self._path} {what}.", hint=REMUX_HINT, code="time")


def _estimate_frames(media: OpenMedia, duration_seconds: float | None) -> int | None:
    stream = media.video
    if stream is None:
        return None
    estimate = stream.frames
    if not estimate and duration_seconds is not None and stream.average_rate:
        estimate = round(duration_seconds * float(stream.average_rate))
    return estimate if 0 < estimate <= media.size_bytes else None  # a coded frame takes a byte at the very least


def _has_varying_rate(media: OpenMedia) -> bool | None:
    """Whether more than 1 % of the steps between frames are 10 % and 2 ms off the usual one, by an MP4's index."""
    stream = media.video
    if stream is None or stream.time_base is None or "mp4" not in media.container.format.name.split(","):
        return None  # AVI has one rate by design; the index of other containers only has some of the frames
    seconds = np.array([entry.timestamp for entry in stream.index_entries], np.float64) * float(stream.time_base)
    if len(seconds) < 3:
        return None
    steps = np.diff(seconds)
    usual = float(np.median(steps))
    is_off = np.abs(steps - usual) > max(0.1 * usual, 0.002)
    return bool(is_off.mean() > 0.01)


def _sound_delay(media: OpenMedia) -> float | None:
    starts = [
        stream.start_time * stream.time_base
        for stream in (media.video, media.audio)
        if stream is not None and stream.start_time is not None and stream.time_base is not None
    ]
    return float(starts[1] - starts[0]) if len(starts) == 2 else None


def _shown_size(width: int, height: int, shape: Fraction | None) -> tuple[int, int]:
    """(width, height) of a frame with square pixels: the side that is too short is stretched.

    A stretched side is even, as encoders want it. What would be larger than can be read has the other side made smaller
    instead, and what no camera does is not believed.
    """
    if not shape or shape == 1 or not 1 / MAX_PIXEL_SHAPE <= shape <= MAX_PIXEL_SHAPE:
        return width, height
    stretch = max(shape, 1 / shape)
    if width * height * stretch > MAX_PIXELS:
        return (width, _even(height / stretch)) if shape > 1 else (_even(width / stretch), height)
    return (_even(width * stretch), height) if shape > 1 else (width, _even(height * stretch))


def _even(pixels: Fraction) -> int:
    return max(2, 2 * round(pixels / 2))


class _Orientation:
    """Which way up a film is.

    A frame that is asked for its side data lives, pixels and all, until the garbage is collected (PyAV 18); it is asked
    only where its rotation is not that of the frame before.
    """

    def __init__(self) -> None:
        self._rotation: int | None = None
        self._matrix = (1, 0, 0, 1)

    def of(self, frame: av.VideoFrame) -> tuple[int, int, int, int]:
        """`(a, b, c, d)`, as `_display_matrix`."""
        if frame.rotation != self._rotation:
            self._rotation, self._matrix = frame.rotation, _display_matrix(frame)
        return self._matrix


def _upright_rgb(frame: av.VideoFrame, size: tuple[int, int], orientation: _Orientation) -> NDArray[np.uint8]:
    """Pixels of a frame, `[height, width, 3]`, scaled to `size` (width, height) before being turned upright."""
    width, height = size
    # With more, every frame starts threads of its own, which live until it is collected: hundreds of them, and slower.
    pixels = frame.to_ndarray(format="rgb24", width=width, height=height, threads=1)
    return _turned(pixels.astype(np.uint8, copy=False), orientation.of(frame))


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """`(a, b, c, d)` of the container's matrix: pixel (x, y) is shown at (a x + c y, b x + d y)."""
    side_data = cast(SideDataContainer, frame.side_data)  # PyAV's stubs know motion vectors only
    try:
        matrix = np.frombuffer(bytes(side_data[SideDataType.DISPLAYMATRIX]), dtype=np.int32)
    except KeyError:
        return (1, 0, 0, 1)
    a, b, _, c, d = (int(value) for value in matrix[:5])
    return (a, b, c, d)


def _turned(pixels: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Apply the nearest of the eight upright orientations to `[height, width, 3]` pixels."""
    a, b, c, d = matrix
    if abs(a) + abs(d) < abs(b) + abs(c):
        pixels = pixels.transpose(1, 0, 2)
        a, d = c, b  # what is now a row runs along the old y, a column along the old x
    if a < 0:
        pixels = pixels[:, ::-1]
    if d < 0:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
