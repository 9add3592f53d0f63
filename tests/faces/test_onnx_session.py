from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from tests.features.tiny_face_model import tiny_face_model
from vatrace.errors import ModelError
from vatrace.faces.onnx_session import DATA_LOCATION, EXTERNAL_DATA, PARTS, open_session, refuse_external_data


def test_every_way_to_a_tensor_in_onnx_proto_is_looked_down() -> None:
    """The table against the descriptors that the package onnx was made from."""
    kinds = {name: each for name, each in onnx.ModelProto.DESCRIPTOR.file.message_types_by_name.items()}
    holds = {"TensorProto"}  # kinds that have a tensor somewhere below them
    for _ in kinds:
        holds |= {
            name for name, kind in kinds.items() if {f.message_type.name for f in kind.fields if f.message_type} & holds
        }
    reached, waiting = set(), {"ModelProto"}
    while waiting:
        kind = waiting.pop()
        reached.add(kind)
        parts = {
            f.number: f.message_type.name for f in kinds[kind].fields if f.message_type and f.message_type.name in holds
        }
        if kind != "TensorProto":
            assert PARTS[kind] == parts
        waiting |= set(parts.values()) - reached
    assert reached == {*PARTS, "TensorProto"}
    tensor = {field.name: field.number for field in kinds["TensorProto"].fields}
    assert (tensor["external_data"], tensor["data_location"]) == (EXTERNAL_DATA, DATA_LOCATION)


def send_away(tensor: onnx.TensorProto) -> None:
    """The tensor's numbers are in the file secret.bin."""
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")


def in_initializer(model: onnx.ModelProto) -> None:
    send_away(model.graph.initializer[1])


def in_constant(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=model.graph.initializer[1]))
    send_away(model.graph.node[-1].attribute[0].t)


def in_branch(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [], [model.graph.initializer[1]])
    send_away(branch.initializer[0])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=branch))


def without_location(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].external_data.add(key="location", value="secret.bin")


@pytest.mark.parametrize("hide", [in_initializer, in_constant, in_branch, without_location])
def test_a_tensor_in_another_file_is_refused_wherever_it_is(hide, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "secret.bin").write_bytes(np.ones(10, np.float32).tobytes())
    monkeypatch.chdir(tmp_path)  # where ONNX Runtime would find it
    model = tiny_face_model()
    hide(model)
    with pytest.raises(ModelError, match="a model keeps tensors in further files, which are not read"):
        open_session(model.SerializeToString(), "a model", num_threads=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x3a\xff\xff\x03ab", "is no ONNX model: it ends too early"),
        (b"\xff" * 12, "is no ONNX model: a number in it does not end"),
        (b"\x3b", "is no ONNX model: a field has the wire type 3"),
        (b"", "cannot be run by ONNX Runtime"),
        (b"\x08\x08", "cannot be run by ONNX Runtime"),
    ],
)
def test_what_is_no_model_is_told(content: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        open_session(content, "a file", num_threads=1)


def test_a_model_nested_without_end_is_refused() -> None:
    message = b""
    for _ in range(30):  # a node with an attribute with a graph, again and again
        for key in (b"\x32", b"\x2a", b"\x0a"):
            size = len(message)
            length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
            message = key + length + message
    with pytest.raises(ModelError, match="nested deeper than 64"):
        refuse_external_data(b"\x3a" + bytes([len(message) & 127 | 128, len(message) >> 7]) + message, "a file")


def test_damaged_models_raise_nothing_else() -> None:
    whole = tiny_face_model().SerializeToString()
    chance = random.Random(0)
    outcomes = set()
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            refuse_external_data(bytes(damaged[: chance.randint(1, len(damaged))]), "a file")
        except ModelError:
            outcomes.add("refused")
        else:
            outcomes.add("taken")
    assert outcomes == {"refused", "taken"}
