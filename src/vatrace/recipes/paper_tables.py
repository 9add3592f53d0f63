"""Scores of runs as the paper's tables: Table I by fold, Tables III and IV by row."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from vatrace.recipes.rows import Row
from vatrace.recipes.trainings import Scores

if TYPE_CHECKING:
    from vatrace.metrics import Score
    from vatrace.report.tables import Cell, Number, Table

TITLES = {
    1: "Table I: CCC of BDCA by fold",
    3: "Table III: visual features, without BDCA",
    4: "Table IV: BDCA and its parts",
}
PAPER_COLUMNS = ("Paper: valence", "Paper: arousal", "Paper: average")
NOT_MEASURED = "not measured"
_KEYS = ("valence_ccc", "arousal_ccc", "mean_ccc")


@dataclass(frozen=True, kw_only=True)
class Result:
    """A row with the scores of its runs by fold, one for each seed; a fold that failed is not there."""

    row: Row
    runs: Mapping[int, Sequence[Scores]]


@dataclass(frozen=True, kw_only=True)
class About:
    """What every table says beside its figures.

    Args:
        caption: what was measured on what, in one sentence.
        facts: data, seeds, command and so on.
        shows_paper: whether the data are those of the paper, so that its figures may stand beside ours.
        notes: sentences for below the tables.
    """

    caption: str
    facts: Mapping[str, str]
    shows_paper: bool
    notes: tuple[str, ...] = ()


def paper_table(number: int, results: Sequence[Result], about: About) -> Table:
    """One table of the paper, with what was measured here."""
    chosen = [result for result in results if result.row.table == number]
    return _table_by_fold(chosen, about) if number == 1 else _table_by_row(number, chosen, about)


def single_modality_table(results: Sequence[Result], about: About) -> Table | None:
    """What each fusion of Table IV has more than each modality alone; None where no modality was run alone."""
    from vatrace.report.tables import Table

    chosen = [result for result in results if result.row.table == 4]
    alone = [result for result in chosen if _fusion(result) in ("visual", "audio")]
    fused = [result for result in chosen if _fusion(result) in ("concat", "bdca")]
    if not alone or not fused:
        return None
    rows: list[tuple[Cell, ...]] = [
        (result.row.title, *(_difference(result, single, result.row.folds[0]) for single in alone)) for result in fused
    ]
    return Table(
        name="table4-single-modalities",
        title="What each fusion of Table IV has more than each modality alone",
        caption=about.caption,
        columns=("Method", *(f"Average, less that of {single.row.title}" for single in alone)),
        rows=tuple(rows),
        facts=about.facts,
        notes=(
            "[low, high] is the 95 % interval over draws of people, on the same draws for both models.",
            *about.notes,
        ),
    )


def _fusion(result: Result) -> str:
    return str(result.row.model.get("fusion", "bdca"))


def fold_table(name: str, title: str, result: Result, about: About) -> Table:
    """A table of one model by fold, with mean and spread over folds 1 to 5."""
    from vatrace.report.tables import Table

    columns = ("Fold", "Scored on", "Valence", "Arousal", "Average", "Selection: average")
    rows = tuple(row[: len(columns)] for row in _fold_rows(result, about))
    notes = (*_NOTES, *about.notes)
    return Table(
        name=name, title=title, caption=about.caption, columns=columns, rows=rows, facts=about.facts, notes=notes
    )


def plain_results(results: Iterable[Result]) -> list[dict[str, Any]]:  # Any: as JSON has it
    """Results with what intervals need: for each row and run the statistics of every clip."""
    return [
        {
            "row": result.row.name,
            "title": result.row.title,
            "table": result.row.table,
            "ours": result.row.ours,
            "runs": [dict(scores) for runs in result.runs.values() for scores in runs],
        }
        for result in results
    ]


_NOTES = (
    "± is the standard deviation over seeds (n - 1); the figure before it is their mean.",
    "[low, high] is the 95 % percentile interval over draws of people, or video sources, with replacement; the mean "
    "over seeds is taken within each draw. It says how the figure may vary with who is scored, not with who was "
    "learned from.",
    '"Selection: average" is the score of the clips that the epoch was chosen by. It is no score of the model.',
)


def _table_by_fold(results: Sequence[Result], about: About) -> Table:
    from vatrace.report.tables import Table

    rows: list[tuple[Cell, ...]] = []
    for result in results:
        if len(result.row.folds) > 1:
            rows += _fold_rows(result, about)
        else:
            fold = result.row.folds[0]
            rows.append((result.row.title, *_fold_cells(result, fold), *_paper_cells(result.row, fold, about)))
    return Table(
        name="table1",
        title=TITLES[1],
        caption=about.caption,
        columns=("Fold", "Scored on", "Valence", "Arousal", "Average", "Selection: average", *PAPER_COLUMNS),
        rows=tuple(rows),
        facts=about.facts,
        notes=(*_NOTES, *_row_notes(results), *about.notes),
    )


def _fold_rows(result: Result, about: About) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [
        (f"Fold {fold}", *_fold_cells(result, fold), *_paper_cells(result.row, fold, about))
        for fold in result.row.folds
    ]
    from vatrace.datasets.splits import NUM_PARTS

    parts = [fold for fold in result.row.folds if fold > 0 and fold in result.runs]
    if len(parts) > 1:
        which = f"{parts[0]} to {parts[-1]}" if len(parts) == NUM_PARTS else ", ".join(map(str, parts))
        name = f"Folds {which}: mean ± sd over folds"
        ours = [_over_folds([_means(result.runs[fold])[at] for fold in parts]) for at in range(3)]
        paper = [result.row.paper[fold] for fold in parts if fold in result.row.paper]
        theirs: tuple[Cell, ...] = (None, None, None)
        if about.shows_paper and len(paper) == len(parts):
            theirs = tuple(_over_folds([values[at] for values in paper]) for at in range(3))
        rows.append((name, None, *ours, None, *theirs))
    return rows


def _fold_cells(result: Result, fold: int) -> tuple[Cell, ...]:
    """What was scored, the three figures, and the score the epoch was chosen by."""
    runs = result.runs.get(fold)
    if not runs:
        return (None, NOT_MEASURED, NOT_MEASURED, NOT_MEASURED, None)
    return (_scored_on(runs[0]), *_figures(runs), _selection(runs))


def _table_by_row(number: int, results: Sequence[Result], about: About) -> Table:
    from vatrace.report.tables import Table

    reference = next((result for result in results if result.row.reference), None)
    name = reference.row.title if reference else "the reference"
    columns = ("Method", "In the paper", "Valence", "Arousal", "Average", f"Difference to {name}", "Selection: average")
    rows = []
    for result in results:
        fold = result.row.folds[0]
        _, *figures, selection = _fold_cells(result, fold)
        in_paper = "no, ours" if result.row.ours else "yes"
        difference = _difference(result, reference, fold)
        theirs = _paper_cells(result.row, None, about)
        rows.append((result.row.title, in_paper, *figures, difference, selection, *theirs))
    paper_note = (
        "The paper does not say of which fold its figures are; where they equal a fold of its Table I, it is 3."
    )
    return Table(
        name=f"table{number}",
        title=TITLES[number],
        caption=about.caption,
        columns=(*columns, *PAPER_COLUMNS),
        rows=tuple(rows),
        facts=about.facts,
        notes=(
            *_NOTES,
            "Differences are of the average, on the same draws of people for both models.",
            *([paper_note] if about.shows_paper else []),
            *_row_notes(results),
            *about.notes,
        ),
    )


def _figures(runs: Sequence[Scores]) -> tuple[Cell, ...]:
    from vatrace.report.intervals import ccc_interval
    from vatrace.report.tables import Number

    seeds = [by_source(scores) for scores in runs]
    found = [ccc_interval(seeds, dimension) for dimension in ("valence", "arousal", "mean")]
    return tuple(
        Number(
            value=statistics.fmean(scores[key] for scores in runs),
            sd=_spread([scores[key] for scores in runs]),
            interval=(interval.low, interval.high) if interval else None,
        )
        for key, interval in zip(_KEYS, found, strict=True)
    )


def _difference(result: Result, reference: Result | None, fold: int) -> Cell:
    from vatrace.report.intervals import difference_interval
    from vatrace.report.tables import Number

    if reference is None or result is reference or not result.runs.get(fold) or not reference.runs.get(fold):
        return None
    ours, theirs = ([by_source(scores) for scores in each.runs[fold]] for each in (result, reference))
    if set(ours[0]) != set(theirs[0]):
        return None  # scored on other clips, so there is nothing to pair
    found = difference_interval(ours, theirs)
    value = _means(result.runs[fold])[2] - _means(reference.runs[fold])[2]
    return Number(value=value, interval=(found.low, found.high) if found else None, is_difference=True)


def by_source(scores: Scores) -> dict[str, Score]:
    """Statistics by source, which is a video, a subject or a group of both, from those of the clips."""
    from vatrace.datasets.splits import source_of
    from vatrace.metrics import CccStatistics, Score

    parts: dict[str, list[dict[str, dict[str, float]]]] = {}
    sources = scores.get("sources", {})
    for clip, found in scores["by_clip"].items():
        parts.setdefault(sources.get(clip) or source_of(clip), []).append(found)

    def total(name: str, found: Sequence[dict[str, dict[str, Any]]]) -> CccStatistics:  # Any: counts are whole numbers
        return reduce(CccStatistics.__add__, (CccStatistics(**each[name]) for each in found))

    return {
        source: Score(valence=total("valence", found), arousal=total("arousal", found))
        for source, found in parts.items()
    }


def _paper_cells(row: Row, fold: int | None, about: About) -> tuple[Cell, ...]:
    """Valence, arousal and average of the paper for a fold, or for the one fold that it gives."""
    from vatrace.report.tables import Number

    known = row.paper if fold is None else {key: value for key, value in row.paper.items() if key == fold}
    if not about.shows_paper or not known:
        return (None, None, None)
    return tuple(Number(value) for value in next(iter(known.values())))


def _selection(runs: Sequence[Scores]) -> Number:
    from vatrace.report.tables import Number

    values = [scores["selection_mean_ccc"] for scores in runs]
    return Number(statistics.fmean(values), sd=_spread(values))


def _scored_on(scores: Scores) -> str:
    people = len(by_source(scores))
    return f"{scores['split']}: {scores['frames']} frames, {scores['clips']} clip(s) of {people} source(s)"


def _means(runs: Sequence[Scores]) -> list[float]:
    return [statistics.fmean(scores[key] for scores in runs) for key in _KEYS]


def _over_folds(values: Sequence[float]) -> Number:
    from vatrace.report.tables import Number

    return Number(statistics.fmean(values), sd=_spread(values))


def _spread(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None


def _row_notes(results: Sequence[Result]) -> list[str]:
    return [f"{result.row.title}: {result.row.note}" for result in results if result.row.note]
