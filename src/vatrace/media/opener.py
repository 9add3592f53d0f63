"""The one guarded way to open a media file.

FFmpeg knows hundreds of formats, among them play lists that read other files or the network and pictures that fill the
memory, and it chooses by content, whatever the file is called. Everything therefore goes through `open_media`, which

- hands FFmpeg the bytes without a name (a name steers the probing and gives relative references a folder),
- lets in a short list of containers and decoders, forbids every protocol and every further file; Flash video (`flv`
  with VP6, as CREMA-D has it) only in a file that is called .flv,
- limits the frame area twice: PyAV gives the options of `av.open` to the probing decoders only and then makes fresh
  decoders, which have to be told again,
- caps streams, sample rate and channels, and picks one video and one audio stream,
- turns whatever PyAV can raise into one `MediaError` that names the file.

PyAV ignores an option it does not know, so a typing mistake would disarm a guard silently: `tests/media` tries each.

It does not bound computing time, nor memory within those limits: a server decodes in a child process that it can end.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Never, TypeVar

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from vatrace.errors import MediaError, NothingFound, VatraceError

CONTAINERS = ("mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "wav", "mp3", "flac", "ogg", "aac")
VIDEO_DECODERS = ("h264", "hevc", "vp8", "vp9", "libdav1d", "av1", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg")
AUDIO_DECODERS = (
    *("aac", "mp3float", "mp3", "mp2float", "mp2", "ac3", "eac3", "opus", "vorbis", "flac", "alac"),
    *("pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_f64le"),
    *("pcm_alaw", "pcm_mulaw"),
)
# Hardly anything but CREMA-D needs these. Asking for the suffix keeps them shut where a program names the file, as a
# server does with what is sent to it.
FLASH_SUFFIX = ".flv"
FLASH_CONTAINERS = ("flv",)
FLASH_DECODERS = ("vp6f",)

# A frame; 4K of cinema and television fit, upright too. A decoder may hold 16 of them, whatever the size of the file:
# with 4096x4096, 51 KB took 1 GB.
MAX_PIXELS = 4096 * 2304
MAX_SAMPLES_PER_PACKET = 1 << 22  # 87 s at 48 kHz; real packets hold about 20 ms, PCM in AVI up to a second
MAX_STREAMS = 16
MIN_SAMPLE_RATE_HZ = 4_000  # below, resampling to 16 kHz makes a small file huge
MAX_SAMPLE_RATE_HZ = 384_000
MAX_CHANNELS = 16
TIMEOUT_SECONDS = 30.0  # waiting for the disk, opening and reading each; it does not limit computing
INVENT_TIMES_FLAG = 0x0001  # AVFMT_FLAG_GENPTS

CONVERT_HINT = "Convert it: ffmpeg -i INPUT -c:v libx264 -c:a aac OUTPUT.mp4"
FEWER_STREAMS_HINT = "Keep one video and one sound: ffmpeg -i INPUT -map 0:v:0 -map 0:a:0 -c copy OUTPUT.mp4"
TOO_MUCH = (
    f"has more than {MAX_STREAMS} streams or asks for more memory than there is"  # FFmpeg does not tell them apart
)
_MP4_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")

# What PyAV was seen to raise on damaged files, besides its own errors.
MEDIA_EXCEPTIONS = (
    *(av.error.FFmpegError, ValueError, LookupError, ArithmeticError),
    *(MemoryError, EOFError, OSError, RuntimeError),
)

_Stream = TypeVar("_Stream", VideoStream, AudioStream)


class NamelessReader:
    """The reading half of an open file, without its name.

    Args:
        file: an open binary file. Its owner closes it.
    """

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes."""
        return self._file.read(size)

    def tell(self) -> int:
        """Position in bytes."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to `offset`; -1, which FFmpeg takes as an error, for an impossible place, as in a broken index."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1


@dataclass(frozen=True)
class OpenMedia:
    """A media file opened under guard.

    Args:
        path: what was opened, for messages.
        size_bytes: its size.
        container: PyAV's container; decode through `vatrace.media.decoding`, not through it.
        video: the one video stream to use; None where there is none.
        audio: the one audio stream to use; None where there is none.
    """

    path: Path
    size_bytes: int
    container: InputContainer
    video: VideoStream | None
    audio: AudioStream | None


@contextmanager
def open_media(path: Path) -> Iterator[OpenMedia]:
    """Open a media file under guard; the only call of `av.open` for reading in this project.

    Args:
        path: a video or sound file.

    Yields:
        The open file with the streams to use, their decoders limited but not yet opened.

    Raises:
        NothingFound: there is no such path.
        MediaError: it is no media file, or not one the guard lets in.
    """
    with media_errors(path, "could not be opened"):
        _check_is_file(path)
        file = path.open("rb")
    with file:
        container = _open_container(path, file)
        with container:
            with media_errors(path, "could not be opened"):
                media = _choose_streams(path, container)
            yield media


@contextmanager
def media_errors(path: Path, what: str) -> Iterator[None]:
    """Turn everything PyAV can raise in the block into one `MediaError`.

    Args:
        path: the file it is about.
        what: what failed, as the end of a sentence that starts with the path.
    """
    try:
        yield
    except VatraceError:
        raise
    except MemoryError as error:
        raise MediaError(f"{path} {what}: it {TOO_MUCH}.", hint=FEWER_STREAMS_HINT, code="too-much") from error
    except MEDIA_EXCEPTIONS as error:
        raise MediaError(f"{path} {what}: {describe(error)}.", hint=CONVERT_HINT, code="damaged") from error


def describe(error: BaseException) -> str:
    """Say in a few words what a tool said, without PyAV's internals."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")


def decoder_name(stream: VideoStream | AudioStream) -> str:
    """FFmpeg's name of the decoder a stream would use; empty where FFmpeg has none."""
    context = getattr(stream, "codec_context", None)  # None without a decoder, whatever PyAV's type stubs say
    return str(context.codec.name) if context is not None else ""


def check_decoder(media: OpenMedia, stream: VideoStream | AudioStream) -> None:
    """Raise `MediaError` unless the stream's decoder and its promises lie within the guard's limits."""
    if isinstance(stream, VideoStream):
        _check_decoder_name(media.path, stream, _video_decoders(media.path))
        _check_frame_area(media.path, stream.codec_context.width, stream.codec_context.height)
    else:
        _check_decoder_name(media.path, stream, AUDIO_DECODERS)
        check_sound(media.path, stream.codec_context.sample_rate, stream.codec_context.channels)


def check_sound(path: Path, sample_rate_hz: int, num_channels: int) -> None:
    """Raise `MediaError` unless a sound's rate and channels are plausible."""
    if not MIN_SAMPLE_RATE_HZ <= sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        raise MediaError(
            f"the sound of {path} says {sample_rate_hz} samples a second; "
            f"{MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} can be read.",
            hint=CONVERT_HINT,
            code="sample-rate",
        )
    if not 1 <= num_channels <= MAX_CHANNELS:
        raise MediaError(
            f"the sound of {path} has {num_channels} channels; 1 to {MAX_CHANNELS} can be read.",
            hint=CONVERT_HINT,
            code="channels",
        )


def _check_is_file(path: Path) -> None:
    if not path.exists():
        raise NothingFound(f"{path} does not exist; give the path of a video or sound file.")
    if path.is_dir():
        raise MediaError(f"{path} is a folder, not a media file.", hint="Give a file inside it.", code="not-a-file")
    if not path.is_file():
        raise MediaError(f"{path} is a device or a pipe, not a file.", hint="Save it as a file.", code="not-a-file")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes).", hint="Copy or record it again.", code="empty")


def _open_container(path: Path, file: io.BufferedIOBase) -> InputContainer:
    options = {
        "format_whitelist": ",".join(_containers(path)),
        "codec_whitelist": ",".join((*_video_decoders(path), *AUDIO_DECODERS)),
        "protocol_whitelist": "none",
        "max_pixels": str(MAX_PIXELS),
        "max_samples": str(MAX_SAMPLES_PER_PACKET),
        "max_streams": str(MAX_STREAMS),
    }
    try:
        container = av.open(
            NamelessReader(file),
            mode="r",
            options=options,
            metadata_errors="replace",
            timeout=(TIMEOUT_SECONDS, TIMEOUT_SECONDS),
            io_open=_refuse_further_files,
        )
    except MEDIA_EXCEPTIONS as error:
        _raise_not_openable(path, error)
    # PyAV lets FFmpeg invent missing presentation times; for H.264 in AVI it invents them in the wrong order.
    container.flags &= ~INVENT_TIMES_FLAG
    return container


def _refuse_further_files(url: str, flags: int, options: dict[str, str]) -> Never:
    raise PermissionError("the file refers to another file or to the network, which is never followed")


def _raise_not_openable(path: Path, error: BaseException) -> Never:
    with path.open("rb") as file:
        head = file.read(8)
    if isinstance(error, MemoryError):
        message, hint, code = TOO_MUCH, FEWER_STREAMS_HINT, "too-much"
    elif isinstance(error, PermissionError):
        message, hint, code = describe(error), "Give the recording itself.", "refers-elsewhere"
    elif isinstance(error, av.error.InvalidDataError) and head[4:8] in _MP4_FIRST_BOXES:
        message = "looks like an mp4 or mov file, but its index is missing or broken"
        hint = "The recording or the copy was probably cut off: copy or record it again."
        code = "truncated"
    else:
        reason = "its format is not on the list" if isinstance(error, av.error.ArgumentError) else describe(error)
        message = f"is not a video or sound file that can be read ({reason})"
        hint = f"Containers read here: {', '.join(_containers(path))}. {CONVERT_HINT}"
        code = "not-media"
    raise MediaError(f"{path} {message}.", hint=hint, code=code) from error


def _choose_streams(path: Path, container: InputContainer) -> OpenMedia:
    if len(container.streams) > MAX_STREAMS:
        raise MediaError(
            f"{path} holds {len(container.streams)} streams; up to {MAX_STREAMS} can be read.",
            hint=FEWER_STREAMS_HINT,
            code="too-much",
        )
    video, audio = _first_real(container.streams.video), _first_real(container.streams.audio)
    for stream in container.streams:
        if stream is not video and stream is not audio:
            stream.discard = Discard.all
    for chosen in (video, audio):
        if chosen is not None and decoder_name(chosen):
            _limit_decoder(path, chosen)
    return OpenMedia(path=path, size_bytes=path.stat().st_size, container=container, video=video, audio=audio)


def _first_real(streams: Iterable[_Stream]) -> _Stream | None:
    """The stream a player would choose: the first flagged as default, else the first; cover pictures do not count."""
    real = [stream for stream in streams if not stream.disposition & Disposition.attached_pic]
    preferred = [stream for stream in real if stream.disposition & Disposition.default]
    candidates = preferred + real
    return candidates[0] if candidates else None


def _limit_decoder(path: Path, stream: VideoStream | AudioStream) -> None:
    decoders = _video_decoders(path) if isinstance(stream, VideoStream) else AUDIO_DECODERS
    stream.codec_context.options = {
        "codec_whitelist": ",".join(decoders),
        "max_pixels": str(MAX_PIXELS),
        "max_samples": str(MAX_SAMPLES_PER_PACKET),
    }
    stream.codec_context.thread_count = 1  # with more, which frames of a damaged file survive may depend on timing


def _containers(path: Path) -> tuple[str, ...]:
    return CONTAINERS + FLASH_CONTAINERS if path.suffix.lower() == FLASH_SUFFIX else CONTAINERS


def _video_decoders(path: Path) -> tuple[str, ...]:
    return VIDEO_DECODERS + FLASH_DECODERS if path.suffix.lower() == FLASH_SUFFIX else VIDEO_DECODERS


def _check_decoder_name(path: Path, stream: VideoStream | AudioStream, allowed: tuple[str, ...]) -> None:
    name = decoder_name(stream) or "unknown"
    if name not in allowed:
        raise MediaError(
            f"the {stream.type} of {path} is coded as {name!r}; read here are {', '.join(allowed)}.",
            hint=CONVERT_HINT,
            code="codec",
        )


def _check_frame_area(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"the frames of {path} are {width}x{height} pixels; up to {MAX_PIXELS} pixels (4096x2304) can be read.",
            hint="Scale it down: ffmpeg -i INPUT -vf scale=1280:-2 OUTPUT.mp4",
            code="too-large",
        )
