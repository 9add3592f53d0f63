"""Whether a file that is in the way is one that vatrace wrote: only such a one is written over.

Programs that transcribe or annotate leave `clip.json`, `clip.vtt` and `clip.csv` beside a recording, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from vatrace.errors import DatasetError, VatraceError
from vatrace.report.basis import MAKER, NOTE

IsOurs = Callable[[Path], bool]

_HEAD_BYTES = 16_384
_SIDECAR_KEYS = {"clip_sha256", "model", "vatrace"}
_GENERATOR = b'<meta name="generator" content="vatrace">'  # in report/assets/page.html


def refuse_to_overwrite(path: Path, is_ours: IsOurs) -> None:
    """Raise if a file is there and is not ours.

    Args:
        path: what is to be written.
        is_ours: one of this module's, by the kind of file.

    Raises:
        DatasetError: it is somebody else's, or cannot be read.
    """
    if not path.exists():
        return
    try:
        is_known = is_ours(path)
    except (OSError, ValueError):
        is_known = False
    if not is_known:
        raise DatasetError(f"{path} is there and was not written by vatrace; choose another --out, or move it away.")


def is_sidecar(path: Path) -> bool:
    """The JSON beside a trace."""
    facts = json.loads(path.read_text("utf-8"))
    return isinstance(facts, dict) and facts.keys() >= _SIDECAR_KEYS


def is_trace_json(path: Path) -> bool:
    """The trace as JSON."""
    return _head(path).startswith(b'{"metadata": {')


def is_parquet(path: Path) -> bool:
    """The trace as Parquet."""
    import pyarrow.parquet as pq

    from vatrace.report.columns import METADATA_KEY

    with path.open("rb") as file:
        return METADATA_KEY in (pq.read_schema(file).metadata or {})


def is_webvtt(path: Path) -> bool:
    """Cues of a trace."""
    return NOTE.encode() in _head(path)


def is_page(path: Path) -> bool:
    """The page of a clip."""
    return _GENERATOR in _head(path)


def is_film(path: Path) -> bool:
    """A film with curves drawn in."""
    from vatrace.media.opener import open_media

    try:
        with open_media(path) as media:
            return media.container.metadata.get("comment") == MAKER
    except VatraceError:
        return False


def is_png(path: Path) -> bool:
    """A figure of pixels."""
    return _head(path).startswith(b"\x89PNG") and f"Software\0{MAKER}".encode() in _head(path)


def is_svg(path: Path) -> bool:
    """A figure of lines."""
    return f"<dc:title>{MAKER}</dc:title>".encode() in _head(path)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)
