"""What a submission can be made of: models, and predictions that were written before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vatrace.errors import DatasetError, NothingFound

if TYPE_CHECKING:
    from vatrace.inference.predictor import Predictor
    from vatrace.streams import Trace


class Run(Protocol):
    """Something that has a trace of a clip."""

    @property
    def folder(self) -> Path:
        """Where it is."""

    def source(self, clip: str) -> Path:
        """The file that the trace of a clip is made of."""

    def trace(self, clip: str) -> Trace:
        """The trace of a clip."""


@dataclass(frozen=True)
class ModelRun:
    """A model folder, with the features to predict from."""

    folder: Path
    predictor: Predictor
    features: Path

    def source(self, clip: str) -> Path:
        """The features of a clip."""
        return self.features / f"{clip}.safetensors"

    def trace(self, clip: str) -> Trace:
        """Predict a clip."""
        from vatrace.features.store import open_features
        from vatrace.recipes.labelled import check_faces

        opened = open_features(self.source(clip))
        check_faces(self.predictor.model.provenance, opened)
        return self.predictor.trace(opened.read())


@dataclass(frozen=True)
class PredictedRun:
    """A folder of traces as CSV, as `vatrace evaluate` and `vatrace predict` write them."""

    folder: Path

    def source(self, clip: str) -> Path:
        """The CSV of a clip."""
        return self.folder / f"{clip}.csv"

    def trace(self, clip: str) -> Trace:
        """Read the trace of a clip."""
        from vatrace.report.export import read_trace_csv

        try:
            return read_trace_csv(self.source(clip), is_bounded=False)  # values are clipped after all else
        except ValueError as error:  # times that do not increase, or a text in another encoding
            raise DatasetError(f"{self.source(clip)} is no trace: {error}.") from error


def open_run(folder: Path, features: Path | None) -> Run:
    """Open what a submission is made of.

    Args:
        folder: a model folder, or one of predictions as CSV.
        features: folder of features, which a model needs.

    Raises:
        NothingFound: it is neither.
        ModelError: the model is damaged.
        ValueError: it is a model, and there are no features.
    """
    from vatrace.models.checkpoint import CONFIG, WEIGHTS

    if (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file():
        from vatrace.inference.predictor import Predictor

        if features is None:
            raise ValueError(f"{folder} is a model, which needs features; name their folder with --features.")
        return ModelRun(folder, Predictor.from_folder(folder), features)
    if any(folder.glob("*.csv")):
        return PredictedRun(folder)
    raise NothingFound(
        f"{folder} is neither a model folder ({CONFIG} and {WEIGHTS}) nor one of predictions (<clip>.csv, as `vatrace "
        "evaluate` writes to MODEL/predictions/<set>)."
    )


def check_complete(run: Run, clips: Sequence[str]) -> None:
    """Raise NothingFound if a run cannot tell of every clip."""
    missing = [clip for clip in clips if not run.source(clip).is_file()]
    if missing:
        raise NothingFound(
            f"{len(missing)} of the template's {len(clips)} videos are not in {run.source(missing[0]).parent}: "
            f"{', '.join(missing[:5])}{' and others' if len(missing) > 5 else ''}. A submission without them would be "
            "incomplete, so nothing was written."
        )
