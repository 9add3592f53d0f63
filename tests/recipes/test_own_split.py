"""A corpus that somebody made of their own clips: without a split of its own, or with labels that tell nothing."""

import csv
import shutil
from pathlib import Path

import pytest

from tests.conftest import Demo
from vatrace.cli import main

SMALL = ["--acoustic", "mfcc,egemaps", "--model.dim", "8", "--model.encoder_heads", "2", "--config.epochs", "1"]


def corpus_of(folder: Path, small_demo: Demo, labels: list[tuple[float, float]], split: str = "train") -> list[str]:
    """A corpus of clips with a label each and a person each; the arguments that name it, its features and encoder."""
    features = sorted((small_demo.folder / "features").glob("*.safetensors"))
    (folder / "corpus").mkdir(parents=True)
    (folder / "features").mkdir()
    rows = []
    for number, (valence, arousal) in enumerate(labels):
        shutil.copy(features[number % len(features)], folder / "features" / f"k{number}.safetensors")
        rows.append(f"k{number}.mp4,k{number},{valence},{arousal},p{number},{split if number else 'train'}\n")
    (folder / "corpus" / "manifest.csv").write_text("video,clip,valence,arousal,subject,split\n" + "".join(rows))
    encoder = small_demo.folder / "encoder"
    return [str(folder / "corpus"), "--features", str(folder / "features"), "--encoder", str(encoder), *SMALL]


VARIED = [(0.08 * number, -0.07 * number) for number in range(12)]  # two in each of five parts, and two over


def test_crossval_takes_the_folds_that_a_corpus_has(
    small_demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = corpus_of(tmp_path, small_demo, VARIED)
    assert main(["crossval", *named, "--out", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr().err
    assert "fold 0 is left out: the corpus brings no split" in said
    assert "failed" not in said
    with (tmp_path / "runs" / "crossval.csv").open() as file:
        rows = [row["Fold"] for row in csv.DictReader(file)]
    assert rows == [*(f"Fold {number}" for number in range(1, 6)), "Folds 1 to 5: mean ± sd over folds"]
    assert "0 is the" not in (tmp_path / "runs" / "crossval.md").read_text()


def test_train_says_what_a_corpus_without_its_own_split_lacks(
    small_demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = corpus_of(tmp_path, small_demo, VARIED)
    assert main(["train", *named, "--out", str(tmp_path / "run")]) == 1
    said = capsys.readouterr().err
    assert "no clip of this corpus has the split validation or test" in said
    assert "--fold 1" in said
    assert main(["train", *named, "--out", str(tmp_path / "run"), "--fold", "1"]) == 0


def test_test_clips_without_validation_clips_leave_nothing_to_choose_the_epoch_by(
    small_demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = corpus_of(tmp_path, small_demo, VARIED, split="test")
    assert main(["train", *named, "--out", str(tmp_path / "run")]) == 1
    assert "no clip of this corpus has the split validation, to choose the epoch by" in capsys.readouterr().err


def test_train_ends_with_the_epoch_that_is_kept_and_its_score(
    small_demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = corpus_of(tmp_path, small_demo, VARIED)
    assert main(["train", *named, "--out", str(tmp_path / "run"), "--fold", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'run'}\n"
    assert printed.err.splitlines()[-1].startswith("epoch 1 is kept: mean CCC ")
    assert "means nothing" not in printed.err


def test_labels_that_never_vary_are_said_to_have_no_ccc(
    small_demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = corpus_of(tmp_path, small_demo, [(0.3, 0.1 * number) for number in range(6)])
    model = tmp_path / "run"
    assert main(["train", *named, "--out", str(model), "--fold", "1"]) == 0
    said = capsys.readouterr().err
    assert "the valence of the clips that choose the epoch is 0.3 in all" in said
    assert main(["evaluate", str(model), "--corpus", named[0], "--features", named[2], "--split", "train"]) == 0
    said = capsys.readouterr().err
    assert "the valence of the clips that are scored is 0.3 in all" in said
    assert "the arousal of the clips that are" not in said, "that varies"
