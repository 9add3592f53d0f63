"""Fetch one file that a person asked for, and keep it only if it is the one we know.

Nothing in vatrace calls this unasked: `vatrace weights` does, and nothing else. The file is written beside its place
and renamed when its hash is right, so that whatever goes wrong, a broken connection, a wrong file, Ctrl-C or a full
disk, leaves nothing behind and the same command starts afresh.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from vatrace.errors import ModelError
from vatrace.files import committed

ALLOWED_SCHEMES = ("https",)  # also for every redirect
SILENCE_SECONDS = 60.0  # how long a server may say nothing
PIECE_BYTES = 2**18

OnBytes = Callable[[int], None]
"""Told how many bytes have come since it was last told."""


def download(
    url: str,
    path: Path,
    *,
    sha256_prefix: str = "",
    git_blob: str = "",
    max_bytes: int,
    on_bytes: OnBytes = lambda count: None,
) -> None:
    """Commit what `url` gives as `path`, if it is what is expected.

    Args:
        url: where it lies; https only.
        path: where the file shall be; a file that is there is replaced.
        sha256_prefix: what its sha256 must begin with, in hexadecimal.
        git_blob: instead, for a file that is kept in git: its name there, as `git hash-object` gives it.
        max_bytes: more than this is refused, if possible before any of it is read.
        on_bytes: told about progress.

    Raises:
        ModelError: no connection, a connection that ended early, a file that is too large, or another hash.
        OSError: the file cannot be written.
        ValueError: not one of the two hashes was given.
    """
    if bool(sha256_prefix) == bool(git_blob):
        raise ValueError(f"one of sha256_prefix and git_blob is needed, got {sha256_prefix!r} and {git_blob!r}.")
    _refuse_unless_allowed(url)
    with committed(path) as part, _opened(url) as response, part.open("wb") as file:
        expected_bytes = response.length  # None where the server does not say
        _refuse_if_larger(url, expected_bytes or 0, max_bytes)
        digest, received = hashlib.sha256(), 0
        for piece in _pieces(url, response):
            received += len(piece)
            _refuse_if_larger(url, received, max_bytes)
            digest.update(piece)
            file.write(piece)
            on_bytes(len(piece))
        if expected_bytes is not None and received != expected_bytes:
            raise ModelError(f"{url} ended after {received} of {expected_bytes} bytes; run the same command again.")
        if sha256_prefix and not digest.hexdigest().startswith(sha256_prefix):
            raise _another(url, f"sha256 is {digest.hexdigest()}, expected {sha256_prefix}...")
        file.flush()
        if git_blob and git_blob_of(part) != git_blob:
            raise _another(url, f"git blob is {git_blob_of(part)}, expected {git_blob}")


def git_blob_of(path: Path) -> str:
    """Hexadecimal name that git gives a file's content: SHA-1 of a header with its length, then of itself."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


class _AllowedRedirects(HTTPRedirectHandler):
    """Follows a redirect (a release on GitHub is one) only to where we would have gone ourselves."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        try:
            _refuse_unless_allowed(newurl)
        except ModelError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opened(url: str) -> HTTPResponse:
    try:
        response: HTTPResponse = build_opener(_AllowedRedirects).open(url, timeout=SILENCE_SECONDS)
    except HTTPError as error:
        error.close()  # it holds the connection
        raise _broken(url, error) from error
    except (OSError, HTTPException) as error:  # urllib's other errors are OSError
        raise _broken(url, error) from error
    return response


def _pieces(url: str, response: HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            piece = response.read(PIECE_BYTES)
        except (OSError, HTTPException) as error:
            raise _broken(url, error) from error
        if not piece:
            return
        yield piece


def _another(url: str, how: str) -> ModelError:
    return ModelError(
        f"{url} gave another file than the known one: its {how}; it was not kept. Try again later, or from another "
        "network."
    )


def _broken(url: str, error: Exception) -> ModelError:
    return ModelError(f"{url} could not be fetched ({error}); check the connection and run the same command again.")


def _refuse_unless_allowed(url: str) -> None:
    scheme = urlsplit(url).scheme
    if scheme not in ALLOWED_SCHEMES:
        raise ModelError(f"{url} is not fetched: only {', '.join(ALLOWED_SCHEMES)} is, not {scheme or 'a path'}.")


def _refuse_if_larger(url: str, num_bytes: int, max_bytes: int) -> None:
    if num_bytes > max_bytes:
        raise ModelError(
            f"{url} is larger ({num_bytes} bytes or more) than the known file can be ({max_bytes}); it was not kept."
        )
