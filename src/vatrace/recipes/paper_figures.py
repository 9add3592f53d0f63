"""Figures 4 and 5 of the paper, of the corpus at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import DatasetError
from vatrace.recipes.materials import Data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vatrace.datasets.clips import Clip, Corpus
    from vatrace.streams import TimeArray, Trace

SUFFIXES = (".png", ".svg")


def draw_figure(number: int, data: Data, folder: Path, predictions: Path, note: str) -> list[Path]:
    """Draw figure 4 or 5 and write it.

    Args:
        number: 4, annotation over time for one video; 5, histograms of the training annotations.
        data: the corpus.
        folder: where the files go.
        predictions: folder of predictions of the scored clips of fold 0, which need not be there.
        note: below the figure; what it is of.

    Returns:
        The files, PNG and SVG.

    Raises:
        DatasetError: nothing is labelled.
    """
    from vatrace.datasets.corpus import open_corpus
    from vatrace.report.figures import save_figure

    corpus = open_corpus(data.corpus)
    note = note.removeprefix("CCC on ").split(", beside")[0]
    figure = _over_time(corpus, data, predictions, note) if number == 4 else _histograms(corpus, note)
    paths = [folder / f"figure{number}{suffix}" for suffix in SUFFIXES]
    for path in paths:
        save_figure(figure, path)
    return paths


def _over_time(corpus: Corpus, data: Data, predictions: Path, note: str) -> Figure:
    """One scored video: the one whose annotation moves most."""
    from vatrace.report.export import read_trace_csv
    from vatrace.report.paper_figures import annotation_figure

    scored = "test" if corpus.splits["test"] else "validation"
    clips = [clip for clip in corpus.splits[scored] if corpus.clip(clip).video is not None]
    if not clips:
        raise DatasetError(f"no clip of the {scored} split of {corpus.folder} has a video, so there is no figure 4.")
    clip = max(clips, key=lambda name: _movement(corpus.clip(name).annotated()))
    path = predictions / scored / f"{clip}.csv"
    prediction = read_trace_csv(path) if path.is_file() else None
    times = prediction.times_seconds if prediction is not None else _frame_times(corpus.clip(clip))
    annotation = corpus.clip(clip).label(times).cut(0, len(times))
    title = f"Valence and arousal of {clip} over time"
    return annotation_figure(annotation, prediction, title=title, note=f"{scored} split; {note}")


def _histograms(corpus: Corpus, note: str) -> Figure:
    import numpy as np

    from vatrace.report.paper_figures import histogram_figure

    traces = [corpus.clip(clip).annotated() for clip in corpus.splits["train"]]
    valence = np.concatenate([trace.valence[trace.valid] for trace in traces])
    arousal = np.concatenate([trace.arousal[trace.valid] for trace in traces])
    if not len(valence):
        raise DatasetError(f"no frame of the training split of {corpus.folder} is labelled, so there is no figure 5.")
    title = f"Annotations of the training split: {len(valence):,} frames of {len(traces)} clips"
    return histogram_figure(valence, arousal, title=title, note=note)


def _movement(labels: Trace) -> float:
    known = labels.valid
    return float(labels.valence[known].std() + labels.arousal[known].std()) if known.any() else 0.0


def _frame_times(clip: Clip) -> TimeArray:
    from vatrace.media.video import read_times

    assert clip.video is not None, "clips without a video were left out above"
    return read_times(clip.video)
