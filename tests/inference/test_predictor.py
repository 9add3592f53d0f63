from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.made import IDENTITIES, MFCC_DIM, VISUAL_DIM, make_clip
from vatrace.config import ModelConfig, WindowConfig
from vatrace.errors import FeatureError
from vatrace.inference.predictor import Predictor
from vatrace.models.build import build_model
from vatrace.models.checkpoint import FeatureSpec, SavedModel

MODEL = ModelConfig(dim=8, tcn_layers=2, encoder_layers=1, encoder_heads=2, feed_forward=8)


def predictor(window_frames: int = 60, stride_frames: int = 40) -> Predictor:
    torch.manual_seed(0)
    network = build_model(MODEL, visual_dim=VISUAL_DIM, audio_dims=(MFCC_DIM,)).eval()
    with torch.no_grad():
        network.head.weight.mul_(0.05)  # values stay within [-1, 1], so that clipping hides nothing
    spec = FeatureSpec(visual_dim=VISUAL_DIM, acoustic=("mfcc",), audio_dims=(MFCC_DIM,), identities=IDENTITIES)
    window = WindowConfig(window_frames=window_frames, stride_frames=stride_frames)
    return Predictor(SavedModel(network=network, model=MODEL, window=window, features=spec))


@pytest.mark.parametrize("frames", [1, 59, 60, 61, 137])
def test_every_frame_has_a_value_whatever_the_length(tmp_path: Path, frames: int) -> None:
    trace = predictor().trace(make_clip(tmp_path, "clip", 0, frames=frames).features.read())
    assert len(trace) == frames
    assert trace.valid.all()
    assert np.isfinite(trace.valence).all()
    assert np.abs(trace.arousal).max() <= 1
    assert trace.gate_weights is not None
    assert np.allclose(trace.gate_weights.sum(axis=2), 1, atol=1e-6)


def test_a_frame_of_two_windows_is_the_mean_of_both(tmp_path: Path) -> None:
    features = make_clip(tmp_path, "clip", 0, frames=100).features
    both = predictor().trace(features.read())
    first, second = (predictor().trace(features.read(a, b)) for a, b in ((0, 60), (40, 100)))
    assert np.allclose(both.valence[40:60], (first.valence[40:] + second.valence[:20]) / 2, atol=1e-5)
    assert np.allclose(both.valence[:40], first.valence[:40], atol=1e-5)


def test_where_face_and_voice_are_missing_there_is_no_value(tmp_path: Path) -> None:
    features = make_clip(tmp_path, "clip", 0, frames=100).features.read()  # no face in frames 50 to 59
    features.streams["mfcc"].valid[55:65] = False
    trace = predictor().trace(features)
    assert np.flatnonzero(~trace.valid).tolist() == list(range(55, 60))
    assert np.isnan(trace.valence[55:60]).all()
    assert trace.face_valid is not None
    assert trace.voice_valid is not None
    assert np.flatnonzero(~trace.face_valid).tolist() == list(range(50, 60))
    assert np.flatnonzero(~trace.voice_valid).tolist() == list(range(55, 65))


def test_features_made_by_another_encoder_are_refused(tmp_path: Path) -> None:
    clip = make_clip(tmp_path, "clip", 0, identities={**IDENTITIES, "visual": "visual:other"})
    with pytest.raises(
        FeatureError, match="takes visual features made by visual:made, but those of clip were made by visual:other"
    ):
        predictor().trace(clip.features.read())


def test_predicting_leaves_a_network_in_training_as_it_was(tmp_path: Path) -> None:
    made = predictor()
    made.model.network.train()
    made.trace(make_clip(tmp_path, "clip", 0, frames=20).features.read())
    assert made.model.network.training


def test_what_lies_behind_a_gap_in_time_has_no_say(tmp_path: Path) -> None:
    whole = make_clip(tmp_path, "clip", 0, frames=100).features
    features = whole.read()
    later = features.times_seconds + np.where(np.arange(100) < 45, 0, 10)
    streams = {name: replace(stream, times_seconds=later) for name, stream in features.streams.items()}
    parted = predictor().trace(replace(features, times_seconds=later, streams=streams))
    before, after = (predictor().trace(whole.read(a, b)) for a, b in ((0, 45), (45, 100)))
    assert np.allclose(parted.valence, np.r_[before.valence, after.valence], atol=1e-6)
    assert not np.allclose(parted.valence, predictor().trace(features).valence, atol=1e-4)


def test_a_model_that_smooths_gives_the_means_of_what_it_would_give_without(tmp_path: Path) -> None:
    features = make_clip(tmp_path, "clip", 0, frames=100).features.read()  # 25 frames a second, no face in 50 to 59
    features.streams["mfcc"].valid[55:65] = False
    rough = predictor()
    smooth = Predictor(replace(rough.model, window=replace(rough.model.window, smooth_seconds=0.2)))
    plain, means = rough.trace(features), smooth.trace(features)
    assert means.arousal[30] == pytest.approx(plain.arousal[28:33].mean(), abs=1e-6)
    assert means.valence[54] == pytest.approx(plain.valence[52:55].mean(), abs=1e-6)  # 55 to 59 have no value
    assert np.array_equal(means.valid, plain.valid)
    assert np.isnan(means.valence[55:60]).all()
