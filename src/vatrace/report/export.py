"""A trace as a table that any program reads, and the sidecar that says where it comes from.

The columns, one row a video frame:

| column | meaning |
|---|---|
| `frame` | number of the frame, **from 1**: row `n` is the crop `%05d.jpg` of the ABAW layout |
| `time` | the container's own timestamp in seconds, six decimals; never a frame number divided by a rate |
| `person` | which person of the clip |
| `valence`, `arousal` | unpleasant -1 to pleasant 1, calm -1 to excited 1 |
| `face`, `voice` | 1 where a face was seen or a voice heard, else 0: a value rests on what is 1 |
| `face_score` | how sure the detector is of the face, 0 to 1; empty where there is none |
| `gate_face` | weight of the face itself (1) against the voice (0), in the value or in its own channel: see below |
| `gate_voice` | the same for the voice |
| `face_left`, `face_top`, `face_right`, `face_bottom` | where the face is, as shares of width and height |

An empty field is missing. It is never 0 and never -5. Gates are missing where there is no value, and for a model
without gates; `face` or `voice` is missing where the model does not take that channel. A gate of 0 is a weight: where
there is no face, `gate_face` is 0; where no voice can be read, it is 1. In a late model, such as the starter, gates are
the shares of face and voice in the value, which sum to 1; in BDCA each says how far a channel rests on itself instead
of on what it reads from the other one (Eq. 4 of the paper).

A clip of several people has the rows of person 0, the main one, first, then all of person 1, and so on. The soundtrack
is one for all: `voice` says that a voice is heard in the clip, not whose.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vatrace import files
from vatrace.errors import DatasetError
from vatrace.report.basis import telling_gates
from vatrace.streams import BoolArray, FloatArray, Trace

BOX_COLUMNS = ("face_left", "face_top", "face_right", "face_bottom")
COLUMNS = (
    *("frame", "time", "person", "valence", "arousal", "face", "voice", "face_score", "gate_face", "gate_voice"),
    *BOX_COLUMNS,
)
FIRST_FRAME = 1  # as ABAW numbers its crops
_RANGES = {
    **dict.fromkeys(("valence", "arousal"), (-1.0, 1.0)),
    **dict.fromkeys(("face", "voice", "face_score", "gate_face", "gate_voice"), (0.0, 1.0)),
}
_MAY_LACK = ("face_score", *BOX_COLUMNS)  # a table of somebody else's may leave these out


class TracedPerson(Protocol):
    """Somebody's part of a result: `PersonTrace`, or what a predictor gives."""

    @property
    def person(self) -> int: ...  # noqa: D102  (see PersonTrace)
    @property
    def trace(self) -> Trace: ...  # noqa: D102  (see PersonTrace)
    @property
    def face_score(self) -> NDArray[np.float32] | None: ...  # noqa: D102  (see PersonTrace)
    @property
    def face_boxes(self) -> NDArray[np.float32] | None: ...  # noqa: D102  (see PersonTrace)


@dataclass(frozen=True)
class PersonTrace:
    """The trace of one person of a clip.

    Args:
        person: number in the clip; the main one is 0.
        trace: what was predicted.
        face_score: `[frames]`, the detector's score from 0 to 1, 0 where no face was found; None where it is not known.
        face_boxes: `[frames, 4]`, left, top, right and bottom of the face as shares of the picture, NaN where there is
            none; None where it is not known.
    """

    person: int
    trace: Trace
    face_score: NDArray[np.float32] | None = None
    face_boxes: NDArray[np.float32] | None = None


def write_trace_csv(path: Path, trace: Trace, *, person: int = 0) -> None:
    """Commit a trace as CSV.

    Args:
        path: where the file shall be.
        trace: what to write.
        person: which person of the clip this is.
    """
    files.write_text(path, trace_csv_text(trace, person=person))


def clip_csv_text(people: Sequence[TracedPerson]) -> str:
    r"""Give the traces of a clip as CSV text: ASCII, `\n` line ends, the columns of this module.

    Args:
        people: everybody in the clip, the main person first.

    Returns:
        A header, then one row a frame of the first person, then those of the next. Equal traces give equal text.
    """
    rows = (row for each in people for row in _rows(each))
    return "\n".join([",".join(COLUMNS), *rows]) + "\n"


def trace_csv_text(trace: Trace, *, person: int = 0) -> str:
    """Give one trace as CSV text, as `clip_csv_text` does, without face scores.

    Args:
        trace: what to write; values of frames that are not valid become empty fields.
        person: which person of the clip this is.
    """
    return clip_csv_text([PersonTrace(person, trace)])


def read_clip_csv(path: Path, *, is_bounded: bool = True) -> list[PersonTrace]:
    """Read back what `clip_csv_text` gave.

    Args:
        path: a CSV file with the columns of this module, in any order; further columns are ignored.
        is_bounded: refuse numbers out of the range of their column; else they are given as they are.

    Returns:
        Each person's trace, to the six decimals of the file, in the order in which they come. Missing values are NaN
        and not valid.

    Raises:
        DatasetError: it is no table of text, a column is missing, a field is no number or out of its range, or times
            do not increase.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns_there, rows = reader.fieldnames or (), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path.name} is no table of text in UTF-8: {error}.") from error
    needed = [name for name in COLUMNS if name not in _MAY_LACK]
    absent = [name for name in needed if name not in columns_there]
    if absent:
        raise DatasetError(f"{path.name} lacks the column(s) {', '.join(absent)}; a trace has {', '.join(needed)}.")
    columns = {name: _numbers(path, rows, name) for name in COLUMNS}
    if is_bounded:
        _check_ranges(path, columns)
    numbers = np.nan_to_num(columns["person"]).astype(np.int64)
    for person in np.unique(numbers):
        _check_frames(path, columns["frame"][numbers == person])
        _check_times(path, columns["time"][numbers == person], np.flatnonzero(numbers == person))
    return [
        _person_of(person, {name: column[numbers == person] for name, column in columns.items()})
        for person in dict.fromkeys(numbers.tolist())
    ]


def is_trace_csv(path: Path) -> bool:
    """Whether a file begins as a table of this module does."""
    with path.open("rb") as file:
        head = file.readline(4096).decode("utf-8-sig", "replace").strip().split(",")
    return all(name in head for name in COLUMNS if name not in _MAY_LACK)


def read_trace_csv(path: Path, *, is_bounded: bool = True) -> Trace:
    """Read back what `write_trace_csv` wrote.

    Args:
        path: as for `read_clip_csv`, of one person.
        is_bounded: as there.

    Raises:
        DatasetError: as there, or a frame is missing, or there is more than one person.
    """
    people = read_clip_csv(path, is_bounded=is_bounded)
    if len(people) > 1:
        raise DatasetError(f"{path.name} holds {len(people)} people; a trace is of one, so keep the rows of one.")
    return people[0].trace if people else _trace_of({name: np.zeros(0) for name in COLUMNS})


def _check_frames(path: Path, frames: NDArray[np.float64]) -> None:
    """A row that is missing would move all that follow to other frames."""
    wrong = np.flatnonzero(frames != FIRST_FRAME + np.arange(len(frames)))
    if len(wrong):
        raise DatasetError(
            f"{path.name}: frame {FIRST_FRAME + wrong[0]} is expected and {frames[wrong[0]]:g} is there; a trace has a "
            "row for every frame, in order."
        )


def _check_times(path: Path, times: NDArray[np.float64], places: NDArray[np.intp]) -> None:
    wrong = np.flatnonzero(~np.isfinite(times) | ~(np.diff(times, prepend=-np.inf) > 0))
    if len(wrong):
        told = "missing" if np.isnan(times[wrong[0]]) else f"{times[wrong[0]]:g}"
        line = places[wrong[0]] + 2
        raise DatasetError(f"{path.name}, line {line}: time is {told}; times are numbers of seconds that increase.")


def write_sidecar(path: Path, **facts: Any) -> None:  # Any: whatever json can write
    """Commit what a reader needs to trust a trace: model and clip hashes, versions, settings, warnings.

    Args:
        path: where the JSON file shall be, by custom the trace's own name with `.json`.
        **facts: anything JSON can hold; keys are sorted.
    """
    files.write_json(path, facts)


def _rows(each: TracedPerson) -> Iterable[str]:
    trace, person, face_score, boxes = each.trace, each.person, each.face_score, each.face_boxes
    gates = telling_gates(trace)
    columns: tuple[Iterable[str], ...] = (
        (str(FIRST_FRAME + frame) for frame in range(len(trace))),
        (_decimal(time) for time in trace.times_seconds),
        repeat(str(person), len(trace)),
        _values(trace.valence, trace.valid),
        _values(trace.arousal, trace.valid),
        _flags(trace.face_valid, len(trace)),
        _flags(trace.voice_valid, len(trace)),
        repeat("", len(trace)) if face_score is None else _values(face_score, face_score > 0),
        *(_column(gates, channel, len(trace)) for channel in range(2)),
        *(_column(boxes, side, len(trace)) for side in range(len(BOX_COLUMNS))),
    )
    return (",".join(row) for row in zip(*columns, strict=True))


def _decimal(number: float) -> str:
    return f"{number:z.6f}" if np.isfinite(number) else ""  # z: no "-0.000000"


def _values(numbers: FloatArray, valid: BoolArray) -> Iterable[str]:
    return (_decimal(number) if is_valid else "" for number, is_valid in zip(numbers, valid, strict=True))


def _flags(flags: BoolArray | None, num_frames: int) -> Iterable[str]:
    return repeat("", num_frames) if flags is None else (str(int(flag)) for flag in flags)


def _column(values: NDArray[np.float64] | NDArray[np.float32] | None, place: int, num_frames: int) -> Iterable[str]:
    return repeat("", num_frames) if values is None else map(_decimal, values[:, place])


def _numbers(path: Path, rows: list[dict[str, str]], name: str) -> NDArray[np.float64]:
    numbers = np.full(len(rows), np.nan)
    for index, row in enumerate(rows):
        field = row.get(name)
        try:
            numbers[index] = float(field) if field else np.nan
        except (TypeError, ValueError) as error:
            raise DatasetError(f"{path.name}, line {index + 2}: {name} is {field!r}, which is no number.") from error
    return numbers


def _check_ranges(path: Path, columns: Mapping[str, NDArray[np.float64]]) -> None:
    for name, (low, high) in _RANGES.items():
        numbers = columns[name]
        wrong = np.flatnonzero((numbers < low) | (numbers > high))
        if len(wrong):
            line, value = wrong[0] + 2, numbers[wrong[0]]
            raise DatasetError(f"{path.name}, line {line}: {name} is {value:g}, and runs from {low:g} to {high:g}.")


def _person_of(person: int, columns: dict[str, NDArray[np.float64]]) -> PersonTrace:
    score = columns["face_score"]
    known = None if np.isnan(score).all() else np.nan_to_num(score).astype(np.float32)
    boxes = np.stack([columns[name] for name in BOX_COLUMNS], axis=1).astype(np.float32)
    return PersonTrace(person, _trace_of(columns), known, None if np.isnan(boxes).all() else boxes)


def _trace_of(columns: dict[str, NDArray[np.float64]]) -> Trace:
    gates = np.stack([columns["gate_face"], columns["gate_voice"]], axis=1).astype(np.float32)
    return Trace(
        times_seconds=columns["time"],
        valence=columns["valence"],
        arousal=columns["arousal"],
        valid=np.isfinite(columns["valence"]) | np.isfinite(columns["arousal"]),  # a voice alone may give arousal alone
        face_valid=_flags_of(columns["face"]),
        voice_valid=_flags_of(columns["voice"]),
        gate_weights=None if np.isnan(gates).all() else np.stack([gates, 1 - gates], axis=2),  # [frames, 2, 2]
    )


def _flags_of(numbers: NDArray[np.float64]) -> BoolArray | None:
    return None if np.isnan(numbers).all() else numbers == 1
