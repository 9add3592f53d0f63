"""Another network for the face of the starter model: one that gives valence and arousal itself, as an ONNX file.

`enet_b0_8_va_mtl` of EmotiEffLib (HSEmotion; Savchenko, "Facial expression and attributes recognition based on
multi-task learning of lightweight neural networks", SISY 2021) is fetched by `vatrace weights emotieff` and never
unasked. Any file of its form can be named instead: a picture `[1, 3, 224, 224]`, red, green and blue, normalised as
ImageNet's are; ten numbers out, of which the first eight are logits of expressions, then valence, then arousal.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from vatrace.config import EncoderConfig, to_dict
from vatrace.errors import ModelError, NothingFound
from vatrace.faces.onnx_session import open_session
from vatrace.faces.weights import cache_folder
from vatrace.features.visual import VisualEncoder
from vatrace.features.weights import EMOTIEFF, is_known
from vatrace.files import hash_of

INPUT_PIXELS = 224
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # EmotiEffLib 1.1.1, facial_analysis.py; of red, green and blue
IMAGENET_STD = (0.229, 0.224, 0.225)
NUM_OUTPUTS = 10
MAX_BYTES = 500_000_000
CONFIG = EncoderConfig(
    architecture="valence-arousal-onnx", image_pixels=INPUT_PIXELS, mean=IMAGENET_MEAN, std=IMAGENET_STD
)


@dataclass(frozen=True)
class FaceModel:
    """A network that reads valence and arousal off a face.

    Args:
        name: what to call it in a sentence.
        encoder: gives the two, valence first, in [-1, 1].
    """

    name: str
    encoder: VisualEncoder


class ValenceArousalNetwork(nn.Module):
    """An ONNX network of ten outputs as one of two: valence and arousal, cut to [-1, 1].

    Args:
        content: the ONNX file.
        source: what to call it in an error.

    Raises:
        ModelError: it cannot be run, names further files, or is not of this form.
    """

    num_features = 2  # as timm's networks say how many values a picture has

    def __init__(self, content: bytes, source: str) -> None:
        super().__init__()
        self._source = source
        self._session = open_session(content, source, num_threads=torch.get_num_threads())
        self._input = self._session.get_inputs()[0].name if self._session.get_inputs() else ""
        self._outputs = [each.name for each in self._session.get_outputs()][:1]
        self._run(np.zeros((1, 3, INPUT_PIXELS, INPUT_PIXELS), np.float32))  # a file of another form is told at once

    def forward(self, pictures: Float[Tensor, "batch 3 224 224"]) -> Float[Tensor, "batch 2"]:
        """Valence and arousal of each picture."""
        ready = pictures.detach().cpu().numpy()
        rows = [self._run(ready[at : at + 1]) for at in range(len(ready))]  # files of a fixed batch of 1 go, too
        return torch.from_numpy(np.concatenate(rows)) if rows else torch.zeros(0, self.num_features)

    def _run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            (found,) = self._session.run(self._outputs, {self._input: picture})
        except Exception as error:  # ONNX Runtime's errors have no common base
            raise ModelError(f"{self._source} does not take a picture {list(picture.shape)}: {error}") from error
        values = np.asarray(found)
        if values.shape != (1, NUM_OUTPUTS) or values.dtype != np.float32:
            raise ModelError(
                f"{self._source} gives {values.dtype} {list(values.shape)} for a picture; a face model gives float32 "
                f"[1, {NUM_OUTPUTS}]: eight logits, valence and arousal."
            )
        if not np.isfinite(values).all():
            raise ModelError(f"{self._source} gave values that are no numbers; take the file from its source again.")
        return np.asarray(np.clip(values[:, -2:], -1, 1), np.float32)


def load_face_model(choice: str) -> FaceModel:
    """A face model by its name or path.

    Args:
        choice: `emotieff`, for the file that `vatrace weights emotieff` fetched, or the path of an ONNX file. A path is
            taken as it is: only the known file is compared with a hash.

    Raises:
        NothingFound: it is not there.
        ModelError: it is another file than the known one, or cannot be used.
    """
    if choice == EMOTIEFF.name:
        path = cache_folder() / EMOTIEFF.file
        _refuse_unless_fetched(path)
        name = f"EmotiEffLib's {path.stem} ({EMOTIEFF.licence})"
    else:
        path = Path(choice)
        if not path.is_file():
            raise NothingFound(f"no such face model: {path}; name an ONNX file, or {EMOTIEFF.name}.")
        name = path.name
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{path} has {path.stat().st_size} bytes, more than a face model may have ({MAX_BYTES}).")
    content = path.read_bytes()
    identity = hash_of([to_dict(CONFIG), hashlib.sha256(content).hexdigest()])[:16]
    network = ValenceArousalNetwork(content, str(path))
    return FaceModel(name, VisualEncoder(config=CONFIG, network=network, identity=f"visual:{identity}"))


def _refuse_unless_fetched(path: Path) -> None:
    fetch = f"`vatrace weights {EMOTIEFF.name}`"
    if not path.is_file():
        raise NothingFound(
            f"there is no {path}, and it is no part of vatrace: {fetch} downloads it "
            f"({EMOTIEFF.approximate_bytes / 1e6:.0f} MB) from {EMOTIEFF.url}."
        )
    if not is_known(EMOTIEFF, path):
        raise ModelError(f"{path} is not the known file (git blob {EMOTIEFF.git_blob}); run {fetch} again.")
