"""`vatrace finetune`: tune the upper third of an encoder to valence and arousal on single pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.config import FinetuneConfig, to_dict
from vatrace.files import hash_of
from vatrace.recipes.pretrain import clip_folders
from vatrace.recipes.watch import SILENCE, Watch, following

if TYPE_CHECKING:
    from vatrace.features.visual import VisualEncoder
    from vatrace.training.finetune import LabelledCrops


def finetune(
    crops: Path,
    *,
    corpus: Path,
    encoder: Path,
    out: Path,
    clips: tuple[str, ...] = (),
    config: FinetuneConfig = FinetuneConfig(),  # noqa: B008  (frozen)
    watch: Watch = SILENCE,
) -> Path:
    """Fine-tune an encoder hierarchically: the lower two thirds stay frozen (paper, III-B).

    The videos it is tuned on are listed in the encoder folder, and `vatrace train` refuses them. Can be stopped at any
    moment; the same command goes on after the last whole epoch and ends with the same weights.

    Example: vatrace finetune demo/crops --corpus demo/faces --encoder demo/pretrained --out runs/encoder

    Args:
        crops: folder of crops, <clip>/%05d.jpg, as `vatrace crops` writes it.
        corpus: folder with annotations in the official layout.
        encoder: encoder folder to start from, as `vatrace pretrain` writes it.
        out: encoder folder to write.
        clips: names of the clips to use; those of the training split that have crops if empty.
        config: how to train.
    """
    from vatrace.features.visual import load_encoder, save_encoder
    from vatrace.recipes.once import is_done
    from vatrace.training.finetune import finetune_encoder

    start = load_encoder(encoder)
    pictures = _labelled(crops, corpus, clips, start)
    settings = hash_of([start.identity, to_dict(config), pictures.digest])
    if is_done(out / "encoder.json", settings):
        return out
    with watch.track("fine-tuning", 0) as advance:
        tuned = finetune_encoder(
            start,
            pictures,
            config,
            out,
            on_step=following(advance),
        )
    notes = {"settings": settings, "recipe": "hierarchical fine-tuning", "pictures": len(pictures.labels)}
    save_encoder(out, tuned, notes)
    return out


def _labelled(crops: Path, corpus: Path, clips: tuple[str, ...], encoder: VisualEncoder) -> LabelledCrops:
    """The crops that have a label, with it."""
    import numpy as np

    from vatrace.datasets.affwild2 import open_corpus, read_annotation
    from vatrace.datasets.crops import CropReader, list_crops
    from vatrace.training.finetune import LabelledCrops

    opened = open_corpus(corpus)
    listed = list_crops(crops, clips or sorted(set(opened.splits["train"]) & set(clip_folders(crops))))
    last_frame = {crop.clip: crop.frame for crop in listed}
    # Rows belong to frame numbers; no time is needed to read them.
    labels = {
        clip: read_annotation(opened.annotation_path(clip), np.arange(frame + 1, dtype=np.float64))
        for clip, frame in last_frame.items()
    }
    chosen = [crop for crop in listed if labels[crop.clip].valid[crop.frame]]
    values = [[labels[crop.clip].valence[crop.frame], labels[crop.clip].arousal[crop.frame]] for crop in chosen]
    return LabelledCrops(CropReader(chosen, encoder.config.image_pixels), np.array(values, np.float32).reshape(-1, 2))
