"""`vatrace train`: train the temporal model on the official split of a corpus."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.config import ModelConfig, TrainConfig, WindowConfig
from vatrace.errors import FeatureError, NothingFound
from vatrace.recipes.watch import SILENCE, Watch, following

if TYPE_CHECKING:
    from vatrace.datasets.affwild2 import Corpus
    from vatrace.datasets.windows import LabelledClip
    from vatrace.models.checkpoint import FeatureSpec


def train(
    corpus: Path,
    *,
    features: Path,
    encoder: Path,
    out: Path,
    acoustic: tuple[str, ...] = ("mfcc",),
    model: ModelConfig = ModelConfig(),  # noqa: B008  (frozen)
    window: WindowConfig = WindowConfig(),  # noqa: B008  (frozen)
    config: TrainConfig = TrainConfig(),  # noqa: B008  (frozen)
    remark: str = "",
    watch: Watch = SILENCE,
) -> Path:
    """Train BDCA on the training split, and keep the epoch that is best on the validation split.

    The model folder has everything that `vatrace predict` needs, the encoder included. Can be stopped at any moment;
    the same command goes on after the last whole epoch and ends with the same weights.

    Example: vatrace train demo/corpus --features demo/features --encoder demo/encoder --out runs/first/fold0

    Args:
        corpus: folder with annotations in the official layout.
        features: folder that `vatrace extract` wrote.
        encoder: the encoder folder the features were made with; training refuses the videos it was tuned on.
        out: model folder to write.
        acoustic: which acoustic features to use, in order.
        model: sizes.
        window: how clips are cut.
        config: how to train.
        remark: a sentence that goes with the model, such as what its data are.
    """
    from vatrace.datasets.affwild2 import open_corpus
    from vatrace.features.extract import VISUAL
    from vatrace.features.visual import load_encoder
    from vatrace.models.checkpoint import ENCODER_FOLDER, save_model
    from vatrace.training.temporal import TemporalSetup, check_no_overlap, train_temporal

    opened = open_corpus(corpus)
    visual = load_encoder(encoder)
    train_clips = labelled_clips(opened, features, opened.splits["train"])
    validation_clips = labelled_clips(opened, features, opened.splits["validation"])
    check_no_overlap([*train_clips, *validation_clips], visual.tuned_on)
    spec = feature_spec([*train_clips, *validation_clips], acoustic)
    if spec.identities[VISUAL] != visual.identity:
        raise FeatureError(
            f"the features in {features} were made by {spec.identities[VISUAL]}, but {encoder} is {visual.identity}; "
            "name the encoder they were made with."
        )
    provenance = {
        "corpus": corpus.name,
        "fold": 0,
        "split": "official",
        "seed": config.seed,
        "train_clips": [clip.features.clip for clip in train_clips],
        "validation_clips": [clip.features.clip for clip in validation_clips],
        "encoder_tuned_on": list(visual.tuned_on),
        "remark": remark,
    }
    setup = TemporalSetup(features=spec, model=model, window=window, train=config, provenance=provenance)
    with watch.track("training BDCA", 0) as advance:
        trained = train_temporal(
            train_clips,
            validation_clips,
            setup,
            out,
            on_step=following(advance),
        )
    shutil.copytree(encoder, out / ENCODER_FOLDER, dirs_exist_ok=True, ignore=shutil.ignore_patterns("state.*", ".*"))
    save_model(out, trained)
    return out


def labelled_clips(corpus: Corpus, features: Path, clips: Sequence[str]) -> list[LabelledClip]:
    """Clips of a corpus with their labels, on the features' clock.

    Raises:
        NothingFound: one has no features. Leaving it out would make the split, and the score, another.
    """
    from vatrace.datasets.affwild2 import read_annotation
    from vatrace.datasets.windows import LabelledClip
    from vatrace.features.store import open_features

    missing = [clip for clip in clips if not (features / f"{clip}.safetensors").is_file()]
    if missing or not clips:
        raise NothingFound(
            f"{len(missing)} of {len(clips)} clips of this split of {corpus.folder} have no features in {features} "
            f"({', '.join(missing[:3])}); `vatrace extract` makes them."
        )
    files = [open_features(features / f"{clip}.safetensors") for clip in clips]
    return [
        LabelledClip(file, read_annotation(corpus.annotation_path(clip), file.read_times()))
        for clip, file in zip(clips, files, strict=True)
    ]


def feature_spec(clips: Sequence[LabelledClip], acoustic: Sequence[str]) -> FeatureSpec:
    """Which features a model on these clips takes.

    Raises:
        FeatureError: a stream is missing, or the clips' features were made in different ways.
    """
    from vatrace.features.extract import VISUAL
    from vatrace.models.checkpoint import FeatureSpec

    first = clips[0].features
    names = (VISUAL, *acoustic)
    missing = [name for name in names if name not in first.dims]
    if missing:
        raise FeatureError(f"{first.path} has no {', '.join(missing)}; extract them with --acoustic.")
    for clip in clips:
        if dict(clip.features.identities) != dict(first.identities):
            raise FeatureError(
                f"{clip.features.path} and {first.path} were made in different ways "
                f"({dict(clip.features.identities)} and {dict(first.identities)}); "
                "extract all clips again with one encoder and the same settings."
            )
    return FeatureSpec(
        visual_dim=first.dims[VISUAL],
        acoustic=tuple(acoustic),
        audio_dim=sum(first.dims[name] for name in acoustic),
        identities={name: first.identities[name] for name in names},
    )
