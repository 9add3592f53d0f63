"""Small clips made with PyAV, frame times and sound exactly as asked. Independent of `vatrace.media.encode`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

FINE = Fraction(1, 90_000)
WIDTH, HEIGHT = 64, 48

Painter = Callable[[int, float], NDArray[np.uint8]]


def noise(index: int, time_seconds: float, *, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """A picture that codes to a few hundred bytes and differs from the one before."""
    pixels = np.random.default_rng(index).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.kron(pixels, np.ones((8, 8, 1), dtype=np.uint8))


def flash_at(flash_seconds: float) -> Painter:
    """Black, and white from `flash_seconds` for 50 ms."""

    def paint(index: int, time_seconds: float) -> NDArray[np.uint8]:
        is_lit = flash_seconds - 1e-6 <= time_seconds < flash_seconds + 0.05
        return np.full((HEIGHT, WIDTH, 3), 255 if is_lit else 0, dtype=np.uint8)

    return paint


def click_at(
    click_seconds: float, *, start: float, seconds: float, rate: int, channels: int = 1
) -> NDArray[np.float32]:
    """Silence `[channels, samples]` with a 5 ms burst at `click_seconds`, for sound that starts at `start`."""
    samples = np.zeros((channels, round(seconds * rate)), dtype=np.float32)
    first = round((click_seconds - start) * rate)
    burst = round(0.005 * rate)
    samples[:, first : first + burst] = 0.8 * np.cos(np.arange(burst) * 2 * np.pi * 1000 / rate)
    return samples


def even_times(num_frames: int, fps: Fraction | int = 25, start: float = 0.0) -> list[float]:
    return [start + float(Fraction(index) / fps) for index in range(num_frames)]


def write_clip(
    path: Path,
    *,
    times: Sequence[float] | None = None,
    paint: Painter = noise,
    video_codec: str = "libx264",
    fps: Fraction | int = 25,
    pix_fmt: str = "yuv420p",
    video_options: dict[str, str] | None = None,
    rotation: float | None = None,
    hflip: bool = False,
    sound: NDArray[np.float32] | None = None,
    audio_codec: str = "aac",
    rate: int = 48_000,
    audio_start: float = 0.0,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    pixel_shape: Fraction | None = None,
) -> Path:
    """Write a clip; `times` in seconds, `sound` as `[channels, samples]`, either may be missing."""
    with av.open(str(path), "w", format=container, options=container_options or {}) as output:
        video = audio = None
        if times is not None:
            video = output.add_stream(video_codec, rate=fps, options={"threads": "1", **(video_options or {})})
            first = paint(0, times[0])
            video.height, video.width = first.shape[:2]
            video.pix_fmt = pix_fmt
            has_fixed_rate = video_codec.startswith("mpeg") or path.suffix == ".avi"
            video.codec_context.time_base = 1 / Fraction(fps) if has_fixed_rate else FINE
            if pixel_shape is not None:
                video.codec_context.sample_aspect_ratio = pixel_shape
            if rotation is not None:
                video.set_display_rotation(rotation, hflip=hflip)
        if sound is not None:
            audio = output.add_stream(audio_codec, rate=rate, layout={1: "mono", 2: "stereo", 6: "5.1"}[len(sound)])
        for packet in _interleaved(video, audio, times or (), paint, sound, rate, audio_start):
            output.mux(packet)
    return path


def _interleaved(video, audio, times, paint, sound, rate, audio_start):  # type: ignore[no-untyped-def]
    """Packets of both streams, in bursts of about half a second, so that muxers see what recorders write."""
    chunks = list(_sound_frames(audio, sound, rate, audio_start)) if audio is not None else []
    for index, time_seconds in enumerate(times):
        while chunks and chunks[0].time <= time_seconds:
            yield from audio.encode(chunks.pop(0))
        frame = av.VideoFrame.from_ndarray(paint(index, time_seconds), format="rgb24")
        frame.time_base = video.codec_context.time_base
        frame.pts = round(time_seconds / frame.time_base)
        yield from video.encode(frame)
    for chunk in chunks:
        yield from audio.encode(chunk)
    for stream in (video, audio):
        if stream is not None:
            yield from stream.encode(None)


def _sound_frames(audio, sound, rate, audio_start):  # type: ignore[no-untyped-def]
    form = audio.codec_context.format.name
    resampler = av.AudioResampler(format=form, layout=audio.codec_context.layout.name, rate=rate, frame_size=0)
    for first in range(0, sound.shape[1], 1024):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(sound[:, first : first + 1024]), format="fltp", layout=audio.codec_context.layout.name
        )
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = round(audio_start * rate) + first
        yield from resampler.resample(frame)


def open_disorderly(path: Path) -> OutputContainer:
    """A Matroska file that takes packets in any order of their times, after `stamp`."""
    return av.open(str(path), "w", format="matroska", options={"avoid_negative_ts": "disabled"})


def stamp(packet: av.Packet, index: int, seconds: float) -> None:
    """Give packet number `index` any time. Muxers insist on increasing decoding times; Matroska does not write them."""
    packet.pts = round(seconds / packet.time_base)
    packet.dts = round((index - 1e6) / 1e3 / packet.time_base)
