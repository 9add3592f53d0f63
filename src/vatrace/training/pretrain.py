"""Masked-autoencoder pre-training of a vision transformer on unlabelled face crops (He et al. 2022; paper, III-B)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from vatrace.config import EncoderConfig, PretrainConfig, to_dict
from vatrace.datasets.crops import CropReader, crops_digest
from vatrace.errors import ModelError
from vatrace.features.visual import VisualEncoder, build_network, make_encoder, prepare_images
from vatrace.files import hash_of
from vatrace.nn.mae import MaskedAutoencoder
from vatrace.training.progress import OnStep, Step, silent
from vatrace.training.randomness import generator, permutation, seed_torch
from vatrace.training.schedule import warmup_then_cosine
from vatrace.training.state import Progress, load_state, save_state


def pretrain_encoder(
    crops: CropReader, encoder: EncoderConfig, config: PretrainConfig, folder: Path, *, on_step: OnStep = silent
) -> VisualEncoder:
    """Train an encoder to fill in hidden patches.

    A run that was stopped goes on after the last whole epoch and ends with the same weights.

    Args:
        crops: face pictures; labels are not looked at.
        encoder: a timm vision transformer.
        config: how to train.
        folder: where the run keeps its state.
        on_step: told after each step.

    Returns:
        The encoder, without decoder.

    Raises:
        ModelError: the architecture is no vision transformer with a CLS token.
    """
    autoencoder = _autoencoder(encoder, config)
    weights = [parameter for parameter in autoencoder.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, betas=(0.9, 0.95), weight_decay=config.weight_decay)
    settings = hash_of([to_dict(encoder), to_dict(config), crops_digest(crops.crops)])
    taken_up = load_state(folder, settings, autoencoder, optimizer)
    first = taken_up[0].epochs if taken_up else 0
    steps = -(-len(crops) // config.batch_images)
    patches = autoencoder.encoder.patch_embed.num_patches
    for epoch in range(first, config.epochs):
        for step, (images, noise) in enumerate(_batches(crops, encoder, config, patches, epoch)):
            seed_torch(config.seed, "pretrain", epoch, step)
            rate = warmup_then_cosine(
                epoch + step / steps, lr_peak=config.lr_peak, warmup_epochs=config.warmup_epochs, epochs=config.epochs
            )
            loss = _step(autoencoder, optimizer, images, noise, rate)
            on_step(Step(done=epoch * steps + step + 1, total=config.epochs * steps, shown={"loss": loss}))
        save_state(folder, Progress(epochs=epoch + 1, settings=settings, memory={}), autoencoder, optimizer, {})
    return make_encoder(encoder, autoencoder.encoder)


def _autoencoder(encoder: EncoderConfig, config: PretrainConfig) -> MaskedAutoencoder:
    seed_torch(config.seed, "initialise")
    network = build_network(encoder)
    if not isinstance(network, VisionTransformer) or network.cls_token is None:
        raise ModelError(f"{encoder.architecture} is no vision transformer with a CLS token, so no MAE can be built.")
    return MaskedAutoencoder(
        network,
        decoder_dim=config.decoder_dim,
        decoder_depth=config.decoder_depth,
        decoder_heads=config.decoder_heads,
        mask_ratio=config.mask_ratio,
    )


def _batches(
    crops: CropReader, encoder: EncoderConfig, config: PretrainConfig, num_patches: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pictures, half of them mirrored, and the noise that says which patches are hidden."""
    order = permutation(len(crops), config.seed, epoch)
    for at in range(0, len(order), config.batch_images):
        random = generator(config.seed, "mask", epoch, at)
        images = prepare_images(crops.read(order[at : at + config.batch_images]), encoder)
        mirrored = torch.from_numpy(random.random(len(images)) < 0.5)
        images[mirrored] = images[mirrored].flip(-1)
        yield images, torch.from_numpy(random.random((len(images), num_patches), dtype="float32"))


def _step(
    autoencoder: MaskedAutoencoder, optimizer: torch.optim.Optimizer, images: Tensor, noise: Tensor, rate: float
) -> float:
    autoencoder.train()
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = autoencoder(images, noise).loss
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    return float(loss.detach())
