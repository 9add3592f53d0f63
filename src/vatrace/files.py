"""The one way to commit a file, and the one way to hash one.

A file is written beside its place, flushed to the disk, renamed, and its folder flushed too. A reader therefore sees
the old file or the new one, never a part; what is there after a crash is complete. Writing the same content twice is
doing it once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PART_SUFFIX = ".part"


@contextmanager
def committed(path: Path) -> Iterator[Path]:
    """Give a path to write to; commit it as `path` if the block succeeds, remove it otherwise.

    The temporary name keeps the real suffix (encoders choose their format by it) and carries the process id, so that
    two workers writing the same file do not meet; the last rename wins, with the same content.

    Args:
        path: where the file shall be. Its folder is made if needed.

    Yields:
        The path to write to, in the same folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{os.getpid()}{PART_SUFFIX}{path.suffix}")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
        _fsync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Commit `content` as the file `path`."""
    with committed(path) as part:
        part.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Commit `content` as the UTF-8 file `path`, line ends as given.

    A byte of a file's name that is no UTF-8 is written as JSON's escape of it, so a sidecar gives the name back.
    """
    write_bytes(path, content.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:  # Any: whatever json can write
    """Commit `value` as an indented JSON file with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def remove_parts(folder: Path) -> int:
    """Remove what killed runs left half-written in `folder`; returns how many files that were.

    What another process is writing just now stays.
    """
    found = folder.glob(f".*{PART_SUFFIX}*") if folder.is_dir() else ()
    parts = [part for part in found if not _is_being_written(part)]
    for part in parts:
        part.unlink(missing_ok=True)
    return len(parts)


def _is_being_written(part: Path) -> bool:
    """Whether the process whose number a part carries is there and is not this one."""
    found = re.search(rf"\.(\d+){re.escape(PART_SUFFIX)}", part.name)
    if found is None or int(found[1]) == os.getpid() or sys.platform == "win32":  # there, the signal would end it
        return False
    try:
        os.kill(int(found[1]), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_of(value: Any) -> str:  # Any: whatever json can write
    """Hexadecimal sha256 of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _fsync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; its rename is durable with the volume
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
