"""A model on disk: a folder with `model.safetensors` and `config.yaml`, and the visual encoder in `encoder/`.

Whatever inference needs is read from there: sizes, windows, which features in which order and how they were made, and
where the model comes from. Nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from vatrace import __version__
from vatrace.config import ModelConfig, WindowConfig, from_dict, to_dict
from vatrace.errors import ModelError, NothingFound
from vatrace.files import committed, sha256_of, write_text
from vatrace.models.build import TemporalNetwork, build_model

WEIGHTS = "model.safetensors"
CONFIG = "config.yaml"
ENCODER_FOLDER = "encoder"


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """Which features a model takes.

    Args:
        visual_dim: values a frame of the visual stream.
        acoustic: names of the acoustic streams, in the order in which they are concatenated.
        audio_dims: values a frame of each of them; one number for all together where a model does not tell them apart.
        identities: what exactly made each stream, by its name; features made otherwise are refused.
    """

    visual_dim: int
    acoustic: tuple[str, ...]
    audio_dims: tuple[int, ...]
    identities: Mapping[str, str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "acoustic", tuple(self.acoustic))
        object.__setattr__(self, "audio_dims", tuple(self.audio_dims))
        if len(self.audio_dims) not in (1, len(self.acoustic)):
            raise ValueError(
                f"audio_dims {list(self.audio_dims)} does not fit the acoustic streams {list(self.acoustic)}; give one "
                "width a stream, or one for all together."
            )

    @property
    def audio_dim(self) -> int:
        """Values a frame of all acoustic streams side by side."""
        return sum(self.audio_dims)


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """A temporal model and everything that inference has to know of it.

    `provenance` says where it comes from: data, split, seed, selection score, remarks.
    """

    network: TemporalNetwork
    model: ModelConfig
    window: WindowConfig
    features: FeatureSpec
    provenance: Mapping[str, Any] = field(default_factory=dict)  # Any: plain data for YAML


def save_model(folder: Path, saved: SavedModel) -> None:
    """Write a model folder; the encoder is put beside it by whoever made it."""
    with committed(folder / WEIGHTS) as part:
        save_file({name: value.contiguous() for name, value in saved.network.state_dict().items()}, part)
    description = {
        "vatrace": __version__,
        "model": to_dict(saved.model),
        "window": to_dict(saved.window),
        "features": {
            "visual_dim": saved.features.visual_dim,
            "acoustic": list(saved.features.acoustic),
            "audio_dims": list(saved.features.audio_dims),
            "identities": dict(saved.features.identities),
        },
        "provenance": dict(saved.provenance),
        "weights_sha256": sha256_of(folder / WEIGHTS),
    }
    write_text(folder / CONFIG, yaml.safe_dump(description, sort_keys=True, allow_unicode=True))


def load_model(folder: Path) -> SavedModel:
    """Read a model folder, ready for inference.

    Raises:
        NothingFound: there is no model in the folder.
        ModelError: it is damaged, or not of a kind this version knows.
    """
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise NothingFound(f"{folder} is no model folder: it needs {CONFIG} and {WEIGHTS}.")
    try:
        description = yaml.safe_load((folder / CONFIG).read_text("utf-8"))
        model = from_dict(ModelConfig, description["model"])
        window = from_dict(WindowConfig, description["window"])
        features = _feature_spec(description["features"])
        expected_sha256 = description["weights_sha256"]
    except (yaml.YAMLError, KeyError, TypeError, ValueError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{folder / CONFIG} cannot be used: {error}. Take the folder from its source again."
        ) from error
    found = sha256_of(folder / WEIGHTS)
    if found != expected_sha256:
        raise ModelError(
            f"{folder / WEIGHTS} is not the file that {CONFIG} describes: sha256 {found}, expected {expected_sha256}. "
            "Take the folder from its source again."
        )
    try:
        network = build_model(model, visual_dim=features.visual_dim, audio_dims=features.audio_dims)
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (RuntimeError, ValueError, SafetensorError) as error:
        raise ModelError(f"{folder / WEIGHTS} does not fit {CONFIG}: {error}") from error
    network.eval()
    provenance = description.get("provenance", {})
    return SavedModel(network=network, model=model, window=window, features=features, provenance=provenance)


def _feature_spec(plain: Mapping[str, Any]) -> FeatureSpec:
    """What a model folder says of its features; folders of version 0.1 have one `audio_dim` for all streams."""
    values = dict(plain)
    if "audio_dim" in values:
        values["audio_dims"] = (values.pop("audio_dim"),)
    return FeatureSpec(**values)
