"""A trace as small curves of text, for a terminal or a log.

The height of a sign is the value, from -1 (lowest) to 1 (highest): eight blocks, or the digits 0 to 9 where only ASCII
is safe. A blank, or a point in ASCII, is a stretch without a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from vatrace.report.basis import basis_words
from vatrace.report.export import TracedPerson
from vatrace.report.spans import frame_ends
from vatrace.report.summary import clock
from vatrace.report.tiers import person_name
from vatrace.streams import BoolArray, FloatArray, TimeArray, Trace

BLOCKS, NO_BLOCK = "▁▂▃▄▅▆▇█", " "
DIGITS, NO_DIGIT = "0123456789", "."
WIDTH = 48


def draws_blocks(stream: TextIO) -> bool:
    """Whether a stream is a terminal that shows Unicode."""
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
    return stream.isatty() and encoding == "utf8"


def curve(times_seconds: TimeArray, values: FloatArray, *, width: int = WIDTH, blocks: bool = True) -> str:
    """Draw values over time in one line of text.

    Args:
        times_seconds: `[frames]`, increasing.
        values: `[frames]`, -1 to 1, NaN where missing.
        width: signs, each the mean over its share of the time, in which a value lasts until the next frame; fewer where
            there are fewer frames.
        blocks: Unicode blocks instead of digits.
    """
    width = min(width, len(values))
    if width == 0:
        return ""
    there = np.isfinite(values)
    knots = np.append(times_seconds, frame_ends(times_seconds)[-1])  # a picture stays until the next one comes
    lasting = np.where(there, np.diff(knots), 0.0)
    edges = np.linspace(knots[0], knots[-1], width + 1)
    seconds, area = (
        np.diff(np.interp(edges, knots, np.append(0.0, np.cumsum(each))))
        for each in (lasting, lasting * np.where(there, values, 0.0))
    )
    has_value = seconds > 1e-9
    means = np.divide(area, seconds, out=np.zeros(width), where=has_value)
    signs, nothing = (BLOCKS, NO_BLOCK) if blocks else (DIGITS, NO_DIGIT)
    level = np.clip((means + 1) / 2 * len(signs) + 1e-9, 0, len(signs) - 1).astype(np.int64)
    return "".join(signs[each] if is_there else nothing for each, is_there in zip(level, has_value, strict=True))


def clip_text(name: str, people: Sequence[TracedPerson], *, blocks: bool) -> str:
    """Say what came out of a clip: for each person two curves, their means, and what they rest on.

    Args:
        name: of the clip.
        people: everybody in it, the main person first.
        blocks: see `curve`.
    """
    trace = people[0].trace
    seconds = float(trace.times_seconds[-1] - trace.times_seconds[0])
    number = f", {len(people)} people" if len(people) > 1 else ""
    legend = "" if blocks else "; in the curves 0 is -1, 9 is +1, . is no value"
    lines = [f"{name}: {len(trace)} frame{'s' * (len(trace) != 1)} in {seconds:.1f} s{number}{legend}"]
    for each in people:
        if len(people) > 1:
            lines.append(f"  {person_name(each.person)}")
        lines += [
            _line("valence", each.trace.valence, each.trace, blocks),
            _line("arousal", each.trace.arousal, each.trace, blocks),
            f"  {_shares(each.trace)}{_basis(each.trace)}",
        ]
    return "\n".join(lines)


def _line(name: str, values: FloatArray, trace: Trace, blocks: bool) -> str:
    usable: BoolArray = trace.valid & np.isfinite(values)
    known: NDArray[np.float64] = np.where(usable, values.astype(np.float64), np.nan)
    if not usable.any():
        return f"  {name}  no value"
    peak = clock(float(trace.times_seconds[int(np.nanargmax(known))]))
    low, high = float(np.nanmin(known)), float(np.nanmax(known))
    drawn = curve(trace.times_seconds, known, blocks=blocks)
    return f"  {name}  {drawn}  mean {np.nanmean(known):+z.2f}, {low:+z.2f} to {high:+z.2f}, highest at {peak}"


def _basis(trace: Trace) -> str:
    words = basis_words(trace)
    return words if words.startswith("no value") else f"values rest {words}"


def _shares(trace: Trace) -> str:
    known = (("face seen", trace.face_valid), ("voice heard", trace.voice_valid))
    words = [f"{what} in {flags.mean():.0%}" for what, flags in known if flags is not None]
    return f"{', '.join(words)} of the frames; " if words else ""
