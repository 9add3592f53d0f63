"""Stretches of a trace that a reader must see: where something was missing, where a channel could not be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from vatrace.streams import TimeArray, Trace

Channel = Literal["face", "voice"]

# Drawn width of the only frame of a trace that has one: no step can be measured there, and a band needs a width.
LONE_FRAME_SECONDS = 0.04

_MISSING_KINDS = ("", "no face", "no voice", "neither face nor voice", "no value")
_NO_FACE, _NO_VOICE, _NO_VALUE = 1, 2, 4


@dataclass(frozen=True)
class Shade:
    """An episode in which one channel says little, shaded in figures and pages.

    Args:
        channel: the channel that cannot be trusted.
        kind: what happened, in a word or two, such as `"covered"` or `"muted"`.
        start_seconds: first moment, on the clip's own clock.
        end_seconds: the moment after the last.

    Raises:
        ValueError: the channel is neither face nor voice, or the episode ends before it starts.
    """

    channel: Channel
    kind: str
    start_seconds: float
    end_seconds: float

    def __post_init__(self) -> None:
        if self.channel not in ("face", "voice"):
            raise ValueError(f"an episode's channel is 'face' or 'voice', got {self.channel!r}")
        if not self.start_seconds <= self.end_seconds:
            raise ValueError(f"an episode cannot end at {self.end_seconds} s and start at {self.start_seconds} s")


@dataclass(frozen=True)
class MissingSpan:
    """A stretch in which the face, the voice, both, or the value itself is missing."""

    kind: str
    start_seconds: float
    end_seconds: float


def missing_spans(trace: Trace) -> list[MissingSpan]:
    """Find where a trace lacks its face, its voice, or its value.

    Args:
        trace: any trace; a channel whose validity is None counts as present.

    Returns:
        Spans in time order that do not overlap. Each runs from its first frame to the frame after its last.
    """
    if len(trace) == 0:
        return []
    codes = np.zeros(len(trace), dtype=np.int64)
    if trace.face_valid is not None:
        codes += _NO_FACE * ~trace.face_valid
    if trace.voice_valid is not None:
        codes += _NO_VOICE * ~trace.voice_valid
    codes[(codes == 0) & ~trace.valid] = _NO_VALUE
    ends = frame_ends(trace.times_seconds)
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    stops = np.append(starts[1:], len(codes))
    return [
        MissingSpan(_MISSING_KINDS[codes[start]], float(trace.times_seconds[start]), float(ends[stop - 1]))
        for start, stop in zip(starts, stops, strict=True)
        if codes[start]
    ]


def frame_ends(times_seconds: TimeArray) -> TimeArray:
    """When each frame gives way to the next; the last one is as long as a typical frame."""
    if len(times_seconds) == 0:
        return times_seconds
    steps = np.diff(times_seconds)
    last_seconds = float(np.median(steps)) if len(steps) else LONE_FRAME_SECONDS
    return np.append(times_seconds[1:], times_seconds[-1] + last_seconds)
