"""The clips that are there, one list for every tab, and their files.

Each clip has a folder of its own with a name that the server chose, so that no file of one is ever beside a file of
another; what the clip was called is only shown. All of it is in one folder of this run, which nobody else may enter.
"""

from __future__ import annotations

import math
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from vatrace.web.limits import MIB, Limits

State = Literal["waiting", "working", "done", "failed"]

CLIP_FILE, TRACE_FILE, CSV_FILE, REPORT_FILE = "clip", "trace.json", "trace.csv", "report.html"
PLAYABLE_STEM = "play"  # and a suffix of `ranges.MEDIA_TYPES`
MAX_NAME_CHARACTERS = 200
NAMELESS = "clip"
_KEPT_FORMAT_CHARACTERS = {"\u200c", "\u200d"}  # joiners that scripts and emoji need; others can turn text around


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What is known of a clip.

    Args:
        id: made by the server.
        name: what it was called; only to be shown.
        folder: of its files.
        state: whether it waits, is worked on, is done, or failed.
        progress: 0 to 1.
        step: what is being done, in words; a failed clip has it empty.
        error: why it failed, as a sentence.
        touched: when its state last changed or it was last looked at, on the machine's steady clock.
    """

    id: str
    name: str
    folder: Path
    state: State = "waiting"
    progress: float = 0.0
    step: str = "waiting"
    error: str = ""
    touched: float

    @property
    def is_over(self) -> bool:
        """Whether nobody will work on it any more."""
        return self.state in ("done", "failed")

    def to_json(self, keep_seconds: float) -> dict[str, object]:
        """What the page is told.

        Args:
            keep_seconds: how long a clip is kept.

        Returns:
            With `expires_in`, whole seconds until it is deleted unless somebody looks at it; None before it is over.
        """
        shown = ("id", "name", "state", "progress", "step", "error")
        left = max(0, math.ceil(self.touched + keep_seconds - time.monotonic())) if self.is_over else None
        return {**{name: getattr(self, name) for name in shown}, "expires_in": left}


class Refusal(Exception):  # noqa: N818  (it is an answer)
    """A clip that is not taken.

    Args:
        status: HTTP status code.
        sentence: why, and what to do.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Shelf:
    """Keeps the clips of a run.

    Args:
        folder: of this run; each clip gets a folder in it.
        limits: how many clips, and how many bytes.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.limits = limits
        self._clips: dict[str, Clip] = {}
        self._coming: dict[str, int] = {}  # bytes set aside for clips that are being sent, by id

    def clips(self) -> list[Clip]:
        """All clips, the oldest first."""
        return list(self._clips.values())

    def get(self, clip_id: str) -> Clip | None:
        """A clip, or None where there is none of that id, or none any more."""
        return self._clips.get(clip_id)

    @contextmanager
    def incoming(self, name: str, num_bytes: int) -> Iterator[Clip]:
        """Make room for a clip that is being sent; it is kept if the block succeeds, and removed otherwise.

        Args:
            name: what it is called.
            num_bytes: how large it is at most.

        Yields:
            The clip, not yet in the list; its file is to be written as `CLIP_FILE` in its folder.

        Raises:
            Refusal: there is no room.
        """
        self._check_room(num_bytes)
        clip_id = secrets.token_hex(8)
        clip = Clip(id=clip_id, name=name, folder=self.folder / clip_id, touched=time.monotonic())
        self._coming[clip_id] = num_bytes
        try:
            clip.folder.mkdir(mode=0o700)
            yield clip
            self._clips[clip_id] = replace(clip, touched=time.monotonic())
        except BaseException:
            shutil.rmtree(clip.folder, ignore_errors=True)
            raise
        finally:
            del self._coming[clip_id]

    def update(
        self, clip_id: str, *, state: State = "working", progress: float = 0.0, step: str = "", error: str = ""
    ) -> None:
        """Note how far a clip has come; one that was removed meanwhile stays removed."""
        clip = self._clips.get(clip_id)
        if clip is not None:
            self._clips[clip_id] = replace(
                clip, state=state, progress=progress, step=step, error=error, touched=time.monotonic()
            )

    def look_at(self, clip_id: str) -> None:
        """Note that somebody looks at a clip, so that it is kept."""
        clip = self._clips.get(clip_id)
        if clip is not None:
            self._clips[clip_id] = replace(clip, touched=time.monotonic())

    def remove(self, clip_id: str) -> bool:
        """Delete a clip with its files; returns whether there was one."""
        clip = self._clips.pop(clip_id, None)
        if clip is not None:
            self.discard(clip.folder)
        return clip is not None

    def discard(self, folder: Path) -> None:
        """Delete what is left of a clip that was removed."""
        shutil.rmtree(folder, ignore_errors=True)

    def expired(self) -> list[Clip]:
        """Clips that were kept long enough; none of those that wait or are worked on."""
        limit = time.monotonic() - self.limits.keep_seconds
        return [clip for clip in self.clips() if clip.is_over and clip.touched < limit]

    def _check_room(self, num_bytes: int) -> None:
        limits = self.limits
        if len(self._coming) >= limits.uploads_at_once:
            raise Refusal(503, f"{len(self._coming)} clips are being sent already; try again in a moment.")
        if len(self._clips) + len(self._coming) >= limits.max_clips:
            raise Refusal(429, f"There are {limits.max_clips} clips here, which is the most; remove one first.")
        used = sum(self._coming.values()) + sum(_size_of(clip.folder) for clip in self.clips())
        if used + num_bytes > limits.quota_bytes:
            raise Refusal(
                507,
                f"The clips here take {used // MIB} MB of the {limits.quota_bytes // MIB} MB that are set aside for "
                "them, and this one would not fit; remove one first.",
            )
        if shutil.disk_usage(self.folder).free < num_bytes + limits.spare_bytes:
            raise Refusal(507, "The disk of this machine is nearly full; make room, then send the clip again.")


def display_name(header: str) -> str:
    """Turn a percent-encoded name from outside into text that is safe to show: one line, nothing invisible.

    What looks like markup or a path stays as it is: it is never used as either.
    """
    name = visible(unquote(header, errors="replace")).strip()
    if len(name) > MAX_NAME_CHARACTERS:
        name = name[: MAX_NAME_CHARACTERS - 1] + "…"
    return name or NAMELESS


def visible(text: str) -> str:
    """Text of somebody else in one line, with a mark in place of whatever is invisible, or no character at all."""
    characters = []
    for character in text:
        is_plain = unicodedata.category(character)[0] != "C" or character in _KEPT_FORMAT_CHARACTERS
        is_line_end = unicodedata.category(character) in ("Zl", "Zp")
        characters.append(character if is_plain and not is_line_end else "\N{REPLACEMENT CHARACTER}")
    return "".join(characters)


def _size_of(folder: Path) -> int:
    """Bytes on the disk; a file with two names counts once."""
    sizes: dict[int, int] = {}
    for path in folder.glob("*"):
        try:
            facts = path.stat()
        except OSError:  # renamed or removed at this very moment
            continue
        sizes[facts.st_ino] = facts.st_size
    return sum(sizes.values())
