"""Train the temporal model on one fold (paper, III-D and IV-C).

Features in windows, CCC loss over the batch, warm-up and cosine restarts, early stopping on validation subjects by the
mean CCC of Eq. 7. Validation uses the same function as inference. A run that was stopped goes on where it was and ends
with the same weights.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vatrace.config import ModelConfig, TrainConfig, WindowConfig, to_dict
from vatrace.datasets.windows import Batch, LabelledClip, WindowDataset, model_input
from vatrace.errors import DatasetError, TrainingError
from vatrace.files import hash_of, write_text
from vatrace.inference.predictor import Predictor
from vatrace.metrics import Score, score_traces
from vatrace.models.build import TemporalNetwork, build_model
from vatrace.models.checkpoint import FeatureSpec, SavedModel
from vatrace.nn.standardise import Standardise
from vatrace.streams import Trace
from vatrace.training.loop import Plan, run
from vatrace.training.losses import ccc_loss
from vatrace.training.progress import OnStep, silent
from vatrace.training.randomness import generator, seed_torch
from vatrace.training.schedule import warmup_then_restarts
from vatrace.training.world import ALONE, World

METRICS = "metrics.jsonl"


@dataclass(frozen=True, kw_only=True)
class TemporalSetup:
    """What is trained, and how."""

    features: FeatureSpec
    model: ModelConfig
    window: WindowConfig
    train: TrainConfig
    provenance: Mapping[str, Any]  # Any: plain data that goes with the model


def check_no_overlap(clips: Sequence[LabelledClip], tuned_on: Sequence[str]) -> None:
    """Refuse clips whose labels the encoder has seen: their features know the answer (paper, III-B).

    Raises:
        DatasetError: naming the clips.
    """
    shared = sorted({clip.features.clip for clip in clips} & set(tuned_on))
    if shared:
        raise DatasetError(
            f"the visual encoder was tuned on {len(shared)} of these clips ({', '.join(shared[:3])}); "
            "train, validate and score the temporal model on others."
        )


def train_temporal(
    train: Sequence[LabelledClip],
    validation: Sequence[LabelledClip],
    setup: TemporalSetup,
    folder: Path,
    *,
    world: World = ALONE,
    workers: int = 0,
    on_step: OnStep = silent,
) -> SavedModel:
    """Train on some clips and keep the weights that were best on others.

    Args:
        train: clips to learn from.
        validation: clips to choose the epoch by; of other subjects.
        setup: what to train and how.
        folder: where the run keeps its state and `metrics.jsonl`.
        world: the processes that train it together.
        workers: processes that load ahead; their number changes nothing but speed.
        on_step: told after each step.

    Returns:
        The best model; its provenance says in which epoch it was so and how good.

    Raises:
        DatasetError: there is nothing to train or to validate on.
    """
    if not train or not validation:
        raise DatasetError(
            f"training needs clips to learn from and others to choose by, got {len(train)} and {len(validation)}."
        )
    config = setup.train
    job = _WindowJob(WindowDataset(train, setup.window, setup.features.acoustic), config)
    if not job.num_items or not any(clip.label.valid.any() for clip in validation):
        raise DatasetError("no frame of the training clips, or none of the validation clips, is labelled.")
    network = _fresh_network(setup, train).to(world.device)
    optimizer = torch.optim.AdamW(_parameter_groups(network), weight_decay=config.weight_decay)
    selection = _Selection(setup, network, validation, folder if world.is_first else None)
    settings = _settings(setup, world, train, validation)
    plan = Plan(
        seed=config.seed,
        epochs=config.epochs,
        batch=config.batch_windows,
        learning_rate=partial(_learning_rate, config),
        parts=config.parts,
        gradient_clip=config.gradient_clip,
        workers=workers,
    )
    told = _showing(on_step, selection)
    run(network, optimizer, job, plan, folder, settings=settings, world=world, epochs=selection, on_step=told)
    network.load_state_dict(selection.best())
    found = {"best_epoch": selection.best_epoch, "validation_mean_ccc": round(selection.best_ccc, 6)}
    return _saved(setup, network, found)


def score_clips(predictor: Predictor, clips: Sequence[LabelledClip]) -> Score:
    """CCC over all labelled frames of some clips, predicted as inference does it."""
    return score_traces((predictor.trace(clip.features.read()), clip.label) for clip in clips)


class _WindowJob:
    """Windows of the training clips, and the CCC loss over all labelled frames of a batch (Eq. 7-8)."""

    def __init__(self, dataset: WindowDataset, config: TrainConfig) -> None:
        self.dataset, self.config = dataset, config

    @property
    def num_items(self) -> int:
        return len(self.dataset)

    def load(self, indices: Sequence[int], epoch: int) -> Batch:
        batch = self.dataset.batch(indices)
        if not self.config.modality_dropout:
            return batch
        chances = [generator(self.config.seed, "modality", epoch, index) for index in indices]
        return drop_modalities(batch, self.config.modality_dropout, chances)

    def outputs(self, network: nn.Module, part: Batch) -> tuple[Tensor, Tensor]:
        prediction = network(part.visual, part.audio, part.visual_valid, part.audio_valid)
        return prediction.values[part.label_valid], part.label[part.label_valid]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return ccc_loss(outputs, targets, torch.ones(len(outputs), dtype=torch.bool, device=outputs.device))


def drop_modalities(batch: Batch, share: float, chances: Sequence[np.random.Generator]) -> Batch:
    """Take one modality away for a stretch of some windows, so that the network learns to go on without it (ours).

    Args:
        batch: windows as they are.
        share: of the windows that lose something.
        chances: a source of randomness for each window. It says whether it loses face or voice, and where: a stretch
            of a quarter of the window up to all of it.

    Returns:
        The batch with other `visual_valid` and `audio_valid`.
    """
    visual_valid, audio_valid = batch.visual_valid.clone(), batch.audio_valid.clone()
    frames = visual_valid.shape[1]
    for at, chance in enumerate(chances):
        if chance.random() < share:
            valid = visual_valid if chance.random() < 0.5 else audio_valid
            length = int(chance.integers(max(1, frames // 4), frames + 1))
            start = int(chance.integers(0, frames - length + 1))
            valid[at, start : start + length] = False
    return replace(batch, visual_valid=visual_valid, audio_valid=audio_valid)


class _Selection:
    """Scores each epoch on the selection set, keeps the best weights, and writes the log."""

    def __init__(
        self, setup: TemporalSetup, network: TemporalNetwork, clips: Sequence[LabelledClip], folder: Path | None
    ) -> None:
        self.setup, self.network, self.clips, self.folder = setup, network, clips, folder
        self.best_epoch = 0
        self.best_ccc = -1.0
        self.weights: dict[str, Tensor] = {}
        self.log: list[dict[str, float]] = []

    def after_epoch(self, epoch: int, loss: float, seconds: float) -> bool:
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is no number any more after epoch {epoch}; choose a smaller --config.lr_peak "
                f"(it is {self.setup.train.lr_peak})."
            )
        score = score_clips(Predictor(_saved(self.setup, self.network, {})), self.clips)
        entry = {
            "epoch": epoch,
            "loss": loss,
            "valence_ccc": score.valence_ccc,
            "arousal_ccc": score.arousal_ccc,
            "mean_ccc": score.mean_ccc,
            "seconds": round(seconds, 3),
        }
        self.log.append(entry)
        if score.mean_ccc > self.best_ccc:
            self.best_epoch, self.best_ccc = epoch, score.mean_ccc
            self.weights = {name: value.clone() for name, value in self.network.state_dict().items()}
        if self.folder is not None:
            write_text(self.folder / METRICS, "".join(json.dumps(line) + "\n" for line in self.log))
        return epoch - self.best_epoch >= self.setup.train.patience_epochs

    def memory(self) -> Mapping[str, Any]:  # Any: plain data for JSON
        return {"best_epoch": self.best_epoch, "best_ccc": self.best_ccc, "log": self.log}

    def best(self) -> Mapping[str, Tensor]:
        return self.weights

    def take_up(self, memory: Mapping[str, Any], best: dict[str, Tensor]) -> bool:
        self.best_epoch, self.best_ccc = memory["best_epoch"], memory["best_ccc"]
        self.log, self.weights = list(memory["log"]), best
        return len(self.log) - self.best_epoch >= self.setup.train.patience_epochs


def _showing(on_step: OnStep, selection: _Selection) -> OnStep:
    """Show the best score so far beside the loss."""
    return lambda step: on_step(replace(step, shown={**step.shown, "best": selection.best_ccc}))


def _parameter_groups(network: nn.Module) -> list[dict[str, Any]]:  # Any: torch's own form of a group
    """All parameters; a slope over time is not decayed, as zero would be a steep one and not none."""
    slopes = [value for name, value in network.named_parameters() if name.endswith("slope")]
    others = [value for name, value in network.named_parameters() if not name.endswith("slope")]
    return [{"params": others}, *([{"params": slopes, "weight_decay": 0.0}] if slopes else [])]


def _learning_rate(config: TrainConfig, epoch: float) -> float:
    return warmup_then_restarts(
        epoch,
        lr_start=config.lr_start,
        lr_peak=config.lr_peak,
        warmup_epochs=config.warmup_epochs,
        restart_epochs=config.restart_epochs,
        restart_factor=config.restart_factor,
    )


def _fresh_network(setup: TemporalSetup, train: Sequence[LabelledClip]) -> TemporalNetwork:
    seed_torch(setup.train.seed, "initialise")
    features = setup.features
    network = build_model(setup.model, visual_dim=features.visual_dim, audio_dims=features.audio_dims)
    visual, audio = _Moments(), _Moments()
    for clip in train:
        inputs = model_input(clip.features.read(), features.acoustic)
        visual.add(inputs.visual[inputs.visual_valid])
        audio.add(inputs.audio[inputs.audio_valid])
    visual.give_to(network.visual_scale)
    audio.give_to(network.audio_scale)
    return network


class _Moments:
    """Mean and standard deviation of rows that come in parts; two passes' worth of accuracy by Chan's update."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: NDArray[np.float64] | None = None
        self.squares: NDArray[np.float64] | None = None

    def add(self, rows: NDArray[np.float32]) -> None:
        if not len(rows):
            return
        part = rows.astype(np.float64)  # the one copy of a long clip that is made
        mean = part.mean(axis=0)
        part -= mean
        squares = np.square(part, out=part).sum(axis=0)
        if self.mean is None or self.squares is None:
            self.count, self.mean, self.squares = len(rows), mean, squares
            return
        total = self.count + len(rows)
        step = mean - self.mean
        self.squares = self.squares + squares + step**2 * (self.count * len(rows) / total)
        self.mean = self.mean + step * (len(rows) / total)
        self.count = total

    def give_to(self, scale: Standardise) -> None:
        if self.mean is not None and self.squares is not None:
            std = np.sqrt(self.squares / self.count)
            scale.set(torch.from_numpy(self.mean).float(), torch.from_numpy(std).float())


def _saved(setup: TemporalSetup, network: TemporalNetwork, selection: Mapping[str, Any]) -> SavedModel:
    return SavedModel(
        network=network,
        model=setup.model,
        window=setup.window,
        features=setup.features,
        provenance={**setup.provenance, **selection},
    )


def _settings(setup: TemporalSetup, world: World, *parts: Sequence[LabelledClip]) -> str:
    """Hash of all that shapes a run: a state made under anything else is not taken up."""
    data = [[(clip.features.clip, clip.features.source_sha256, _digest(clip.label)) for clip in part] for part in parts]
    features = [list(setup.features.acoustic), list(setup.features.audio_dims), dict(setup.features.identities)]
    plain = [to_dict(setup.model), to_dict(setup.window), to_dict(setup.train), world.size, features, data]
    return hash_of(plain)


def _digest(label: Trace) -> str:
    values = np.stack([label.valence, label.arousal]).astype(np.float64)
    values[:, ~label.valid] = 0
    return hashlib.sha256(values.tobytes() + label.valid.tobytes()).hexdigest()
