"""Clips of a corpus with features and labels, as training and scoring take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vatrace.errors import FeatureError, NothingFound

if TYPE_CHECKING:
    from vatrace.datasets.clips import Clip, Corpus
    from vatrace.datasets.label_repair import Repair
    from vatrace.datasets.windows import LabelledClip
    from vatrace.features.store import FeatureFile
    from vatrace.models.checkpoint import FeatureSpec
    from vatrace.streams import Trace


def labelled_clips(corpus: Corpus, features: Path, clips: Sequence[str]) -> list[LabelledClip]:
    """Clips of a corpus with their labels, on the features' clock.

    Raises:
        NothingFound: one has no features. Leaving it out would make the split, and the score, another.
    """
    from vatrace.datasets.windows import LabelledClip
    from vatrace.features.store import open_features

    missing = [clip for clip in clips if not (features / f"{clip}.safetensors").is_file()]
    if missing or not clips:
        raise NothingFound(
            f"{len(missing)} of {len(clips)} clips of this split of {corpus.folder} have no features in {features} "
            f"({', '.join(missing[:3])}); `vatrace extract` makes them."
        )
    files = [open_features(features / f"{clip}.safetensors") for clip in clips]
    found = [corpus.clip(clip) for clip in clips]
    return [
        LabelledClip(file, clip.label(file.read_times()), clip.source) for clip, file in zip(found, files, strict=True)
    ]


def repaired(clips: Sequence[LabelledClip], repair: Repair, expressions: Path | None) -> list[LabelledClip]:
    """Clips to learn from, with what is to become of their unlabelled frames.

    Args:
        clips: to learn from; never ones to score or to choose by.
        repair: in which way.
        expressions: folder of the expression annotations of the training split.

    Raises:
        NothingFound: none of the clips has an expression annotation.
    """
    from vatrace.datasets.label_repair import (
        expression_means,
        fill_from_expressions,
        interpolate_labels,
        read_expressions,
    )

    if repair == "mask":
        return list(clips)
    if repair == "interpolate":
        return [replace(clip, label=interpolate_labels(clip.label)) for clip in clips]
    assert expressions is not None, "a training refuses to be without"
    files = {clip.features.clip: expressions / f"{clip.features.clip}.txt" for clip in clips}
    told = {name: read_expressions(path) for name, path in files.items() if path.is_file()}
    if not told:
        raise NothingFound(f"{expressions} has no expression annotation (<clip>.txt) of any of these clips.")
    means = expression_means((clip.label, told[clip.features.clip]) for clip in clips if clip.features.clip in told)
    return [
        replace(clip, label=fill_from_expressions(clip.label, told[clip.features.clip], means))
        if clip.features.clip in told
        else clip
        for clip in clips
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


def faces_of(features: FeatureFile) -> str:
    """Where the faces of some features come from."""
    from vatrace.features.extract import FACES

    return features.identities.get(FACES, "found in the film")


def check_faces(provenance: Mapping[str, Any], features: FeatureFile) -> None:  # Any: plain data of YAML
    """Refuse features whose faces come from elsewhere than those that a model has learned from.

    Raises:
        FeatureError: they do. Pictures that are cut in another way look different to the encoder.
    """
    learned, given = provenance.get("faces"), faces_of(features)
    if learned is not None and learned != given:
        raise FeatureError(
            f"the model has learned from faces that are {learned}, and those of {features.path} are {given}; extract "
            "the features in the way of the model, with or without --faces official."
        )


def labels_by_frame(clip: Clip, num_frames: int) -> Trace:
    """Labels of the first frames of a clip; its video is only gone through where they have times of their own."""
    import numpy as np

    from vatrace.media.video import read_times

    if not clip.has_own_times:
        return clip.label(np.arange(num_frames, dtype=np.float64)).cut(0, num_frames)
    if clip.video is None:
        raise NothingFound(f"the labels of {clip.name} have times, and there is no video to know its frames' times by.")
    return clip.label(read_times(clip.video)[:num_frames])
