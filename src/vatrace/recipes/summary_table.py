"""What a whole batch of traces comes to: one table, a row a clip and person.

The numbers are taken from the sidecars, so a clip that was done before counts without being read again. Columns have
ASCII names; `_percent` is of the frames, times are in seconds on the clip's clock, sd is over the frames that have a
value (population form), `_peak_time` is when the value is highest. An empty field is missing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vatrace.errors import DatasetError
from vatrace.files import write_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vatrace.report.export import TracedPerson
    from vatrace.streams import FloatArray, Trace

SUMMARY = "summary.csv"
_NUMBERS = ("mean", "sd", "min", "max", "peak_time")
_FIRST = ("clip", "person", "frames")
COLUMNS = (
    *("clip", "person", "frames", "face_percent", "voice_percent", "valid_percent"),
    *(f"{name}_{number}" for name in ("valence", "arousal") for number in _NUMBERS),
    *("trace", "model", "clip_sha256"),
)
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a clip's name that begins so


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the table says of a clip.

    Args:
        clip: name of the file.
        trace: name of its trace, which tells apart clips of one name.
        model: id of the model that made it.
        clip_sha256: of the file.
        people: as `person_facts` gives them.
    """

    clip: str
    trace: str
    model: str
    clip_sha256: str
    people: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, trace: str, sidecar: Mapping[str, Any]) -> Row:
        """Of what a sidecar says."""
        told = {name: str(sidecar.get(name) or "") for name in ("clip", "model", "clip_sha256")}
        return cls(trace=trace, people=sidecar["people"], **told)


def person_facts(each: TracedPerson) -> dict[str, Any]:  # Any: whatever json can write
    """One person's row, as it stands in the sidecar; None is missing."""
    trace = each.trace
    facts: dict[str, Any] = {
        "person": each.person,
        "frames": len(trace),
        "face_percent": None if trace.face_valid is None else _percent(float(trace.face_valid.mean())),
        "voice_percent": None if trace.voice_valid is None else _percent(float(trace.voice_valid.mean())),
        "valid_percent": _percent(float(trace.valid.mean())),
    }
    facts["face_at"] = _usual_place(each.face_boxes)
    for name, values in (("valence", trace.valence), ("arousal", trace.arousal)):
        facts |= {f"{name}_{number}": value for number, value in _numbers(trace, values).items()}
    return facts


def check_summary(path: Path) -> None:
    """Find out before the work whether a file is in the way.

    Raises:
        DatasetError: there is a file of that name that is no such table.
    """
    if path.exists() and not _is_ours(path):
        raise DatasetError(f"{path} is there and was not written by vatrace; choose another --out, or move it away.")


def write_summary(path: Path, clips: Sequence[Row]) -> None:
    """Commit the table.

    Args:
        path: where it shall be.
        clips: a row for each person in each.

    Raises:
        DatasetError: there is a file of that name that is no such table.
    """
    check_summary(path)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for clip in clips:
        told = {"clip": _harmless(clip.clip), "trace": _harmless(clip.trace)}
        told |= {"model": clip.model, "clip_sha256": clip.clip_sha256}
        for facts in clip.people:
            rows.writerow([told[column] if column in told else _field(facts.get(column)) for column in COLUMNS])
    write_text(path, text.getvalue())


def _usual_place(boxes: NDArray[np.float32] | None) -> dict[str, float] | None:
    """Where a face is as a rule: the median of each side, as shares of the picture."""
    import numpy as np

    if boxes is None or np.isnan(boxes).all():
        return None
    middle = np.nanmedian(boxes, axis=0).tolist()
    return {name: round(side, 3) for name, side in zip(("left", "top", "right", "bottom"), middle, strict=True)}


def _numbers(trace: Trace, values: FloatArray) -> dict[str, float | None]:
    import numpy as np

    usable = trace.valid & np.isfinite(values)
    if not usable.any():
        return dict.fromkeys(_NUMBERS)
    known = values[usable].astype(np.float64)
    peak = float(trace.times_seconds[usable][int(np.argmax(known))])
    found = (known.mean(), known.std(), known.min(), known.max(), peak)
    return {name: round(float(number), 6) + 0.0 for name, number in zip(_NUMBERS, found, strict=True)}


def _percent(share: float) -> float:
    return round(100 * share, 2)


def _field(value: object) -> str:
    if value is None:
        return ""
    return f"{value:z.6f}" if isinstance(value, float) else str(value)


def _harmless(name: str) -> str:
    return f"'{name}" if name.startswith(_FORMULA_SIGNS) else name


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().decode("ascii", "replace").strip().startswith(",".join(_FIRST))
