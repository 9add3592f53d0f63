"""`vatrace pretrain`: teach an encoder faces without labels, as a masked autoencoder."""

from __future__ import annotations

from pathlib import Path

from vatrace.config import EncoderConfig, PretrainConfig, to_dict
from vatrace.errors import NothingFound
from vatrace.files import hash_of
from vatrace.recipes.watch import SILENCE, Watch, following

SMALL_ENCODER = EncoderConfig(
    architecture="vit_tiny_patch16_224",
    arguments={"patch_size": 16, "embed_dim": 128, "depth": 6, "num_heads": 4},
    image_pixels=64,
)
"""A vision transformer small enough for a laptop: 16 patches of 16x16 pixels, 6 blocks of 128 values."""


def pretrain(
    crops: Path,
    *,
    out: Path,
    clips: tuple[str, ...] = (),
    encoder: EncoderConfig = SMALL_ENCODER,
    config: PretrainConfig = PretrainConfig(),  # noqa: B008  (frozen)
    watch: Watch = SILENCE,
) -> Path:
    """Pre-train a vision transformer on face crops by hiding three quarters of each picture (He et al. 2022).

    Can be stopped at any moment; the same command goes on after the last whole epoch and ends with the same weights.

    Example: vatrace pretrain demo/crops --out demo/pretrained --config.epochs 20

    Args:
        crops: folder of crops, <clip>/%05d.jpg, as `vatrace crops` writes it.
        out: encoder folder to write.
        clips: names of the clips to use; all if empty.
        encoder: architecture and picture preparation.
        config: how to train.
    """
    from vatrace.datasets.crops import CropReader, crops_digest, list_crops
    from vatrace.features.visual import save_encoder
    from vatrace.recipes.once import is_done
    from vatrace.training.pretrain import pretrain_encoder

    chosen = list_crops(crops, clips or clip_folders(crops))
    settings = hash_of([to_dict(encoder), to_dict(config), crops_digest(chosen)])
    if is_done(out / "encoder.json", settings):
        return out
    reader = CropReader(chosen, encoder.image_pixels)
    with watch.track("masked autoencoder", 0) as advance:
        made = pretrain_encoder(reader, encoder, config, out, on_step=following(advance))
    save_encoder(out, made, {"settings": settings, "recipe": "masked autoencoder", "pictures": len(chosen)})
    return out


def clip_folders(crops: Path) -> tuple[str, ...]:
    """Names of all clips in a folder of crops.

    Raises:
        NothingFound: no such folder.
    """
    if not crops.is_dir():
        raise NothingFound(f"no folder of crops at {crops}; `vatrace crops` makes one.")
    return tuple(sorted(each.name for each in crops.iterdir() if each.is_dir()))
