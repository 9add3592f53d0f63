"""A film with other pictures: as many, each at its own time, and the sound that it had.

The result is an MP4 with H.264. Sound that an MP4 can hold and browsers play is copied packet by packet and stays what
it was; any other is decoded and written as AAC, with its rate and up to two channels. Pictures and sound are streamed,
so memory does not grow with the length.

Times are those of the original on the clock of a player, in ticks of the original's own time base where that is fine
enough. A player begins at the first time of an MPEG stream, whose clock is a broadcaster's, and at 0 in any other file.
The same input gives the same bytes on any machine.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vatrace.errors import shown
from vatrace.files import committed
from vatrace.media.decoding import decoded_frames
from vatrace.media.encode import BIT_EXACT, SAMPLES_PER_PACKET, TIME_BASE
from vatrace.media.opener import MEDIA_EXCEPTIONS, OpenMedia, check_decoder, decoder_name, describe, open_media
from vatrace.media.video import VideoFrame, read_frames

logger = logging.getLogger(__name__)

Draw = Callable[[VideoFrame], NDArray[np.uint8]]

COPIED_SOUND = ("aac", "mp3float", "mp3", "ac3", "eac3", "opus", "flac", "alac")
STREAMED_CONTAINERS = ("mpegts", "mpeg")
AAC_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
AAC_BITS_A_CHANNEL = 96_000
MAX_JITTER_SECONDS = 0.05  # between stamp and count, as in vatrace.media.audio
MAX_FILLED_SECONDS = 600.0  # of a gap in sound that is written anew; beyond it a stamp is damage
FINEST_TICKS = 1_000_000  # a second; H.264 in MP4 keeps its ticks in 32 bits

_Timed: TypeAlias = "Iterator[tuple[float, Sequence[Packet[AudioStream]]]]"  # PyAV's classes take no [] when run


def player_start_seconds(path: Path) -> float:
    """The time on the container's clock at which a player begins.

    Args:
        path: a video or sound file.

    Returns:
        The first time of an MPEG transport or program stream; 0 for other files.

    Raises:
        NothingFound: there is no such path.
        MediaError: it is not a media file that can be read.
    """
    with open_media(path) as media:
        return _start_of(media)


def redraw(source: Path, target: Path, draw: Draw, *, crf: int = 20, comment: str = "") -> int:
    """Write a film anew with other pictures.

    Args:
        source: the film.
        target: where to; an `.mp4`.
        draw: gives each new picture, `[height, width, 3]` RGB of even sides, all of one size.
        crf: constant quality of x264, 0 (lossless) to 51.
        comment: written into the film, for who wants to know where it comes from.

    Returns:
        How many pictures were written, which is how many `read_frames` gives.

    Raises:
        NothingFound: there is no such path.
        MediaError: the film has no pictures, or cannot be read.
        ValueError: pictures of different or odd sizes.
    """
    with open_media(source) as media:
        start_seconds = _start_of(media)
        time_base = _time_base(media.video)
        pictures = ((shown.time_seconds - start_seconds, draw(shown)) for shown in read_frames(source))
        first = next(pictures)
        options = {"fflags": "+bitexact", "movie_timescale": str(time_base.denominator)}
        with committed(target) as part, av.open(str(part), "w", options=options) as container:
            container.metadata["comment"] = comment
            video = _add_video(container, first[1], time_base, crf)
            sound = _sound(media, container, start_seconds)
            return _write(container, video, itertools.chain([first], pictures), sound)


def _start_of(media: OpenMedia) -> float:
    if media.container.format.name not in STREAMED_CONTAINERS:
        return 0.0
    return (media.container.start_time or 0) / av.time_base


def _time_base(video: VideoStream | None) -> Fraction:
    """The original's own ticks, in which its times are exact, unless these are coarse or odd."""
    own = video.time_base if video is not None else None
    is_fine = own is not None and own.numerator == 1 and 1000 <= own.denominator <= FINEST_TICKS
    return own if own is not None and is_fine else TIME_BASE


def _add_video(container: OutputContainer, picture: NDArray[np.uint8], time_base: Fraction, crf: int) -> VideoStream:
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"a picture is {width}x{height}; H.264 in yuv420p needs even sides")
    # Two threads whatever the machine has, since the bytes depend on how many there are; no B-frames, as in `encode`.
    options = {"crf": str(crf), "preset": "veryfast", "bf": "0", "threads": "2", **BIT_EXACT}
    stream = container.add_stream("libx264", rate=25, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.time_base = time_base
    return stream


def _write(
    container: OutputContainer, video: VideoStream, pictures: Iterator[tuple[float, NDArray[np.uint8]]], sound: _Timed
) -> int:
    """Write every picture, and between them the sound that belongs there."""
    time_base = video.codec_context.time_base or TIME_BASE
    waiting, last, count = next(sound, None), -1, 0
    for time_seconds, pixels in pictures:
        if pixels.shape != (video.height, video.width, 3):
            raise ValueError(f"a picture is {pixels.shape}, expected {(video.height, video.width, 3)}")
        while waiting is not None and waiting[0] <= time_seconds:
            container.mux(waiting[1])
            waiting = next(sound, None)
        # By one thread: with several, as in the encoder's own conversion, some rows come out otherwise now and then.
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p", threads=1)
        last = max(round(time_seconds / time_base), last + 1)
        frame.pts, frame.time_base = last, time_base
        container.mux(video.encode(frame))
        count += 1
    container.mux(video.encode(None))
    for _, packets in itertools.chain([] if waiting is None else [waiting], sound):
        container.mux(packets)
    return count


def _sound(media: OpenMedia, container: OutputContainer, start_seconds: float) -> _Timed:
    """Add a stream for the film's sound, if it has some; gives packets for it with their times."""
    if media.audio is None:
        return iter(())
    check_decoder(media, media.audio)
    if decoder_name(media.audio) in COPIED_SOUND:
        return _copied(media, media.audio, container.add_stream_from_template(media.audio), start_seconds)
    return _encoded(media, media.audio, _add_aac(container, media.audio), start_seconds)


def _copied(media: OpenMedia, source: AudioStream, target: AudioStream, start_seconds: float) -> _Timed:
    time_base = source.time_base or TIME_BASE
    shift, last = round(start_seconds / time_base), None
    try:
        for packet in media.container.demux(source):
            if packet.dts is None or packet.pts is None or not packet.size or packet.is_corrupt:
                continue
            if last is not None and packet.dts <= last:
                continue  # a clock that steps back cannot be written
            last = packet.dts
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = target
            yield float(packet.pts * time_base), [packet]
    except MEDIA_EXCEPTIONS as error:
        logger.warning("%s: its sound ends early in the copy: %s", shown(media.path), describe(error))


def _add_aac(container: OutputContainer, source: AudioStream) -> AudioStream:
    rate = source.codec_context.sample_rate
    layout = "mono" if source.codec_context.channels == 1 else "stereo"
    bits = AAC_BITS_A_CHANNEL * (1 if layout == "mono" else 2)
    options = {"b": str(bits), **BIT_EXACT}
    return container.add_stream("aac", rate=rate if rate in AAC_RATES_HZ else 48_000, layout=layout, options=options)


def _encoded(media: OpenMedia, source: AudioStream, target: AudioStream, start_seconds: float) -> _Timed:
    rate = target.codec_context.sample_rate
    for first, block in _blocks(_placed(media, source, target, start_seconds)):
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=target.codec_context.layout.name)
        frame.sample_rate = rate
        frame.pts, frame.time_base = first, Fraction(1, rate)
        yield first / rate, target.encode(frame)
    yield 0.0, target.encode(None)


def _placed(
    media: OpenMedia, source: AudioStream, target: AudioStream, start_seconds: float
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Decoded sound `[channels, samples]`, each piece with the number of its first sample; gaps are silence."""
    rate, layout = target.codec_context.sample_rate, target.codec_context.layout.name
    place: int | None = None
    for _, run in itertools.groupby(decoded_frames(media, source), key=_form):
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
        for frame in itertools.chain(run, [None]):
            wanted = place if frame is None else _wanted(frame, source, rate, start_seconds, place)
            samples = _resampled(resampler, frame, len(target.codec_context.layout.channels))
            if place is None:
                place = max(0, wanted or 0)
            off = (wanted if wanted is not None else place) - place
            if off > MAX_JITTER_SECONDS * rate:
                silence = np.zeros((len(samples), min(off, round(MAX_FILLED_SECONDS * rate))), dtype=np.float32)
                samples = np.concatenate((silence, samples), axis=1)
            elif off < -MAX_JITTER_SECONDS * rate:
                samples = samples[:, -off:]
            yield place, samples
            place += samples.shape[1]


def _wanted(frame: AudioFrame, source: AudioStream, rate: int, start_seconds: float, place: int | None) -> int | None:
    """Where a frame's own stamp puts it, as a number of samples; where the one before ends if it has none."""
    if frame.pts is None:
        return place
    return round((float(frame.pts * (source.time_base or Fraction(1, frame.sample_rate))) - start_seconds) * rate)


def _form(frame: AudioFrame) -> tuple[int, str, str]:
    return (frame.sample_rate, frame.format.name, frame.layout.name)


def _resampled(resampler: av.AudioResampler, frame: AudioFrame | None, num_channels: int) -> NDArray[np.float32]:
    """What a resampler gives for a frame, or holds back where that is None; `[channels, samples]`."""
    if frame is not None:
        frame.pts = None  # the resampler would try to follow the jitter
    answers: list[AudioFrame | None] = [*resampler.resample(frame)]  # None where there is nothing to give back
    empty = np.zeros((num_channels, 0), dtype=np.float32)
    chunks = [answer.to_ndarray().astype(np.float32, copy=False) for answer in answers if answer is not None]
    samples = np.concatenate((empty, *chunks), axis=1)
    return np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0)


def _blocks(pieces: Iterator[tuple[int, NDArray[np.float32]]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The same samples in blocks of the size that AAC takes; the last may be shorter."""
    waiting: list[NDArray[np.float32]] = []
    first = held = 0
    for place, piece in pieces:
        first = place if not held else first
        waiting.append(piece)
        held += piece.shape[1]
        if held < SAMPLES_PER_PACKET:
            continue
        whole = np.ascontiguousarray(np.concatenate(waiting, axis=1))
        used = held - held % SAMPLES_PER_PACKET
        for start in range(0, used, SAMPLES_PER_PACKET):
            yield first + start, np.ascontiguousarray(whole[:, start : start + SAMPLES_PER_PACKET])
        first, waiting, held = first + used, [whole[:, used:]], held - used
    if held:
        yield first, np.ascontiguousarray(np.concatenate(waiting, axis=1))
