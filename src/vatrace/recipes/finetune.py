"""`vatrace finetune`: tune the upper third of an encoder to valence and arousal on single pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vatrace.config import FinetuneConfig, to_dict
from vatrace.files import hash_of
from vatrace.recipes.pretrain import crop_folders, with_crops
from vatrace.recipes.starting import starting_encoder
from vatrace.recipes.watch import SILENCE, Watch, following

if TYPE_CHECKING:
    from vatrace.features.visual import VisualEncoder
    from vatrace.training.finetune import LabelledCrops
    from vatrace.training.world import World


def finetune(
    crops: Path,
    *,
    corpus: Path,
    encoder: str | Path,
    out: Path,
    weights: Path | None = None,
    random_weights: bool = False,
    pixels: Literal["paper", "channels", "timm"] | None = None,
    clips: tuple[str, ...] = (),
    config: FinetuneConfig = FinetuneConfig(),  # noqa: B008  (frozen)
    workers: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    watch: Watch = SILENCE,
) -> Path:
    """Fine-tune an encoder hierarchically: the lower two thirds stay frozen (paper, III-B).

    The videos it is tuned on are listed in the encoder folder, and `vatrace train` leaves them out. Can be stopped at
    any moment; the same command goes on where it was, and ends with the same weights. docs/encoder.md has the recipe
    for ViT-L and a GPU of 24 GB.

    Example: vatrace finetune demo/crops --corpus demo/faces --encoder demo/pretrained --out runs/encoder
      --config.lr_peak 2e-3

    Args:
        crops: folder of crops, <clip>/%05d.jpg, as `vatrace crops` writes it, or a corpus that brings some.
        corpus: folder of a corpus: Aff-Wild2 as unpacked, or one with a manifest.csv (docs/data.md).
        encoder: what to start from: an encoder folder, as `vatrace pretrain` writes it, or the name of any timm
            network, such as vit_large_patch16_224.mae.
        out: encoder folder to write.
        weights: a checkpoint for a timm network, .safetensors or .pth in the layout of timm or facebookresearch/mae;
            without it they are taken from the hub.
        random_weights: leave a timm network untrained.
        pixels: how pictures are normalised for a timm network: paper (.389 and .198 for every channel; taken if
            nothing is said), channels (the authors' numbers for each), or timm (those it was trained with).
        clips: names of the clips to use; those of the training split that have crops if empty.
        config: how to train.
        workers: processes that load pictures; 0 loads in the one that trains.
        device: auto takes a GPU if there is one.
    """
    from vatrace.training.world import joined_world

    with joined_world(device) as world:
        watch = watch if world.is_first else SILENCE
        start = starting_encoder(encoder, weights=weights, random_weights=random_weights, pixels=pixels, watch=watch)
        pictures = _labelled(crops, corpus, clips, start)
        settings = hash_of([start.identity, to_dict(config), pictures.digest])
        _tune_once(start, pictures, config, out, settings, workers, world, watch)
    return out


def _tune_once(
    start: VisualEncoder,
    pictures: LabelledCrops,
    config: FinetuneConfig,
    out: Path,
    settings: str,
    workers: int,
    world: World,
    watch: Watch,
) -> None:
    from vatrace.features.visual import save_encoder
    from vatrace.recipes.once import is_done
    from vatrace.training.finetune import finetune_encoder

    if is_done(out / "encoder.json", settings):
        return
    with watch.track("fine-tuning", 0) as advance:
        tuned = finetune_encoder(start, pictures, config, out, workers=workers, world=world, on_step=following(advance))
    if world.is_first:
        notes = {"settings": settings, "recipe": "hierarchical fine-tuning", "pictures": len(pictures.labels)}
        save_encoder(out, tuned, notes | {"config": to_dict(config), "started_from": start.identity})


def _labelled(crops: Path, corpus: Path, clips: tuple[str, ...], encoder: VisualEncoder) -> LabelledCrops:
    """The crops that have a label, with it."""
    import numpy as np

    from vatrace.datasets.corpus import open_corpus
    from vatrace.datasets.crops import CropReader, list_crops
    from vatrace.recipes.labelled import labels_by_frame
    from vatrace.training.finetune import LabelledCrops

    opened = open_corpus(corpus)
    folders = crop_folders(crops)
    named = with_crops(clips, folders) or [clip for clip in opened.splits["train"] if clip in folders]
    listed = list_crops(folders, named)
    values = np.zeros((len(listed), 2), np.float32)
    valid = np.zeros(len(listed), bool)
    for number, clip in enumerate(listed.clips):
        rows = np.flatnonzero(listed.clip_numbers == number)
        if len(rows):
            frames = listed.frames[rows]
            label = labels_by_frame(opened.clip(clip), int(frames.max()) + 1)
            valid[rows] = label.valid[frames]
            values[rows] = np.stack([label.valence[frames], label.arousal[frames]], axis=1)
    return LabelledCrops(CropReader(listed.select(valid), encoder.config.image_pixels), values[valid])
