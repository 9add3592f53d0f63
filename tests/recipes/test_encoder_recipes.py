"""`vatrace pretrain` and `vatrace finetune` on pictures made here, from every kind of start."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from tests.training.pictures import SMALL, make_pictures
from vatrace.cli import main
from vatrace.config import FinetuneConfig, PretrainConfig
from vatrace.errors import NothingFound
from vatrace.features.visual import load_encoder
from vatrace.recipes.finetune import finetune
from vatrace.recipes.pretrain import pretrain

NAME = "test_vit.r160_in1k"  # timm's own test network: 160 pixels, 6 blocks, a third of a million weights
TUNING = FinetuneConfig(epochs=1, batch_images=6, lr_peak=1e-3)
FILLING_IN = PretrainConfig(epochs=1, batch_images=12, warmup_epochs=0, decoder_dim=16, decoder_depth=1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of twelve pictures; the annotation of each first frame is missing."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "crops").mkdir()
    labels = make_pictures(folder / "crops").labels.reshape(2, 12, 2)
    for split, rows in (("Train_Set", labels), ("Validation_Set", [])):
        listed = folder / "annotations" / "VA_Estimation_Challenge" / split
        listed.mkdir(parents=True)
        for number, values in enumerate(rows):
            lines = ["valence,arousal", "-5,-5", *(f"{v:.4f},{a:.4f}" for v, a in values[1:])]
            (listed / f"clip{number}.txt").write_text("\n".join(lines) + "\n")
    return folder


def moved(before: dict[str, torch.Tensor], folder: Path) -> set[str]:
    state = load_encoder(folder).network.state_dict()
    return {name for name, value in state.items() if not torch.equal(value, before[name])}


@pytest.fixture(scope="module")
def mae_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the test network in the layout of facebookresearch/mae, with parts of a decoder."""
    torch.manual_seed(1)
    state = timm.create_model(NAME, pretrained=False, num_classes=0).state_dict()
    path = tmp_path_factory.mktemp("weights") / "mae.pth"
    torch.save({"model": {**state, "mask_token": torch.zeros(1, 1, 8), "decoder_norm.bias": torch.zeros(8)}}, path)
    return path


def test_finetuning_starts_from_a_timm_name_and_a_checkpoint(
    corpus: Path, mae_checkpoint: Path, tmp_path: Path
) -> None:
    finetune(
        corpus / "crops", corpus=corpus, encoder=NAME, weights=mae_checkpoint, out=tmp_path / "paper", config=TUNING
    )
    state = torch.load(mae_checkpoint, weights_only=True)["model"]
    assert {name.split(".")[1] for name in moved(state, tmp_path / "paper") if name.startswith("blocks")} == {"4", "5"}
    tuned = load_encoder(tmp_path / "paper")
    assert tuned.config.architecture == NAME
    assert (tuned.config.mean, tuned.config.std) == ((0.389,) * 3, (0.198,) * 3)
    assert tuned.tuned_on == ("clip0", "clip1")
    assert '"pictures": 22' in (tmp_path / "paper" / "encoder.json").read_text()  # of 24, two have no label


def test_the_command_goes_on_from_a_folder_and_does_nothing_twice(corpus: Path, tmp_path: Path) -> None:
    crops = str(corpus / "crops")
    start, out = tmp_path / "start", tmp_path / "out"
    sizes = [f"--config.{name}={value}" for name, value in (("epochs", 1), ("batch_images", 12), ("warmup_epochs", 0))]
    fresh = '{"architecture": "vit_tiny_patch16_224", "image_pixels": 32, "arguments": {"patch_size": 8, '
    fresh += '"embed_dim": 32, "depth": 3, "num_heads": 2}}'
    assert main(["pretrain", crops, "--out", str(start), "--encoder", fresh, *sizes]) == 0
    assert load_encoder(start).config == SMALL
    assert main(["pretrain", crops, "--out", str(out / "mae"), "--encoder", str(start), *sizes]) == 0
    assert moved(load_encoder(start).network.state_dict(), out / "mae")
    tune = ["finetune", crops, "--corpus", str(corpus), "--encoder", str(out / "mae"), "--out", str(out / "tuned")]
    tune += ["--config.epochs=1", "--config.batch_images=6", "--device=cpu"]
    assert main(tune) == 0
    before = {path: path.stat().st_mtime_ns for path in (out / "tuned").iterdir()}
    assert main(tune) == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "tuned").iterdir()} == before
    assert all(name.startswith(("blocks.2", "norm")) for name in moved(tensors(out / "mae"), out / "tuned"))


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return load_encoder(folder).network.state_dict()


def test_pretraining_goes_on_from_a_checkpoint_or_starts_from_nothing(
    corpus: Path, mae_checkpoint: Path, tmp_path: Path
) -> None:
    state = torch.load(mae_checkpoint, weights_only=True)["model"]
    start = {"encoder": NAME, "config": FILLING_IN}
    pretrain(corpus / "crops", out=tmp_path / "on", weights=mae_checkpoint, pixels="channels", **start)
    assert torch.equal(tensors(tmp_path / "on")["pos_embed"], state["pos_embed"])
    assert load_encoder(tmp_path / "on").config.mean == (0.471, 0.363, 0.333)
    distance = {}
    pretrain(corpus / "crops", out=tmp_path / "new", random_weights=True, **start)
    for name in ("on", "new"):
        distance[name] = float(
            (tensors(tmp_path / name)["blocks.0.mlp.fc1.weight"] - state["blocks.0.mlp.fc1.weight"]).norm()
        )
    assert distance["on"] < 0.5 * distance["new"]
    assert np.abs(tensors(tmp_path / "new")["pos_embed"].numpy()).max() <= 1  # sines and cosines


@pytest.mark.parametrize("command", ["pretrain", "finetune"])
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--encoder", "{folder}", "--weights", "w.pth"], 2, "is an encoder folder with its own weights"),
        (["--encoder", "{folder}", "--pixels", "paper"], 2, "is an encoder folder with its own weights"),
        (["--encoder", NAME, "--weights", "w.pth", "--random-weights"], 2, "exclude each other"),
        (["--encoder", NAME, "--weights", "gone.pth"], 3, "no encoder weights at gone.pth"),
        (["--encoder", "runs/none"], 3, "no encoder folder at runs/none"),
        (["--encoder", "resnet50000"], 1, "timm has no model 'resnet50000'"),
    ],
)
def test_a_start_that_cannot_be_is_refused_in_a_sentence(
    command: str, options: list[str], code: int, message: str, corpus: Path, tmp_path: Path, capsys
) -> None:
    arguments = [command, str(corpus / "crops"), "--out", str(tmp_path / "out")]
    arguments += ["--corpus", str(corpus)] if command == "finetune" else []
    assert main([*arguments, *(each.format(folder=tmp_path) for each in options)]) == code
    assert message in capsys.readouterr().err


def test_a_fresh_encoder_takes_no_weights(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a fresh encoder takes no --weights"):
        pretrain(corpus / "crops", out=tmp_path, encoder=SMALL, weights=tmp_path / "w.pth")
    with pytest.raises(NothingFound, match="no encoder folder at"):
        pretrain(corpus / "crops", out=tmp_path, encoder=tmp_path / "gone")
