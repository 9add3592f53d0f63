"""Still figures of a trace: valence, arousal and what they rest on, on one time axis.

Both axes of affect are fixed to -1..1, so that two figures can be laid side by side. Lines differ by dash and by label,
not by colour alone; the colours are Okabe and Ito's, which colour-blind readers can tell apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from vatrace import files
from vatrace.report.basis import MAKER, telling_gates
from vatrace.report.export import PersonTrace, TracedPerson
from vatrace.report.spans import Channel, Shade, frame_ends, missing_spans
from vatrace.report.tiers import participant
from vatrace.streams import FloatArray, Trace

__all__ = ["Shade", "save_figure", "trace_figure"]

VALENCE_COLOUR = "#0072B2"
AROUSAL_COLOUR = "#C14F00"  # Okabe and Ito's vermilion, darkened to reach 4.5:1 on white as text
CHANNEL_COLOURS: dict[Channel, str] = {"face": "#00795A", "voice": "#A3407B"}
TRUTH_COLOUR = "#333333"
MISSING_COLOUR = "#BFBFBF"

_SIZE_INCHES = (11.0, 6.6)
_PIXELS_PER_INCH = 150
_PANEL_HEIGHTS = (1.15, 1.15, 1.0)
_DASHES = ((9, 4), (3, 3), (14, 3, 3, 3), (6, 2), (2, 5), (11, 7), (5, 2, 2, 2))  # of P1, P2, ...; the first is solid
_LETTER_INCHES = 0.075  # width of a letter of an episode's label, to leave out those that do not fit
_LABEL_HEIGHTS: dict[Channel, tuple[float, str]] = {"face": (0.97, "top"), "voice": (0.03, "bottom")}


def trace_figure(
    trace: Trace,
    *,
    person: int = 0,
    others: Sequence[TracedPerson] = (),
    truth: Trace | None = None,
    episodes: Sequence[Shade] = (),
    title: str | None = None,
    note: str | None = None,
) -> Figure:
    """Draw a trace as three stacked panels: valence, arousal, and the gates of face and voice.

    Args:
        trace: the prediction, solid; of the main person, where there are several.
        person: whose that is, the number in the CSV.
        others: everybody else, each with a dash of their own. The gates drawn are those of `trace`, and grey is where
            nobody has what is missing.
        truth: the annotation, thin and dashed; its own times need not be the trace's.
        episodes: shaded in the gates' panel and labelled where the label fits.
        title: above the panels.
        note: below them, small; the place to say what the figure is of, such as drawn faces.

    Returns:
        A figure outside pyplot's global state. Give it to `save_figure`.
    """
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    valence, arousal, gates = figure.subplots(3, 1, sharex=True, height_ratios=_PANEL_HEIGHTS)
    start, end = _time_range(trace)
    people = (PersonTrace(person, trace), *others)
    _draw_affect(valence, people, truth, lambda one: one.valence, VALENCE_COLOUR, "valence\nunpleasant - pleasant")
    _draw_affect(arousal, people, truth, lambda one: one.arousal, AROUSAL_COLOUR, "arousal\ncalm - excited")
    _draw_gates(gates, people, episodes, label_inches_per_second=0.85 * _SIZE_INCHES[0] / (end - start))
    gates.set_xlim(start, end)
    gates.set_xlabel("time (minutes:seconds)")
    gates.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 3, 5, 6, 10]))
    gates.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _clock(seconds)))
    if title:
        figure.suptitle(_plain(title), fontsize=13, fontweight="bold")
    if note:
        figure.supxlabel(_plain(note), fontsize=8.5, color="#555555")
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Commit a figure as the file its suffix names; the same figure gives the same bytes.

    Args:
        figure: what to save.
        path: ends in `.png` or `.svg`.

    Raises:
        ValueError: another suffix.
    """
    # Left alone, matplotlib writes its own version, the date and random identifiers into what it saves.
    metadata: dict[str, dict[str, str | None]] = {
        ".png": {"Software": MAKER},
        ".svg": {"Date": None, "Creator": MAKER},
    }
    if path.suffix not in metadata:
        raise ValueError(f"a figure is saved as .png or .svg, got {path.name!r}")
    with mpl.rc_context({"svg.hashsalt": "vatrace"}), files.committed(path) as part, warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")  # of a clip's name, then drawn as a box
        figure.savefig(part, format=path.suffix[1:], dpi=_PIXELS_PER_INCH, metadata=metadata[path.suffix])


def _draw_affect(
    axes: Axes,
    people: Sequence[TracedPerson],
    truth: Trace | None,
    pick: Callable[[Trace], FloatArray],
    colour: str,
    label: str,
) -> None:
    _draw_missing(axes, _together([each.trace for each in people]))
    axes.axhline(0, color="#999999", linewidth=0.8)
    if truth is not None:
        values = _gapped(truth, pick(truth))
        axes.plot(truth.times_seconds, values, color=TRUTH_COLOUR, linewidth=1.1, dashes=(4, 2), label="truth")
    for number, each in enumerate(people):
        line = {"linewidth": 1.5, "dashes": _DASHES[(number - 1) % len(_DASHES)]} if number else {"linewidth": 1.9}
        name = participant(each.person) if len(people) > 1 else "prediction"
        axes.plot(each.trace.times_seconds, _gapped(each.trace, pick(each.trace)), color=colour, label=name, **line)
    axes.set_ylim(-1, 1)
    axes.set_yticks([-1, -0.5, 0, 0.5, 1])
    axes.set_ylabel(label)
    _finish(axes)


def _draw_gates(
    axes: Axes, people: Sequence[TracedPerson], episodes: Sequence[Shade], *, label_inches_per_second: float
) -> None:
    trace = people[0].trace
    for episode in episodes:
        _draw_episode(axes, episode, label_inches_per_second)
    weights = telling_gates(trace)
    if weights is None:
        axes.text(0.5, 0.5, "this model has no gate", transform=axes.transAxes, ha="center", va="center")
    else:
        face, voice = weights[:, 0], weights[:, 1]
        axes.plot(trace.times_seconds, face, color=CHANNEL_COLOURS["face"], linewidth=1.7, label="face")
        axes.plot(
            trace.times_seconds, voice, color=CHANNEL_COLOURS["voice"], linewidth=1.7, dashes=(6, 1.5), label="voice"
        )
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    whose = f" of {participant(people[0].person)}" if len(people) > 1 else ""
    axes.set_ylabel(f"gate{whose}\nthe other - itself")
    _finish(axes)


def _draw_episode(axes: Axes, episode: Shade, label_inches_per_second: float) -> None:
    colour = CHANNEL_COLOURS[episode.channel]
    top, bottom = (1.0, 0.5) if episode.channel == "face" else (0.5, 0.0)
    hatch = "///" if episode.channel == "face" else "\\\\\\"
    start, end = episode.start_seconds, episode.end_seconds
    axes.axvspan(start, end, ymin=bottom, ymax=top, facecolor=colour, alpha=0.13, linewidth=0)
    axes.axvspan(start, end, ymin=bottom, ymax=top, fill=False, hatch=hatch, edgecolor=colour, alpha=0.28, linewidth=0)
    words = f"{episode.channel} {episode.kind}"
    if (end - start) * label_inches_per_second > len(words) * _LETTER_INCHES:
        height, anchor = _LABEL_HEIGHTS[episode.channel]
        axes.text((start + end) / 2, height, _plain(words), ha="center", va=anchor, fontsize=8, color=colour)


def _draw_missing(axes: Axes, trace: Trace) -> None:
    spans = missing_spans(trace)
    for kind in sorted({span.kind for span in spans}):
        alpha = 0.35 if kind in ("no face", "no voice") else 0.75
        hatch = {"no face": "//", "no voice": "\\\\"}.get(kind)
        for number, span in enumerate(one for one in spans if one.kind == kind):
            axes.axvspan(
                span.start_seconds,
                span.end_seconds,
                facecolor=MISSING_COLOUR,
                edgecolor="#8A8A8A",
                hatch=hatch,
                alpha=alpha,
                linewidth=0,
                label=None if number else kind,
            )


def _finish(axes: Axes) -> None:
    axes.grid(visible=True, axis="both", color="#E6E6E6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(1.005, 0.5), frameon=False, fontsize=9, handlelength=3)


def _together(traces: Sequence[Trace]) -> Trace:
    """The first of some traces with what anybody has: value and face; the voice is one for all."""
    if len(traces) == 1:
        return traces[0]
    faces = [each.face_valid for each in traces if each.face_valid is not None]
    face = np.any(faces, axis=0) if len(faces) == len(traces) else None
    return replace(traces[0], valid=np.any([each.valid for each in traces], axis=0), face_valid=face)


def _time_range(trace: Trace) -> tuple[float, float]:
    if len(trace) == 0:
        return 0.0, 1.0
    return float(trace.times_seconds[0]), float(frame_ends(trace.times_seconds)[-1])


def _gapped(trace: Trace, values: FloatArray) -> NDArray[np.float64]:
    return np.where(trace.valid, values.astype(np.float64), np.nan)


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}" if seconds % 1 else f"{int(seconds // 60)}:{seconds % 60:02.0f}"


def _plain(text: str) -> str:
    return text.replace("$", r"\$")  # a clip's name may hold a dollar, which matplotlib would take for mathematics
