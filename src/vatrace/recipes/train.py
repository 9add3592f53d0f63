"""`vatrace train`: train the temporal model on one fold of a corpus."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from vatrace.config import ModelConfig, TrainConfig, WindowConfig
from vatrace.recipes.synth import remark_of
from vatrace.recipes.watch import SILENCE, Watch, following


def train(
    corpus: Path,
    *,
    features: Path,
    encoder: Path,
    out: Path,
    acoustic: tuple[str, ...] = ("mfcc",),
    fold: int = 0,
    fold_seed: int = 0,
    selection: Literal["apart", "scored"] = "apart",
    scheme: Literal["group5", "sucv"] = "group5",
    repair: Literal["mask", "interpolate", "expressions"] = "mask",
    expressions: Path | None = None,
    model: ModelConfig = ModelConfig(),  # noqa: B008  (frozen)
    window: WindowConfig = WindowConfig(),  # noqa: B008  (frozen)
    config: TrainConfig = TrainConfig(),  # noqa: B008  (frozen)
    remark: str = "",
    workers: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    watch: Watch = SILENCE,
) -> Path:
    """Train the temporal model on one fold, and keep the epoch that is best on the clips set apart to choose it.

    The model folder has everything that `vatrace predict` needs, the encoder included. Can be stopped at any moment;
    the same command goes on where it was and ends with the same weights. Videos that the encoder was
    tuned on are left out.

    Example: vatrace train demo/corpus --features demo/features --encoder demo/encoder --out runs/first/fold0

    Args:
        corpus: folder of a corpus: Aff-Wild2 as unpacked, or one with a manifest.csv (docs/data.md).
        features: folder that `vatrace extract` wrote.
        encoder: the encoder folder the features were made with; training leaves out the videos it was tuned on.
        out: model folder to write.
        acoustic: which acoustic features to use, in order.
        fold: 0 is the split that the corpus brings; 1 to 5 divide its training and validation clips by video source.
        fold_seed: of that division; another number divides otherwise.
        selection: apart chooses the epoch by clips that are not scored; scored by the scored ones, as the paper does,
            which is optimistic.
        scheme: how folds 1 to 5 divide: group5 by source, or sucv, the six-way roll of older systems.
        repair: unlabelled frames of what is learned from are masked, interpolated in time, or filled from expressions.
        expressions: folder of expression annotations, only with --repair expressions; challenge rules forbid that.
        model: which model, and its sizes.
        window: how clips are cut.
        config: how to train.
        remark: a sentence that goes with the model, such as what its data are; drawn faces say so by themselves.
        workers: processes that load windows ahead; their number changes nothing but speed.
        device: auto takes a GPU if there is one.
    """
    from vatrace.datasets.label_repair import RULES_WARNING
    from vatrace.models.checkpoint import ENCODER_FOLDER
    from vatrace.recipes.labelled import labelled_clips
    from vatrace.recipes.one_fold import (
        Training,
        divide,
        reference_to,
        tell_of_choice,
        tell_of_division,
        tell_of_flat_truth,
        train_one_fold,
    )
    from vatrace.training.world import joined_world

    training = Training(
        corpus=corpus,
        features=features,
        encoder=reference_to(encoder),
        acoustic=tuple(acoustic),
        model=model,
        window=window,
        config=config,
        fold=fold,
        fold_seed=fold_seed,
        selection=selection,
        scheme=scheme,
        repair=repair,
        expressions=expressions,
        remark=remark or remark_of(corpus),
    )
    opened, made = divide(training)
    left_out = sorted({clip for clips in opened.splits.values() for clip in clips} & set(training.encoder.tuned_on))
    if left_out:
        watch.say(f"left out: {len(left_out)} clips that the encoder was tuned on ({', '.join(left_out[:3])}).")
    if made.selection_is_scored:
        watch.say("the epoch is chosen by the clips that are scored, so their score will be optimistic.")
    tell_of_division(opened, made, watch)
    tell_of_flat_truth(labelled_clips(opened, features, made.selection), "choose the epoch", watch)
    if repair == "expressions":
        watch.say(RULES_WARNING)
    with joined_world(device) as world:
        with (watch if world.is_first else SILENCE).track("training", 0) as advance:
            train_one_fold(training, out, world=world, workers=workers, on_step=following(advance))
        if world.is_first:
            left_behind = shutil.ignore_patterns("state.*", ".*")
            shutil.copytree(encoder, out / ENCODER_FOLDER, dirs_exist_ok=True, ignore=left_behind)
            tell_of_choice(out, watch)
    return out
