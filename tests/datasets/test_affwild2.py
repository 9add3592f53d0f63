from pathlib import Path

import numpy as np
import pytest

from vatrace.datasets.affwild2 import read_annotation, write_annotation
from vatrace.datasets.corpus import open_corpus
from vatrace.errors import DatasetError, NothingFound
from vatrace.streams import Trace

TIMES = np.array([0.0, 0.04, 0.08])


def written(folder: Path, text: str) -> Path:
    (folder / "clip.txt").write_text(text)
    return folder / "clip.txt"


def test_row_one_is_frame_one_and_minus_five_is_not_labelled(tmp_path: Path) -> None:
    label = read_annotation(written(tmp_path, "valence,arousal\n0.1,0.2\n-5,-5\n-0.5,1\n"), TIMES)
    assert label.valid.tolist() == [True, False, True]
    assert label.valence[[0, 2]].tolist() == [0.1, -0.5]
    assert label.arousal[[0, 2]].tolist() == [0.2, 1.0]
    assert np.isnan(label.valence[1])
    assert np.isnan(label.arousal[1])


def test_one_row_too_many_is_dropped_and_frames_without_a_row_are_unlabelled(tmp_path: Path) -> None:
    more = read_annotation(written(tmp_path, "valence,arousal\n" + "0.1,0.2\n" * 4), TIMES)
    assert more.valid.all()
    fewer = read_annotation(written(tmp_path, "valence,arousal\n0.1,0.2\n"), TIMES)
    assert fewer.valid.tolist() == [True, False, False]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    label = Trace(
        times_seconds=TIMES,
        valence=np.array([0.12345, np.nan, -1.0]),
        arousal=np.array([0.5, np.nan, 1.0]),
        valid=np.array([True, False, True]),
    )
    write_annotation(tmp_path / "clip.txt", label)
    assert (tmp_path / "clip.txt").read_text() == "valence,arousal\n0.12345,0.50000\n-5,-5\n-1.00000,1.00000\n"
    back = read_annotation(tmp_path / "clip.txt", TIMES)
    assert back.valid.tolist() == label.valid.tolist()
    assert np.array_equal(back.valence, label.valence, equal_nan=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with the line 'valence,arousal', got 'an empty file'"),
        ("0.1,0.2\n", "got '0.1,0.2'"),
        ("valence,arousal\n0.1\n0.2,0.3\n", "no pair of numbers"),
        ("valence,arousal\n0.1,0.2\n0.1,two\n", "no pair of numbers"),
        ("valence,arousal\n0.1,0.2\n1.5,0\n", r"line 3: '1.5,0' is outside \[-1, 1\]"),
        ("valence,arousal\n0.1,0.2\nnan,0\n", "line 3"),
    ],
)
def test_a_file_that_is_no_annotation_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_annotation(written(tmp_path, text), TIMES)


def test_a_corpus_is_read_in_order_of_name_and_a_clip_may_be_in_one_split_only(tmp_path: Path) -> None:
    root = tmp_path / "annotations" / "VA_Estimation_Challenge"
    for folder, name in [("Train_Set", "b"), ("Train_Set", "a"), ("Validation_Set", "c"), ("Test_Set", "d")]:
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / f"{name}.txt").write_text("valence,arousal\n0,0\n")
    corpus = open_corpus(tmp_path)
    assert corpus.splits == {"train": ("a", "b"), "validation": ("c",), "test": ("d",)}
    assert corpus.clip("c").annotation == root / "Validation_Set" / "c.txt"
    with pytest.raises(NothingFound, match="no clip named e"):
        corpus.clip("e")
    (root / "Test_Set" / "a.txt").write_text("valence,arousal\n0,0\n")
    with pytest.raises(DatasetError, match="a in more than one split"):
        open_corpus(tmp_path)


def test_a_folder_without_annotations_says_what_makes_some(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match="`vatrace synth` makes a corpus"):
        open_corpus(tmp_path)
