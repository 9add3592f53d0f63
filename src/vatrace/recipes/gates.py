"""What the gates do when a channel becomes unreliable: a table and figures, on a corpus with planted episodes.

The attended weight of a gate (column 1 of Eq. 4) says how far a frame leans on the other modality. Compared is its
mean inside the episodes of one channel with its mean in the calm frames of the same clip, outside all episodes. Where
a modality is missing altogether the model fixes the weights, so episodes are also taken with the frames alone in which
the channel is still there: a blurred face that is found, a voice under noise.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vatrace.recipes.synth import EPISODES

if TYPE_CHECKING:
    from vatrace.report.spans import Channel, Shade
    from vatrace.report.tables import Cell, Number
    from vatrace.streams import Trace

SETTLING_SECONDS = (
    0.3  # after its start an episode does not count yet: a hand has to come up, a causal network to notice
)
_RESAMPLES = 2000
_COLUMNS = (
    "Model",
    "Unreliable",
    "Frames",
    "Gate of the face: calm",
    "Gate of the face: change",
    "Gate of the voice: calm",
    "Gate of the voice: change",
)
_NOTES = (
    "A figure is the mean attended weight of a gate: how far it leans on the other modality, 0 to 1. The change is "
    "that in episodes of the channel, from .3 s after their start and outside episodes of the other channel, less "
    "that in calm frames of the same clip.",
    "A gate that moves away from what became unreliable has a change above zero in the episodes of its own channel, "
    "and below zero in those of the other.",
    '"channel there": only frames in which the channel was still found. In the others the model fixes the weights.',
    "[low, high] is the 95 % percentile interval over draws of people; the mean over seeds is taken within each draw.",
)


@dataclass(frozen=True, kw_only=True)
class GatedRow:
    """A model with a gate, and the folders of its predictions, one a seed."""

    name: str
    title: str
    predictions: tuple[Path, ...]


def write_gates(
    rows: Sequence[GatedRow], corpus: Path, folder: Path, caption: str, facts: Mapping[str, str]
) -> list[Path]:
    """Write gates.md, .csv and .html, and a figure a row.

    Args:
        rows: models to look at.
        corpus: with `episodes.csv`.
        folder: where the files go.
        caption: what it is measured on.
        facts: data, seeds, command.
    """
    from vatrace.report.figures import save_figure
    from vatrace.report.paper_figures import gate_courses, gate_figure
    from vatrace.report.tables import Table, write_table

    episodes = read_episodes(corpus / EPISODES)
    cells: list[tuple[Cell, ...]] = []
    written = []
    for row in rows:
        watched = [_watch(each, episodes) for each in row.predictions]
        cells += _cells(row.title, watched)
        note = f"{caption} Each episode counts once for each of {len(watched)} seeds."
        courses = gate_courses(_all_seeds(watched))
        figure = gate_figure(courses, title=f"Gates around planted episodes: {row.title}", note=note)
        for suffix in (".png", ".svg"):
            written.append(folder / f"gates-{row.name}{suffix}")
            save_figure(figure, written[-1])
    table = Table(
        name="gates",
        title="Where the gates lean when a channel becomes unreliable",
        caption=caption,
        columns=_COLUMNS,
        rows=tuple(cells),
        facts=facts,
        notes=_NOTES,
    )
    return [*write_table(folder, table), *written]


def read_episodes(path: Path) -> dict[str, list[Shade]]:
    """Planted episodes by clip, as `vatrace synth` writes them."""
    from vatrace.report.spans import Shade

    found: dict[str, list[Shade]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            channel: Channel = "face" if line["channel"] == "face" else "voice"
            shade = Shade(channel, line["kind"], float(line["start"]), float(line["end"]))
            found.setdefault(line["clip"], []).append(shade)
    return found


def lean(trace: Trace, shades: Sequence[Shade], channel: Channel, *, only_there: bool) -> NDArray[np.float64]:
    """How the attended weights of both gates change in episodes of a channel.

    Args:
        trace: of one clip, with gate weights.
        shades: its episodes.
        channel: whose episodes.
        only_there: whether only frames count in which that channel is valid.

    Returns:
        `[gate, 2]`: the mean in calm frames, and what the mean in the episodes has more; NaN where there is no frame.
    """
    if trace.gate_weights is None:
        return np.full((2, 2), np.nan)
    inside = {name: np.zeros(len(trace), bool) for name in ("face", "voice")}
    late = np.zeros(len(trace), bool)
    for shade in shades:
        during = (trace.times_seconds >= shade.start_seconds) & (trace.times_seconds < shade.end_seconds)
        inside[shade.channel] |= during
        late |= during & (trace.times_seconds >= shade.start_seconds + SETTLING_SECONDS)
    weights = trace.gate_weights[:, :, 1].astype(np.float64)  # [frames, gate]
    known = np.isfinite(weights).all(axis=1)
    calm = known & ~inside["face"] & ~inside["voice"]
    unreliable = known & late & inside[channel] & ~inside["voice" if channel == "face" else "face"]
    there = trace.face_valid if channel == "face" else trace.voice_valid
    if only_there and there is not None:
        unreliable &= there
    if not calm.any() or not unreliable.any():
        return np.full((2, 2), np.nan)
    return np.stack([weights[calm].mean(axis=0), weights[unreliable].mean(axis=0) - weights[calm].mean(axis=0)], axis=1)


_Watched = dict[str, list[tuple["Trace", "Sequence[Shade]"]]]


def _watch(predictions: Path, episodes: Mapping[str, Sequence[Shade]]) -> _Watched:
    from vatrace.datasets.splits import source_of
    from vatrace.report.export import read_trace_csv

    watched: _Watched = {}
    for path in sorted(predictions.glob("*.csv")):
        watched.setdefault(source_of(path.stem), []).append((read_trace_csv(path), episodes.get(path.stem, ())))
    return watched


def _all_seeds(seeds: Sequence[_Watched]) -> _Watched:
    """Every clip of a person, by every seed's model."""
    return {person: [clip for seed in seeds for clip in seed.get(person, [])] for person in sorted(seeds[0])}


def _cells(title: str, seeds: Sequence[_Watched]) -> list[tuple[Cell, ...]]:
    cells: list[tuple[Cell, ...]] = []
    channels: tuple[Channel, Channel] = ("face", "voice")
    for channel in channels:
        for only_there in (False, True):
            people = sorted(set.intersection(*(set(seed) for seed in seeds)))
            leans = np.array([[_of_person(seed[person], channel, only_there) for person in people] for seed in seeds])
            numbers = _numbers(leans)  # gate by gate: calm, change
            frames = "channel there" if only_there else "all"
            cells.append((title, channel, frames, *numbers))
    return cells


def _of_person(
    clips: Sequence[tuple[Trace, Sequence[Shade]]], channel: Channel, only_there: bool
) -> NDArray[np.float64]:
    each = np.array([lean(trace, shades, channel, only_there=only_there) for trace, shades in clips])
    known = np.isfinite(each).all(axis=(1, 2))
    return np.asarray(each[known].mean(axis=0)) if known.any() else np.full((2, 2), np.nan)


def _numbers(leans: NDArray[np.float64]) -> list[Number | None]:
    """From `[seeds, people, gate, 2]`: calm and change of each gate, with intervals over people for the changes."""
    from vatrace.report.tables import Number

    means = leans.mean(axis=0)  # over seeds
    means = means[np.isfinite(means).all(axis=(1, 2))]
    if len(means) < 2:
        return [None] * 4
    draws = np.random.default_rng(0).integers(len(means), size=(_RESAMPLES, len(means)))
    low, high = np.percentile(means[draws].mean(axis=1), (2.5, 97.5), axis=0)
    found: list[Number | None] = []
    for gate in (0, 1):
        found.append(Number(float(means[:, gate, 0].mean())))
        ends = (float(low[gate, 1]), float(high[gate, 1]))
        found.append(Number(float(means[:, gate, 1].mean()), interval=ends, is_difference=True))
    return found
