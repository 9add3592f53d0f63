"""`vatrace reproduce`: tables and figures of the paper, from one command.

Corpus -> crops -> masked autoencoder -> fine-tuning -> features -> every row, fold and seed -> scores -> tables. Each
stage keeps what is there, so the same command goes on after a stop and does only what is missing.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from vatrace import __version__
from vatrace.errors import VatraceError
from vatrace.files import write_json
from vatrace.recipes.gates import GatedRow, write_gates
from vatrace.recipes.materials import Data, Workshop, drawn_data, encoder_kinds, given_data
from vatrace.recipes.one_fold import EncoderReference, Training, reference_to
from vatrace.recipes.paper_tables import TITLES, About, Result, paper_table, plain_results, single_modality_table
from vatrace.recipes.rows import EncoderKind, Row, Size, load_rows, load_size
from vatrace.recipes.trainings import Failure, Run, Scores, run_folder, train_and_score
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

PAPER_SIZE, DRAWN_SIZE = "paper", "drawn"
Selection = Literal["apart", "scored"]


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What was asked for, and how."""

    rows: tuple[Row, ...]
    figures: tuple[int, ...]
    size: Size
    seeds: tuple[int, ...]
    selection: Selection
    fold_seed: int
    command: str


@dataclass(frozen=True, kw_only=True)
class _Made:
    """What came of it: scores by model folder, and what failed."""

    scores: Mapping[Path, Scores] = field(default_factory=dict)
    failed: tuple[tuple[str, Failure], ...] = ()
    without_features: tuple[str, ...] = ()


def reproduce(
    *,
    out: Path = Path("reproduced"),
    data: Path | None = None,
    table: Literal[1, 3, 4] | None = None,
    figure: Literal[4, 5] | None = None,
    all: bool = False,
    size: str = "",
    seeds: tuple[int, ...] = (),
    only: tuple[str, ...] = (),
    external: str = "",
    external_weights: Path | None = None,
    weights: Path | None = None,
    vggish_weights: Path | None = None,
    faces: Literal["found", "official"] = "found",
    selection: Selection = "apart",
    fold_seed: int = 0,
    workers: int = 0,
    watch: Watch = SILENCE,
) -> BatchResult:
    """Make a table or a figure of the paper: run what is missing, and write it as Markdown, CSV and HTML.

    With Aff-Wild2 (--data), ours stands beside the paper's. Without data a corpus of drawn faces is made first, and
    the paper's columns stay blank: figures on drawn faces are no evidence about people. Can be stopped at any moment;
    the same command goes on. A row that fails is listed, and the others go on.

    Example: vatrace reproduce --table 4 --out reproduced

    Args:
        out: folder to write; the tables and figures are in OUT/results.
        data: a corpus: Aff-Wild2 as unpacked, or a folder with a manifest.csv; without it faces are drawn.
        table: 1, 3 or 4.
        figure: 4 or 5.
        all: all tables and figures.
        size: paper, drawn, or a file like those in configs/sizes; paper where data are given, else drawn.
        seeds: of the trainings; those of the size if empty.
        only: names of the rows to run, as their files in configs/ are called; all if empty.
        external: encoder folder or timm network for the row of an encoder of others.
        external_weights: checkpoint for that network, a .pth or a safetensors file, instead of the hub's.
        weights: checkpoint of the masked autoencoder to start from, instead of the hub's.
        vggish_weights: the file vggish-10086976.pth, for sizes with VGGish.
        faces: found looks for them in the films; official takes the aligned pictures that the data bring.
        selection: apart chooses each epoch by clips that are not scored; scored by the scored ones, as the paper does,
            which is optimistic.
        fold_seed: of the division into folds 1 to 5.
        workers: processes; 0 takes one a core.
    """
    from vatrace.features.acoustic import acoustic_extractor

    chosen = size or (PAPER_SIZE if data else DRAWN_SIZE)
    loaded = load_size(chosen)
    wanted = _Wanted(
        rows=_rows(table, figure, all, only),
        figures=_figures(table, figure, all),
        size=loaded,
        seeds=(tuple(seeds) or loaded.seeds)[: 1 if figure else None],
        selection=selection,
        fold_seed=fold_seed,
        command=_command(locals()),
    )
    for name in loaded.acoustic if wanted.rows else ():
        acoustic_extractor(name, weights=vggish_weights)  # what is missing is said now, and not after days of tuning
    if faces == "official" and data is None:
        raise ValueError("--faces official takes the pictures that data bring, so it needs --data.")
    source = given_data(data, loaded) if data else drawn_data(out, loaded, workers=workers, watch=watch)
    workshop = Workshop(
        out=out,
        size=loaded,
        data=source,
        external=external,
        external_weights=external_weights,
        weights=weights,
        vggish_weights=vggish_weights,
        faces=faces,
        workers=workers,
        watch=watch,
    )
    if not external and any(row.encoder == "external" for row in wanted.rows):
        watch.say("no --external encoder was given, so its row stays empty.")
    made = _run(wanted, workshop)
    done = [] if figure else [*_write_tables(wanted, source, made, out), *_write_gates(wanted, source, made, out)]
    done += _draw_figures(wanted, source, out)
    return BatchResult(tuple(done), tuple((*workshop.failed, *made.failed)))


def _rows(table: int | None, figure: int | None, everything: bool, only: Sequence[str]) -> tuple[Row, ...]:
    if [table is not None, figure is not None, everything].count(True) != 1:
        raise ValueError("say one of --table 1, --table 3, --table 4, --figure 4, --figure 5 and --all.")
    known = load_rows()
    if figure == 4:  # the figure shows a prediction: BDCA on fold 0
        return tuple(replace(row, folds=(0,)) for row in known if row.table == 1 and len(row.folds) > 1)
    rows = [row for row in known if everything or row.table == table]
    unknown = sorted(set(only) - {row.name for row in rows})
    if unknown:
        raise ValueError(f"--only: no row {', '.join(unknown)}; there are {', '.join(row.name for row in rows)}.")
    return tuple(row for row in rows if not only or row.name in only)


def _figures(table: int | None, figure: int | None, everything: bool) -> tuple[int, ...]:
    if everything:
        return (4, 5)
    return () if figure is None else (figure,)


def _run(wanted: _Wanted, workshop: Workshop) -> _Made:
    """Train and score every row, fold and seed; rows whose encoder or features cannot be made are left out."""
    encoders: dict[EncoderKind, Path] = {}
    references: dict[EncoderKind, EncoderReference] = {}
    failed: list[tuple[str, Failure]] = []
    for kind in encoder_kinds([row.encoder for row in wanted.rows]):
        if kind == "external" and not workshop.external:
            continue
        try:
            folder = workshop.encoder(kind)
            references[kind] = reference_to(folder)
            encoders[kind] = folder
        except (VatraceError, OSError) as error:
            names = ", ".join(sorted({row.name for row in wanted.rows if row.encoder == kind}))
            failed.append((f"rows with the {kind} encoder ({names})", error))
    features = workshop.features(encoders)
    prepared = {kind: (references[kind], features[kind]) for kind in encoders}
    without = workshop.without_features(tuple(features.values()))
    runs = _runs(wanted, workshop, prepared, exclude=(*workshop.data.set_aside, *without))
    scores, not_run = train_and_score(runs, workers=workshop.workers, watch=workshop.watch)
    return _Made(scores=scores, failed=(*failed, *not_run), without_features=without)


def _runs(
    wanted: _Wanted,
    workshop: Workshop,
    prepared: Mapping[EncoderKind, tuple[EncoderReference, Path]],
    *,
    exclude: tuple[str, ...],
) -> list[Run]:
    folders = _run_names(wanted.size)
    runs: dict[Path, Run] = {}
    for row in wanted.rows:
        if row.encoder not in prepared:
            continue
        encoder, features = prepared[row.encoder]
        for fold in row.folds:
            for seed in wanted.seeds:
                training = Training(
                    corpus=workshop.data.corpus,
                    features=features,
                    encoder=encoder,
                    acoustic=wanted.size.acoustic,
                    model=wanted.size.model_of(row),
                    window=wanted.size.window,
                    config=wanted.size.train_of(row, seed),
                    fold=fold,
                    fold_seed=wanted.fold_seed,
                    selection=wanted.selection,
                    exclude=exclude,
                    remark=workshop.data.remark,
                )
                folder = run_folder(workshop.out / "runs", folders[wanted.size.key_of(row)], fold=fold, seed=seed)
                runs[folder] = Run(row=row.name, training=training, folder=folder)
    return list(runs.values())


def _run_names(size: Size) -> dict[str, str]:
    """Name of the folder of each distinct model: that of the first row that is it, over all tables.

    Raises:
        ValueError: two rows of one name are different models.
    """
    names: dict[str, str] = {}
    for row in load_rows():
        names.setdefault(size.key_of(row), row.name)
    twice = sorted({name for name in names.values() if list(names.values()).count(name) > 1})
    if twice:
        raise ValueError(f"configs: rows of one name must be one model, but {', '.join(twice)} differ between tables.")
    return names


def _results(wanted: _Wanted, made: _Made, out: Path) -> list[Result]:
    folders = _run_names(wanted.size)
    results = []
    for row in wanted.rows:
        name = folders[wanted.size.key_of(row)]
        runs = {}
        for fold in row.folds:
            paths = [run_folder(out / "runs", name, fold=fold, seed=seed) for seed in wanted.seeds]
            found = [made.scores[path] for path in paths if path in made.scores]
            if found:
                runs[fold] = found
        results.append(Result(row=row, runs=runs))
    return results


def _write_tables(wanted: _Wanted, data: Data, made: _Made, out: Path) -> list[Path]:
    from vatrace.report.tables import write_table

    results = _results(wanted, made, out)
    written = []
    for number in TITLES:
        chosen = [result for result in results if result.row.table == number]
        if chosen:
            about = _about(wanted, data, chosen, made.without_features)
            written += write_table(out / "results", paper_table(number, chosen, about))
            path = out / "results" / f"table{number}.json"
            write_json(path, {"facts": dict(about.facts), "rows": plain_results(chosen)})
            written.append(path)
    pairs = single_modality_table(results, _about(wanted, data, (), made.without_features))
    return [*written, *(write_table(out / "results", pairs) if pairs else [])]


def _write_gates(wanted: _Wanted, data: Data, made: _Made, out: Path) -> list[Path]:
    """What the gates of Table IV do in planted episodes, where the corpus has them."""
    if not data.is_drawn:
        return []
    folders = _run_names(wanted.size)
    gated = []
    for row in wanted.rows:
        model = wanted.size.model_of(row)
        if row.table == 4 and model.fusion == "bdca" and model.gate:
            paths = [
                run_folder(out / "runs", folders[wanted.size.key_of(row)], fold=0, seed=seed) for seed in wanted.seeds
            ]
            found = tuple(
                path / "predictions" / str(made.scores[path]["split"]) for path in paths if path in made.scores
            )
            if found:
                gated.append(GatedRow(name=row.name, title=row.title, predictions=found))
    if not gated:
        return []
    about = _about(wanted, data, ())
    caption = about.caption.replace("CCC on", "Gates on")
    return write_gates(gated, data.corpus, out / "results", caption, about.facts)


def _about(wanted: _Wanted, data: Data, results: Sequence[Result], without_features: Sequence[str] = ()) -> About:
    apart = "clips that are neither learned from nor scored"
    facts = {
        "data": _data_name(data),
        "folds": f"0 is the official split; 1 to 5 divide by video source, seed {wanted.fold_seed}",
        "seeds": ", ".join(map(str, wanted.seeds)),
        "epoch chosen by": apart if wanted.selection == "apart" else "the scored clips themselves: optimistic",
        "size": wanted.size.title,
        "command": wanted.command,
        "version": f"vatrace {__version__}",
    }
    plans = (("tuned", wanted.size.encoder), ("baseline", wanted.size.baseline))
    kinds = {result.row.encoder for result in results}
    notes = [plan.note for kind, plan in plans if plan.note and kind in kinds]
    short = [
        f"{result.row.title}, fold {fold}: {len(runs)} of {len(wanted.seeds)} seeds, as the others failed."
        for result in results
        for fold, runs in result.runs.items()
        if len(runs) < len(wanted.seeds)
    ]
    if without_features:
        some = ", ".join(without_features[:5])
        notes.append(f"{len(without_features)} labelled clips had no features and are in no role ({some}).")
    return About(caption=_caption(data), facts=facts, shows_paper=data.is_affwild2, notes=(*notes, *short))


def _data_name(data: Data) -> str:
    if data.is_drawn:
        about = json.loads((data.corpus / "corpus.json").read_text("utf-8"))
        return (
            f"procedural corpus of drawn faces, {about['subjects']} subjects of {about['seconds']:g} s, "
            f"seed {about['seed']}"
        )
    return "Aff-Wild2" if data.is_affwild2 else data.corpus.name


def _caption(data: Data) -> str:
    if data.is_drawn:
        return "CCC on drawn faces of a procedural corpus, which is no evidence about people."
    if data.is_affwild2:
        return "CCC on Aff-Wild2, beside what the paper says."
    return f"CCC on {data.corpus.name}, which is not the paper's data, so its figures are left blank."


def _draw_figures(wanted: _Wanted, data: Data, out: Path) -> list[Path]:
    if not wanted.figures:
        return []
    from vatrace.recipes.paper_figures import draw_figure

    run = run_folder(out / "runs", _bdca_folder(wanted.size), fold=0, seed=wanted.seeds[0])
    note = _caption(data)
    drawn = (draw_figure(number, data, out / "results", run / "predictions", note) for number in wanted.figures)
    return [path for paths in drawn for path in paths]


def _bdca_folder(size: Size) -> str:
    row = next(row for row in load_rows() if row.table == 1 and len(row.folds) > 1)
    return _run_names(size)[size.key_of(row)]


def _command(options: Mapping[str, object]) -> str:
    """The command line that makes the same again."""
    words = ["vatrace", "reproduce"]
    for name in ("all", "table", "figure", "data", "size", "seeds", "only", "external", "external_weights", "weights",
                 "vggish_weights",
                 "selection", "fold_seed", "out"):  # fmt: skip
        value = options[name]
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif isinstance(value, tuple) and value:
            words += [flag, f"[{', '.join(map(str, value))}]"]
        elif not isinstance(value, tuple) and value not in (None, False, "", "apart", 0):
            words += [flag, str(value)]
    return shlex.join(words)
