from pathlib import Path

import numpy as np
import pytest
import torch

from vatrace.config import EncoderConfig, FinetuneConfig, PretrainConfig
from vatrace.datasets.crops import CropReader, encode_picture, list_crops
from vatrace.errors import ModelError
from vatrace.features.visual import VisualEncoder, build_network, make_encoder
from vatrace.training.finetune import LabelledCrops, PictureRegressor, finetune_encoder
from vatrace.training.pretrain import pretrain_encoder
from vatrace.training.progress import Step

SMALL = EncoderConfig(
    architecture="vit_tiny_patch16_224",
    arguments={"patch_size": 8, "embed_dim": 32, "depth": 3, "num_heads": 2},
    image_pixels=32,
)
PRETRAIN = PretrainConfig(epochs=2, batch_images=8, decoder_dim=16, decoder_depth=1, decoder_heads=2)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> LabelledCrops:
    """Pictures whose brightness is their valence and whose redness is their arousal."""
    folder = tmp_path_factory.mktemp("crops")
    random = np.random.default_rng(0)
    labels = random.uniform(-1, 1, (24, 2)).astype(np.float32)
    for index, (valence, arousal) in enumerate(labels):
        picture = random.integers(0, 40, (32, 32, 3)) + 80 + 60 * valence
        picture[..., 0] += 40 * arousal
        path = folder / f"clip{index // 12}" / f"{index % 12 + 1:05d}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_picture(np.clip(picture, 0, 255).astype(np.uint8)))
    return LabelledCrops(CropReader(list_crops(folder, ["clip0", "clip1"]), 32), labels)


class KilledError(Exception):
    """Stands for a killed process."""


def kill_at(at_step: int):
    def on_step(step: Step) -> None:
        if step.done == at_step:
            raise KilledError

    return on_step


def fresh() -> VisualEncoder:
    torch.manual_seed(0)
    return make_encoder(SMALL, build_network(SMALL))


def test_pretraining_stopped_and_resumed_ends_with_the_same_encoder(pictures: LabelledCrops, tmp_path: Path) -> None:
    whole = pretrain_encoder(pictures.crops, SMALL, PRETRAIN, tmp_path / "whole")
    with pytest.raises(KilledError):
        pretrain_encoder(pictures.crops, SMALL, PRETRAIN, tmp_path / "stopped", on_step=kill_at(5))
    assert pretrain_encoder(pictures.crops, SMALL, PRETRAIN, tmp_path / "stopped").identity == whole.identity


def test_pretraining_moves_the_encoder(pictures: LabelledCrops, tmp_path: Path) -> None:
    losses: list[float] = []
    config = PretrainConfig(epochs=30, batch_images=8, decoder_dim=16, decoder_depth=1, decoder_heads=2, lr_peak=3e-3)
    pretrain_encoder(pictures.crops, SMALL, config, tmp_path, on_step=lambda step: losses.append(step.shown["loss"]))
    assert np.mean(losses[-6:]) < np.mean(losses[:6])


def test_finetuning_stopped_and_resumed_ends_with_the_same_encoder(pictures: LabelledCrops, tmp_path: Path) -> None:
    config = FinetuneConfig(epochs=2, batch_images=8)
    whole = finetune_encoder(fresh(), pictures, config, tmp_path / "whole")
    with pytest.raises(KilledError):
        finetune_encoder(fresh(), pictures, config, tmp_path / "stopped", on_step=kill_at(4))
    assert finetune_encoder(fresh(), pictures, config, tmp_path / "stopped").identity == whole.identity


def test_finetuning_leaves_the_lower_two_thirds_and_lists_its_videos(pictures: LabelledCrops, tmp_path: Path) -> None:
    start = fresh()
    before = {name: value.clone() for name, value in start.network.state_dict().items()}
    tuned = finetune_encoder(start, pictures, FinetuneConfig(epochs=1, batch_images=8), tmp_path)
    moved = {name for name, value in tuned.network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert all(name.startswith(("blocks.2", "norm")) for name in moved)
    assert tuned.tuned_on == ("clip0", "clip1")
    assert tuned.identity != fresh().identity


def test_finetuning_learns_a_planted_answer(pictures: LabelledCrops, tmp_path: Path) -> None:
    losses: list[float] = []
    config = FinetuneConfig(
        epochs=60, batch_images=24, lr_peak=5e-3, frozen_fraction=0, rotation_degrees=0, smallest_crop=0.9, dropout=0
    )
    finetune_encoder(fresh(), pictures, config, tmp_path, on_step=lambda step: losses.append(step.shown["loss"]))
    assert losses[0] > 0.9  # 1 - CCC + MSE of an untrained head
    assert min(losses[-5:]) < 0.15


def test_a_network_without_blocks_cannot_be_tuned_by_depth(pictures: LabelledCrops, tmp_path: Path) -> None:
    config = EncoderConfig(architecture="resnet18", image_pixels=32)
    with pytest.raises(ModelError, match="resnet18 is no vision transformer"):
        finetune_encoder(make_encoder(config, build_network(config)), pictures, FinetuneConfig(), tmp_path)
    with pytest.raises(ModelError, match="resnet18 is no vision transformer"):
        pretrain_encoder(pictures.crops, config, PRETRAIN, tmp_path)


def test_the_head_is_layernorm_dropout_linear() -> None:
    network = PictureRegressor(build_network(SMALL), dropout=0.1)  # type: ignore[arg-type]
    assert [type(part).__name__ for part in network.head] == ["LayerNorm", "Dropout", "Linear"]
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 2)
