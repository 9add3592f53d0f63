"""A trace as annotators have it: tiers of intervals, and a mean for every second.

Programs for annotation (ELAN, Praat) and players know intervals with a label, not a value a frame. Two readings of a
trace are therefore made here:

- **intervals of about-constant value**: an interval goes on while the value stays within 0.15 of one level, a multiple
  of 0.2; that is a little more than half a step, so that a value near the border between two levels does not make a new
  interval with every frame. The label is the mean of the interval's own values, with two decimals;
- **means of every second** of the clock, over the frames that have a value. In ELAN they are tiers of intervals, in
  Praat tiers of points, in WebVTT cues.

Where there is no value there is no interval and no mean; a voice alone may give arousal and no valence.

Tiers are called as ELAN calls those of participants: `valence@P0`, `arousal@P0`, `no_face@P0` for person 0, and
`no_voice`, which is one for all, as the soundtrack is. A tier without participant holds nobody's in particular.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vatrace.report.export import PersonTrace, TracedPerson
from vatrace.report.spans import frame_ends
from vatrace.streams import BoolArray, FloatArray, TimeArray, Trace

LEVEL_STEP = 0.2  # eleven levels from -1 to 1: about as fine as raters agree
LEVEL_TOLERANCE = 0.15  # how far a value may be from its interval's level
OUR_TIERS = re.compile(r"(valence|arousal|no_face)(_mean)?@P\d+|no_voice")


@dataclass(frozen=True)
class Interval:
    """A stretch of time with a label; from `start_seconds` to `end_seconds`, which is later."""

    start_seconds: float
    end_seconds: float
    label: str


@dataclass(frozen=True)
class Tier:
    """Intervals in time order that do not overlap.

    Args:
        name: ASCII, without spaces.
        participant: whose it is, such as "P0"; empty for what is everybody's.
        intervals: may be none.
    """

    name: str
    participant: str
    intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class SecondMeans:
    """What was expressed within one second of the clock.

    Args:
        start_seconds: of the first frame in this second that has a value, or the second itself if that is later.
        end_seconds: of the last such frame, at most the next second.
        valence: mean over the frames that have valence; None where none has.
        arousal: as `valence`.
    """

    start_seconds: float
    end_seconds: float
    valence: float | None
    arousal: float | None


def tiers_of(people: Sequence[TracedPerson]) -> list[Tier]:
    """Give the traces of a clip as tiers.

    Args:
        people: everybody in the clip, the main person first.

    Returns:
        For each person the intervals of valence, of arousal, and those without a face; then those without a voice. A
        tier of absences is left out where the trace does not say whether the channel was there.
    """
    tiers: list[Tier] = []
    for each in people:
        name, trace = participant(each.person), each.trace
        for dimension, values in (("valence", trace.valence), ("arousal", trace.arousal)):
            tiers.append(Tier(f"{dimension}@{name}", name, level_intervals(trace.times_seconds, values, trace.valid)))
        if trace.face_valid is not None:
            tiers.append(Tier(f"no_face@{name}", name, _stretches(trace, ~trace.face_valid, "no face")))
    main = people[0].trace
    if main.voice_valid is not None:
        tiers.append(Tier("no_voice", "", _stretches(main, ~main.voice_valid, "no voice")))
    return tiers


def participant(person: int) -> str:
    """What a person is called wherever there are several, by the number in the CSV: "P0" is the main one."""
    return f"P{person}"


def person_name(person: int) -> str:
    """What a person is called in words: "P0, the main person" and "P1"."""
    return participant(person) + (", the main person" if person == 0 else "")


def level_intervals(times_seconds: TimeArray, values: FloatArray, valid: BoolArray) -> tuple[Interval, ...]:
    """Find stretches in which a value stays within 0.15 of a multiple of 0.2.

    Args:
        times_seconds: `[frames]`.
        values: `[frames]`, -1 to 1; one that is no number is missing.
        valid: `[frames]`, False where there is no value either.

    Returns:
        Intervals that cover exactly the valid frames, each to the start of the next frame; labels are means over their
        frames, such as "-0.38". A level holds until a value leaves it, and then becomes the one nearest to that value.
    """
    levels = list(_held_levels(values.tolist(), known(values, valid).tolist()))
    ends = frame_ends(times_seconds)
    starts = [frame for frame, level in enumerate(levels) if frame == 0 or level != levels[frame - 1]]
    return tuple(
        Interval(float(times_seconds[start]), float(ends[stop - 1]), mean_label(float(np.mean(values[start:stop]))))
        for start, stop in zip(starts, [*starts[1:], len(levels)], strict=True)
        if levels[start] is not None
    )


def second_means(trace: Trace) -> Iterator[SecondMeans]:
    """Give the mean of each second of the clock in which some frame has a value.

    Args:
        trace: of one person; a frame belongs to the second in which it begins.
    """
    has_valence, has_arousal = known(trace.valence, trace.valid), known(trace.arousal, trace.valid)
    valid = np.flatnonzero(has_valence | has_arousal)
    if not len(valid):
        return
    ends = frame_ends(trace.times_seconds)
    seconds = np.floor(trace.times_seconds[valid])
    for frames in np.split(valid, np.flatnonzero(np.diff(seconds)) + 1):
        first, last = int(frames[0]), int(frames[-1])
        start = float(trace.times_seconds[first])
        yield SecondMeans(
            start_seconds=start,
            end_seconds=min(float(ends[last]), float(np.floor(start)) + 1.0),
            valence=_mean(trace.valence[frames[has_valence[frames]]]),
            arousal=_mean(trace.arousal[frames[has_arousal[frames]]]),
        )


def known(values: FloatArray, valid: BoolArray) -> BoolArray:
    """Where one dimension has a value, `[frames]`: a valid frame may lack the other."""
    there: BoolArray = valid & np.isfinite(values)
    return there


def on_players_clock(people: Sequence[TracedPerson], start_seconds: float) -> list[PersonTrace]:
    """Give traces with a player's times: those of the container, less the one at which a player begins."""
    return [
        PersonTrace(
            each.person,
            replace(each.trace, times_seconds=each.trace.times_seconds - start_seconds),
            each.face_score,
            each.face_boxes,
        )
        for each in people
    ]


def _held_levels(values: list[float], valid: list[bool]) -> Iterator[int | None]:
    """The level of each frame as a number of steps, None where there is no value."""
    held: int | None = None
    for value, is_valid in zip(values, valid, strict=True):
        if not is_valid:
            held = None
        elif held is None or abs(value - held * LEVEL_STEP) > LEVEL_TOLERANCE:
            held = round(value / LEVEL_STEP)
        yield held


def _mean(values: FloatArray) -> float | None:
    return float(np.mean(values, dtype=np.float64)) if len(values) else None


def mean_label(mean: float) -> str:
    """A value as a label has it."""
    return f"{mean:z.2f}"


def _stretches(trace: Trace, wanted: BoolArray, label: str) -> tuple[Interval, ...]:
    """Where something is so, from its first frame to the frame after its last."""
    ends = frame_ends(trace.times_seconds)
    changes = np.diff(np.concatenate(([False], wanted, [False])).astype(np.int8))
    return tuple(
        Interval(float(trace.times_seconds[start]), float(ends[stop - 1]), label)
        for start, stop in zip(np.flatnonzero(changes == 1), np.flatnonzero(changes == -1), strict=True)
    )
