"""`vatrace evaluate`: score a model on the clips of its fold that were kept for that, or on a split of a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from vatrace.errors import ModelError
from vatrace.recipes.watch import SILENCE, Watch


def evaluate(
    model: Path,
    *,
    corpus: Path,
    features: Path,
    split: str = "",
    without_face: Literal["model", "interpolate"] = "model",
    watch: Watch = SILENCE,
) -> dict[str, Any]:  # Any: numbers and words, as JSON has them
    """Score a model: CCC over all labelled frames of a set of clips, concatenated, as the ABAW challenge does it.

    Writes MODEL/predictions/<set>/*.csv and MODEL/scores-<set>.json, and prints the scores as JSON. selection_mean_ccc
    is the score the epoch was chosen by; it is not the score of the model.

    Example: vatrace evaluate demo/run/fold0 --corpus demo/corpus --features demo/features

    Args:
        model: model folder.
        corpus: folder of a corpus: Aff-Wild2 as unpacked, or one with a manifest.csv (docs/data.md).
        features: folder that `vatrace extract` wrote.
        without_face: model keeps what the model says of such a frame from the voice; interpolate takes it from the
            frames around it that have a face, as `vatrace submission make` does.
        split: train, validation or test; without it, the clips that the model's fold keeps for scoring.
    """
    from vatrace.datasets.clips import LABELLED_SPLITS
    from vatrace.datasets.corpus import open_corpus
    from vatrace.models.checkpoint import load_model
    from vatrace.recipes.labelled import labelled_clips
    from vatrace.recipes.one_fold import score_set, tell_of_flat_truth

    if split and split not in LABELLED_SPLITS:
        raise ValueError(f"--split must be one of {', '.join(LABELLED_SPLITS)}, got {split!r}.")
    opened = open_corpus(corpus)
    about = load_model(model).provenance
    if not split and not about.get("scored_clips"):
        raise ModelError(f"{model} does not say which clips are kept for scoring it; name some with --split.")
    chosen = opened.splits[split] if split else tuple(about["scored_clips"])
    name = split or str(about["scored_name"])
    learned = set(about.get("train_clips", ())) & set(chosen)
    if learned:
        watch.say(f"the model has learned from {len(learned)} of these {len(chosen)} clips: this is no test of it.")
    chose = set(about.get("validation_clips", ())) & set(chosen)
    if chose and not about.get("selection_is_scored"):
        watch.say(
            f"{len(chose)} of these {len(chosen)} clips have chosen the model's epoch: their score is optimistic."
        )
    if about.get("selection_is_scored"):
        watch.say("the epoch was chosen by the fold's scored clips, so their score is optimistic.")
    clips = labelled_clips(opened, features, chosen)
    tell_of_flat_truth(clips, "are scored", watch)
    with watch.track(f"scoring {name}", len(clips)) as advance:
        scores = score_set(model, clips, name, without_face=without_face, on_clip=advance)
    return {name: value for name, value in scores.items() if name not in ("by_clip", "sources", "key")}
