"""Annotation files of Aff-Wild2 as the ABAW challenge hands them out.

    VA_Estimation_Challenge/{Train_Set,Validation_Set,Test_Set}/<clip>.txt

A file begins with `valence,arousal`; row i after it belongs to frame i (the first is 1, and `%05d.jpg` of the crops).
A row of -5,-5 is not labelled; nobody outside this file knows that number. There is no labelled test set in Aff-Wild2;
the procedural corpus has one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatrace.errors import DatasetError, NothingFound
from vatrace.files import write_text
from vatrace.streams import TimeArray, Trace

TASK = "VA_Estimation_Challenge"
TASK_FOLDER = Path("annotations") / TASK  # where our own corpora have it
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
    values = np.full((len(times_seconds), 2), np.nan)
    rows = read_rows(path)[: len(times_seconds)]
    values[: len(rows)] = rows
    valid = np.isfinite(values).all(axis=1)
    return Trace(times_seconds=times_seconds, valence=values[:, 0], arousal=values[:, 1], valid=valid)


def read_rows(path: Path) -> NDArray[np.float64]:
    """All rows of an annotation file.

    Returns:
        `[rows, 2]`, valence and arousal; NaN in both where a row is not labelled.

    Raises:
        NothingFound: no such file.
        DatasetError: the header is another, or a row is no pair of numbers in [-1, 1].
    """
    if not path.is_file():
        raise NothingFound(f"no annotation at {path}.")
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is no text in UTF-8 ({error}); an annotation begins with {HEADER!r}.") from error
    if not lines or lines[0].strip().lower() != HEADER:
        raise DatasetError(
            f"{path} must begin with the line {HEADER!r}, got {lines[0] if lines else 'an empty file'!r}."
        )
    return _parse_rows(path, lines[1:])


def write_annotation(path: Path, trace: Trace, *, decimals: int = 5) -> None:
    """Write labels in the same form, with so many decimals."""
    rows = np.stack([trace.valence, trace.arousal], axis=1)
    text = [
        f"{v:.{decimals}f},{a:.{decimals}f}" if ok else "-5,-5" for (v, a), ok in zip(rows, trace.valid, strict=True)
    ]
    write_text(path, "\n".join([HEADER, *text]) + "\n")


def _parse_rows(path: Path, lines: list[str]) -> NDArray[np.float64]:
    try:
        rows = np.array([[float(part) for part in line.split(",")] for line in lines], np.float64).reshape(-1, 2)
        if len(rows) != len(lines):
            raise ValueError("rows of more or fewer than two numbers")
    except ValueError as error:
        at = next(number for number, line in enumerate(lines) if not _is_pair(line))
        raise DatasetError(f"{path}, line {at + 2}: {lines[at][:80]!r} is no pair of numbers.") from error
    wrong = ~((rows == UNLABELLED) | (np.abs(rows) <= 1)).all(axis=1)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DatasetError(f"{path}, line {at + 2}: {lines[at]!r} is outside [-1, 1].")
    rows[(rows == UNLABELLED).any(axis=1)] = np.nan  # the published files have always both; a half is no label either
    return rows


def _is_pair(line: str) -> bool:
    try:
        return len([float(part) for part in line.split(",")]) == 2
    except ValueError:
        return False
