"""What `configs/` holds: one file a table row, and one file a size.

    configs/<table>/<row>.yaml    what a row of a table of the paper is, beside the size
    configs/sizes/<size>.yaml     what all rows of a run share: data, encoders, sizes, seeds

A row says only in what it differs. An unknown key is an error that names its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from vatrace.config import (
    EncoderConfig,
    FinetuneConfig,
    ModelConfig,
    PretrainConfig,
    TrainConfig,
    WindowConfig,
    from_dict,
    to_dict,
)
from vatrace.errors import NothingFound
from vatrace.files import hash_of

EncoderKind = Literal["tuned", "pretrained", "baseline", "external"]
TABLES = (1, 3, 4)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table.

    Args:
        name: of its file, without the suffix.
        table: of the paper: 1, 3 or 4.
        order: place in the table, from the top.
        title: what the row is called.
        encoder: whose visual features it takes.
        model: in what its model differs from the size's.
        train: in what its training differs from the size's.
        folds: which folds it is run on.
        paper: figures of the paper by fold: valence, arousal, average.
        reference: whether the table's other rows are compared with this one.
        ours: whether the row is beyond the paper.
        note: what a reader of the table has to know.
    """

    name: str
    table: int
    order: int
    title: str
    encoder: EncoderKind = "tuned"
    model: Mapping[str, Any] = field(default_factory=dict)  # Any: values of ModelConfig
    train: Mapping[str, Any] = field(default_factory=dict)  # Any: values of TrainConfig
    folds: tuple[int, ...] = (0,)
    paper: Mapping[int, tuple[float, float, float]] = field(default_factory=dict)
    reference: bool = False
    ours: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if self.table not in TABLES:
            raise ValueError(f"table must be one of {TABLES}, got {self.table!r}.")
        if self.encoder not in get_args(EncoderKind):
            raise ValueError(f"encoder must be one of {', '.join(get_args(EncoderKind))}, got {self.encoder!r}.")
        object.__setattr__(self, "folds", tuple(self.folds))
        object.__setattr__(self, "paper", {int(fold): tuple(values) for fold, values in self.paper.items()})


@dataclass(frozen=True, kw_only=True)
class People:
    """Drawn people: how many, from which number on, how long each is seen, and how they are split."""

    subjects: int
    seconds: float
    first_subject: int = 0
    clips_per_subject: int = 1
    validation_subjects: int = 0
    test_subjects: int = 0


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The procedural corpus: `encoder` are the people the encoder is taught by, `model` those of the tables."""

    seed: int
    encoder: People
    model: People


@dataclass(frozen=True, kw_only=True)
class EncoderPlan:
    """How a visual encoder is made.

    Args:
        start: architecture and picture preparation.
        weights: "hub" takes what timm has for it, "random" leaves it untrained; else a checkpoint file.
        pretrain: masked-autoencoder pre-training before all else; None leaves it out.
        finetune: tuning to valence and arousal.
        note: what a reader of the tables has to know of it.
    """

    start: EncoderConfig
    weights: str
    finetune: FinetuneConfig
    pretrain: PretrainConfig | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What all rows of a run share.

    Args:
        title: said in every table.
        drawn: the corpus to draw where no data are given; None where data have to be given.
        crop_every: only each so many frames of a tuning clip teach the encoder.
        tuning_share: of the training clips, set aside for the encoder where data are given.
        acoustic: which acoustic features, in order.
        encoder: "tuned", and "pretrained" before its tuning.
        baseline: encoder of the baseline.
        model: sizes of the temporal model.
        window: how clips are cut.
        train: how it is trained; the seed is one of `seeds`.
        seeds: each is a training of every row and fold.
    """

    title: str
    crop_every: int
    tuning_share: float
    acoustic: tuple[str, ...]
    encoder: EncoderPlan
    baseline: EncoderPlan
    model: ModelConfig
    window: WindowConfig
    train: TrainConfig
    seeds: tuple[int, ...]
    drawn: Drawn | None = None

    def model_of(self, row: Row) -> ModelConfig:
        """Sizes of a row's model."""
        return from_dict(ModelConfig, to_dict(self.model) | dict(row.model))

    def train_of(self, row: Row, seed: int) -> TrainConfig:
        """How a row is trained."""
        return from_dict(TrainConfig, to_dict(self.train) | dict(row.train) | {"seed": seed})

    def key_of(self, row: Row) -> str:
        """Equal for rows that are one and the same model, whatever table they stand in."""
        return hash_of([row.encoder, to_dict(self.model_of(row)), to_dict(self.train_of(row, 0))])


def configs_folder() -> Path:
    """Where the rows and sizes are: in the installed package, or at the root of a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "configs", package.parents[1] / "configs"):
        if folder.is_dir():
            return folder
    raise NothingFound(f"no folder of configurations beside {package}; install vatrace again.")


def load_rows(folder: Path | None = None) -> list[Row]:
    """Every row of every table, in order of table and place.

    Raises:
        ValueError: a file has an unknown key or a value that cannot be, or two files have one name and differ.
    """
    root = folder or configs_folder()
    rows = [_load_row(path) for path in sorted(root.glob("table*/*.yaml"))]
    return sorted(rows, key=lambda row: (row.table, row.order, row.name))


def load_size(name: str, folder: Path | None = None) -> Size:
    """A size by name, or the path of a file like those in `configs/sizes/`.

    Raises:
        NothingFound: there is none of that name, and no such file.
        ValueError: the file has an unknown key or a value that cannot be.
    """
    sizes = (folder or configs_folder()) / "sizes"
    path = sizes / f"{name}.yaml"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in sizes.glob("*.yaml")))
        raise NothingFound(f"--size {name}: there is no such size ({known}) and no such file.")
    values = _read(path)
    try:
        return _size(values)
    except KeyError as error:
        raise ValueError(f"{path} does not say {error}, which every size has to.") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _size(values: dict[str, Any]) -> Size:  # Any: as YAML gives it
    parts: dict[str, Any] = dict(values)
    for name, kind in (("model", ModelConfig), ("window", WindowConfig), ("train", TrainConfig)):
        parts[name] = from_dict(kind, values.get(name) or {})
    parts["encoder"] = _encoder_plan(values["encoder"])
    parts["baseline"] = _encoder_plan(values["baseline"])
    if values.get("drawn"):
        people = {name: from_dict(People, values["drawn"][name]) for name in ("encoder", "model")}
        parts["drawn"] = from_dict(Drawn, values["drawn"] | people)
    for name in ("acoustic", "seeds"):
        parts[name] = tuple(values[name])
    return from_dict(Size, parts)


def _encoder_plan(values: dict[str, Any]) -> EncoderPlan:  # Any: as YAML gives it
    parts: dict[str, Any] = dict(values)
    parts["start"] = from_dict(EncoderConfig, values["start"])
    parts["finetune"] = from_dict(FinetuneConfig, values.get("finetune") or {})
    if values.get("pretrain") is not None:
        parts["pretrain"] = from_dict(PretrainConfig, values["pretrain"])
    return from_dict(EncoderPlan, parts)


def _load_row(path: Path) -> Row:
    values = _read(path)
    try:
        row = from_dict(Row, values | {"name": path.stem})
        from_dict(ModelConfig, dict(row.model))
        from_dict(TrainConfig, dict(row.train))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    return row


def _read(path: Path) -> dict[str, Any]:  # Any: as YAML gives it
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML that can be read: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold keys and values, got {type(values).__name__}.")
    return values
