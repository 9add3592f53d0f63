"""Clips of a corpus: one person in one video, with the labels of that person.

A clip is what an annotation file belongs to. Two clips may share a video, one soundtrack and all its times (`_left` and
`_right` of Aff-Wild2); clips of one `source` show the same people in the same place and never have two roles.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vatrace.datasets.affwild2 import HEADER, read_rows
from vatrace.errors import DatasetError, NothingFound
from vatrace.streams import Person, TimeArray, Trace

Split = Literal["train", "validation", "test", "unlabelled"]

LABELLED_SPLITS: tuple[Split, ...] = ("train", "validation", "test")
# Between two marks of a timed annotation; what lies between ones further apart is unlabelled. A mark a second is near
# enough, also where the difference of its decimals comes out as 1.0000000000000009.
MAX_MARK_GAP_SECONDS = 1.0 + 1e-6


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One person in one video.

    Args:
        name: as annotation, features and official crops are called.
        split: where the corpus has it; "unlabelled" clips are only predicted, as those of the challenge's test set.
        source: clips of one source never have two roles.
        video: the film, of which other clips may be too; None where there is none.
        person: who of those seen: the main person, or the one on the left or right of the picture.
        crops: folder of official face pictures of this person; None where there is none.
        annotation: labels in time, in the official format or as CSV with the columns time, valence and arousal.
        value: valence and arousal of the clip as a whole, where it has no labels in time.
    """

    name: str
    split: Split
    source: str
    video: Path | None = None
    person: Person = "main"
    crops: Path | None = None
    annotation: Path | None = None
    value: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.split != "unlabelled" and (self.annotation is None) == (self.value is None):
            raise DatasetError(f"{self.name} is in the {self.split} split, so it needs either annotation or value.")
        if self.value is not None and not all(abs(number) <= 1 for number in self.value):
            raise DatasetError(f"{self.name}: valence and arousal must be in [-1, 1], got {self.value}.")

    def label(self, times_seconds: TimeArray) -> Trace:
        """The labels of this clip on the clock of its video.

        Args:
            times_seconds: `[frames]`, of the video.

        Returns:
            A trace of at least `frames` rows, `valid` where a frame is labelled. Where the annotation has more rows
            than the video has frames, the trace goes on by the video's usual step, so that every row can be scored.

        Raises:
            NothingFound: the annotation is not there.
            DatasetError: it cannot be read, or the clip has no labels at all.
        """
        if self.value is not None:
            return _constant(self.value, times_seconds)
        if self.has_own_times:
            return _at_times(_read_marks(self._file()), times_seconds)
        return _one_row_a_frame(read_rows(self._file()), times_seconds)

    def annotated(self) -> Trace:
        """The labels as they were given, for counting them: on their own clock, or a row a second.

        Raises:
            NothingFound: the annotation is not there.
            DatasetError: it cannot be read, or the clip has no labels at all.
        """
        if self.value is None and self.has_own_times:
            marks = _read_marks(self._file())
            return _at_times(marks, marks[:, 0])
        return self.label(np.zeros(0 if self.value is None else 1))

    @cached_property
    def has_own_times(self) -> bool:
        """Whether the labels have times of their own; else row i belongs to frame i of the video."""
        return self.value is None and _has_times(self._file())

    def _file(self) -> Path:
        if self.annotation is None:
            raise DatasetError(f"{self.name} has no labels; it can only be predicted.")
        if not self.annotation.is_file():
            raise NothingFound(f"no annotation at {self.annotation}.")
        return self.annotation


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Clips of a folder.

    Args:
        folder: where it is.
        clips: in order of name; no two of one name.
    """

    folder: Path
    clips: tuple[Clip, ...]

    def __post_init__(self) -> None:
        if len(self._by_name) < len(self.clips):
            names = [clip.name for clip in self.clips]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise DatasetError(f"{self.folder}: {', '.join(twice[:3])} in more than one split, or twice in one.")

    @cached_property
    def _by_name(self) -> Mapping[str, Clip]:
        return {clip.name: clip for clip in self.clips}

    @cached_property
    def splits(self) -> dict[str, tuple[str, ...]]:
        """Names of the labelled clips of "train", "validation" and "test", in order of name."""
        return {
            split: tuple(sorted(clip.name for clip in self.clips if clip.split == split)) for split in LABELLED_SPLITS
        }

    @cached_property
    def sources(self) -> dict[str, str]:
        """The source of each clip, by its name."""
        return {clip.name: clip.source for clip in self.clips}

    @property
    def labelled(self) -> tuple[Clip, ...]:
        """The clips that have labels."""
        return tuple(clip for clip in self.clips if clip.split != "unlabelled")

    def clip(self, name: str) -> Clip:
        """The clip of a name.

        Raises:
            NothingFound: the corpus has none.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise NothingFound(f"{self.folder} has no clip named {name}.") from None


def check_names(clips: Iterable[Clip]) -> None:
    """Refuse names that cannot be given to files and folders, or would lead elsewhere: paths, and unprintable ones.

    Raises:
        DatasetError: a clip has such a name.
    """
    for clip in clips:
        name = clip.name
        if not name.strip(". ") or not name.isprintable() or set(name) & set("/\\"):
            raise DatasetError(f"a clip's name becomes the name of files and folders, so it cannot be {name!r}.")


def _constant(value: tuple[float, float], times_seconds: TimeArray) -> Trace:
    size = len(times_seconds)
    return Trace(
        times_seconds=times_seconds,
        valence=np.full(size, value[0]),
        arousal=np.full(size, value[1]),
        valid=np.ones(size, np.bool_),
    )


def _one_row_a_frame(rows: NDArray[np.float64], times_seconds: TimeArray) -> Trace:
    """Row i on frame i; rows beyond the last frame at the times that further frames would have."""
    frames = len(times_seconds)
    values = np.full((max(frames, len(rows)), 2), np.nan)
    values[: len(rows)] = rows
    step = float(np.median(np.diff(times_seconds))) if frames > 1 else 1.0
    last = float(times_seconds[-1]) if frames else -step
    beyond = last + step * np.arange(1, len(values) - frames + 1)
    return Trace(
        times_seconds=np.concatenate([times_seconds, beyond]),
        valence=values[:, 0],
        arousal=values[:, 1],
        valid=np.isfinite(values).all(axis=1),
    )


def _has_times(annotation: Path) -> bool:
    with annotation.open("r", encoding="utf-8-sig", errors="replace", newline="") as file:
        head = file.readline(1000).strip().lower()
    return head != HEADER and "time" in [name.strip() for name in head.split(",")]


def _read_marks(annotation: Path) -> NDArray[np.float64]:
    """`[marks, 3]`: time in seconds, valence, arousal; NaN where a field is empty."""
    try:
        with annotation.open("r", encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
            marks = np.array(
                [[float(row[name] or "nan") for name in ("time", "valence", "arousal")] for row in reader]
            ).reshape(-1, 3)
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DatasetError(
            f"{annotation} must have the columns time (seconds), valence and arousal with numbers: {error}."
        ) from error
    if not np.isfinite(marks[:, 0]).all() or (np.diff(marks[:, 0]) <= 0).any():
        raise DatasetError(f"{annotation}: times must be numbers that increase from row to row.")
    if (np.abs(marks[:, 1:]) > 1).any():
        raise DatasetError(f"{annotation} has a value outside [-1, 1].")
    return marks


def _at_times(marks: NDArray[np.float64], times_seconds: TimeArray) -> Trace:
    """Marks with times of their own, interpolated at the video's; an empty field is a mark without a label."""
    valence, arousal = (_between_marks(marks[:, 0], marks[:, column], times_seconds) for column in (1, 2))
    return Trace(
        times_seconds=times_seconds, valence=valence, arousal=arousal, valid=np.isfinite(valence) & np.isfinite(arousal)
    )


def _between_marks(
    mark_seconds: NDArray[np.float64], values: NDArray[np.float64], times_seconds: TimeArray
) -> NDArray[np.float64]:
    """Linear between neighbouring marks that both have a value; NaN before, after, and in gaps."""
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(times_seconds), np.nan)
    after = np.searchsorted(mark_seconds, times_seconds).clip(0, len(mark_seconds) - 1)
    before = np.where(mark_seconds[after] == times_seconds, after, after - 1).clip(0)
    is_between = (times_seconds >= mark_seconds[before]) & (times_seconds <= mark_seconds[after])
    is_near = mark_seconds[after] - mark_seconds[before] <= MAX_MARK_GAP_SECONDS
    drawn = np.interp(times_seconds, mark_seconds[known], values[known])
    return np.where(is_between & is_near & known[before] & known[after], drawn, np.nan)
