"""An ONNX file that anybody may have made, opened for the processor alone and never reaching for another file.

A tensor of an ONNX file may lie in a further file, whose name it gives: relative to the working directory where the
model is given as bytes. Such a file is refused before ONNX Runtime sees it. What is looked at is the file as protobuf
writes it, down every way on which onnx.proto has a tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnxruntime

from vatrace.errors import ModelError

MAX_DEPTH = 64  # messages within messages: a graph within an attribute of a node of a graph takes three
# Where the parts of each message lie: field number to kind (onnx.proto). Fields that hold no tensor are left out.
PARTS: Mapping[str, Mapping[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # of a TensorProto: where the further file is, and whether there is one
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5  # protobuf's wire types; 3 and 4, groups, onnx.proto has not


def open_session(content: bytes, source: str, *, num_threads: int) -> onnxruntime.InferenceSession:
    """Open an ONNX model.

    Args:
        content: the file.
        source: what to call it in an error.
        num_threads: of the network, 1 or more.

    Raises:
        ModelError: it is no ONNX model, names further files, or cannot be run.
    """
    refuse_external_data(content, source)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.log_severity_level = 4  # what is wrong is in the error
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # what spins steals from decoding
    options.add_session_config_entry("session.load_model_format", "ONNX")  # and no other, which was not looked at
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no common base
        raise ModelError(f"{source} cannot be run by ONNX Runtime: {error}") from error


def refuse_external_data(content: bytes, source: str) -> None:
    """Raise unless all that an ONNX model holds is in these bytes.

    Args:
        content: the file.
        source: what to call it in an error.

    Raises:
        ModelError: a tensor of it lies elsewhere, or the bytes are not as protobuf writes them.
    """
    try:
        _look_into(memoryview(content), "ModelProto", 0)
    except _ElsewhereError as error:
        raise ModelError(
            f"{source} keeps tensors in further files, which are not read; use a model that is one file."
        ) from error
    except _MalformedError as error:
        raise ModelError(f"{source} is no ONNX model: {error}.") from error


class _ElsewhereError(Exception):
    """A tensor is in another file."""


class _MalformedError(Exception):
    """No protobuf message of ONNX."""


def _look_into(message: memoryview, kind: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _MalformedError(f"it is nested deeper than {MAX_DEPTH}")
    for number, value in _fields(message):
        if kind == "TensorProto":
            if number == EXTERNAL_DATA or (number == DATA_LOCATION and value != 0):
                raise _ElsewhereError
        elif number in PARTS[kind] and isinstance(value, memoryview):
            _look_into(value, PARTS[kind][number], depth + 1)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of every field of a message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire_type = key & 7
        if wire_type == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire_type == _LENGTH:
            size, at = _varint(message, at)
        elif wire_type in (_FOUR_BYTES, _EIGHT_BYTES):
            size = 4 if wire_type == _FOUR_BYTES else 8
        else:
            raise _MalformedError(f"a field has the wire type {wire_type}")
        if size > len(message) - at:
            raise _MalformedError("it ends too early")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of up to ten bytes, and where the next thing begins."""
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, at + place + 1
    raise _MalformedError("a number in it does not end")
