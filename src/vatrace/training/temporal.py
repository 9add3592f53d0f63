"""Train the temporal model on one fold (paper, III-D and IV-C).

Features in windows, CCC loss over the batch, warm-up and cosine restarts, early stopping on validation subjects by the
mean CCC of Eq. 7. Validation uses the same function as inference. A run that was stopped goes on after the last whole
epoch and ends with the same weights.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vatrace.config import ModelConfig, TrainConfig, WindowConfig, to_dict
from vatrace.datasets.windows import Batch, LabelledClip, WindowDataset, model_input
from vatrace.errors import DatasetError
from vatrace.files import hash_of, write_text
from vatrace.inference.predictor import Predictor
from vatrace.metrics import Score, score_traces
from vatrace.models.bdca import BdcaNetwork, Standardise
from vatrace.models.build import build_model
from vatrace.models.checkpoint import FeatureSpec, SavedModel
from vatrace.streams import Trace
from vatrace.training.losses import ccc_loss
from vatrace.training.progress import OnStep, Step, silent
from vatrace.training.randomness import permutation, seed_torch
from vatrace.training.schedule import warmup_then_restarts
from vatrace.training.state import Progress, load_state, save_state

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
    on_step: OnStep = silent,
) -> SavedModel:
    """Train on some clips and keep the weights that were best on others.

    Args:
        train: clips to learn from.
        validation: clips to choose the epoch by; of other subjects.
        setup: what to train and how.
        folder: where the run keeps its state and `metrics.jsonl`.
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
    dataset = WindowDataset(train, setup.window, setup.features.acoustic)
    if not len(dataset) or not any(clip.label.valid.any() for clip in validation):
        raise DatasetError("no frame of the training clips, or none of the validation clips, is labelled.")
    network = _fresh_network(setup, train)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay)
    settings = _settings(setup, train, validation)
    run = _Run.start(folder, settings, network, optimizer)
    steps = -(-len(dataset) // config.batch_windows)
    while run.epochs < config.epochs and not run.is_stuck(config.patience_epochs):
        began = time.monotonic()
        losses = []
        for step, batch in enumerate(_batches(dataset, config, run.epochs)):
            losses.append(_step(network, optimizer, batch, config, run.epochs, step / steps, step))
            shown = {"loss": losses[-1], "best": run.best_ccc}
            on_step(Step(done=run.epochs * steps + step + 1, total=config.epochs * steps, shown=shown))
        score = score_clips(Predictor(_saved(setup, network, {})), validation)
        run.finish_epoch(score, float(np.mean(losses)), time.monotonic() - began)
    network.load_state_dict(run.best)
    return _saved(setup, network, {"best_epoch": run.best_epoch, "validation_mean_ccc": round(run.best_ccc, 6)})


def score_clips(predictor: Predictor, clips: Sequence[LabelledClip]) -> Score:
    """CCC over all labelled frames of some clips, predicted as inference does it."""
    return score_traces((predictor.trace(clip.features.read()), clip.label) for clip in clips)


class _Run:
    """Epochs done, the best so far, and the log; saved after every epoch."""

    def __init__(self, folder: Path, settings: str, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.folder, self.settings, self.network, self.optimizer = folder, settings, network, optimizer
        self.epochs = 0
        self.best_epoch = 0
        self.best_ccc = -1.0
        self.best: dict[str, Tensor] = {}
        self.log: list[dict[str, float]] = []

    @classmethod
    def start(cls, folder: Path, settings: str, network: nn.Module, optimizer: torch.optim.Optimizer) -> _Run:
        run = cls(folder, settings, network, optimizer)
        taken_up = load_state(folder, settings, network, optimizer)
        if taken_up is not None:
            progress, run.best = taken_up
            run.epochs = progress.epochs
            run.best_epoch = progress.memory["best_epoch"]
            run.best_ccc = progress.memory["best_ccc"]
            run.log = list(progress.memory["log"])
        return run

    def is_stuck(self, patience_epochs: int) -> bool:
        return self.epochs - self.best_epoch >= patience_epochs

    def finish_epoch(self, score: Score, loss: float, seconds: float) -> None:
        self.epochs += 1
        entry = {
            "epoch": self.epochs,
            "loss": loss,
            "valence_ccc": score.valence_ccc,
            "arousal_ccc": score.arousal_ccc,
            "mean_ccc": score.mean_ccc,
            "seconds": round(seconds, 3),
        }
        self.log.append(entry)
        if score.mean_ccc > self.best_ccc:
            self.best_epoch, self.best_ccc = self.epochs, score.mean_ccc
            self.best = {name: value.clone() for name, value in self.network.state_dict().items()}
        memory = {"best_epoch": self.best_epoch, "best_ccc": self.best_ccc, "log": self.log}
        progress = Progress(epochs=self.epochs, settings=self.settings, memory=memory)
        write_text(self.folder / METRICS, "".join(json.dumps(line) + "\n" for line in self.log))
        save_state(self.folder, progress, self.network, self.optimizer, self.best)


def _fresh_network(setup: TemporalSetup, train: Sequence[LabelledClip]) -> BdcaNetwork:
    seed_torch(setup.train.seed, "initialise")
    features = setup.features
    network = build_model(setup.model, visual_dim=features.visual_dim, audio_dim=features.audio_dim)
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
        part = rows.astype(np.float64)
        mean, squares = part.mean(axis=0), ((part - part.mean(axis=0)) ** 2).sum(axis=0)
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


def _batches(dataset: WindowDataset, config: TrainConfig, epoch: int) -> Iterator[Batch]:
    order = permutation(len(dataset), config.seed, epoch)
    for at in range(0, len(order), config.batch_windows):
        yield dataset.batch(order[at : at + config.batch_windows])


def _step(
    network: BdcaNetwork,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    config: TrainConfig,
    epoch: int,
    share: float,
    step: int,
) -> float:
    network.train()
    seed_torch(config.seed, "train", epoch, step)
    for group in optimizer.param_groups:
        group["lr"] = warmup_then_restarts(
            epoch + share,
            lr_start=config.lr_start,
            lr_peak=config.lr_peak,
            warmup_epochs=config.warmup_epochs,
            restart_epochs=config.restart_epochs,
            restart_factor=config.restart_factor,
        )
    prediction = network(batch.visual, batch.audio, batch.visual_valid, batch.audio_valid)
    loss = ccc_loss(prediction.values, batch.label, batch.label_valid)
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
    optimizer.step()
    return float(loss.detach())


def _saved(setup: TemporalSetup, network: BdcaNetwork, selection: Mapping[str, Any]) -> SavedModel:
    return SavedModel(
        network=network,
        model=setup.model,
        window=setup.window,
        features=setup.features,
        provenance={**setup.provenance, **selection},
    )


def _settings(setup: TemporalSetup, *parts: Sequence[LabelledClip]) -> str:
    """Hash of all that shapes a run: a state made under anything else is not taken up."""
    data = [[(clip.features.clip, clip.features.source_sha256, _digest(clip.label)) for clip in part] for part in parts]
    plain = [to_dict(setup.model), to_dict(setup.window), to_dict(setup.train), dict(setup.features.identities), data]
    return hash_of(plain)


def _digest(label: Trace) -> str:
    values = np.stack([label.valence, label.arousal]).astype(np.float64)
    values[:, ~label.valid] = 0
    return hashlib.sha256(values.tobytes() + label.valid.tobytes()).hexdigest()
