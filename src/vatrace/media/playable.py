"""What a browser can play as it is, and a small copy with the same times of what it cannot."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.media.audio import SAMPLE_RATE_HZ, read_audio
from vatrace.media.encode import TIME_BASE, write_video
from vatrace.media.opener import OpenMedia, decoder_name, open_media
from vatrace.media.video import VideoFrame, read_frames

COPY_PIXELS = 480  # the longer side of a copy is at most twice this: it is looked at beside the curves
MAX_PLAYER_START_SECONDS = 10.0  # of a clip that starts later, the copy starts at 0, so that nobody waits

_SMALLEST_STEP = float(TIME_BASE)
_BROWSER_PIXELS = {"yuv420p", "yuvj420p"}
_FILM_SOUND = {"", "aac", "mp3", "mp3float", "opus"}
_WEB_PICTURES, _WEB_SOUND = {"vp8", "vp9", "libdav1d", "av1"}, {"", "opus", "vorbis"}
_SOUND_FILES = {
    ("mp3", "mp3float"): ".mp3",
    ("mp3", "mp3"): ".mp3",
    ("wav", "pcm_s16le"): ".wav",
    ("wav", "pcm_u8"): ".wav",
    ("flac", "flac"): ".flac",
    ("ogg", "opus"): ".ogg",
    ("ogg", "vorbis"): ".ogg",
    ("mp4", "aac"): ".m4a",
}


def playable_suffix(path: Path) -> str | None:
    """The suffix under which browsers play a file as it is; None where they do not.

    Raises:
        MediaError: it is no media file.
    """
    with open_media(path) as media:
        formats = media.container.format.name.split(",")
        video = decoder_name(media.video) if media.video is not None else ""
        audio = decoder_name(media.audio) if media.audio is not None else ""
        if media.video is None:
            return next((_SOUND_FILES[each, audio] for each in formats if (each, audio) in _SOUND_FILES), None)
        if media.video.codec_context.pix_fmt not in _BROWSER_PIXELS or _starts_late(media):
            return None
        if "mp4" in formats and video == "h264" and audio in _FILM_SOUND:
            return ".mp4"
        # What a browser recorded says no length and has no index: it plays, but one cannot seek in it.
        if "webm" in formats and video in _WEB_PICTURES and audio in _WEB_SOUND and media.container.duration:
            return ".webm"
    return None


def write_copy(path: Path, copy: Path) -> float:
    """Write a small MP4 of a clip, every frame and sample at its own time.

    Args:
        path: a clip with pictures, sound, or both.
        copy: where to; its suffix is `.mp4`.

    Returns:
        What to add to the copy's times to have the clip's, in seconds: 0, unless the clip starts before 0 or so late
        that nobody would wait for it.

    Raises:
        MediaError: the clip cannot be read.
    """
    waveform = read_audio(path)
    with open_media(path) as media:
        has_video = media.video is not None
    frames = read_frames(path) if has_video else iter(())
    first = next(frames, None)
    begin = first.time_seconds if first is not None else 0.0 if waveform is None else waveform.start_seconds
    shift = begin if not 0 <= begin <= MAX_PLAYER_START_SECONDS else 0.0
    samples = None if waveform is None else np.clip(waveform.samples, -1, 1)
    start = 0.0 if waveform is None else waveform.start_seconds - shift
    if samples is not None and start < 0:  # sound before the first picture of a clip that was shifted
        samples, start = samples[round(-start * SAMPLE_RATE_HZ) :], 0.0
    size = None if first is None else _copy_size(first.pixels)
    times: list[float] = []
    write_video(
        copy,
        None if first is None or size is None else _pictures(itertools.chain([first], frames), size, shift, times),
        size=size,
        times_seconds=None if first is None else _taken(times),
        waveform=samples,
        waveform_start_seconds=start,
        crf=26,
    )
    return shift


def _starts_late(media: OpenMedia) -> bool:
    stream = media.video
    if stream is None or stream.start_time is None or stream.time_base is None:
        return False
    return not 0 <= float(stream.start_time * stream.time_base) <= MAX_PLAYER_START_SECONDS


def _copy_size(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """(width, height), both even, no larger than the picture nor than a copy has to be."""
    height, width = pixels.shape[:2]
    scale = min(1.0, 2 * COPY_PIXELS / max(height, width), COPY_PIXELS / min(height, width))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _pictures(
    frames: Iterator[VideoFrame], size: tuple[int, int], shift: float, times: list[float]
) -> Iterator[NDArray[np.uint8]]:
    """Each picture in the copy's size; its time is put on `times` before."""
    last = -_SMALLEST_STEP
    for frame in frames:
        last = max(frame.time_seconds - shift, last + _SMALLEST_STEP)
        times.append(last)
        yield np.asarray(cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _taken(times: list[float]) -> Iterator[float]:
    """Times as the pictures bring them: the writer asks for a picture first, and for its time then."""
    while times:
        yield times.pop(0)
