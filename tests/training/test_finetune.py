from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.pictures import RESNET, SMALL, KilledError, fresh, kill_at, make_pictures
from vatrace.config import FinetuneConfig
from vatrace.datasets.crops import CropReader
from vatrace.errors import DatasetError, ModelError
from vatrace.features.visual import prepare_images
from vatrace.training.finetune import LabelledCrops, PictureJob, finetune_encoder, picture_regressor
from vatrace.training.loop import Plan, run

STEADY = {"rotation_degrees": 0.0, "smallest_crop": 1.0, "dropout": 0.0}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> LabelledCrops:
    return make_pictures(tmp_path_factory.mktemp("crops"))


@pytest.fixture
def saving_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vatrace.training.loop.SAVE_EVERY_SECONDS", 0.0)


def losses_of(pictures: LabelledCrops, config: FinetuneConfig, folder: Path) -> list[float]:
    losses: list[float] = []
    finetune_encoder(fresh(), pictures, config, folder, on_step=lambda step: losses.append(step.shown["loss"]))
    return losses


def gradients(pictures: LabelledCrops, config: FinetuneConfig, folder: Path) -> dict[str, Tensor]:
    """What one step of plain descent with rate 1 takes away: the gradient, as the loop makes it."""
    network = picture_regressor(fresh(), config)
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    trained = [each for each in network.parameters() if each.requires_grad]
    plan = Plan(seed=0, epochs=1, batch=24, learning_rate=lambda _: 1.0, parts=config.parts)
    job = PictureJob(pictures, SMALL, config)
    run(network, torch.optim.SGD(trained, lr=1.0), job, plan, folder, settings="")
    return {name: before[name] - value.detach() for name, value in network.named_parameters()}


@pytest.mark.usefixtures("saving_at_every_step")
@pytest.mark.parametrize("at_step", [2, 3, 4])
def test_a_run_stopped_anywhere_and_resumed_ends_with_the_same_encoder(
    pictures: LabelledCrops, tmp_path: Path, at_step: int
) -> None:
    config = FinetuneConfig(epochs=2, batch_images=8, lr_peak=1e-3, colour_jitter=0.5)
    whole = finetune_encoder(fresh(), pictures, config, tmp_path / "whole")
    with pytest.raises(KilledError):
        finetune_encoder(fresh(), pictures, config, tmp_path / "stopped", on_step=kill_at(at_step))
    assert finetune_encoder(fresh(), pictures, config, tmp_path / "stopped").identity == whole.identity


@pytest.mark.slow
@pytest.mark.usefixtures("saving_at_every_step")
def test_a_run_resumed_with_other_workers_ends_with_the_same_encoder(pictures: LabelledCrops, tmp_path: Path) -> None:
    config = FinetuneConfig(epochs=2, batch_images=8, lr_peak=1e-3, colour_jitter=0.5)
    whole = finetune_encoder(fresh(), pictures, config, tmp_path / "whole")
    with pytest.raises(KilledError):
        finetune_encoder(fresh(), pictures, config, tmp_path / "stopped", on_step=kill_at(4))
    resumed = finetune_encoder(fresh(), pictures, config, tmp_path / "stopped", workers=1)
    assert resumed.identity == whole.identity


def test_the_lower_two_thirds_stay_bit_identical_and_all_the_rest_moves(
    pictures: LabelledCrops, tmp_path: Path
) -> None:
    start = fresh(tuned_on=("clip-before",))
    before = {name: value.clone() for name, value in start.network.state_dict().items()}
    config = FinetuneConfig(epochs=1, batch_images=8, lr_peak=1e-3, layer_decay=0.75, bf16=True)
    tuned = finetune_encoder(start, pictures, config, tmp_path)
    for name, value in tuned.network.state_dict().items():
        assert torch.equal(value, before[name]) != name.startswith(("blocks.2", "norm")), name
        assert torch.equal(start.network.state_dict()[name], before[name]), "what was given stays as it is"
    assert tuned.identity != start.identity


def test_an_encoder_lists_the_videos_of_every_tuning_it_went_through(pictures: LabelledCrops, tmp_path: Path) -> None:
    tuned = finetune_encoder(
        fresh(tuned_on=("clip-before",)), pictures, FinetuneConfig(epochs=1, batch_images=24), tmp_path
    )
    assert tuned.tuned_on == ("clip-before", "clip0", "clip1")


@pytest.mark.parametrize("config", [SMALL, RESNET], ids=["vit", "resnet18"])
def test_with_nothing_frozen_every_weight_of_any_network_moves(pictures: LabelledCrops, tmp_path: Path, config) -> None:
    start = fresh(config)
    before = {name: value.clone() for name, value in start.network.named_parameters()}
    tuning = FinetuneConfig(epochs=1, batch_images=8, lr_peak=1e-3, frozen_fraction=0)
    tuned = finetune_encoder(start, pictures, tuning, tmp_path)
    assert [name for name, value in tuned.network.named_parameters() if torch.equal(value, before[name])] == []


@pytest.mark.parametrize("loss", ["mse", "ccc", "ccc+mse"])
def test_each_loss_learns_a_planted_answer(pictures: LabelledCrops, tmp_path: Path, loss) -> None:
    config = FinetuneConfig(epochs=60, batch_images=24, lr_peak=5e-3, frozen_fraction=0, loss=loss, **STEADY)
    losses = losses_of(pictures, config, tmp_path)
    assert min(losses[-5:]) < 0.25 * losses[0]


def test_the_losses_are_those_of_the_whole_batch(pictures: LabelledCrops) -> None:
    prediction = torch.tensor([[0.5, 0.0], [0.0, 0.5], [-0.5, 1.0]])
    labels = torch.tensor([[1.0, 0.5], [0.5, 1.0], [0.0, 1.5]])  # always half above: covariance = variance = s
    s = [1 / 6, 1 / 6]  # population variance of (.5, 0, -.5) and of (0, .5, 1)
    ccc = np.mean([2 * each / (2 * each + 0.25) for each in s])
    found = {
        loss: float(PictureJob(pictures, SMALL, FinetuneConfig(loss=loss)).loss(prediction, labels))  # type: ignore[arg-type]
        for loss in ("mse", "ccc", "ccc+mse")
    }
    assert found["mse"] == pytest.approx(0.25)
    assert found["ccc"] == pytest.approx(1 - ccc, abs=1e-5)
    assert found["ccc+mse"] == pytest.approx(found["mse"] + found["ccc"])


def test_a_picture_is_changed_in_the_same_way_whoever_loads_it_and_otherwise_in_each_epoch(
    pictures: LabelledCrops,
) -> None:
    job = PictureJob(pictures, SMALL, FinetuneConfig(colour_jitter=1.0))
    together, alone, later = job.load([3, 7, 5], 2), job.load([7], 2), job.load([7], 3)
    assert torch.equal(together.pictures[1], alone.pictures[0])
    assert torch.equal(together.colours[1], alone.colours[0])
    assert torch.equal(together.labels[1], torch.from_numpy(pictures.labels[7]))
    assert not torch.equal(alone.pictures, later.pictures)
    assert not torch.equal(alone.colours, later.colours)
    assert torch.equal(job.load([3, 7, 5], 2).pictures, together.pictures), "pictures kept in memory stay as they were"


def test_without_random_changes_the_network_sees_what_inference_gives_it(pictures: LabelledCrops) -> None:
    job = PictureJob(pictures, SMALL, FinetuneConfig(rotation_degrees=0, smallest_crop=1))
    seen: list[Tensor] = []

    class Looker(torch.nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return images.mean(dim=(2, 3))[:, :2]

    job.outputs(Looker(), job.load([0, 1], 0))
    plain = prepare_images(pictures.crops.read([0, 1]), SMALL)
    for row in range(2):
        assert torch.equal(seen[0][row], plain[row]) or torch.equal(seen[0][row], plain[row].flip(-1))


def test_parts_and_checkpointing_give_the_gradient_of_the_whole_batch(pictures: LabelledCrops, tmp_path: Path) -> None:
    whole = gradients(pictures, FinetuneConfig(**STEADY), tmp_path / "whole")
    assert sum(bool(value.abs().max() > 1e-4) for value in whole.values()) >= 10, "there is something to compare"
    for name, options in {"parts": {"parts": 3}, "again": {"gradient_checkpointing": True}}.items():
        found = gradients(pictures, FinetuneConfig(**STEADY, **options), tmp_path / name)  # type: ignore[arg-type]
        assert all(torch.allclose(found[key], whole[key], rtol=1e-4, atol=1e-6) for key in whole)


def test_bfloat16_follows_float32(pictures: LabelledCrops, tmp_path: Path) -> None:
    plain = losses_of(pictures, FinetuneConfig(epochs=3, batch_images=8, lr_peak=1e-3, **STEADY), tmp_path / "plain")
    options = FinetuneConfig(epochs=3, batch_images=8, lr_peak=1e-3, bf16=True, **STEADY)
    assert losses_of(pictures, options, tmp_path / "bf16") == pytest.approx(plain, abs=0.03)


def test_an_epoch_may_take_a_fresh_choice_of_the_pictures(pictures: LabelledCrops, tmp_path: Path) -> None:
    losses = losses_of(pictures, FinetuneConfig(epochs=4, images_per_epoch=10, batch_images=5), tmp_path)
    assert len(losses) == 8


def test_what_needs_blocks_is_refused_for_a_network_without(pictures: LabelledCrops, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"resnet18 is no vision transformer with blocks, so the lower 0\.67 of them"):
        finetune_encoder(fresh(RESNET), pictures, FinetuneConfig(), tmp_path)
    with pytest.raises(ModelError, match=r"leave --config\.layer_decay out"):
        finetune_encoder(fresh(RESNET), pictures, FinetuneConfig(frozen_fraction=0, layer_decay=0.75), tmp_path)


def test_no_labelled_picture_is_an_error(pictures: LabelledCrops, tmp_path: Path) -> None:
    none = pictures.crops.crops.select(np.zeros(24, bool))
    unlabelled = LabelledCrops(CropReader(none, 32), np.zeros((0, 2), np.float32))
    with pytest.raises(DatasetError, match="no picture has a label"):
        finetune_encoder(fresh(), unlabelled, FinetuneConfig(), tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "mae"}, "loss must be one of mse, ccc, ccc\\+mse, got 'mae'"),
        ({"layer_decay": 1.5}, r"layer_decay must be in \(0, 1\]"),
        ({"parts": 9, "batch_images": 8}, r"parts \(9\) exceeds batch_images \(8\)"),
        ({"images_per_epoch": -1}, "images_per_epoch must be 0"),
        ({"smallest_crop": 0.0}, r"smallest_crop must be in \(0, 1\]"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FinetuneConfig(**options)
