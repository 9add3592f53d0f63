"""The starter with another face: from features to values, and from a clip to files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vatrace
from tests.features.tiny_face_model import constant_face_model
from tests.inference.test_missing_modality import Listener, encoder, face, make_model, make_video, model
from vatrace import cli
from vatrace.features.face_model import FaceModel, load_face_model
from vatrace.features.store import ClipFeatures
from vatrace.inference import starter_folder
from vatrace.inference.choice import ModelChoice
from vatrace.inference.face_model import with_face_model
from vatrace.inference.video import VideoPredictor
from vatrace.recipes.predict import predict
from vatrace.report.export import read_clip_csv
from vatrace.streams import FeatureStream

__all__ = ["encoder", "face", "make_model", "model"]  # fixtures

FRAMES = 60
VALENCE, AROUSAL = 0.5, -0.4


@pytest.fixture
def other_face(tmp_path: Path) -> Path:
    path = tmp_path / "other.onnx"
    path.write_bytes(constant_face_model(VALENCE, AROUSAL).SerializeToString())
    return path


@pytest.fixture(scope="module")
def starter() -> VideoPredictor:
    return VideoPredictor.from_folder(starter_folder())


def features(predictor: VideoPredictor, *, sees: bool, hears: bool) -> ClipFeatures:
    """The same face and the same voice in every frame."""
    times = np.arange(FRAMES) / 25
    spec = predictor.predictor.model.features
    face = np.array([VALENCE, AROUSAL], np.float32) if spec.visual_dim == 2 else np.full(7, 1 / 7, np.float32)
    voice = predictor.predictor.model.network.audio_scale.mean.numpy() + 0.7 * np.arange(36, dtype=np.float32) % 3
    streams = {
        name: FeatureStream(
            name=name, values=np.tile(row, (FRAMES, 1)), valid=np.full(FRAMES, there), times_seconds=times
        )
        for name, row, there in (("visual", face, sees), ("prosody", voice, hears))
    }
    return ClipFeatures(
        clip="clip",
        source_sha256="0" * 64,
        times_seconds=times,
        streams=streams,
        identities=dict(spec.identities),
        face_score=np.full(FRAMES, 0.9 if sees else 0.0, np.float32),
    )


def test_the_face_is_passed_on_and_joined_with_the_voice_as_the_starter_joins_them(
    starter: VideoPredictor, other_face: Path
) -> None:
    """0.90, 0.83, 0.86, 0.62 and 0.43 are the numbers of CREMA-D's raters in recipes/starter_fit.py."""
    changed = with_face_model(starter, load_face_model(str(other_face)))
    alone = changed.predictor.trace(features(changed, sees=True, hears=False))
    np.testing.assert_allclose(alone.valence, 0.90 * VALENCE, atol=1e-5)
    np.testing.assert_allclose(alone.arousal, 0.83 * AROUSAL, atol=1e-5)
    heard = starter.predictor.trace(features(starter, sees=False, hears=True))
    voice = heard.arousal / 0.86
    assert abs(voice[0]) > 0.05, "a voice that says something"
    both = changed.predictor.trace(features(changed, sees=True, hears=True))
    np.testing.assert_allclose(both.valence, 0.90 * VALENCE, atol=1e-5)
    np.testing.assert_allclose(both.arousal, 0.62 * AROUSAL + 0.43 * voice, atol=1e-5)
    only_heard = changed.predictor.trace(features(changed, sees=False, hears=True))
    np.testing.assert_array_equal(only_heard.arousal, heard.arousal)
    assert np.isnan(only_heard.valence).all()


def test_the_starter_itself_stays_as_it_was(starter: VideoPredictor, other_face: Path) -> None:
    before = starter.predictor.trace(features(starter, sees=True, hears=True))
    with_face_model(starter, load_face_model(str(other_face)))
    after = starter.predictor.trace(features(starter, sees=True, hears=True))
    np.testing.assert_array_equal(before.arousal, after.arousal)


def test_a_model_that_is_not_late_takes_no_other_face(model: Path, starter: VideoPredictor) -> None:
    taken = FaceModel("a face", starter.pipeline.visual)
    with pytest.raises(ValueError, match="into a model of the fusion late, got bdca"):
        with_face_model(VideoPredictor.from_folder(model), taken)


def test_a_clip_has_the_values_of_the_face_that_was_asked_for_and_says_whose_they_are(
    other_face: Path, face: np.ndarray, tmp_path: Path
) -> None:
    clip = make_video(tmp_path / "clip.mkv", face, no_face=range(0), no_voice=None, frames=20)
    out, listener = tmp_path / "out", Listener()
    predict([str(clip)], out=out, face_model=str(other_face), watch=listener)
    (person,) = read_clip_csv(out / "clip.csv")
    np.testing.assert_allclose(person.trace.valence, 0.90 * VALENCE, atol=1e-4)
    np.testing.assert_allclose(person.trace.arousal, 0.83 * AROUSAL, atol=1e-4)
    remark = json.loads((out / "clip.json").read_text())["model_remark"]
    assert remark.startswith("Starter model with its face read by other.onnx; ")
    assert remark in listener.said
    predict([str(clip)], out=out)
    (person,) = read_clip_csv(out / "clip.csv")
    assert (np.abs(person.trace.valence - 0.90 * VALENCE) > 0.01).any(), "without it the starter's own face is used"


def test_another_face_and_another_model_do_not_go_together(
    other_face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["predict", "clip.mp4", "--face-model", str(other_face), "--model", str(tmp_path)]
    assert cli.main(given) == cli.USAGE
    assert f"--face-model {other_face} goes with the starter; leave out --model" in capsys.readouterr().err


def test_command_line_and_python_read_the_face_by_the_same_network(
    other_face: Path, face: np.ndarray, tmp_path: Path
) -> None:
    clip = make_video(tmp_path / "clip.mkv", face, no_face=range(0), no_voice=None, frames=5)
    predict([str(clip)], out=tmp_path / "out", face_model=str(other_face))
    made = vatrace.Predictor(face_model=other_face).predict(clip).to_csv()
    assert made == (tmp_path / "out" / "clip.csv").read_text()
    with pytest.raises(ValueError, match="goes with the starter"):
        vatrace.Predictor(tmp_path, face_model=other_face)


@pytest.mark.parametrize("face_model", [None, "emotieff", "other.onnx"])
def test_a_choice_is_the_same_in_a_process_that_runs_elsewhere(
    face_model: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = json.loads(json.dumps(ModelChoice(face_model=face_model).to_json()))
    monkeypatch.chdir("/")
    expected = str(tmp_path / "other.onnx") if face_model == "other.onnx" else face_model
    assert ModelChoice.from_json(told) == ModelChoice(face_model=expected)


@pytest.mark.parametrize("given", [{"vggish_weights": Path("nosuch.pth")}, {"model": Path("m"), "face_model": "f"}])
def test_what_a_model_would_not_take_is_refused_and_not_ignored(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"goes with (a --model|the starter)"):
        predict(["clip.mp4"], out=tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()
    assert (
        cli.main(["predict", "clip.mp4", *(f"--{key.replace('_', '-')}={value}" for key, value in given.items())]) == 2
    )
