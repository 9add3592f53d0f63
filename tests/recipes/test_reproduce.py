"""`reproduce --all` on a few drawn people: what it writes, what it keeps, and that its figures are true."""

import csv
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml

from tests.reference.ccc import exact_ccc
from vatrace.config import TrainConfig, WindowConfig
from vatrace.files import sha256_of
from vatrace.recipes.crossval import crossval
from vatrace.recipes.materials import given_data
from vatrace.recipes.reproduce import reproduce
from vatrace.recipes.rows import load_rows, load_size
from vatrace.recipes.watch import BatchResult
from vatrace.report.export import read_trace_csv

pytestmark = pytest.mark.slow

SIZE = """
title: a few drawn people
drawn:
  seed: 1
  encoder: {subjects: 3, seconds: 1.0}
  model: {subjects: 7, seconds: 3.0, first_subject: 3, validation_subjects: 1, test_subjects: 2}
crop_every: 10
tuning_share: 0.3
acoustic: [mfcc]
encoder:
  start:
    architecture: vit_tiny_patch16_224
    arguments: {patch_size: 16, embed_dim: 16, depth: 3, num_heads: 2}
    image_pixels: 32
  weights: random
  pretrain: {epochs: 1, decoder_dim: 16, decoder_depth: 1, decoder_heads: 2}
  finetune: {epochs: 2}
baseline:
  start: {architecture: test_resnet, image_pixels: 32}
  weights: random
  finetune: {epochs: 1, frozen_fraction: 0.0}
  note: the baseline starts untrained.
model: {dim: 8, feed_forward: 8, tcn_layers: 1, encoder_layers: 1, encoder_heads: 2}
window: {window_frames: 40, stride_frames: 30}
train: {epochs: 1, batch_windows: 8}
seeds: [0]
"""


class Reproduced(NamedTuple):
    """A whole reproduction, gone once for all tests that need its results."""

    folder: Path
    size: Path
    result: BatchResult

    def again(self) -> BatchResult:
        return reproduce(out=self.folder, all=True, size=str(self.size), external="no_such_network")

    def table(self, name: str) -> dict[str, dict[str, str]]:
        with (self.folder / "results" / f"{name}.csv").open() as file:
            rows = list(csv.DictReader(file))
        return {next(iter(row.values())): row for row in rows}


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Reproduced:
    folder = tmp_path_factory.mktemp("reproduced")
    size = folder / "tiny.yaml"
    size.write_text(SIZE)
    made = Reproduced(folder / "out", size, BatchResult())
    return made._replace(result=made.again())


def snapshot(folder: Path) -> dict[str, tuple[str, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (sha256_of(path), path.stat().st_mtime_ns) for path in files}


def clips_by_role(run: Path) -> list[set[str]]:
    origin = yaml.safe_load((run / "config.yaml").read_text())["provenance"]
    return [set(origin[name]) for name in ("train_clips", "validation_clips", "scored_clips", "encoder_tuned_on")]


def test_all_tables_and_figures_are_written(reproduced: Reproduced) -> None:
    tables = [f"table{number}{suffix}" for number in (1, 3, 4) for suffix in (".md", ".csv", ".html", ".json")]
    figures = [f"figure{number}{suffix}" for number in (4, 5) for suffix in (".png", ".svg")]
    gates = {f"gates{suffix}" for suffix in (".md", ".csv", ".html")}
    gates |= {f"gates-{row}{suffix}" for row in ("bdca", "gate-read", "distance") for suffix in (".png", ".svg")}
    pairs = {f"table4-single-modalities{suffix}" for suffix in (".md", ".csv", ".html")}
    there = {path.name for path in (reproduced.folder / "results").iterdir()}
    assert there == {path.name for path in reproduced.result.done}
    assert there >= {*tables, *figures, *gates, *pairs}


def test_figures_in_a_table_are_those_of_predictions_and_annotations(reproduced: Reproduced) -> None:
    predictions = sorted((reproduced.folder / "runs" / "bdca" / "seed0" / "fold0" / "predictions" / "test").iterdir())
    assert len(predictions) == 2
    labels = reproduced.folder / "corpus" / "annotations" / "VA_Estimation_Challenge" / "Test_Set"
    expected = []
    for name in ("valence", "arousal"):
        guess, truth = [], []
        for path in predictions:
            trace = read_trace_csv(path)
            values = np.asarray(getattr(trace, name), np.float64)
            times = trace.times_seconds
            guess += np.interp(times, times[trace.valid], values[trace.valid]).tolist()
            with (labels / f"{path.stem}.txt").open() as file:
                truth += [float(row[name]) for row in csv.DictReader(file)][: len(times)]
        expected.append(exact_ccc(guess, truth))
    for row in (reproduced.table("table1")["Fold 0"], reproduced.table("table4")["BDCA"]):
        assert [float(row["Valence"]), float(row["Arousal"])] == pytest.approx(
            expected, abs=1e-4
        )  # six decimals in CSV
        assert float(row["Average"]) == pytest.approx(sum(expected) / 2, abs=1e-4)


def test_drawn_faces_are_called_so_and_the_paper_stays_out(reproduced: Reproduced) -> None:
    for name in ("table1", "table3", "table4"):
        text = (reproduced.folder / "results" / f"{name}.md").read_text()
        assert "CCC on drawn faces of a procedural corpus, which is no evidence about people." in text
        for row in reproduced.table(name).values():
            assert [row[column] for column in row if column.startswith("Paper")] == ["", "", ""]
            assert "drawn faces, 7 subjects of 3 s, seed 1" in row["data"]
            assert row["command"].startswith("vatrace reproduce --all --size ")
    assert "the baseline starts untrained." in text


def test_mean_and_spread_are_over_folds_1_to_5(reproduced: Reproduced) -> None:
    rows = reproduced.table("table1")
    parts = [float(rows[f"Fold {fold}"]["Average"]) for fold in range(1, 6)]
    mean = rows["Folds 1 to 5: mean ± sd over folds"]
    assert float(mean["Average"]) == pytest.approx(np.mean(parts), abs=1e-5)
    assert float(mean["Average sd"]) == pytest.approx(np.std(parts, ddof=1), abs=1e-5)
    assert float(mean["Average"]) != pytest.approx(float(rows["Fold 0"]["Average"]))


def test_nobody_is_in_two_roles_of_any_run(reproduced: Reproduced) -> None:
    runs = sorted(path.parent for path in reproduced.folder.glob("runs/*/*/*/config.yaml"))
    for run in runs:
        subjects = [{clip.split("-")[0] for clip in role} for role in clips_by_role(run)]
        assert not any(one & other for one, other in combinations(subjects, 2))
        assert all(subjects[:3])
    assert len({frozenset(clips_by_role(run)[2]) for run in runs if "/bdca/" in str(run)}) == 6


def test_rows_that_are_one_model_are_trained_once(reproduced: Reproduced) -> None:
    size = load_size(str(reproduced.size))
    measured = [row for row in load_rows() if row.encoder != "external"]
    folders = sorted(path.name for path in (reproduced.folder / "runs").iterdir())
    assert len(folders) == len({size.key_of(row) for row in measured}) == len(measured) - 3
    assert reproduced.table("table3")["MAE"]["Average"] == reproduced.table("table4")["Only visual"]["Average"]


def test_a_row_that_fails_is_listed_and_stands_empty_in_its_table(reproduced: Reproduced) -> None:
    [(name, error)] = reproduced.result.failed
    assert "external" in name
    assert "no model 'no_such_network'" in str(error)
    assert reproduced.table("table3")["External encoder (paper, Fuxi)"]["Average"] == "not measured"


def test_a_run_that_lost_something_makes_that_again_and_nothing_else(reproduced: Reproduced) -> None:
    before = snapshot(reproduced.folder)
    lost = reproduced.folder / "runs" / "bdca" / "seed0" / "fold1"
    for name in ("model.safetensors", "scores-part1.json"):
        (lost / name).unlink()
    (reproduced.folder / "results" / "table1.md").unlink()
    reproduced.again()
    after = snapshot(reproduced.folder)
    assert {name: digest for name, (digest, _) in after.items()} == {
        name: digest for name, (digest, _) in before.items()
    }
    touched = {name for name in before if before[name][1] != after[name][1]}
    again = ("results/", "runs/bdca/seed0/fold1/", "features/")  # features: only their manifest
    assert [name for name in touched if not name.startswith(again)] == []
    assert not any(name.endswith(".safetensors") and name.startswith("features/") for name in touched)


def test_crossval_gives_the_same_scores_as_reproduce(reproduced: Reproduced, tmp_path: Path) -> None:
    size = load_size(str(reproduced.size))
    result = crossval(
        reproduced.folder / "corpus",
        features=reproduced.folder / "features" / "tuned",
        encoder=reproduced.folder / "encoders" / "tuned",
        out=tmp_path,
        folds=(0, 2),
        seeds=(0, 1),
        model=size.model,
        window=WindowConfig(window_frames=40, stride_frames=30),
        config=TrainConfig(epochs=1, batch_windows=8),
    )
    assert not result.failed
    ours, theirs = (
        (folder / "seed0" / "fold2" / "predictions" / "part2")
        for folder in (tmp_path / "model", reproduced.folder / "runs" / "bdca")
    )
    assert [sha256_of(path) for path in sorted(ours.iterdir())] == [
        sha256_of(path) for path in sorted(theirs.iterdir())
    ]
    with (tmp_path / "crossval.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["Fold"] for row in rows] == ["Fold 0", "Fold 2"]
    assert all(float(row["Average sd"]) > 0 for row in rows)


def test_choosing_by_the_scored_clips_is_said(reproduced: Reproduced, tmp_path: Path) -> None:
    size = load_size(str(reproduced.size))
    crossval(
        reproduced.folder / "corpus",
        features=reproduced.folder / "features" / "tuned",
        encoder=reproduced.folder / "encoders" / "tuned",
        out=tmp_path,
        folds=(0,),
        selection="scored",
        model=size.model,
        config=TrainConfig(epochs=1),
    )
    assert "optimistic" in (tmp_path / "crossval.md").read_text()
    with (tmp_path / "crossval.csv").open() as file:
        [row] = list(csv.DictReader(file))
    assert float(row["Average"]) == pytest.approx(float(row["Selection: average"]), abs=1e-6)
    train, selection, scored, _ = clips_by_role(tmp_path / "model" / "seed0" / "fold0")
    assert selection == scored
    assert not train & scored


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "say one of --table 1"),
        ({"table": 1, "all": True}, "say one of --table 1"),
        ({"table": 4, "only": ("bdac",)}, "no row bdac; there are baseline, only-audio"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_made(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        reproduce(out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_given_data_set_some_training_clips_aside_for_the_encoder(reproduced: Reproduced) -> None:
    corpus = reproduced.folder / "corpus"
    data = given_data(corpus, load_size(str(reproduced.size)))
    train = {path.stem for path in (corpus / "annotations" / "VA_Estimation_Challenge" / "Train_Set").iterdir()}
    assert len(data.set_aside) == 2  # the least number of four clips that is a share of .3
    assert set(data.set_aside) < train
    assert data.is_drawn
    assert not data.is_affwild2
