"""A clip is played: any stretch of its bytes, from the disk to the browser a megabyte at a time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from vatrace.web.limits import MIB

CHUNK_BYTES = MIB
# What a file is served as comes from this list alone, never from what was sent or guessed.
MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
}
_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def media_response(request: Request, path: Path) -> Response:
    """Answer with a file, or with the one range of it that was asked for.

    Several ranges at once, and a range that makes no sense, are answered with the whole, as HTTP allows.

    Args:
        request: a GET or HEAD, maybe with `Range`.
        path: a file with a suffix of `MEDIA_TYPES`.
    """
    size = path.stat().st_size
    span = _span(request.headers.get("range", ""), size)
    headers = {"accept-ranges": "bytes"}
    if span is not None and span.start >= span.stop:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{size}"})
    if span is not None:
        headers["content-range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    part = span or range(size)
    headers["content-length"] = str(len(part))
    status, media_type = 200 if span is None else 206, MEDIA_TYPES[path.suffix]
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(_read(path, part), status_code=status, headers=headers, media_type=media_type)


def _span(header: str, size: int) -> range | None:
    """The bytes that a `Range` asks for; None for all of them, an empty range where there are none such."""
    found = _ONE_RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return range(max(0, size - int(found[2])), size)  # the last so many
    first, last = int(found[1]), int(found[2] or size)
    if last < first and found[2]:
        return None
    return range(min(first, size), min(last + 1, size))


async def _read(path: Path, part: range) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        await asyncio.to_thread(file.seek, part.start)
        left = len(part)
        while left > 0:
            chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, left))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk
    finally:
        await asyncio.to_thread(file.close)
