"""What the page of a clip draws, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vatrace.report.basis import telling_gates
from vatrace.report.export import TracedPerson
from vatrace.report.spans import Shade, frame_ends, missing_spans
from vatrace.streams import FloatArray, Trace

_DECIMALS = 6  # as in the CSV: the page and the table say the same


def page_data(
    main: TracedPerson, others: Sequence[TracedPerson], truth: Trace | None, episodes: Sequence[Shade]
) -> dict[str, Any]:  # Any: JSON
    """Give what the page draws as plain JSON values; a missing value is None.

    Args:
        main: the main person, or whoever is the first.
        others: everybody else, at the same times.
        truth: the annotation or None.
        episodes: unreliable stretches.

    Returns:
        `person`, `trace`, `others`, `truth`, `episodes`, `missing` and `end`, the moment after the last frame, in
        seconds. Each of `others` has its `person`, `trace` without times, and `missing`.
    """
    trace = main.trace
    ends = frame_ends(trace.times_seconds)
    return {
        "person": main.person,
        "trace": {"time": _numbers(trace.times_seconds), **_values(trace)},
        "others": [
            {"person": each.person, "trace": _values(each.trace), "missing": _missing(each.trace)} for each in others
        ],
        "truth": None if truth is None else {"time": _numbers(truth.times_seconds), **_affect(truth)},
        "episodes": [
            {"channel": one.channel, "kind": one.kind, "start": one.start_seconds, "end": one.end_seconds}
            for one in episodes
        ],
        "missing": _missing(trace),
        "end": round(float(ends[-1]), _DECIMALS) if len(trace) else 0.0,
    }


def _values(trace: Trace) -> dict[str, list[float | None] | None]:
    gates = telling_gates(trace)
    return {
        **_affect(trace),
        "face": None if trace.face_valid is None else trace.face_valid.astype(int).tolist(),
        "voice": None if trace.voice_valid is None else trace.voice_valid.astype(int).tolist(),
        "gate_face": None if gates is None else _numbers(gates[:, 0]),
        "gate_voice": None if gates is None else _numbers(gates[:, 1]),
    }


def _missing(trace: Trace) -> list[dict[str, object]]:
    return [{"kind": span.kind, "start": span.start_seconds, "end": span.end_seconds} for span in missing_spans(trace)]


def _affect(trace: Trace) -> dict[str, list[float | None]]:
    return {
        "valence": _numbers(np.where(trace.valid, trace.valence, np.nan)),
        "arousal": _numbers(np.where(trace.valid, trace.arousal, np.nan)),
    }


def _numbers(values: FloatArray | NDArray[np.float64]) -> list[float | None]:
    return [round(value, _DECIMALS) if np.isfinite(value) else None for value in values.astype(np.float64).tolist()]
