"""The expression network layer by layer in numpy, from the Keras file itself: its configuration says every number.

Nothing of ours is imported. Slow: windows are cut out one by one and multiplied.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np


def probabilities(hdf5: Path, pictures: np.ndarray) -> np.ndarray:
    """Softmax outputs `[batch, 7]` of grey pictures `[batch, 64, 64, 1]` in [-1, 1]."""
    import h5py

    with h5py.File(hdf5, "r") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
        arrays: dict[str, np.ndarray] = {}
        file["model_weights"].visititems(
            lambda path, node: (
                arrays.__setitem__(path, np.asarray(node, np.float64)) if hasattr(node, "shape") else None
            )
        )
    done: dict[str, np.ndarray] = {}
    for layer in layers:
        inputs = [done[node[0]] for node in layer["inbound_nodes"][0]] if layer["inbound_nodes"] else []
        weights = {
            path.split("/")[-1].removesuffix(":0"): array
            for path, array in arrays.items()
            if path.split("/")[0] == layer["name"]
        }
        done[layer["name"]] = _apply(layer["class_name"], layer["config"], weights, inputs, pictures)
    return done[layers[-1]["name"]]


def _apply(
    kind: str, config: dict[str, Any], weights: dict[str, np.ndarray], inputs: list[np.ndarray], pictures: np.ndarray
) -> np.ndarray:
    if kind == "InputLayer":
        return pictures.astype(np.float64)
    planes = inputs[0]
    if kind == "Conv2D":
        cut = _windows(planes, config["kernel_size"], config["strides"], config["padding"], 0.0)
        return np.einsum("bhwkli,klio->bhwo", cut, weights["kernel"]) + weights.get("bias", 0.0)
    if kind == "SeparableConv2D":
        cut = _windows(planes, config["kernel_size"], config["strides"], config["padding"], 0.0)
        each = np.einsum("bhwkli,kli->bhwi", cut, weights["depthwise_kernel"][..., 0])
        return np.einsum("bhwi,io->bhwo", each, weights["pointwise_kernel"][0, 0])
    if kind == "BatchNormalization":
        scaled = (planes - weights["moving_mean"]) / np.sqrt(weights["moving_variance"] + config["epsilon"])
        return scaled * weights["gamma"] + weights["beta"]
    if kind == "MaxPooling2D":
        return _windows(planes, config["pool_size"], config["strides"], config["padding"], -np.inf).max(axis=(3, 4))
    if kind == "Add":
        return inputs[0] + inputs[1]
    if kind == "GlobalAveragePooling2D":
        return planes.mean(axis=(1, 2))
    if kind == "Activation" and config["activation"] == "relu":
        return np.maximum(planes, 0.0)
    if kind == "Activation" and config["activation"] == "softmax":
        odds = np.exp(planes - planes.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)
    raise NotImplementedError(f"{kind} {config}")


def _windows(planes: np.ndarray, size: list[int], strides: list[int], padding: str, border: float) -> np.ndarray:
    """`[batch, height, width, kernel, kernel, channels]`; "same" puts the odd one of the border at the end."""
    if padding == "same":
        widths = []
        for side, kernel, stride in zip(planes.shape[1:3], size, strides, strict=True):
            needed = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            widths.append((needed // 2, needed - needed // 2))
        planes = np.pad(planes, ((0, 0), *widths, (0, 0)), constant_values=border)
    cut = np.lib.stride_tricks.sliding_window_view(planes, size, axis=(1, 2))[:, :: strides[0], :: strides[1]]
    return cut.transpose(0, 1, 2, 4, 5, 3)
