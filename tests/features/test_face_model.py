from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.features.tiny_face_model import constant_face_model, tiny_face_model
from vatrace.errors import ModelError, NothingFound
from vatrace.features import face_model
from vatrace.features.download import git_blob_of
from vatrace.features.face_model import load_face_model
from vatrace.features.weights import EMOTIEFF


def saved(model: onnx.ModelProto, path: Path) -> str:
    path.write_bytes(model.SerializeToString())
    return str(path)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "vatrace"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("batch", ["batch", 1])
def test_valence_and_arousal_are_the_last_two_of_a_picture_normalised_as_imagenets(
    tmp_path: Path, batch: int | str
) -> None:
    weights = [[5.0, 5.0, 5.0]] * 8 + [[0.1, 0.0, 0.0], [0.0, 0.2, -0.1]]
    path = saved(tiny_face_model(weights, [0.0] * 9 + [0.05], batch=batch), tmp_path / "face.onnx")
    red, blue = np.zeros((2, 90, 90, 3), np.uint8)
    red[...], blue[...] = (255, 51, 0), (0, 102, 204)
    expected = []
    for r, g, b in ((1.0, 0.2, 0.0), (0.0, 0.4, 0.8)):
        valence = 0.1 * (r - 0.485) / 0.229
        arousal = 0.2 * (g - 0.456) / 0.224 - 0.1 * (b - 0.406) / 0.225 + 0.05
        expected.append([valence, arousal])
    encoder = load_face_model(path).encoder
    np.testing.assert_allclose(encoder.encode([red, blue]), expected, atol=1e-5)
    assert encoder.encode([]).shape == (0, 2)


def test_values_are_cut_to_the_range(tmp_path: Path) -> None:
    encoder = load_face_model(saved(constant_face_model(1.7, -3.0), tmp_path / "face.onnx")).encoder
    assert encoder.encode([np.zeros((224, 224, 3), np.uint8)]).tolist() == [[1.0, -1.0]]


def test_another_file_is_another_encoder_and_the_same_one_is_not(tmp_path: Path) -> None:
    first, again, other = (
        load_face_model(saved(constant_face_model(0.1, arousal), tmp_path / name)).encoder.identity
        for name, arousal in (("a.onnx", 0.2), ("b.onnx", 0.2), ("c.onnx", 0.3))
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (tiny_face_model(pixels=112), r"does not take a picture \[1, 3, 224, 224\]"),
        (tiny_face_model(batch=4), r"does not take a picture \[1, 3, 224, 224\]"),
        (tiny_face_model([[0.0] * 3] * 8, [0.0] * 8), r"gives float32 \[1, 8\] for a picture; a face model gives"),
        (constant_face_model(float("nan"), 0.0), "gave values that are no numbers"),
    ],
)
def test_a_file_of_another_form_is_told_when_it_is_opened(model: onnx.ModelProto, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        load_face_model(saved(model, tmp_path / "face.onnx"))


def test_the_known_one_is_missed_with_the_command_that_fetches_it(cache: Path) -> None:
    with pytest.raises(NothingFound, match=r"`vatrace weights emotieff` downloads it \(16 MB\) from https://raw"):
        load_face_model("emotieff")
    with pytest.raises(NothingFound, match=r"no such face model: .*none\.onnx; name an ONNX file, or emotieff"):
        load_face_model(str(cache / "none.onnx"))


def test_under_the_known_name_only_the_known_file_is_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cache / "enet_b0_8_va_mtl.onnx"
    saved(constant_face_model(0.5, 0.25), path)
    monkeypatch.setattr(face_model, "open_session", lambda *_, **__: pytest.fail("an unknown file was opened"))
    with pytest.raises(ModelError, match=r"is not the known file \(git blob 7ce9d6dd.*run `vatrace weights emotieff`"):
        load_face_model("emotieff")
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    monkeypatch.setattr(face_model, "EMOTIEFF", replace(EMOTIEFF, git_blob=git_blob_of(path)))
    known = load_face_model("emotieff")
    assert known.name.startswith("EmotiEffLib's enet_b0_8_va_mtl (declared Apache-2.0, but trained on AffectNet")
    assert known.encoder.encode([np.zeros((224, 224, 3), np.uint8)]).tolist() == [[0.5, 0.25]]


def test_the_known_file_is_that_of_a_fixed_commit() -> None:
    folder = "sb-ai-lab/EmotiEffLib/f1df0e8548c666d268826e50b7de107fd5553e9d/models/affectnet_emotions/onnx"
    assert EMOTIEFF.url == f"https://raw.githubusercontent.com/{folder}/enet_b0_8_va_mtl.onnx"
    assert EMOTIEFF.git_blob == "7ce9d6dd5b82b260bc19bfe7822a6ffa1abb6011"
