"""The encoder that a person names to start from: a folder of ours, or any timm network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import NothingFound
from vatrace.recipes.watch import Watch

if TYPE_CHECKING:
    from vatrace.config import EncoderConfig
    from vatrace.features.visual import Pixels, VisualEncoder


def starting_encoder(
    encoder: str | Path, *, weights: Path | None, random_weights: bool, pixels: Pixels | None, watch: Watch
) -> VisualEncoder:
    """Load an encoder folder, or make a timm network.

    Args:
        encoder: the folder or the name.
        weights: a checkpoint for a timm network; without it they are taken from the hub.
        random_weights: leave a timm network untrained.
        pixels: how a timm network's pictures are normalised; None takes the paper's numbers. A folder has its own.
        watch: told where weights come from.

    Raises:
        ValueError: options that do not go together.
        NothingFound: no such folder.
        ModelError: the folder, the name or the weights cannot be used.
    """
    from vatrace.features.visual import encoder_from_timm, load_encoder

    check_start(encoder, weights, random_weights, pixels)
    if is_folder(encoder):
        return load_encoder(Path(encoder))
    if weights is None and not random_weights:
        watch.say(f"the weights of {encoder} are taken from the Hugging Face hub, unless they were fetched before")
    return encoder_from_timm(str(encoder), weights=weights, random_weights=random_weights, pixels=pixels or "paper")


def check_start(
    encoder: str | Path | EncoderConfig, weights: Path | None, random_weights: bool, pixels: str | None
) -> None:
    """Refuse options that do not go together.

    Raises:
        ValueError: naming them.
    """
    if weights is not None and random_weights:
        raise ValueError("--weights and --random-weights exclude each other; give one of them.")
    if isinstance(encoder, str | Path) and is_folder(encoder) and (weights is not None or random_weights or pixels):
        raise ValueError(
            f"{encoder} is an encoder folder with its own weights and normalisation; "
            "--weights, --random-weights and --pixels are for timm networks."
        )


def is_folder(encoder: str | Path) -> bool:
    """Whether a person means a folder.

    Raises:
        NothingFound: what is named looks like a folder, and there is none.
    """
    if Path(encoder).is_dir():
        return True
    if isinstance(encoder, Path) or "/" in encoder or "\\" in encoder:
        raise NothingFound(f"no encoder folder at {encoder}; `vatrace pretrain` and `vatrace finetune` write some.")
    return False
