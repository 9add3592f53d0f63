"""Decoding that goes on past damage.

One bad packet costs its own frames, not the rest of the recording. What was skipped is counted and logged; only a
stream of which nothing at all could be decoded is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, overload

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vatrace.errors import MediaError
from vatrace.media.opener import MEDIA_EXCEPTIONS, OpenMedia, check_decoder, describe, media_errors
from vatrace.media.remarks import Tell, to_log

AnyPacket: TypeAlias = "Packet[Stream]"

MAX_DEMUX_ERRORS = 64  # after an error in the container, reading is tried again; this ends a file that only has errors


@overload
def decoded_frames(media: OpenMedia, stream: VideoStream, tell: Tell | None = None) -> Iterator[VideoFrame]: ...
@overload
def decoded_frames(media: OpenMedia, stream: AudioStream, tell: Tell | None = None) -> Iterator[AudioFrame]: ...
def decoded_frames(
    media: OpenMedia, stream: VideoStream | AudioStream, tell: Tell | None = None
) -> Iterator[VideoFrame | AudioFrame]:
    """Decode one stream, skipping what is damaged.

    Args:
        media: the open file.
        stream: its video or its audio stream.
        tell: told what was skipped, at the end; None logs it.

    Yields:
        Frames in the order in which they are shown.

    Raises:
        MediaError: the decoder is not on the list, the file cannot be read on, or nothing could be decoded.
    """
    check_decoder(media, stream)
    damage = _Damage()
    num_frames = 0
    for packet in _packets(media, stream, damage):
        for frame in _decode(media, stream, packet, damage):
            num_frames += 1
            yield frame
    damage.report(media, stream.type, num_frames, tell or to_log(media.path))


class _Damage:
    """What could not be read of one stream."""

    def __init__(self) -> None:
        self.num_packets = 0
        self.num_container_errors = 0
        self.last: BaseException | None = None

    def report(self, media: OpenMedia, kind: str, num_frames: int, tell: Tell) -> None:
        if num_frames == 0:
            reason = f" ({describe(self.last)})" if self.last else ""
            raise MediaError(
                f"nothing of the {kind} in {media.path} could be decoded{reason}.",
                hint="The file holds no frames, or it is damaged: copy or record it again.",
                code="nothing-decoded",
            ) from self.last
        if self.last is not None:
            tell(
                f"the {kind} is damaged: {self.num_packets} packets could not be decoded, the container was broken in "
                f"{self.num_container_errors} places ({describe(self.last)}); {num_frames} frames can be used"
            )


def _packets(media: OpenMedia, stream: VideoStream | AudioStream, damage: _Damage) -> Iterator[AnyPacket | None]:
    """Packets of one stream, then None, which makes the decoder give what it held back."""
    while damage.num_container_errors < MAX_DEMUX_ERRORS:
        try:
            yield from media.container.demux(stream)
            break
        except av.error.ExitError as error:
            raise MediaError(f"{media.path} could not be read on: the disk does not answer.", code="timeout") from error
        except MEDIA_EXCEPTIONS as error:
            if _is_failure_of_the_machine(error):
                with media_errors(media.path, "could not be read on"):
                    raise
            damage.num_container_errors += 1
            damage.last = error
    yield None


def _decode(
    media: OpenMedia, stream: VideoStream | AudioStream, packet: AnyPacket | None, damage: _Damage
) -> list[VideoFrame] | list[AudioFrame]:
    try:
        return stream.decode(packet)
    except EOFError:  # the decoder was emptied before
        return []
    except MEDIA_EXCEPTIONS as error:
        if isinstance(error, MemoryError):
            with media_errors(media.path, "could not be decoded"):
                raise
        damage.num_packets += 1
        damage.last = error
        return []


def _is_failure_of_the_machine(error: BaseException) -> bool:
    """Whether memory or disk failed; FFmpeg's own OSError is how it reports a file that ends too early."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, OSError) and not isinstance(error, av.error.FFmpegError)
