"""A clip comes in: the raw body of a PUT, measured while it streams.

There are no forms and no multipart, so there is no parser of ours to fool; and a plain page elsewhere cannot send a PUT
without asking first, which is never granted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import ClientDisconnect, Request

from vatrace.web.limits import MIB, Limits
from vatrace.web.shelf import CLIP_FILE, Clip, Refusal, Shelf, display_name

_WRITE_BYTES = MIB


async def receive_clip(request: Request, shelf: Shelf) -> Clip:
    """Take a clip and put it on the shelf.

    Args:
        request: a PUT whose body is the clip and whose `X-Clip-Name` is its name, percent-encoded.
        shelf: where it goes.

    Raises:
        Refusal: it is empty, too large, too slow, broken off, or there is no room.
    """
    limits = shelf.limits
    declared = _declared_length(request)
    if declared > limits.max_bytes:
        raise _too_large(limits)
    name = display_name(request.headers.get("x-clip-name", ""))
    with shelf.incoming(name, declared) as clip:
        try:
            num_bytes = await _write(clip.folder / CLIP_FILE, _measured(request, limits))
        except ClientDisconnect:
            raise Refusal(400, "The clip broke off before it was complete.") from None
        except OSError:
            raise Refusal(507, "The clip could not be stored: the disk of this machine is full.") from None
        if num_bytes == 0:
            raise Refusal(400, "The clip is empty (0 bytes).")
    return clip


def _declared_length(request: Request) -> int:
    given = request.headers.get("content-length")
    if given is None:
        raise Refusal(411, "A clip is sent with its length.")
    if not (given.isascii() and given.isdigit()):
        raise Refusal(400, "The length of the clip is no number.")
    return int(given)


async def _measured(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """Yield the body as it comes, and end it where it is too large or too slow."""
    began, num_bytes = time.monotonic(), 0
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(limits.stall_seconds):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise Refusal(408, f"Nothing of the clip came for {limits.stall_seconds:g} s; send it again.") from None
        if chunk is None:
            return
        num_bytes += len(chunk)
        if num_bytes > limits.max_bytes:
            raise _too_large(limits)
        seconds = time.monotonic() - began - limits.stall_seconds
        if seconds > 0 and num_bytes < seconds * limits.min_bytes_per_second:
            raise Refusal(408, "The clip came too slowly; send it again.")
        yield chunk


async def _write(path: Path, chunks: AsyncIterator[bytes]) -> int:
    """Write what comes; the disk is waited for in a thread, so that others are answered meanwhile."""
    num_bytes, waiting = 0, bytearray()
    # Not flushed to the disk as results are: a clip that was sent is thrown away with this run at the latest.
    file = await asyncio.to_thread(path.open, "xb")
    try:
        async for chunk in chunks:
            num_bytes += len(chunk)
            waiting += chunk
            if len(waiting) >= _WRITE_BYTES:
                await asyncio.to_thread(file.write, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(file.write, bytes(waiting))
    finally:
        await asyncio.to_thread(file.close)
    return num_bytes


def _too_large(limits: Limits) -> Refusal:
    return Refusal(
        413,
        f"The clip is larger than {limits.max_bytes / MIB:g} MB, which is the most here; cut it or make it smaller, or "
        "start the server with a higher --max-mb.",
    )
