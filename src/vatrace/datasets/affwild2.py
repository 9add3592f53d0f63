"""Annotations and splits in the layout of Aff-Wild2 as the ABAW challenge hands it out.

    annotations/VA_Estimation_Challenge/{Train_Set,Validation_Set,Test_Set}/<clip>.txt

A file begins with `valence,arousal`; row i after it belongs to frame i (the first is 1, and `%05d.jpg` of the crops).
A row of -5,-5 is not labelled; nobody outside this file knows that number. There is no labelled test set in Aff-Wild2;
the procedural corpus has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vatrace.errors import DatasetError, NothingFound
from vatrace.files import write_text
from vatrace.streams import TimeArray, Trace

TASK_FOLDER = Path("annotations") / "VA_Estimation_Challenge"
SPLIT_FOLDERS = {"train": "Train_Set", "validation": "Validation_Set", "test": "Test_Set"}
HEADER = "valence,arousal"
UNLABELLED = -5.0


def read_annotation(path: Path, times_seconds: TimeArray) -> Trace:
    """Labels of one clip on the clock of its video.

    Args:
        path: the annotation file.
        times_seconds: `[frames]`, of the video. Rows beyond the last frame are dropped (the published files often have
            one more), frames beyond the last row are unlabelled.

    Returns:
        A trace of `len(times_seconds)` frames; `valid` where a frame is labelled.

    Raises:
        NothingFound: no such file.
        DatasetError: a row that is no pair of numbers in [-1, 1].
    """
    if not path.is_file():
        raise NothingFound(f"no annotation at {path}.")
    lines = path.read_text("utf-8-sig").splitlines()
    if not lines or lines[0].strip().lower() != HEADER:
        raise DatasetError(
            f"{path} must begin with the line {HEADER!r}, got {lines[0] if lines else 'an empty file'!r}."
        )
    values = np.full((len(times_seconds), 2), UNLABELLED)
    rows = _parse_rows(path, lines[1 : len(times_seconds) + 1])
    values[: len(rows)] = rows
    valid = (values != UNLABELLED).all(axis=1)
    values[~valid] = np.nan
    return Trace(times_seconds=times_seconds, valence=values[:, 0], arousal=values[:, 1], valid=valid)


def write_annotation(path: Path, trace: Trace) -> None:
    """Write labels in the same form, five decimals."""
    rows = np.stack([trace.valence, trace.arousal], axis=1)
    text = [f"{v:.5f},{a:.5f}" if ok else "-5,-5" for (v, a), ok in zip(rows, trace.valid, strict=True)]
    write_text(path, "\n".join([HEADER, *text]) + "\n")


def _parse_rows(path: Path, lines: list[str]) -> np.ndarray:
    try:
        rows = np.array([[float(part) for part in line.split(",")] for line in lines], np.float64).reshape(-1, 2)
    except ValueError as error:
        raise DatasetError(f"{path} has a row that is no pair of numbers: {error}.") from error
    wrong = ~((rows == UNLABELLED) | (np.abs(rows) <= 1)).all(axis=1)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DatasetError(f"{path}, line {at + 2}: {lines[at]!r} is outside [-1, 1].")
    return rows


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A folder with `videos/` and annotations in the official layout.

    Args:
        folder: where it is.
        splits: clip names of "train", "validation" and "test", in order of name.
    """

    folder: Path
    splits: Mapping[str, tuple[str, ...]]

    def annotation_path(self, clip: str) -> Path:
        """Where the labels of a clip are.

        Raises:
            NothingFound: the corpus has no such clip.
        """
        for split, clips in self.splits.items():
            if clip in clips:
                return self.folder / TASK_FOLDER / SPLIT_FOLDERS[split] / f"{clip}.txt"
        raise NothingFound(f"{self.folder} has no annotation of a clip named {clip}.")

    def video_path(self, clip: str) -> Path:
        """Where the video of a clip is."""
        return self.folder / "videos" / f"{clip}.mp4"


def open_corpus(folder: Path) -> Corpus:
    """Read which clips a corpus has.

    Raises:
        NothingFound: the folder has no annotations in the official layout.
        DatasetError: a clip is in two splits.
    """
    root = folder / TASK_FOLDER
    splits = {
        split: tuple(sorted(path.stem for path in (root / name).glob("*.txt"))) for split, name in SPLIT_FOLDERS.items()
    }
    if not any(splits.values()):
        raise NothingFound(f"no annotations under {root}; `vatrace synth` makes a corpus in this layout.")
    names = [clip for clips in splits.values() for clip in clips]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DatasetError(f"{folder}: {', '.join(twice[:3])} in more than one split; a clip may be in one only.")
    return Corpus(folder=folder, splits=splits)
