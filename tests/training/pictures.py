"""Labelled pictures with a planted answer, and a small encoder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from vatrace.config import EncoderConfig
from vatrace.datasets.crops import CropReader, encode_picture, list_crops
from vatrace.features.visual import VisualEncoder, build_network, make_encoder
from vatrace.training.finetune import LabelledCrops
from vatrace.training.progress import Step

SMALL = EncoderConfig(
    architecture="vit_tiny_patch16_224",
    arguments={"patch_size": 8, "embed_dim": 32, "depth": 3, "num_heads": 2},
    image_pixels=32,
)
RESNET = EncoderConfig(architecture="resnet18", image_pixels=64)


def make_pictures(folder: Path, number: int = 24) -> LabelledCrops:
    """Pictures whose brightness is their valence and whose redness is their arousal, twelve a clip."""
    random = np.random.default_rng(0)
    labels = random.uniform(-1, 1, (number, 2)).astype(np.float32)
    clips = sorted({f"clip{index // 12}" for index in range(number)})
    for index, (valence, arousal) in enumerate(labels):
        picture = random.integers(0, 40, (32, 32, 3)) + 80 + 60 * valence
        picture[..., 0] += 40 * arousal
        path = folder / f"clip{index // 12}" / f"{index % 12 + 1:05d}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_picture(np.clip(picture, 0, 255).astype(np.uint8)))
    return LabelledCrops(CropReader(list_crops(folder, clips), 32), labels)


def fresh(config: EncoderConfig = SMALL, tuned_on: tuple[str, ...] = ()) -> VisualEncoder:
    torch.manual_seed(0)
    return make_encoder(config, build_network(config), tuned_on)


class KilledError(Exception):
    """Stands for a killed process."""


def kill_at(at_step: int) -> Callable[[Step], None]:
    def on_step(step: Step) -> None:
        if step.done == at_step:
            raise KilledError

    return on_step
