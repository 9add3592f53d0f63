"""Hierarchical fine-tuning of a pre-trained encoder on single labelled pictures (paper, III-B).

Patch embedding, positions, CLS token and the lower two thirds of the blocks stay as they are; the rest and a head
learn valence and arousal. The encoder keeps the list of videos it was tuned on, and temporal training refuses those.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torchvision.transforms import v2

from vatrace.config import EncoderConfig, FinetuneConfig, to_dict
from vatrace.datasets.crops import CropReader, crops_digest
from vatrace.errors import ModelError
from vatrace.features.visual import VisualEncoder, make_encoder, prepare_images
from vatrace.files import hash_of
from vatrace.nn.mae import freeze_lower_blocks
from vatrace.training.losses import ccc_loss, mse_loss
from vatrace.training.progress import OnStep, Step, silent
from vatrace.training.randomness import permutation, seed_torch
from vatrace.training.schedule import warmup_then_cosine
from vatrace.training.state import Progress, load_state, save_state


@dataclass(frozen=True)
class LabelledCrops:
    """Pictures with `labels` [pictures, 2], valence first."""

    crops: CropReader
    labels: NDArray[np.float32]

    @property
    def digest(self) -> str:
        """Tells these pictures and labels from others."""
        return hash_of([crops_digest(self.crops.crops), self.labels.tolist()])

    @property
    def clips(self) -> tuple[str, ...]:
        """Names of the videos they are from."""
        return tuple(sorted({crop.clip for crop in self.crops.crops}))


class PictureRegressor(nn.Module):
    """Encoder, then LayerNorm, dropout and a linear layer to valence and arousal (paper, III-B: "regression head").

    Args:
        encoder: a timm vision transformer.
        dropout: before the linear layer.
    """

    def __init__(self, encoder: VisionTransformer, *, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.LayerNorm(encoder.num_features), nn.Dropout(dropout), nn.Linear(encoder.num_features, 2)
        )

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 2"]:
        """Valence and arousal of each picture."""
        values: Tensor = self.head(self.encoder(images))
        return values


def finetune_encoder(
    pretrained: VisualEncoder,
    pictures: LabelledCrops,
    config: FinetuneConfig,
    folder: Path,
    *,
    on_step: OnStep = silent,
) -> VisualEncoder:
    """Tune the upper blocks of an encoder to valence and arousal.

    A run that was stopped goes on after the last whole epoch and ends with the same weights.

    Args:
        pretrained: where to start.
        pictures: what to tune on.
        config: how to tune.
        folder: where the run keeps its state.
        on_step: told after each step.

    Returns:
        The tuned encoder without its head; `tuned_on` lists the videos.

    Raises:
        ModelError: the encoder is no vision transformer.
    """
    if not isinstance(pretrained.network, VisionTransformer):
        raise ModelError(
            f"{pretrained.config.architecture} is no vision transformer; its blocks cannot be frozen by depth."
        )
    seed_torch(config.seed, "head")
    network = PictureRegressor(deepcopy(pretrained.network), dropout=config.dropout)
    freeze_lower_blocks(network.encoder, config.frozen_fraction)
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, weight_decay=config.weight_decay)
    settings = hash_of([pretrained.identity, to_dict(config), pictures.digest])
    taken_up = load_state(folder, settings, network, optimizer)
    first = taken_up[0].epochs if taken_up else 0
    steps = -(-len(pictures.crops) // config.batch_images)
    for epoch in range(first, config.epochs):
        for step, (images, labels) in enumerate(_batches(pictures, pretrained.config, config, epoch)):
            rate = warmup_then_cosine(
                epoch + step / steps, lr_peak=config.lr_peak, warmup_epochs=config.warmup_epochs, epochs=config.epochs
            )
            loss = _step(network, optimizer, images, labels, rate)
            on_step(Step(done=epoch * steps + step + 1, total=config.epochs * steps, shown={"loss": loss}))
        save_state(folder, Progress(epochs=epoch + 1, settings=settings, memory={}), network, optimizer, {})
    return make_encoder(pretrained.config, network.encoder, pictures.clips)


def _batches(
    pictures: LabelledCrops, encoder: EncoderConfig, config: FinetuneConfig, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    augment = _augmentation(encoder.image_pixels, config)
    order = permutation(len(pictures.crops), config.seed, epoch)
    for at in range(0, len(order), config.batch_images):
        seed_torch(config.seed, "finetune", epoch, at)
        chosen = order[at : at + config.batch_images]
        images = prepare_images(_augmented(pictures.crops, chosen, augment), encoder)
        yield _recoloured(images, config.colour_jitter), torch.from_numpy(pictures.labels[chosen])


def _augmented(crops: CropReader, chosen: Sequence[int], augment: nn.Module) -> NDArray[np.uint8]:
    images = torch.from_numpy(crops.read(chosen)).permute(0, 3, 1, 2)
    images = torch.stack([augment(image) for image in images])  # one by one: a batch would share its random numbers
    return images.permute(0, 2, 3, 1).numpy()


def _recoloured(
    images: Float[Tensor, "batch 3 height width"], strength: float
) -> Float[Tensor, "batch 3 height width"]:
    """Fade each picture towards grey, change its contrast, and shift its channels.

    Hair and skin then tell less of who it is.
    """
    if strength == 0:
        return images
    size = (len(images), 1, 1, 1)
    kept = 1 - strength * torch.rand(size)
    faded = kept * images + (1 - kept) * images.mean(dim=1, keepdim=True)
    contrast = 1 + strength * (0.8 * torch.rand(size) - 0.4)
    return faded * contrast + 0.4 * strength * torch.randn(len(images), 3, 1, 1)


def _augmentation(image_pixels: int, config: FinetuneConfig) -> nn.Module:
    """Rotation, flip, crop and scale (paper, IV-C)."""
    chain: nn.Module = v2.Compose(
        [
            v2.RandomRotation(config.rotation_degrees, interpolation=v2.InterpolationMode.BILINEAR),
            v2.RandomHorizontalFlip(0.5),
            v2.RandomResizedCrop(image_pixels, scale=(config.smallest_crop, 1.0), antialias=True),
        ]
    )
    return chain


def _step(
    network: PictureRegressor, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor, rate: float
) -> float:
    network.train()
    for group in optimizer.param_groups:
        group["lr"] = rate
    prediction = network(images)
    everyone = torch.ones(len(labels), dtype=torch.bool)
    loss = ccc_loss(prediction, labels, everyone) + mse_loss(prediction, labels, everyone)
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    return float(loss.detach())
