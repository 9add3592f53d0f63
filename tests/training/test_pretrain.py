from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.pictures import RESNET, SMALL, KilledError, fresh, kill_at, make_pictures
from vatrace.config import EncoderConfig, PretrainConfig
from vatrace.datasets.crops import CropReader
from vatrace.errors import ModelError
from vatrace.nn.positions import sinusoidal_grid
from vatrace.training.loop import Plan, run
from vatrace.training.pretrain import ReconstructionJob, fresh_encoder, masked_autoencoder, pretrain_encoder

CONFIG = PretrainConfig(epochs=2, batch_images=8, decoder_dim=16, decoder_depth=1, decoder_heads=2)


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> CropReader:
    return make_pictures(tmp_path_factory.mktemp("crops")).crops


def gradients(crops: CropReader, config: PretrainConfig, folder: Path) -> dict[str, torch.Tensor]:
    """What one step of plain descent with rate 1 takes away."""
    network = masked_autoencoder(fresh_encoder(SMALL, 0), config)
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    plan = Plan(seed=0, epochs=1, batch=24, learning_rate=lambda _: 1.0, parts=config.parts)
    optimizer = torch.optim.SGD([each for each in network.parameters() if each.requires_grad], lr=1.0)
    run(network, optimizer, ReconstructionJob(crops, SMALL, 16, 0), plan, folder, settings="")
    return {name: before[name] - value.detach() for name, value in network.named_parameters()}


def test_a_run_stopped_in_an_epoch_and_resumed_ends_with_the_same_encoder(
    crops: CropReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vatrace.training.loop.SAVE_EVERY_SECONDS", 0.0)
    start = fresh_encoder(SMALL, 0)
    whole = pretrain_encoder(start, crops, CONFIG, tmp_path / "whole")
    with pytest.raises(KilledError):
        pretrain_encoder(start, crops, CONFIG, tmp_path / "stopped", on_step=kill_at(5))
    assert pretrain_encoder(start, crops, CONFIG, tmp_path / "stopped").identity == whole.identity
    assert whole.identity != start.identity


def test_pretraining_learns(crops: CropReader, tmp_path: Path) -> None:
    losses: list[float] = []
    config = PretrainConfig(epochs=30, batch_images=8, decoder_dim=16, decoder_depth=1, decoder_heads=2, lr_peak=3e-3)
    pretrain_encoder(
        fresh_encoder(SMALL, 0), crops, config, tmp_path, on_step=lambda step: losses.append(step.shown["loss"])
    )
    assert np.mean(losses[-6:]) < np.mean(losses[:6])


def test_a_fresh_encoder_has_sinusoidal_positions_and_the_same_weights_for_a_seed() -> None:
    encoder = fresh_encoder(SMALL, 3)
    positions = encoder.network.pos_embed
    assert torch.equal(positions[0, 1:], sinusoidal_grid(4, 4, 32))
    assert not positions[0, 0].any()
    assert fresh_encoder(SMALL, 3).identity == encoder.identity != fresh_encoder(SMALL, 4).identity


def test_going_on_from_an_encoder_keeps_its_positions_and_its_list_of_videos(crops: CropReader, tmp_path: Path) -> None:
    start = fresh(tuned_on=("clip-before",))  # timm's own random positions
    made = pretrain_encoder(start, crops, CONFIG, tmp_path)
    assert torch.equal(made.network.pos_embed, start.network.pos_embed)
    assert made.tuned_on == ("clip-before",)
    moved = {
        name
        for name, value in made.network.state_dict().items()
        if not torch.equal(value, start.network.state_dict()[name])
    }
    assert moved == set(start.network.state_dict()) - {"pos_embed"}


def test_what_is_hidden_and_mirrored_does_not_depend_on_who_loads_it(crops: CropReader) -> None:
    job = ReconstructionJob(crops, SMALL, 16, 0)
    together, alone, later = job.load([2, 9, 4], 1), job.load([9], 1), job.load([9], 2)
    assert torch.equal(together.noise[1], alone.noise[0])
    assert torch.equal(together.pictures[1], alone.pictures[0])
    assert not torch.equal(alone.noise, later.noise)
    plain = torch.from_numpy(crops.read(range(24)))
    loaded = job.load(range(24), 0).pictures
    mirrored = [not torch.equal(loaded[row], plain[row]) for row in range(24)]
    assert 5 < sum(mirrored) < 19
    assert all(torch.equal(loaded[row], plain[row].flip(1)) for row in np.flatnonzero(mirrored))


def test_parts_and_checkpointing_give_the_gradient_of_the_whole_batch(crops: CropReader, tmp_path: Path) -> None:
    sizes = {"decoder_dim": 16, "decoder_depth": 1, "decoder_heads": 2}
    whole = gradients(crops, PretrainConfig(**sizes), tmp_path / "whole")
    for name, options in {"parts": {"parts": 5}, "again": {"gradient_checkpointing": True}}.items():
        found = gradients(crops, PretrainConfig(**sizes, **options), tmp_path / name)
        assert all(torch.allclose(found[key], whole[key], rtol=1e-4, atol=1e-6) for key in whole)


def test_bfloat16_and_a_last_batch_of_a_picture_a_part_are_gone_through(crops: CropReader, tmp_path: Path) -> None:
    losses: list[float] = []
    config = PretrainConfig(
        epochs=1, batch_images=11, parts=2, bf16=True, decoder_dim=16, decoder_depth=1, decoder_heads=2
    )
    start = fresh_encoder(SMALL, 0)
    made = pretrain_encoder(start, crops, config, tmp_path, on_step=lambda step: losses.append(step.shown["loss"]))
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    assert {value.dtype for value in made.network.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize(
    "config",
    [RESNET, EncoderConfig(architecture="vit_base_patch16_siglip_224", image_pixels=32, arguments={"depth": 1})],
    ids=["cnn", "no CLS token"],
)
def test_only_a_vision_transformer_with_a_cls_token_can_be_pretrained(
    crops: CropReader, tmp_path: Path, config: EncoderConfig
) -> None:
    with pytest.raises(ModelError, match=f"{config.architecture} is no vision transformer with a CLS token"):
        pretrain_encoder(fresh(config), crops, CONFIG, tmp_path)
    with pytest.raises(ModelError, match=f"{config.architecture} is no vision transformer with a CLS token"):
        fresh_encoder(config, 0)
