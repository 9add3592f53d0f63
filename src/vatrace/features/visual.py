"""The visual encoder: aligned face pictures to one row of values each (paper, III-B).

Any timm network by name, or an encoder folder of ours (`encoder.json` and `encoder.safetensors`), which the recipes
`pretrain` and `finetune` write. Where the network is a vision transformer the row is its CLS token after the final
norm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vatrace.config import CHANNEL_PIXELS, PAPER_PIXELS, EncoderConfig, from_dict, to_dict
from vatrace.errors import ModelError, NothingFound
from vatrace.files import committed, hash_of, sha256_of, write_json
from vatrace.nn.expression import INPUT_PIXELS, Expression7
from vatrace.nn.width import encoded_dim

WEIGHTS = "encoder.safetensors"
CONFIG = "encoder.json"
DECODER_PREFIXES = ("decoder_", "mask_token")  # of a facebookresearch/mae checkpoint with its decoder
HEAD_PREFIXES = ("head.", "fc.", "fc_norm.", "classifier.")  # of a timm checkpoint with its classifier
EXPRESSION7 = "expression7"  # the one architecture that is not timm's: vatrace.nn.expression
Pixels = Literal["paper", "channels", "timm"]
_BATCH_IMAGES = 64


@dataclass(frozen=True, kw_only=True)
class VisualEncoder:
    """A network that describes pictures.

    Args:
        config: architecture and picture preparation.
        network: takes `[batch, 3, image_pixels, image_pixels]`, gives `[batch, dim]`.
        identity: tells this encoder from every other; features carry it.
        tuned_on: names of the videos whose labels it was tuned on; temporal training refuses them.
    """

    config: EncoderConfig
    network: nn.Module
    identity: str
    tuned_on: tuple[str, ...] = field(default=())

    @property
    def dim(self) -> int:
        """Values a picture."""
        return encoded_dim(self.network)

    @torch.inference_mode()
    def encode(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Describe RGB pictures of equal size.

        Args:
            crops: pictures `[height, width, 3]`.

        Returns:
            `[len(crops), dim]`.
        """
        self.network.eval()
        weights = next(self.network.parameters(), None)  # none where they are ONNX Runtime's
        device = torch.device("cpu") if weights is None else weights.device
        rows = []
        for at in range(0, len(crops), _BATCH_IMAGES):
            images = prepare_images(np.stack(crops[at : at + _BATCH_IMAGES]), self.config)
            rows.append(self.network(images.to(device)).float().cpu().numpy())
        return np.concatenate(rows) if rows else np.zeros((0, self.dim), np.float32)


def prepare_images(crops: NDArray[np.uint8], config: EncoderConfig) -> Float[Tensor, "batch 3 height width"]:
    """Pictures `[batch, height, width, 3]` as the network takes them: resized, [0, 1], normalised."""
    resized = np.stack([resize_picture(crop, config.image_pixels) for crop in crops])
    return normalise_images(torch.from_numpy(resized), config)


def normalise_images(
    images: UInt8[Tensor, "batch height width 3"], config: EncoderConfig
) -> Float[Tensor, "batch 3 height width"]:
    """Pictures of the right size as the network takes them, wherever they lie: [0, 1], normalised."""
    mean = torch.tensor(config.mean, device=images.device).reshape(1, 3, 1, 1)
    std = torch.tensor(config.std, device=images.device).reshape(1, 3, 1, 1)
    return (images.permute(0, 3, 1, 2).float() / 255 - mean) / std


def resize_picture(picture: NDArray[np.uint8], image_pixels: int) -> NDArray[np.uint8]:
    """A picture as a square of this size; pixels are averaged when it shrinks."""
    if picture.shape[:2] == (image_pixels, image_pixels):
        return picture
    shrinks = max(picture.shape[:2]) > image_pixels
    size = (image_pixels, image_pixels)
    return np.asarray(
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
    )


def build_network(config: EncoderConfig) -> nn.Module:
    """The network of a configuration, without its classifier, with fresh weights: timm's, or our `expression7`.

    Raises:
        ModelError: there is no such architecture, or it refuses the arguments.
    """
    arguments = dict(config.arguments)
    if config.architecture == EXPRESSION7:
        return _expression_network(config, arguments)
    import timm  # here, as it takes two seconds that the starter model need not wait for

    if "vit" in config.architecture:
        arguments.setdefault("img_size", config.image_pixels)
    try:
        network: nn.Module = timm.create_model(config.architecture, pretrained=False, num_classes=0, **arguments)
    except (RuntimeError, TypeError) as error:
        raise ModelError(
            f"timm cannot make the encoder {config.architecture!r} with {arguments}: {error}. "
            "`python -c 'import timm; print(timm.list_models())'` lists its names."
        ) from error
    return network


def _expression_network(config: EncoderConfig, arguments: dict[str, Any]) -> nn.Module:
    if config.image_pixels != INPUT_PIXELS:
        raise ModelError(f"{EXPRESSION7} takes pictures of {INPUT_PIXELS} pixels, got {config.image_pixels}.")
    try:
        return Expression7(**arguments)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{EXPRESSION7} cannot be made with {arguments}: {error}") from error


def make_encoder(config: EncoderConfig, network: nn.Module, tuned_on: Sequence[str] = ()) -> VisualEncoder:
    """An encoder of a network in memory; its identity covers configuration and weights."""
    digest = hash_of([to_dict(config), _weights_digest(network)])
    return VisualEncoder(config=config, network=network, identity=f"visual:{digest[:16]}", tuned_on=tuple(tuned_on))


def save_encoder(folder: Path, encoder: VisualEncoder, notes: Mapping[str, Any] | None = None) -> None:
    """Write an encoder folder.

    Args:
        folder: where to write it.
        encoder: what to write.
        notes: what else a person may want to know of it, as plain data.
    """
    with committed(folder / WEIGHTS) as part:
        save_file({name: value.contiguous() for name, value in encoder.network.state_dict().items()}, part)
    tuned_on = sorted(encoder.tuned_on)
    description = {
        "encoder": to_dict(encoder.config),
        "identity": encoder.identity,
        "tuned_on": tuned_on,
        "tuned_on_sha256": hash_of(tuned_on),
        "weights_sha256": sha256_of(folder / WEIGHTS),
        "notes": dict(notes or {}),
    }
    write_json(folder / CONFIG, description)


def load_encoder(folder: Path) -> VisualEncoder:
    """Read an encoder folder of ours.

    Raises:
        NothingFound: the folder holds no encoder.
        ModelError: it is damaged.
    """
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise NothingFound(f"{folder} is no encoder folder: it needs {CONFIG} and {WEIGHTS}.")
    try:
        description = json.loads((folder / CONFIG).read_text("utf-8"))
        config = from_dict(EncoderConfig, description["encoder"])
        tuned_on = [str(name) for name in description["tuned_on"]]
        listed_sha256, weights_sha256 = description["tuned_on_sha256"], description["weights_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder / CONFIG} cannot be used: {error}. Take the folder from its source again."
        ) from error
    if hash_of(tuned_on) != listed_sha256:
        raise ModelError(f"the list of tuning videos in {folder / CONFIG} was changed after it was written.")
    if sha256_of(folder / WEIGHTS) != weights_sha256:
        raise ModelError(f"{folder / WEIGHTS} is not the file that {CONFIG} describes; take it from its source again.")
    network = build_network(config)
    _load_state(network, load_file(folder / WEIGHTS), folder / WEIGHTS)
    return make_encoder(config, network, tuned_on)


def encoder_from_timm(
    name: str, *, weights: Path | None = None, random_weights: bool = False, pixels: Pixels = "timm"
) -> VisualEncoder:
    """An encoder by its timm name.

    Args:
        name: a timm model name, such as `vit_large_patch16_224.mae` or `resnet50`.
        weights: a safetensors file, or a `.pth` in the layout of timm or facebookresearch/mae (read weights-only).
        random_weights: leave the network untrained, always with the same weights; for tests and for measuring speed.
        pixels: normalised by the numbers the timm weights were trained with, by the paper's (.389 and .198 for every
            channel), or by its authors' numbers for each of the channels.

    Raises:
        ModelError: the name or the file cannot be used, or the hub cannot be reached and no file was given.
    """
    config = timm_config(name, pixels)
    if weights is not None:
        return encoder_from_file(config, weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # untrained weights are the same in every process
        network = build_network(config)
    if not random_weights:
        network = _from_hub(name)
    return make_encoder(config, network)


def encoder_from_file(config: EncoderConfig, path: Path) -> VisualEncoder:
    """An encoder of a configuration, with the weights of a checkpoint: see `read_weights`.

    Raises:
        NothingFound: no such file.
        ModelError: the file cannot be used, or does not fit.
    """
    network = build_network(config)
    own = network.state_dict()
    state = {name: value for name, value in read_weights(path).items() if name in own or not _is_of_a_head(name)}
    _load_state(network, state, path)
    return make_encoder(config, network)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a checkpoint, without the decoder of a masked autoencoder.

    Raises:
        NothingFound: no such file.
        ModelError: it is no checkpoint, or holds more than tensors.
    """
    if not path.is_file():
        raise NothingFound(f"no encoder weights at {path}.")
    try:
        if path.suffix == ".safetensors":
            state: dict[str, Any] = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises a dozen unrelated types on a damaged or dangerous file
        raise ModelError(
            f"{path} cannot be read as a checkpoint of tensors only: {error}. Files that hold more are refused, as "
            "they could run code; save the tensors as .safetensors."
        ) from error
    state = state.get("model", state)  # as facebookresearch/mae has it
    return {name: value for name, value in state.items() if not name.startswith(DECODER_PREFIXES)}


def _is_of_a_head(name: str) -> bool:
    return name.startswith(HEAD_PREFIXES)


def timm_config(name: str, pixels: Pixels = "timm") -> EncoderConfig:
    """The configuration of a timm network by its name.

    Raises:
        ModelError: timm has no such network.
    """
    import timm

    if not timm.is_model(name.split(".")[0]):
        near = timm.list_models(f"*{name.split('.')[0][:6]}*")[:3]
        raise ModelError(f"timm has no model {name!r}." + (f" Near: {', '.join(near)}." if near else ""))
    config = EncoderConfig(architecture=name)
    defaults = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if defaults is not None:
        config = replace(config, image_pixels=defaults.input_size[-1], mean=defaults.mean, std=defaults.std)
    if pixels == "timm":
        return config
    chosen = PAPER_PIXELS if pixels == "paper" else CHANNEL_PIXELS
    return replace(config, mean=chosen.mean, std=chosen.std)


def _from_hub(name: str) -> nn.Module:
    import timm

    try:
        network: nn.Module = timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:  # the hub's client raises whatever its transport does
        raise ModelError(
            f"the weights of {name!r} could not be fetched from the hub ({type(error).__name__}). "
            "Give a file with --weights, or --random-weights to go on untrained."
        ) from error
    return network


def _load_state(network: nn.Module, state: Mapping[str, Tensor], source: Path) -> None:
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except (RuntimeError, SafetensorError) as error:
        raise ModelError(f"{source} does not fit the encoder: {error}") from error
    if missing or unexpected:
        raise ModelError(
            f"{source} does not fit the encoder: {len(missing)} tensors missing ({', '.join(missing[:3])}), "
            f"{len(unexpected)} unknown ({', '.join(unexpected[:3])})."
        )


def _weights_digest(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
