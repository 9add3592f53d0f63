"""`vatrace crossval`: train and score one model on every fold."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from vatrace import __version__
from vatrace.config import ModelConfig, TrainConfig, WindowConfig
from vatrace.errors import DatasetError
from vatrace.files import write_json
from vatrace.recipes.one_fold import Training, divide, reference_to, tell_of_division
from vatrace.recipes.paper_tables import About, Result, fold_table, plain_results
from vatrace.recipes.rows import Row
from vatrace.recipes.synth import remark_of
from vatrace.recipes.trainings import Run, run_folder, train_and_score
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

_DIVIDED = {
    "group5": "divide by video source, seed {seed}",
    "sucv": "are the six-way roll of older systems, which can learn from and score parts of one source",
}


def crossval(
    corpus: Path,
    *,
    features: Path,
    encoder: Path,
    out: Path,
    acoustic: tuple[str, ...] = ("mfcc",),
    folds: tuple[int, ...] = (),
    seeds: tuple[int, ...] = (0,),
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
    watch: Watch = SILENCE,
) -> BatchResult:
    """Train and score one model on every fold, and write one table: each fold, then mean and spread.

    Writes OUT/model/seed<s>/fold<k>/ and OUT/crossval.md, .csv, .html and .json. What is finished is kept, so the same
    command goes on after a stop. The models hold a reference to the encoder and no copy of it.

    Example: vatrace crossval demo/corpus --features demo/features --encoder demo/encoder --out runs --folds 0,1

    Args:
        corpus: folder of a corpus: Aff-Wild2 as unpacked, or one with a manifest.csv (docs/data.md).
        features: folder that `vatrace extract` wrote.
        encoder: the encoder folder the features were made with; clips it was tuned on are left out.
        out: folder to write.
        acoustic: which acoustic features to use, in order.
        folds: 0 is the split that the corpus brings; 1 to 5 divide its training and validation clips by video source.
            Without it all of them, 0 only where the corpus has such a split.
        seeds: each fold is trained once with each.
        fold_seed: of the division into folds.
        selection: apart chooses each epoch by clips that are not scored; scored by the scored ones, as the paper does,
            which is optimistic.
        scheme: how folds 1 to 5 divide: group5 by source, or sucv, the six-way roll of older systems.
        repair: unlabelled frames of what is learned from are masked, interpolated in time, or filled from expressions.
        expressions: folder of expression annotations, only with --repair expressions; challenge rules forbid that.
        model: which model, and its sizes.
        window: how clips are cut.
        config: how to train; its seed is one of the seeds above.
        remark: a sentence that goes with the models, such as what their data are.
        workers: processes; 0 takes one a core.
    """
    from vatrace.datasets.label_repair import RULES_WARNING
    from vatrace.report.tables import to_markdown, write_table

    if not seeds:
        raise ValueError("--seeds must name at least one, got none.")
    common = Training(
        corpus=corpus,
        features=features,
        encoder=reference_to(encoder),
        acoustic=tuple(acoustic),
        model=model,
        window=window,
        config=config,
        fold_seed=fold_seed,
        selection=selection,
        scheme=scheme,
        repair=repair,
        expressions=expressions,
        remark=remark or remark_of(corpus),
    )
    folds = folds or _folds_of(common, watch)
    runs = [
        Run(
            row="model",
            training=replace(common, fold=fold, config=replace(config, seed=seed)),
            folder=run_folder(out, "model", fold=fold, seed=seed),
        )
        for fold in folds
        for seed in seeds
    ]
    for fold in folds:
        with suppress(DatasetError):  # said by the training itself, which stops no other
            tell_of_division(*divide(replace(common, fold=fold)), watch)
    if repair == "expressions":
        watch.say(RULES_WARNING)
    scores, failed = train_and_score(runs, workers=workers, watch=watch)
    row = Row(name="model", table=1, order=1, title="crossval", folds=folds)
    by_fold = {
        fold: [scores[run.folder] for run in runs if run.training.fold == fold and run.folder in scores]
        for fold in folds
    }
    result = Result(row=row, runs={fold: found for fold, found in by_fold.items() if found})
    apart = "clips that are neither learned from nor scored"
    about = About(
        caption=_caption(corpus, remark),
        facts={
            "data": corpus.name,
            "folds": ("0 is the corpus's own split; " if 0 in folds else "")
            + f"1 to 5 {_DIVIDED[scheme]}".format(seed=fold_seed),
            "unlabelled frames of what is learned from": repair,
            "seeds": ", ".join(map(str, seeds)),
            "epoch chosen by": apart if selection == "apart" else "the scored clips themselves: optimistic",
            "command": f"vatrace crossval {corpus} --features {features} --encoder {encoder} --out {out} ...",
            "version": f"vatrace {__version__}",
        },
        shows_paper=False,
    )
    table = fold_table("crossval", "CCC by fold", result, about)
    watch.say(to_markdown(table))
    write_json(out / "crossval.json", {"facts": dict(about.facts), "rows": plain_results([result])})
    return BatchResult((*write_table(out, table), out / "crossval.json"), tuple(failed))


def _folds_of(common: Training, watch: Watch) -> tuple[int, ...]:
    """All folds that a corpus has."""
    from vatrace.datasets.corpus import open_corpus
    from vatrace.datasets.splits import NUM_PARTS, fold

    divided = tuple(range(1, NUM_PARTS + 1))
    try:
        fold(open_corpus(common.corpus).splits, 0, selection=common.selection)
    except DatasetError:
        watch.say("fold 0 is left out: the corpus brings no split to choose the epoch by and to score.")
        return divided
    return (0, *divided)


def _caption(corpus: Path, remark: str) -> str:
    if remark_of(corpus):
        return "CCC on drawn faces of a procedural corpus, which is no evidence about people."
    return remark or f"CCC on {corpus.name}."
