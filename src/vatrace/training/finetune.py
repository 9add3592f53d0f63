"""Hierarchical fine-tuning of a pre-trained encoder on single labelled pictures (paper, III-B).

Patch embedding, positions, CLS token and the lower two thirds of the blocks stay as they are; the rest and a head
learn valence and arousal. The encoder keeps the list of videos it was tuned on, and temporal training refuses those.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from vatrace.config import EncoderConfig, FinetuneConfig, to_dict
from vatrace.datasets.augmentation import apply_change, draw_change, draw_colours, recolour
from vatrace.datasets.crops import CropReader, crops_digest
from vatrace.errors import DatasetError, ModelError
from vatrace.features.visual import VisualEncoder, make_encoder, normalise_images
from vatrace.files import hash_of
from vatrace.nn.hierarchy import PictureRegressor, parameter_groups
from vatrace.training.loop import Plan, run
from vatrace.training.losses import ccc_loss, mse_loss
from vatrace.training.progress import OnStep, silent
from vatrace.training.randomness import generator, seed_torch
from vatrace.training.schedule import warmup_then_cosine
from vatrace.training.world import ALONE, World


@dataclass(frozen=True)
class LabelledCrops:
    """Pictures with `labels` [pictures, 2], valence first."""

    crops: CropReader
    labels: NDArray[np.float32]

    @property
    def digest(self) -> str:
        """Tells these pictures and labels from others."""
        return hash_of([crops_digest(self.crops.crops), hashlib.sha256(self.labels.tobytes()).hexdigest()])

    @property
    def clips(self) -> tuple[str, ...]:
        """Names of the videos they are from."""
        return self.crops.crops.used_clips


@dataclass(frozen=True)
class LabelledPart:
    """Augmented `pictures` [n, height, width, 3] as bytes, `colours` [n, 5] for `recolour`, and `labels` [n, 2]."""

    pictures: Tensor
    colours: Tensor
    labels: Tensor


@dataclass(frozen=True)
class PictureJob:
    """Tuning on single pictures, for the training loop."""

    labelled: LabelledCrops
    encoder: EncoderConfig
    config: FinetuneConfig

    @property
    def num_items(self) -> int:
        """How many pictures there are."""
        return len(self.labelled.crops)

    def load(self, indices: Sequence[int], epoch: int) -> LabelledPart:
        """Some pictures, each changed at random; the same in an epoch whoever loads it (paper, IV-C)."""
        config, pictures, colours = self.config, self.labelled.crops.read(indices), []
        for row, index in enumerate(indices):
            random = generator(config.seed, "augment", epoch, index)
            change = draw_change(random, rotation_degrees=config.rotation_degrees, smallest_crop=config.smallest_crop)
            pictures[row] = apply_change(pictures[row], change)
            colours.append(draw_colours(random, config.colour_jitter))
        return LabelledPart(
            torch.from_numpy(pictures),
            torch.from_numpy(np.array(colours, np.float32).reshape(-1, 5)),
            torch.from_numpy(self.labelled.labels[list(indices)]),
        )

    def outputs(self, network: nn.Module, part: LabelledPart) -> tuple[Tensor, Tensor]:
        """Predictions and labels, each `[n, 2]`."""
        images = normalise_images(part.pictures, self.encoder)
        if self.config.colour_jitter:
            images = recolour(images, part.colours)
        return network(images), part.labels

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The chosen loss over a global batch."""
        everyone = torch.ones(len(targets), dtype=torch.bool, device=targets.device)
        chosen = {"ccc": (ccc_loss,), "mse": (mse_loss,), "ccc+mse": (ccc_loss, mse_loss)}[self.config.loss]
        return torch.stack([each(outputs, targets, everyone) for each in chosen]).sum()


def finetune_encoder(
    pretrained: VisualEncoder,
    pictures: LabelledCrops,
    config: FinetuneConfig,
    folder: Path,
    *,
    workers: int = 0,
    world: World = ALONE,
    on_step: OnStep = silent,
) -> VisualEncoder:
    """Tune an encoder, or its upper blocks, to valence and arousal.

    A run that was stopped goes on where it was and ends with the same weights, with any number of workers.

    Args:
        pretrained: where to start; stays as it is.
        pictures: what to tune on.
        config: how to tune.
        folder: where the run keeps its state.
        workers: processes that load pictures; 0 loads in this one.
        world: the processes that train together, and their device.
        on_step: told after each step.

    Returns:
        The tuned encoder without its head; `tuned_on` lists the videos, with those it was tuned on before.

    Raises:
        DatasetError: there is no picture.
        ModelError: something is asked for that needs a vision transformer, and the encoder is none.
    """
    if not len(pictures.crops):
        raise DatasetError("no picture has a label, so there is nothing to tune on.")
    network = picture_regressor(pretrained, config).to(world.device)
    optimizer = torch.optim.AdamW(parameter_groups(network, config.layer_decay), weight_decay=config.weight_decay)
    run(
        network,
        optimizer,
        PictureJob(pictures, pretrained.config, config),
        _plan(config, workers),
        folder,
        settings=hash_of([world.size, pretrained.identity, to_dict(config), pictures.digest]),
        world=world,
        on_step=on_step,
    )
    tuned_on = sorted({*pretrained.tuned_on, *pictures.clips})
    return make_encoder(pretrained.config, network.encoder.cpu(), tuned_on)


def picture_regressor(pretrained: VisualEncoder, config: FinetuneConfig) -> PictureRegressor:
    """A copy of the encoder with a fresh head, frozen as configured.

    Raises:
        ModelError: something is asked for that needs a vision transformer, and the encoder is none.
    """
    network, name = pretrained.network, pretrained.config.architecture
    if not isinstance(network, VisionTransformer):
        if config.frozen_fraction:
            raise ModelError(
                f"{name} is no vision transformer with blocks, so the lower {config.frozen_fraction:.2f} of them "
                "cannot be frozen; --config.frozen_fraction 0 trains all of it."
            )
        if config.layer_decay is not None:
            raise ModelError(f"{name} is no vision transformer with blocks; leave --config.layer_decay out.")
    seed_torch(config.seed, "head")
    return PictureRegressor(
        deepcopy(network),
        dropout=config.dropout,
        frozen_fraction=config.frozen_fraction,
        gradient_checkpointing=config.gradient_checkpointing,
    )


def _plan(config: FinetuneConfig, workers: int) -> Plan:
    def learning_rate(epoch: float) -> float:
        return warmup_then_cosine(
            epoch, lr_peak=config.lr_peak, warmup_epochs=config.warmup_epochs, epochs=config.epochs
        )

    return Plan(
        seed=config.seed,
        epochs=config.epochs,
        batch=config.batch_images,
        learning_rate=learning_rate,
        parts=config.parts,
        bf16=config.bf16,
        workers=workers,
        items_per_epoch=config.images_per_epoch,
    )
