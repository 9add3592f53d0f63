"""ONNX files of the form of EmotiEffLib's, small enough to be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def tiny_face_model(
    weights: Sequence[Sequence[float]] = ((0.0,) * 3,) * 10,
    bias: Sequence[float] = (0.0,) * 10,
    *,
    batch: int | str = "batch",
    pixels: int = 224,
) -> onnx.ModelProto:
    """Each output is `weights` (outputs x channels) times the channels' means, plus `bias`."""
    inputs = helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, pixels, pixels])
    outputs = helper.make_tensor_value_info("output", TensorProto.FLOAT, [batch, len(bias)])
    tensors = [
        numpy_helper.from_array(np.array(weights, np.float32), "weights"),
        numpy_helper.from_array(np.array(bias, np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["means", "weights", "bias"], ["output"], transB=1),
    ]
    graph = helper.make_graph(nodes, "tiny", [inputs], [outputs], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def constant_face_model(valence: float, arousal: float) -> onnx.ModelProto:
    """The same for every face."""
    return tiny_face_model(bias=(9.0,) * 8 + (valence, arousal))
