"""A trace in words and in a short table: what a reader gets who does not see the curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatrace.report.basis import basis_words, telling_gates
from vatrace.streams import BoolArray, FloatArray, Trace

MISSING_TEXT = "–"


def clock(seconds: float) -> str:
    """Give a time as minutes and seconds, such as `0:41`."""
    whole = int(max(0.0, seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def summary_sentence(trace: Trace, truth: Trace | None) -> str:
    """Say in a few sentences how the trace runs, what there was of the clip, and what the values rest on.

    Args:
        trace: the prediction.
        truth: the annotation or None.

    Returns:
        Text such as "Valence runs from −0.35 to +0.79, highest at 0:17; ...".
    """
    if not (_usable(trace, trace.valence) | _usable(trace, trace.arousal)).any():
        return "No frame of this clip has a value."
    courses = (_course("valence", trace.valence, trace), _course("arousal", trace.arousal, trace))
    words = "; ".join(courses)
    sentences = [
        f"{words[0].upper()}{words[1:]}.",
        _presence(trace),
        f"Values rest {words}." if (words := basis_words(trace)) else "",
    ]
    if truth is not None and (_usable(truth, truth.valence) & _usable(truth, truth.arousal)).any():
        sentences.append(f"On average the annotation says {_means(truth)}, the prediction {_means(trace)}.")
    return " ".join(sentence for sentence in sentences if sentence)


def second_rows(trace: Trace, truth: Trace | None) -> Iterable[list[str]]:
    """Give the trace as a table, one row a second that has frames: means of the values, shares of the flags.

    Args:
        trace: the prediction.
        truth: the annotation or None, which then has no columns.

    Yields:
        The header, then the rows; a missing value is a dash.
    """
    columns = _columns(trace, truth)
    yield ["time", *(column.name for column in columns)]
    seconds = np.floor(trace.times_seconds)
    for second in np.unique(seconds):
        yield [clock(second), *(column.cell(second) for column in columns)]


def signed(value: float) -> str:
    """Give a value of affect with its sign and two decimals; the minus is a true one."""
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "−")


@dataclass(frozen=True)
class _Column:
    name: str
    times_seconds: NDArray[np.float64]
    values: NDArray[np.float64]  # NaN where missing
    write: Callable[[float], str]

    def cell(self, second: float) -> str:
        """Mean of the values within one second, in words."""
        first, stop = np.searchsorted(self.times_seconds, [second, second + 1])
        here = self.values[first:stop]
        here = here[np.isfinite(here)]
        return self.write(float(here.mean())) if len(here) else MISSING_TEXT


def _columns(trace: Trace, truth: Trace | None) -> list[_Column]:
    columns = _affect_columns(trace, "")
    if truth is not None:
        columns += _affect_columns(truth, ", truth")
    further = [("face seen", trace.face_valid, _percent), ("voice heard", trace.voice_valid, _percent)]
    columns += [
        _Column(name, trace.times_seconds, flags.astype(np.float64), write)
        for name, flags, write in further
        if flags is not None
    ]
    gates = telling_gates(trace)
    if gates is not None:
        columns.append(_Column("face gate", trace.times_seconds, gates[:, 0], _share))
        columns.append(_Column("voice gate", trace.times_seconds, gates[:, 1], _share))
    return columns


def _affect_columns(trace: Trace, ending: str) -> list[_Column]:
    return [
        _Column(name + ending, trace.times_seconds, np.where(trace.valid, values.astype(np.float64), np.nan), signed)
        for name, values in (("valence", trace.valence), ("arousal", trace.arousal))
    ]


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _share(share: float) -> str:
    return f"{share:.2f}"


def _course(name: str, values: FloatArray, trace: Trace) -> str:
    usable = _usable(trace, values)
    if not usable.any():
        return f"{name} has no value in any frame"
    known = np.where(usable, values, np.nan)
    low, high = float(np.nanmin(known)), float(np.nanmax(known))
    peak = clock(float(trace.times_seconds[int(np.nanargmax(known))]))
    return f"{name} runs from {signed(low)} to {signed(high)}, highest at {peak}"


def _presence(trace: Trace) -> str:
    shares = [
        f"{words} in {flags.mean():.0%} of the frames"
        for words, flags in (("a face was seen", trace.face_valid), ("a voice was heard", trace.voice_valid))
        if flags is not None
    ]
    return ", ".join(shares).capitalize() + "." if shares else ""


def _means(trace: Trace) -> str:
    both = (trace.valence[_usable(trace, trace.valence)], trace.arousal[_usable(trace, trace.arousal)])
    return " and ".join(signed(float(values.mean())) if len(values) else MISSING_TEXT for values in both)


def _usable(trace: Trace, values: FloatArray) -> BoolArray:
    """Where one dimension has a value: a voice alone may give arousal and no valence."""
    return trace.valid & np.isfinite(values)
