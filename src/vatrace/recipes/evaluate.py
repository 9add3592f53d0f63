"""`vatrace evaluate`: score a model on a split of a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vatrace.errors import DatasetError, ModelError
from vatrace.files import write_json
from vatrace.recipes.train import labelled_clips
from vatrace.recipes.watch import SILENCE, Watch


def evaluate(
    model: Path,
    *,
    corpus: Path,
    features: Path,
    split: str = "test",
    watch: Watch = SILENCE,
) -> dict[str, Any]:  # Any: numbers and words, as JSON has them
    """Score a model: CCC over all labelled frames of a split, concatenated, as the ABAW challenge does it.

    Writes MODEL/predictions/<split>/*.csv and MODEL/scores-<split>.json, and prints the scores as JSON.

    Example: vatrace evaluate demo/run/fold0 --corpus demo/corpus --features demo/features

    Args:
        model: model folder.
        corpus: folder with annotations in the official layout.
        features: folder that `vatrace extract` wrote.
        split: train, validation or test.
    """
    from vatrace.datasets.affwild2 import SPLIT_FOLDERS, open_corpus
    from vatrace.inference.predictor import Predictor
    from vatrace.metrics import score_traces
    from vatrace.report.export import write_trace_csv
    from vatrace.training.temporal import check_no_overlap

    if split not in SPLIT_FOLDERS:
        raise ValueError(f"--split must be one of {', '.join(SPLIT_FOLDERS)}, got {split!r}.")
    opened = open_corpus(corpus)
    clips = labelled_clips(opened, features, opened.splits[split])
    predictor = Predictor.from_folder(model)
    tuned_on = predictor.model.provenance.get("encoder_tuned_on")
    if tuned_on is None:
        raise ModelError(f"{model} does not say which videos its encoder was tuned on, so no split can be trusted.")
    check_no_overlap(clips, tuned_on)
    pairs = []
    with watch.track(f"scoring the {split} split", len(clips)) as advance:
        for clip in clips:
            prediction = predictor.trace(clip.features.read())
            write_trace_csv(model / "predictions" / split / f"{clip.features.clip}.csv", prediction)
            pairs.append((prediction, clip.label))
            advance(1)
    score = score_traces(pairs)
    if not score.frames:
        raise DatasetError(f"the {split} split of {corpus} has no labelled frame, so there is nothing to score.")
    scores = {
        "valence_ccc": round(score.valence_ccc, 6),
        "arousal_ccc": round(score.arousal_ccc, 6),
        "mean_ccc": round(score.mean_ccc, 6),
        "split": split,
        "fold": predictor.model.provenance.get("fold"),
        "seed": predictor.model.provenance.get("seed"),
        "clips": len(clips),
        "frames": score.frames,
        "data": predictor.model.provenance.get("remark") or corpus.name,
    }
    write_json(model / f"scores-{split}.json", scores)
    return scores
