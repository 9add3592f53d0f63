"""Clips of a corpus with features and labels, as training and scoring take them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import FeatureError, NothingFound

if TYPE_CHECKING:
    from vatrace.datasets.affwild2 import Corpus
    from vatrace.datasets.windows import LabelledClip
    from vatrace.models.checkpoint import FeatureSpec


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
        audio_dims=tuple(first.dims[name] for name in acoustic),
        identities={name: first.identities[name] for name in names},
    )
