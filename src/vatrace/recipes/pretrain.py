"""`vatrace pretrain`: teach an encoder faces without labels, as a masked autoencoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vatrace.config import EncoderConfig, PretrainConfig, to_dict
from vatrace.errors import NothingFound
from vatrace.files import hash_of
from vatrace.recipes.starting import check_start, is_folder, starting_encoder
from vatrace.recipes.watch import SILENCE, Watch, following

if TYPE_CHECKING:
    from vatrace.features.visual import Pixels, VisualEncoder

SMALL_ENCODER = EncoderConfig(
    architecture="vit_tiny_patch16_224",
    arguments={"patch_size": 16, "embed_dim": 128, "depth": 6, "num_heads": 4},
    image_pixels=64,
)
"""A vision transformer small enough for a laptop: 16 patches of 16x16 pixels, 6 blocks of 128 values."""
SMALL = "small"


def pretrain(
    crops: Path,
    *,
    out: Path,
    clips: tuple[str, ...] = (),
    encoder: EncoderConfig | str | Path = SMALL,
    weights: Path | None = None,
    random_weights: bool = False,
    pixels: Literal["paper", "channels", "timm"] | None = None,
    config: PretrainConfig = PretrainConfig(),  # noqa: B008  (frozen)
    workers: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    watch: Watch = SILENCE,
) -> Path:
    """Pre-train a vision transformer on face crops by hiding three quarters of each picture (He et al. 2022).

    From nothing, or going on from an encoder that was trained before. Can be stopped at any moment; the same command
    goes on where it was, and ends with the same weights. docs/encoder.md has the recipe for ViT-L.

    Example: vatrace pretrain demo/crops --out demo/pretrained --config.epochs 20

    Args:
        crops: folder of crops, <clip>/%05d.jpg, as `vatrace crops` writes it, or a corpus that brings some.
        out: encoder folder to write.
        clips: names of the clips to use; all if empty.
        encoder: small (a fresh one, for a laptop), an encoder folder to go on from, the name of a timm vision
            transformer with a CLS token, or architecture and picture preparation of a fresh one as JSON.
        weights: a checkpoint for a timm network, .safetensors or .pth in the layout of timm or facebookresearch/mae;
            without it they are taken from the hub.
        random_weights: start a timm network from nothing.
        pixels: how pictures are normalised for a timm network: paper (.389 and .198 for every channel; taken if
            nothing is said), channels (the authors' numbers for each), or timm (those it was trained with).
        config: how to train.
        workers: processes that load pictures; 0 loads in the one that trains.
        device: auto takes a GPU if there is one.
    """
    from vatrace.datasets.crops import CropReader, crops_digest, list_crops
    from vatrace.features.visual import save_encoder
    from vatrace.recipes.once import is_done
    from vatrace.training.pretrain import pretrain_encoder
    from vatrace.training.world import joined_world

    folders = crop_folders(crops)
    chosen = list_crops(folders, with_crops(clips, folders) or list(folders))
    with joined_world(device) as world:
        watch = watch if world.is_first else SILENCE
        start = _start(encoder, weights, random_weights, pixels, config.seed, watch)
        settings = hash_of([start.identity, to_dict(config), crops_digest(chosen)])
        if is_done(out / "encoder.json", settings):
            return out
        reader = CropReader(chosen, start.config.image_pixels)
        with watch.track("masked autoencoder", 0) as advance:
            made = pretrain_encoder(
                start, reader, config, out, workers=workers, world=world, on_step=following(advance)
            )
        if world.is_first:
            notes = {"settings": settings, "recipe": "masked autoencoder", "pictures": len(chosen)}
            save_encoder(out, made, notes | {"config": to_dict(config), "started_from": start.identity})
    return out


def crop_folders(crops: Path) -> dict[str, Path]:
    """Folders of face pictures by clip: all of a folder of crops, or those that a corpus brings.

    Raises:
        NothingFound: no such folder.
    """
    from vatrace.datasets.corpus import is_corpus, open_corpus

    if not crops.is_dir():
        raise NothingFound(f"no folder of crops at {crops}; `vatrace crops` makes one.")
    if is_corpus(crops):
        return {clip.name: clip.crops for clip in open_corpus(crops).clips if clip.crops is not None}
    return {each.name: each for each in sorted(crops.iterdir()) if each.is_dir()}


def with_crops(clips: Sequence[str], folders: Mapping[str, Path]) -> list[str]:
    """The clips that were named.

    Raises:
        NothingFound: one has no pictures: it would not be missed in what is learned, but it would in the list of it.
    """
    missing = [clip for clip in clips if clip not in folders]
    if missing:
        raise NothingFound(f"{len(missing)} of the clips named have no face pictures ({', '.join(missing[:3])}).")
    return list(clips)


def _start(
    encoder: EncoderConfig | str | Path,
    weights: Path | None,
    random_weights: bool,
    pixels: Pixels | None,
    seed: int,
    watch: Watch,
) -> VisualEncoder:
    from vatrace.features.visual import timm_config
    from vatrace.training.pretrain import fresh_encoder

    check_start(encoder, weights, random_weights, pixels)
    if encoder == SMALL:
        encoder = SMALL_ENCODER
    if isinstance(encoder, EncoderConfig):
        if weights is not None or pixels is not None:
            raise ValueError("a fresh encoder takes no --weights, and --pixels is for a timm network by its name.")
        return fresh_encoder(encoder, seed)
    if random_weights and not is_folder(encoder):
        return fresh_encoder(timm_config(str(encoder), pixels or "paper"), seed)
    return starting_encoder(encoder, weights=weights, random_weights=random_weights, pixels=pixels, watch=watch)
