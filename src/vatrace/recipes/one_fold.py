"""Train a model on one fold and score it: what `train`, `evaluate`, `crossval` and `reproduce` share.

    FOLDER/{config.yaml, model.safetensors, metrics.jsonl, scores-<set>.json, predictions/<set>/<clip>.csv}

A `Training` is plain data, so that it can be handed to another process. What is there already and was made from the
same clips, features, labels and settings is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vatrace.config import ModelConfig, TrainConfig, WindowConfig, to_dict
from vatrace.errors import DatasetError, FeatureError, ModelError
from vatrace.files import hash_of, sha256_of, write_json
from vatrace.recipes.labelled import check_faces, faces_of, feature_spec, labelled_clips, repaired
from vatrace.recipes.watch import Watch

if TYPE_CHECKING:
    from vatrace.datasets.clips import Corpus
    from vatrace.datasets.label_repair import Repair
    from vatrace.datasets.splits import Fold, Scheme, Selection
    from vatrace.datasets.submission_values import WithoutFace
    from vatrace.datasets.windows import LabelledClip
    from vatrace.metrics import Score
    from vatrace.models.checkpoint import FeatureSpec
    from vatrace.streams import Trace
    from vatrace.training.progress import OnStep
    from vatrace.training.world import World


FLAT = 1e-6  # a thousandth of the steps in which valence and arousal are annotated


@dataclass(frozen=True, kw_only=True)
class EncoderReference:
    """Which encoder made the features, and which videos it was tuned on."""

    folder: Path
    identity: str
    tuned_on: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Training:
    """Everything that decides a model.

    Args:
        corpus: folder of Aff-Wild2 as unpacked, or with a manifest.csv.
        features: folder that `vatrace extract` wrote.
        encoder: what the features were made with.
        acoustic: which acoustic features, in order.
        model: sizes.
        window: how clips are cut.
        config: how to train.
        fold: 0 is the official split, 1 to 5 the cross-validation.
        fold_seed: of the division into folds.
        selection: how the clips to choose the epoch by are taken.
        scheme: how folds 1 to 5 divide.
        repair: what becomes of unlabelled frames of the clips that are learned from.
        expressions: folder of expression annotations, for `repair="expressions"`; wanted there, refused elsewhere.
        exclude: clips that have no role in any fold, beside those the encoder was tuned on.
        remark: a sentence that goes with the model.
    """

    corpus: Path
    features: Path
    encoder: EncoderReference
    acoustic: tuple[str, ...]
    model: ModelConfig
    window: WindowConfig
    config: TrainConfig
    fold: int = 0
    fold_seed: int = 0
    selection: Selection = "apart"
    scheme: Scheme = "group5"
    repair: Repair = "mask"
    expressions: Path | None = None
    exclude: tuple[str, ...] = ()
    remark: str = ""

    def __post_init__(self) -> None:
        if (self.repair == "expressions") != (self.expressions is not None):
            raise ValueError(
                "to fill labels from expression labels, which challenge rules forbid, both --repair expressions and "
                f"--expressions FOLDER are needed; got --repair {self.repair} and --expressions {self.expressions}."
            )


def reference_to(encoder: Path) -> EncoderReference:
    """Load an encoder folder once, to know it afterwards by its identity."""
    from vatrace.features.visual import load_encoder

    loaded = load_encoder(encoder)
    return EncoderReference(folder=encoder, identity=loaded.identity, tuned_on=loaded.tuned_on)


def divide(training: Training) -> tuple[Corpus, Fold]:
    """The corpus of a training, and its fold."""
    from vatrace.datasets.corpus import open_corpus
    from vatrace.datasets.splits import fold

    corpus = open_corpus(training.corpus)
    made = fold(
        corpus.splits,
        training.fold,
        seed=training.fold_seed,
        selection=training.selection,
        scheme=training.scheme,
        sources=corpus.sources,
        exclude={*training.encoder.tuned_on, *training.exclude},
    )
    return corpus, made


def tell_of_division(corpus: Corpus, fold: Fold, watch: Watch) -> None:
    """Say of a fold what its score would not show: that the same people are learned from and scored."""
    from vatrace.datasets.splits import leaks

    shared = leaks(fold, corpus.sources)
    if shared:
        watch.say(
            f"fold {fold.number}: parts of {len(shared)} sources ({', '.join(shared[:3])}) are learned from, and other "
            "parts are scored or choose the epoch, so the score is optimistic."
        )


def tell_of_flat_truth(clips: Sequence[LabelledClip], doing: str, watch: Watch) -> None:
    """Say where the truth of some clips is one value throughout, of which no CCC can be taken.

    Args:
        clips: with their labels.
        doing: what they do, such as "are scored".
        watch: told.
    """
    import numpy as np

    for name in ("valence", "arousal"):
        values = np.concatenate([getattr(clip.label, name)[clip.label.valid] for clip in clips])
        if len(values) and np.ptp(values) < FLAT:
            watch.say(
                f"the {name} of the clips that {doing} is {values[0] + 0.0:.3g} in all {len(values)} labelled frames, "
                "so its CCC means nothing: it is 0 whatever a model says."
            )


def tell_of_choice(model: Path, watch: Watch) -> None:
    """Say which epoch a trained fold has kept, and by what."""
    about = provenance_of(model)
    watch.say(
        f"epoch {about['best_epoch']} is kept: mean CCC {about['validation_mean_ccc']:.3f} on the clips that choose it "
        f"({len(about['validation_clips'])}). `vatrace evaluate` scores it on those kept for that "
        f"({about['scored_name']}, {len(about['scored_clips'])})."
    )


def train_one_fold(
    training: Training, out: Path, *, world: World | None = None, workers: int = 0, on_step: OnStep | None = None
) -> Path:
    """Train on a fold's training clips, keep the epoch that is best on its selection clips, and write a model folder.

    Args:
        training: what to train.
        out: model folder.
        world: the processes that train it together, and their device; this one alone on the CPU if None.
        workers: processes that load ahead.
        on_step: told after each step.

    Raises:
        FeatureError: the features were not made by the encoder, or not all in the same way.
        NothingFound: a clip has no features.
    """
    from vatrace.features.extract import VISUAL
    from vatrace.models.checkpoint import save_model
    from vatrace.training.progress import silent
    from vatrace.training.temporal import TemporalSetup, check_no_overlap, train_temporal
    from vatrace.training.world import ALONE

    world = world or ALONE
    corpus, fold = divide(training)
    train_clips = repaired(labelled_clips(corpus, training.features, fold.train), training.repair, training.expressions)
    selection_clips = labelled_clips(corpus, training.features, fold.selection)
    check_no_overlap([*train_clips, *selection_clips], training.encoder.tuned_on)
    spec = feature_spec([*train_clips, *selection_clips], training.acoustic)
    if spec.identities[VISUAL] != training.encoder.identity:
        raise FeatureError(
            f"the features in {training.features} were made by {spec.identities[VISUAL]}, but "
            f"{training.encoder.folder} is {training.encoder.identity}; name the encoder they were made with."
        )
    settings = _settings(training, spec, (train_clips, selection_clips))
    there = provenance_of(out)
    if there.get("settings") == settings and there.get("scored_clips") == list(fold.scored):
        return out
    setup = TemporalSetup(
        features=spec,
        model=training.model,
        window=training.window,
        train=training.config,
        provenance=_origin(training, fold) | {"settings": settings, "faces": faces_of(train_clips[0].features)},
    )
    trained = train_temporal(
        train_clips, selection_clips, setup, out, world=world, workers=workers, on_step=on_step or silent
    )
    if world.is_first:
        save_model(out, trained)
    return out


def score_one_fold(training: Training, model: Path) -> dict[str, Any]:  # Any: numbers and words, as JSON has them
    """Score a trained fold on its scored clips; the scores of this very model are kept.

    Returns:
        What `score_set` returns, with `selection_mean_ccc`, the score that the epoch was chosen by.
    """
    from vatrace.models.checkpoint import WEIGHTS

    corpus, fold = divide(training)
    clips = labelled_clips(corpus, training.features, fold.scored)
    key = hash_of([sha256_of(model / WEIGHTS), _digest(clips)])
    try:
        there: dict[str, Any] = json.loads((model / f"scores-{fold.scored_name}.json").read_text("utf-8"))
        if there["key"] == key:
            return there
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there, or not whole: scored again
    return score_set(model, clips, fold.scored_name)


def score_set(
    model: Path,
    clips: Sequence[LabelledClip],
    name: str,
    *,
    without_face: WithoutFace = "model",
    on_clip: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Score a model on clips and write what came out; `without_face` is as in `vatrace submission make`.

    Writes MODEL/predictions/<name>/<clip>.csv and MODEL/scores-<name>.json.

    Raises:
        ModelError: the model does not say which videos its encoder was tuned on.
        DatasetError: the encoder was tuned on one of them, or none has a labelled frame.
    """
    from vatrace.datasets.submission_values import counting_frames
    from vatrace.inference.predictor import Predictor
    from vatrace.metrics import score_traces
    from vatrace.models.checkpoint import WEIGHTS
    from vatrace.report.export import write_trace_csv
    from vatrace.training.temporal import check_no_overlap

    predictor = Predictor.from_folder(model)
    about = predictor.model.provenance
    tuned_on = about.get("encoder_tuned_on")
    if tuned_on is None:
        raise ModelError(f"{model} does not say which videos its encoder was tuned on, so no set can be trusted.")
    check_no_overlap(clips, tuned_on)
    pairs: list[tuple[Trace, Trace]] = []
    by_clip: dict[str, dict[str, dict[str, float]]] = {}
    for clip in clips:
        check_faces(about, clip.features)
        prediction = predictor.trace(clip.features.read())
        write_trace_csv(model / "predictions" / name / f"{clip.features.clip}.csv", prediction)
        counting = counting_frames(prediction, without_face)
        pairs.append((replace(prediction, valid=counting), clip.label))
        by_clip[clip.features.clip] = _statistics(score_traces(pairs[-1:]))
        if on_clip is not None:
            on_clip(1)
    score = score_traces(pairs)
    if not score.frames:
        raise DatasetError(f"no frame of the set {name!r} is labelled, so there is nothing to score.")
    scores = {
        **_rounded(score),
        "split": name,
        "fold": about.get("fold"),
        "seed": about.get("seed"),
        "clips": len(clips),
        "frames": score.frames,
        "without_face": without_face,
        "selection_mean_ccc": about.get("validation_mean_ccc"),
        "selection_is_scored": about.get("selection_is_scored"),
        "data": about.get("remark") or about.get("corpus"),
        "key": hash_of([sha256_of(model / WEIGHTS), _digest(clips)]),
        "by_clip": by_clip,
        "sources": {clip.features.clip: clip.source for clip in clips},
    }
    write_json(model / f"scores-{name}.json", scores)
    return scores


def _origin(training: Training, fold: Fold) -> dict[str, Any]:  # Any: plain data for YAML
    return {
        "corpus": training.corpus.name,
        "fold": fold.number,
        "fold_seed": training.fold_seed,
        "split": "official" if fold.number == 0 else "by source" if training.scheme == "group5" else training.scheme,
        "seed": training.config.seed,
        "train_clips": list(fold.train),
        "validation_clips": list(fold.selection),
        "scored_clips": list(fold.scored),
        "scored_name": fold.scored_name,
        "label_repair": training.repair,
        "selection_is_scored": fold.selection_is_scored,
        "encoder": {"identity": training.encoder.identity, "path": str(training.encoder.folder)},
        "encoder_tuned_on": list(training.encoder.tuned_on),
        "remark": training.remark,
    }


def _settings(training: Training, spec: FeatureSpec, roles: Sequence[Sequence[LabelledClip]]) -> str:
    """Hash of all that a model depends on."""
    how = [to_dict(training.model), to_dict(training.window), to_dict(training.config), dict(spec.identities)]
    rule = [training.fold, training.fold_seed, training.selection, training.remark, list(training.acoustic)]
    rule += [training.scheme] if training.scheme != "group5" else []
    return hash_of([how, rule, [_digest(clips) for clips in roles]])


def _digest(clips: Sequence[LabelledClip]) -> str:
    """Tells clips with their videos, features and labels from others."""
    import numpy as np

    return hash_of(
        [
            (
                clip.features.clip,
                clip.features.source_sha256,
                dict(clip.features.identities),
                np.where(clip.label.valid, [clip.label.valence, clip.label.arousal], 2.0).tolist(),  # 2 is no label
            )
            for clip in clips
        ]
    )


def provenance_of(model: Path) -> Mapping[str, Any]:  # Any: plain data of YAML
    """Where a finished model comes from; empty where there is none, or one that is not whole."""
    import yaml

    from vatrace.models.checkpoint import CONFIG, WEIGHTS

    try:
        about = yaml.safe_load((model / CONFIG).read_text("utf-8"))
        is_whole = sha256_of(model / WEIGHTS) == about["weights_sha256"]
        return dict(about["provenance"]) if is_whole else {}
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return {}


def _statistics(score: Score) -> dict[str, dict[str, float]]:
    return {"valence": asdict(score.valence), "arousal": asdict(score.arousal)}


def _rounded(score: Score) -> dict[str, float]:
    return {
        "valence_ccc": round(score.valence_ccc, 6),
        "arousal_ccc": round(score.arousal_ccc, 6),
        "mean_ccc": round(score.mean_ccc, 6),
    }
