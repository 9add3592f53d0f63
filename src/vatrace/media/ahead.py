"""Decode ahead: a thread makes the next pictures while the last are looked at.

FFmpeg, the detector and the encoder all work outside Python's lock, so decoding costs next to no waiting where there is
a second core. What comes out is what went in, in the same order, errors included.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from vatrace.media.video import VideoFrame

MAX_FRAMES = 32
MAX_BYTES = 32 << 20  # of pixels that wait; a picture that is larger than this waits alone
_PATIENCE_SECONDS = 0.1  # how often a thread that waits looks whether anybody still wants pictures


class _Full:
    """Counts what waits, and makes the reader wait where that is enough."""

    def __init__(self) -> None:
        self._bytes = 0
        self._frames = 0
        self._changed = threading.Condition()
        self.is_unwanted = False

    def enter(self, size_bytes: int) -> bool:
        """Wait for room; False if nobody wants more."""
        with self._changed:
            while self._frames and (self._frames >= MAX_FRAMES or self._bytes + size_bytes > MAX_BYTES):
                if self.is_unwanted:
                    return False
                self._changed.wait(_PATIENCE_SECONDS)
            self._bytes += size_bytes
            self._frames += 1
            return not self.is_unwanted

    def leave(self, size_bytes: int) -> None:
        with self._changed:
            self._bytes -= size_bytes
            self._frames -= 1
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self.is_unwanted = True
            self._changed.notify()


def read_ahead(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """The same frames, made in a thread of their own.

    Args:
        frames: as `media.video.read_frames` gives them. They are closed in that thread, when they end or nobody wants
            more.

    Yields:
        The frames in order; at most `MAX_FRAMES` of them, and `MAX_BYTES` of pixels, wait at a time.

    Raises:
        Exception: whatever reading raised, after the frames before it.
    """
    ready: queue.SimpleQueue[VideoFrame | BaseException | None] = queue.SimpleQueue()
    full = _Full()

    def work() -> None:
        end: BaseException | None = None
        try:
            for frame in frames:
                if not full.enter(frame.pixels.nbytes):
                    break
                ready.put(frame)
        except BaseException as error:  # carried over to whoever asked for the frames
            end = error
        finally:
            close = getattr(frames, "close", None)
            if close is not None:
                close()
            ready.put(end)

    thread = threading.Thread(target=work, name="vatrace-decode", daemon=True)
    thread.start()
    try:
        while isinstance(item := ready.get(), VideoFrame):
            full.leave(item.pixels.nbytes)
            yield item
        if item is not None:
            raise item
    finally:
        full.close()
        thread.join()
