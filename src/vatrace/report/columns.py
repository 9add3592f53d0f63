"""The table of `vatrace.report.export` as columns of numbers, for files that know numbers: Parquet and JSON.

Every number is the one that the CSV has, to its six decimals.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from vatrace import files
from vatrace.report.basis import telling_gates
from vatrace.report.export import BOX_COLUMNS, COLUMNS, FIRST_FRAME, TracedPerson
from vatrace.streams import BoolArray, FloatArray

WHOLE_NUMBERS = ("frame", "person", "face", "voice")
METADATA_KEY: Final = b"vatrace"

_DECIMALS = 6
_FIELDS_A_WRITE = 4096


def columns_of(each: TracedPerson) -> dict[str, NDArray[np.float64]]:
    """Give one person's rows as columns.

    Args:
        each: the person.

    Returns:
        `COLUMNS` in their order, each `[frames]`; NaN is missing. Whole numbers are those of `WHOLE_NUMBERS`.
    """
    trace, frames = each.trace, len(each.trace)
    gates = telling_gates(trace)
    nothing = np.full(frames, np.nan)
    score, boxes = each.face_score, each.face_boxes
    columns = (
        np.arange(FIRST_FRAME, FIRST_FRAME + frames, dtype=np.float64),
        _rounded(trace.times_seconds),
        np.full(frames, float(each.person)),
        _rounded(np.where(trace.valid, trace.valence, np.nan)),
        _rounded(np.where(trace.valid, trace.arousal, np.nan)),
        _flags(trace.face_valid, frames),
        _flags(trace.voice_valid, frames),
        nothing if score is None else _rounded(np.where(score > 0, score, np.nan)),
        *(nothing if gates is None else _rounded(gates[:, channel]) for channel in range(2)),
        *(nothing if boxes is None else _rounded(boxes[:, side]) for side in range(len(BOX_COLUMNS))),
    )
    return dict(zip(COLUMNS, columns, strict=True))


def write_trace_parquet(path: Path, people: Sequence[TracedPerson], facts: Mapping[str, Any]) -> None:  # Any: JSON
    """Commit traces as Parquet: the columns of the CSV, nulls where something is missing, a row group a person.

    Args:
        path: where the file shall be.
        people: everybody in the clip, the main person first.
        facts: the sidecar's content, kept as JSON under the key `vatrace` of the file's metadata.

    Raises:
        ImportError: pyarrow is not installed; `vatrace.report.formats` says so beforehand.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {name: pa.float64() for name in COLUMNS}
    types |= {"frame": pa.int32(), "person": pa.int32(), "face": pa.int8(), "voice": pa.int8()}
    schema = pa.schema(list(types.items()), metadata={METADATA_KEY: json.dumps(dict(facts), sort_keys=True)})
    # An open file, as pyarrow takes no name that is not UTF-8.
    with files.committed(path) as part, part.open("wb") as file, pq.ParquetWriter(file, schema) as writer:
        for each in people:
            arrays = [
                pa.array(column, mask=np.isnan(column)).cast(types[name]) for name, column in columns_of(each).items()
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=1 << 20)


def write_trace_json(path: Path, people: Sequence[TracedPerson], facts: Mapping[str, Any]) -> None:  # Any: JSON
    """Commit traces as JSON: `{"metadata": {...}, "columns": {"frame": [...], ...}}`, null where something is missing.

    Args:
        path: where the file shall be.
        people: everybody in the clip, the main person first; their rows follow one another, as in the CSV.
        facts: the sidecar's content.
    """
    tables = [columns_of(each) for each in people]
    with files.committed(path) as part, part.open("w", encoding="ascii", newline="\n") as file:
        file.write(f'{{"metadata": {json.dumps(dict(facts), sort_keys=True, allow_nan=False)},\n"columns": {{')
        for number, name in enumerate(COLUMNS):
            file.write(f"{',' if number else ''}\n{json.dumps(name)}: [")
            _write_column(file, name, [table[name] for table in tables])
            file.write("]")
        file.write("\n}}\n")


def _write_column(file: IO[str], name: str, parts: Sequence[NDArray[np.float64]]) -> None:
    is_first = True
    for part in parts:
        for first in range(0, len(part), _FIELDS_A_WRITE):
            numbers = part[first : first + _FIELDS_A_WRITE].tolist()
            fields = ("null" if math.isnan(number) else _number_text(name, number) for number in numbers)
            file.write(("" if is_first else ", ") + ", ".join(fields))
            is_first = False


def _number_text(name: str, number: float) -> str:
    return str(int(number)) if name in WHOLE_NUMBERS else repr(number)


def _rounded(values: FloatArray) -> NDArray[np.float64]:
    """As decimal text would round them, which numpy's own rounding does not always do; never a negative zero."""
    return np.array([round(value, _DECIMALS) + 0.0 for value in values.tolist()], dtype=np.float64)


def _flags(flags: BoolArray | None, num_frames: int) -> NDArray[np.float64]:
    return np.full(num_frames, np.nan) if flags is None else flags.astype(np.float64)
