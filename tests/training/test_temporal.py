import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.made import IDENTITIES, MFCC_DIM, VISUAL_DIM, make_clip
from vatrace.config import ModelConfig, TrainConfig, WindowConfig
from vatrace.datasets.windows import LabelledClip
from vatrace.errors import DatasetError, ModelError
from vatrace.inference.predictor import Predictor
from vatrace.models.checkpoint import FeatureSpec, SavedModel, load_model, save_model
from vatrace.training.progress import Step
from vatrace.training.temporal import TemporalSetup, check_no_overlap, score_clips, train_temporal

SPEC = FeatureSpec(visual_dim=VISUAL_DIM, acoustic=("mfcc",), audio_dims=(MFCC_DIM,), identities=IDENTITIES)
SETUP = TemporalSetup(
    features=SPEC,
    model=ModelConfig(dim=16, tcn_layers=2, encoder_layers=1, encoder_heads=2, feed_forward=32),
    window=WindowConfig(window_frames=80, stride_frames=50),
    train=TrainConfig(epochs=3, batch_windows=8, warmup_epochs=1, seed=3),
    provenance={"split": "made"},
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledClip]:
    folder = tmp_path_factory.mktemp("features")
    return [make_clip(folder, f"clip{index}", seed=index) for index in range(8)]


def test_training_learns_a_planted_answer(clips: list[LabelledClip], tmp_path: Path) -> None:
    setup = replace(SETUP, train=TrainConfig(epochs=30, batch_windows=8, warmup_epochs=2, seed=1))
    saved = train_temporal(clips[:5], clips[5:6], setup, tmp_path)
    score = score_clips(Predictor(saved), clips[6:])
    assert score.valence_ccc > 0.9
    assert score.arousal_ccc > 0.9


class KilledError(Exception):
    """Stands for a killed process."""


def weights(saved: SavedModel) -> dict[str, torch.Tensor]:
    return dict(saved.network.state_dict())


@pytest.mark.parametrize("at_step", [1, 2, 3, 5, 6])
def test_a_run_stopped_anywhere_ends_with_bit_identical_weights(
    clips: list[LabelledClip], tmp_path: Path, at_step: int
) -> None:
    whole = train_temporal(clips[:3], clips[3:5], SETUP, tmp_path / "whole")

    def kill(step: Step) -> None:
        if step.done == at_step:
            raise KilledError

    with pytest.raises(KilledError):
        train_temporal(clips[:3], clips[3:5], SETUP, tmp_path / "stopped", on_step=kill)
    torch.manual_seed(12345)  # whatever the process did meanwhile
    resumed = train_temporal(clips[:3], clips[3:5], SETUP, tmp_path / "stopped")
    assert all(torch.equal(value, weights(resumed)[name]) for name, value in weights(whole).items())
    assert whole.provenance == resumed.provenance
    without_time = [
        [
            {k: v for k, v in json.loads(line).items() if k != "seconds"}
            for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()
        ]
        for run in ("whole", "stopped")
    ]
    assert without_time[0] == without_time[1]


def test_a_state_made_with_other_settings_is_not_taken_up(clips: list[LabelledClip], tmp_path: Path) -> None:
    train_temporal(clips[:3], clips[3:5], SETUP, tmp_path)
    other = replace(SETUP, train=replace(SETUP.train, seed=4))
    steps: list[int] = []
    train_temporal(clips[:3], clips[3:5], other, tmp_path, on_step=lambda step: steps.append(step.done))
    assert steps[0] == 1


def test_a_damaged_state_says_what_to_do(clips: list[LabelledClip], tmp_path: Path) -> None:
    (tmp_path / "state.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ModelError, match="remove it to start this run afresh"):
        train_temporal(clips[:3], clips[3:5], SETUP, tmp_path)


def test_training_stops_when_it_no_longer_gets_better(clips: list[LabelledClip], tmp_path: Path) -> None:
    stuck = replace(
        SETUP, train=TrainConfig(epochs=40, lr_start=1e-12, lr_peak=1e-12, patience_epochs=2, batch_windows=8)
    )
    train_temporal(clips[:2], clips[3:4], stuck, tmp_path)
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) <= 6


def test_the_kept_weights_are_those_of_the_best_epoch(clips: list[LabelledClip], tmp_path: Path) -> None:
    saved = train_temporal(clips[:3], clips[3:5], SETUP, tmp_path)
    log = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    best = max(log, key=lambda line: line["mean_ccc"])
    assert saved.provenance["best_epoch"] == best["epoch"]
    assert score_clips(Predictor(saved), clips[3:5]).mean_ccc == best["mean_ccc"]


def test_features_are_standardised_by_the_training_clips(clips: list[LabelledClip], tmp_path: Path) -> None:
    saved = train_temporal(clips[:3], clips[3:5], SETUP, tmp_path)
    rows = torch.cat(
        [
            torch.from_numpy(c.features.read().streams["visual"].values[c.features.read().streams["visual"].valid])
            for c in clips[:3]
        ]
    )
    assert torch.allclose(saved.network.visual_scale.mean, rows.mean(dim=0), atol=1e-5)
    assert torch.allclose(saved.network.visual_scale.std, rows.std(dim=0, correction=0), atol=1e-5)


def test_saving_and_loading_gives_identical_predictions_and_the_same_score(
    clips: list[LabelledClip], tmp_path: Path
) -> None:
    saved = train_temporal(clips[:3], clips[3:5], SETUP, tmp_path)
    save_model(tmp_path, saved)
    loaded = load_model(tmp_path)
    one, other = (Predictor(model).trace(clips[6].features.read()) for model in (saved, loaded))
    assert (one.valence == other.valence).all()
    assert (one.gate_weights == other.gate_weights).all()
    assert (loaded.model, loaded.window, loaded.features) == (SETUP.model, SETUP.window, SETUP.features)
    assert loaded.provenance["split"] == "made"


def test_videos_the_encoder_was_tuned_on_are_refused(clips: list[LabelledClip]) -> None:
    check_no_overlap(clips, ["somebody_else"])
    with pytest.raises(DatasetError, match=r"tuned on 1 of these clips \(clip2\)"):
        check_no_overlap(clips, ["clip2", "somebody_else"])


def test_training_without_validation_clips_is_refused(clips: list[LabelledClip], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="got 3 and 0"):
        train_temporal(clips[:3], [], SETUP, tmp_path)
