"""Masked-autoencoder pre-training of a vision transformer on unlabelled face crops (He et al. 2022; paper, III-B)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from vatrace.config import EncoderConfig, PretrainConfig, to_dict
from vatrace.datasets.crops import CropReader, crops_digest
from vatrace.errors import ModelError
from vatrace.features.visual import VisualEncoder, build_network, make_encoder, normalise_images
from vatrace.files import hash_of
from vatrace.nn.mae import MaskedAutoencoder, use_sinusoidal_positions
from vatrace.training.loop import Plan, run
from vatrace.training.progress import OnStep, silent
from vatrace.training.randomness import generator, seed_torch
from vatrace.training.schedule import warmup_then_cosine
from vatrace.training.world import ALONE, World


@dataclass(frozen=True)
class HiddenPart:
    """Some `pictures` [n, height, width, 3] as bytes, and the `noise` [n, patches] that says what to hide."""

    pictures: Tensor
    noise: Tensor


@dataclass(frozen=True)
class ReconstructionJob:
    """Filling in hidden patches, for the training loop."""

    crops: CropReader
    encoder: EncoderConfig
    num_patches: int
    seed: int

    @property
    def num_items(self) -> int:
        """How many pictures there are."""
        return len(self.crops)

    def load(self, indices: Sequence[int], epoch: int) -> HiddenPart:
        """Some pictures, about half of them mirrored, and their noise; the same in an epoch whoever loads it."""
        pictures = self.crops.read(indices)
        noise = np.zeros((len(indices), self.num_patches), np.float32)
        for row, index in enumerate(indices):
            random = generator(self.seed, "mask", epoch, index)
            if random.random() < 0.5:
                pictures[row] = pictures[row, :, ::-1].copy()
            noise[row] = random.random(self.num_patches, dtype=np.float32)
        return HiddenPart(torch.from_numpy(pictures), torch.from_numpy(noise))

    def outputs(self, network: nn.Module, part: HiddenPart) -> tuple[Tensor, Tensor]:
        """The error of each picture, and zero, which it should be: each `[n]`."""
        errors: Tensor = network(normalise_images(part.pictures, self.encoder), part.noise).errors
        return errors, torch.zeros_like(errors)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean over the pictures of a global batch: all hide as many patches."""
        return (outputs - targets).mean()


def fresh_encoder(config: EncoderConfig, seed: int) -> VisualEncoder:
    """An untrained vision transformer with fixed sinusoidal positions (paper, III-B).

    Args:
        config: a timm vision transformer.
        seed: same seed, same weights.

    Raises:
        ModelError: the architecture is no vision transformer with a CLS token.
    """
    with torch.random.fork_rng(devices=[]):
        seed_torch(seed, "initialise")
        network = build_network(config)
    use_sinusoidal_positions(_with_cls(network, config))
    return make_encoder(config, network)


def pretrain_encoder(
    start: VisualEncoder,
    crops: CropReader,
    config: PretrainConfig,
    folder: Path,
    *,
    workers: int = 0,
    world: World = ALONE,
    on_step: OnStep = silent,
) -> VisualEncoder:
    """Train an encoder to fill in hidden patches.

    A run that was stopped goes on where it was and ends with the same weights, with any number of workers.

    Args:
        start: a vision transformer, fresh or trained before; stays as it is. Its positions are kept.
        crops: face pictures; labels are not looked at.
        config: how to train.
        folder: where the run keeps its state.
        workers: processes that load pictures; 0 loads in this one.
        world: the processes that train together, and their device.
        on_step: told after each step.

    Returns:
        The encoder, without decoder; it still lists the videos whose labels it was tuned on before, if any.

    Raises:
        ModelError: the architecture is no vision transformer with a CLS token.
    """
    autoencoder = masked_autoencoder(start, config).to(world.device)
    weights = [parameter for parameter in autoencoder.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, betas=(0.9, 0.95), weight_decay=config.weight_decay)
    run(
        autoencoder,
        optimizer,
        ReconstructionJob(crops, start.config, autoencoder.encoder.patch_embed.num_patches, config.seed),
        _plan(config, workers),
        folder,
        settings=hash_of([world.size, start.identity, to_dict(config), crops_digest(crops.crops)]),
        world=world,
        on_step=on_step,
    )
    return make_encoder(start.config, autoencoder.encoder.cpu(), start.tuned_on)


def masked_autoencoder(start: VisualEncoder, config: PretrainConfig) -> MaskedAutoencoder:
    """A copy of the encoder with a fresh decoder.

    Raises:
        ModelError: the encoder is no vision transformer with a CLS token.
    """
    network = deepcopy(_with_cls(start.network, start.config))
    seed_torch(config.seed, "decoder")
    return MaskedAutoencoder(
        network,
        decoder_dim=config.decoder_dim,
        decoder_depth=config.decoder_depth,
        decoder_heads=config.decoder_heads,
        mask_ratio=config.mask_ratio,
        gradient_checkpointing=config.gradient_checkpointing,
    )


def _with_cls(network: nn.Module, config: EncoderConfig) -> VisionTransformer:
    if not isinstance(network, VisionTransformer) or network.cls_token is None or network.pos_embed is None:
        raise ModelError(
            f"{config.architecture} is no vision transformer with a CLS token and a position embedding, so no masked "
            "autoencoder can be built around it."
        )
    return network


def _plan(config: PretrainConfig, workers: int) -> Plan:
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
    )
