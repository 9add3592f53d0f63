"""Figures 4 and 5 of the paper, and how the gates move when a channel becomes unreliable.

All are drawn outside pyplot's global state; give them to `figures.save_figure`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vatrace.report.figures import AROUSAL_COLOUR, CHANNEL_COLOURS, TRUTH_COLOUR, VALENCE_COLOUR
from vatrace.report.spans import Channel, Shade
from vatrace.streams import FloatArray, Trace

BINS = 40  # of [-1, 1], so .05 each
CHANNELS: tuple[Channel, Channel] = ("face", "voice")  # in the order of the gate's modalities, visual and audio
ATTENDED = 1  # column of the gate (Eq. 5)
BEFORE_SECONDS, AFTER_SECONDS, STEP_SECONDS = 2.0, 4.0, 0.1

_BAND = (2.5, 97.5)  # percentiles
_RESAMPLES = 2000


def annotation_figure(annotation: Trace, prediction: Trace | None, *, title: str, note: str) -> Figure:
    """Valence and arousal of one video over time (paper, Fig. 4), with the prediction where there is one.

    Args:
        annotation: labels of the video.
        prediction: of the same video, or None.
        title: above the panels.
        note: below them, small; what the figure is of.
    """
    figure = Figure(figsize=(11.0, 5.0), layout="constrained")
    valence, arousal = figure.subplots(2, 1, sharex=True)
    rows = ((valence, "valence", VALENCE_COLOUR), (arousal, "arousal", AROUSAL_COLOUR))
    for axes, name, colour in rows:
        _plot_trace(axes, annotation, name, color=TRUTH_COLOUR, linewidth=1.1, dashes=(4, 2), label="annotation")
        if prediction is not None:
            _plot_trace(axes, prediction, name, color=colour, linewidth=1.8, label="prediction")
        axes.set_ylim(-1, 1)
        axes.set_yticks([-1, -0.5, 0, 0.5, 1])
        axes.set_ylabel(name)
        _finish(axes)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderpad=0, frameon=False, fontsize=9, ncols=2)
    arousal.set_xlabel("time (seconds)")
    return _entitled(figure, title, note)


def histogram_figure(valence: FloatArray, arousal: FloatArray, *, title: str, note: str) -> Figure:
    """Distribution of the annotations (paper, Fig. 5).

    Args:
        valence: `[frames]`, labelled frames only.
        arousal: `[frames]`, of the same frames.
        title: above the panels.
        note: below them, small; what the figure is of.
    """
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    values = (("valence", valence, VALENCE_COLOUR), ("arousal", arousal, AROUSAL_COLOUR))
    for axes, (name, data, colour) in zip(panels, values, strict=True):
        share = np.full(len(data), 100 / max(len(data), 1))
        axes.hist(data, bins=BINS, range=(-1, 1), weights=share, color=colour, edgecolor="white", linewidth=0.4)
        axes.axvline(0, color=TRUTH_COLOUR, linewidth=0.9)
        axes.set_xlim(-1, 1)
        axes.set_xlabel(f"{name} (mean {np.mean(data):+.2f}, sd {np.std(data):.2f})")
        _finish(axes)
    panels[0].set_ylabel("share of the frames (%)")
    return _entitled(figure, title, note)


@dataclass(frozen=True, kw_only=True)
class GateCourse:
    """How much a gate takes from the other modality, around the start of episodes.

    Args:
        channel: which channel's episodes.
        gate: whose gate: "face" is the visual one.
        offsets_seconds: `[offsets]`, time since the start of an episode.
        weight: `[offsets]`, mean weight of the attended stream over people; NaN where nobody has a value.
        low: `[offsets]`, lower end of the 95 % interval over draws of people.
        high: `[offsets]`, its upper end.
        episodes: how many there were.
        people: how many had one.
    """

    channel: Channel
    gate: Channel
    offsets_seconds: NDArray[np.float64]
    weight: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    episodes: int
    people: int


Watched = Mapping[str, Sequence[tuple[Trace, Sequence[Shade]]]]
"""For each person, traces of clips with the episodes planted in them."""


def gate_courses(watched: Watched, *, seed: int = 0) -> list[GateCourse]:
    """The course of both gates around episodes of both channels.

    Within an episode only its own time counts, and before it only time outside any other episode of its channel.

    Args:
        watched: traces with gate weights, by person.
        seed: of the draws of people.

    Returns:
        Four courses: episodes of the face, then of the voice; for each the visual gate, then the audio gate.
    """
    return [_course(watched, channel, gate, seed) for channel in CHANNELS for gate in CHANNELS]


def gate_figure(courses: Sequence[GateCourse], *, title: str, note: str) -> Figure:
    """Mean weight of the attended stream before and after a channel becomes unreliable, with 95 % bands over people.

    Args:
        courses: what `gate_courses` gives.
        title: above the panels.
        note: below them, small; what the figure is of.
    """
    figure = Figure(figsize=(11.0, 4.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, channel in zip(panels, CHANNELS, strict=True):
        for course in (each for each in courses if each.channel == channel):
            colour, dashes = CHANNEL_COLOURS[course.gate], (None, None) if course.gate == "face" else (6, 1.5)
            label = f"gate of the {course.gate}"
            axes.fill_between(course.offsets_seconds, course.low, course.high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(course.offsets_seconds, course.weight, color=colour, linewidth=1.8, dashes=dashes, label=label)
            axes.set_title(f"the {channel} becomes unreliable: {course.episodes} episodes of {course.people} people")
        axes.axvline(0, color=TRUTH_COLOUR, linewidth=0.9)
        axes.axhline(0.5, color="#999999", linewidth=0.8)
        axes.set_xlabel("time since the start of the episode (seconds)")
        axes.set_ylim(-0.02, 1.02)  # always the whole range: a gate that does not move has to look like one
        _finish(axes)
        axes.legend(loc="center left", bbox_to_anchor=(0, 0.32), frameon=False, fontsize=9)
    panels[0].set_ylabel("weight of the attended stream\nits own - the other")
    return _entitled(figure, title, note)


def _course(watched: Watched, channel: Channel, gate: Channel, seed: int) -> GateCourse:
    offsets = np.arange(-BEFORE_SECONDS, AFTER_SECONDS + STEP_SECONDS / 2, STEP_SECONDS)
    curves, episodes = [], 0
    for clips in watched.values():
        found = [curve for trace, shades in clips for curve in _episode_curves(trace, shades, channel, gate, offsets)]
        episodes += len(found)
        if found:
            curves.append(_mean(np.array(found)[None])[0])
    people = np.array(curves).reshape(-1, len(offsets))
    low, high = _band(people, seed)
    return GateCourse(
        channel=channel,
        gate=gate,
        offsets_seconds=offsets,
        weight=_mean(people[None])[0],
        low=low,
        high=high,
        episodes=episodes,
        people=len(people),
    )


def _episode_curves(
    trace: Trace, shades: Sequence[Shade], channel: Channel, gate: Channel, offsets: NDArray[np.float64]
) -> Iterator[NDArray[np.float64]]:
    """The attended weight of one gate around each episode, on `offsets`; NaN where it does not count."""
    if trace.gate_weights is None:
        return
    weights = trace.gate_weights[:, CHANNELS.index(gate), ATTENDED]
    mine = [shade for shade in shades if shade.channel == channel]
    for shade in mine:
        times = shade.start_seconds + offsets
        curve = np.interp(times, trace.times_seconds, weights, left=np.nan, right=np.nan)
        elsewhere = [(times >= other.start_seconds) & (times < other.end_seconds) for other in mine if other != shade]
        counts = (times < shade.end_seconds) & ~np.logical_or.reduce([np.zeros(len(times), bool), *elsewhere])
        yield np.where(counts, curve, np.nan)


def _band(people: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends of the 95 % interval of the mean over draws of people, at each offset."""
    if len(people) < 2:
        nothing = np.full(people.shape[1], np.nan)
        return nothing, nothing.copy()
    draws = np.random.default_rng(seed).integers(len(people), size=(_RESAMPLES, len(people)))
    means = _mean(people[draws])
    ends = np.full((2, people.shape[1]), np.nan)
    known = np.isfinite(means).any(axis=0)
    ends[:, known] = np.nanpercentile(means[:, known], _BAND, axis=0)
    return ends[0], ends[1]


def _mean(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over axis 1 of `[draws, curves, offsets]`, of what is known; NaN where nothing is."""
    known = np.isfinite(curves)
    total, count = np.where(known, curves, 0).sum(axis=1), known.sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _plot_trace(axes: Axes, trace: Trace, name: str, **style: object) -> None:
    values = np.where(trace.valid, np.asarray(getattr(trace, name), np.float64), np.nan)
    axes.plot(trace.times_seconds, values, **style)  # type: ignore[arg-type]  # matplotlib types its styles one by one


def _finish(axes: Axes) -> None:
    axes.grid(visible=True, axis="both", color="#E6E6E6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _entitled(figure: Figure, title: str, note: str) -> Figure:
    figure.suptitle(title.replace("$", r"\$"), fontsize=13, fontweight="bold")
    figure.supxlabel(note.replace("$", r"\$"), fontsize=8.5, color="#555555")
    return figure
