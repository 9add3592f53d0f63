"""Labels arrive on the clock of the video, whatever form they were given in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vatrace.datasets.clips import Clip, Corpus
from vatrace.errors import DatasetError, NothingFound


def timed(folder: Path, *rows: str, header: str = "time,valence,arousal") -> Clip:
    """A clip whose labels have times of their own."""
    path = folder / "clip.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return Clip(name="clip", split="train", source="clip", annotation=path)


def official(folder: Path, *rows: str) -> Clip:
    """A clip with a row a frame."""
    path = folder / "clip.txt"
    path.write_text("\n".join(["valence,arousal", *rows]) + "\n")
    return Clip(name="clip", split="train", source="clip", annotation=path)


def test_labels_with_times_are_drawn_straight_between_their_marks(tmp_path: Path) -> None:
    clip = timed(tmp_path, "1.0,0.0,0.2", "1.5,0.5,-0.8", "2.0,-0.5,-0.8")
    trace = clip.label(np.array([1.0, 1.1, 1.25, 1.5, 1.75, 2.0]))
    assert trace.valid.all()
    np.testing.assert_allclose(trace.valence, [0.0, 0.1, 0.25, 0.5, 0.0, -0.5], atol=1e-12)
    np.testing.assert_allclose(trace.arousal, [0.2, 0.0, -0.3, -0.8, -0.8, -0.8], atol=1e-12)


def test_before_the_first_mark_and_after_the_last_nothing_is_labelled(tmp_path: Path) -> None:
    clip = timed(tmp_path, "0.5,0.1,0.1", "1.0,0.2,0.2")
    assert clip.label(np.array([0.0, 0.499, 0.5, 1.0, 1.001, 9.0])).valid.tolist() == [0, 0, 1, 1, 0, 0]


def test_between_marks_more_than_a_second_apart_only_the_marks_are_labelled(tmp_path: Path) -> None:
    clip = timed(tmp_path, "0.0,0.1,0.1", "1.0,0.1,0.1", "2.1,0.3,0.3", "2.5,0.3,0.3")
    trace = clip.label(np.array([0.5, 1.0, 1.5, 2.05, 2.1, 2.3]))
    assert trace.valid.tolist() == [1, 1, 0, 0, 1, 1]


def test_marks_a_second_apart_leave_no_gap_whatever_their_decimals_come_out_as(tmp_path: Path) -> None:
    # 3.1 - 2.1 is 1.0, but 16.1 - 15.1 is 1.0000000000000018 in floating point
    clip = timed(tmp_path, *(f"{second}.1,0.5,0.5" for second in range(40)))
    assert clip.label(np.arange(0.1, 39.05, 0.04)).valid.all()


def test_a_mark_with_an_empty_field_is_no_label_and_none_is_drawn_through_it(tmp_path: Path) -> None:
    clip = timed(tmp_path, "0.0,0.0,0.0", "0.4,,0.4", "0.8,0.8,0.8", "1.2,0.8,")
    trace = clip.label(np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]))
    assert trace.valid.tolist() == [1, 0, 0, 0, 1, 0, 0]
    assert np.isnan(trace.valence[trace.valid == 0]).sum() == 3  # arousal alone was missing in the last two


def test_times_need_not_be_even_nor_begin_at_zero(tmp_path: Path) -> None:
    clip = timed(tmp_path, "10.00,-1,1", "10.01,1,1", "10.90,1,-1")
    trace = clip.label(np.array([10.0, 10.0025, 10.455]))
    np.testing.assert_allclose(trace.valence, [-1, -0.5, 1], atol=1e-9)
    np.testing.assert_allclose(trace.arousal, [1, 1, 0], atol=1e-9)


def test_columns_are_known_by_name_in_any_order_and_others_are_let_be(tmp_path: Path) -> None:
    clip = timed(tmp_path, "0.3,happy,0.0,0.2", "0.3,happy,1.0,0.2", header="Arousal, note ,TIME,valence")
    assert clip.has_own_times
    trace = clip.label(np.array([0.5]))
    assert (trace.valence[0], trace.arousal[0]) == pytest.approx((0.2, 0.3))


def test_labels_with_times_are_counted_at_their_own_marks(tmp_path: Path) -> None:
    counted = timed(tmp_path, "0.0,0.1,0.1", "5.0,,", "7.0,0.2,0.3").annotated()
    assert counted.times_seconds.tolist() == [0.0, 5.0, 7.0]
    assert counted.valid.tolist() == [True, False, True]


def test_one_mark_labels_one_moment(tmp_path: Path) -> None:
    assert timed(tmp_path, "0.5,0.1,0.2").label(np.array([0.4, 0.5, 0.6])).valid.tolist() == [0, 1, 0]


def test_an_annotation_without_a_row_labels_nothing(tmp_path: Path) -> None:
    assert not timed(tmp_path).label(np.array([0.0, 1.0])).valid.any()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["0.0,0,0", "0.0,0,0"], "increase from row to row"),
        (["1.0,0,0", "0.5,0,0"], "increase from row to row"),
        ([",0,0"], "increase from row to row"),
        (["0.0,1.01,0"], r"outside \[-1, 1\]"),
        (["0.0,0,-inf"], r"outside \[-1, 1\]"),
        (["0.0,high,0"], "high"),
    ],
)
def test_marks_that_cannot_be_are_an_error_that_names_the_file(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        timed(tmp_path, *rows).label(np.array([0.0]))
    assert "clip.csv" in str(caught.value)


def test_times_without_values_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"columns time .seconds., valence and arousal"):
        timed(tmp_path, "0.0,0.3", header="time,valence").label(np.array([0.0]))


def test_row_i_of_the_official_form_belongs_to_frame_i_whatever_its_time(tmp_path: Path) -> None:
    clip = official(tmp_path, "0.1,0.2", "-5,-5", "0.3,-0.4")
    assert not clip.has_own_times
    times = np.array([0.5, 0.6, 3.0, 3.04])
    trace = clip.label(times)
    np.testing.assert_array_equal(trace.times_seconds, times)
    assert trace.valid.tolist() == [True, False, True, False]  # the fourth frame has no row
    assert (trace.valence[2], trace.arousal[2]) == (0.3, -0.4)


def test_official_rows_beyond_the_last_frame_go_on_by_the_usual_step(tmp_path: Path) -> None:
    clip = official(tmp_path, "0.1,0.1", "0.2,0.2", "0.3,0.3", "0.4,0.4", "-5,-5")
    trace = clip.label(np.array([1.0, 1.04, 1.08]))  # a row or two too many are in many published files
    np.testing.assert_allclose(trace.times_seconds, [1.0, 1.04, 1.08, 1.12, 1.16])
    assert trace.valid.tolist() == [True, True, True, True, False]
    assert trace.valence[3] == 0.4


def test_official_rows_are_counted_without_their_video(tmp_path: Path) -> None:
    assert official(tmp_path, "0.1,0.1", "-5,-5", "0.2,0.2").annotated().valid.tolist() == [True, False, True]


def test_a_value_of_the_clip_holds_in_every_frame() -> None:
    clip = Clip(name="clip", split="test", source="clip", value=(-0.25, 0.75))
    trace = clip.label(np.array([0.027, 0.06, 5.0]))
    assert trace.valence.tolist() == [-0.25] * 3
    assert trace.arousal.tolist() == [0.75] * 3
    assert trace.valid.all()
    assert not clip.has_own_times
    assert len(clip.annotated()) == 1


@pytest.mark.parametrize("value", [(1.01, 0.0), (0.0, -2.0), (float("nan"), 0.0)])
def test_a_value_outside_the_plane_is_refused(value: tuple[float, float]) -> None:
    with pytest.raises(DatasetError, match=r"clip: valence and arousal must be in \[-1, 1\]"):
        Clip(name="clip", split="train", source="clip", value=value)


def test_a_labelled_clip_has_labels_of_exactly_one_kind(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="clip is in the train split, so it needs either annotation or value"):
        Clip(name="clip", split="train", source="clip")
    with pytest.raises(DatasetError, match="either annotation or value"):
        Clip(name="clip", split="train", source="clip", value=(0, 0), annotation=tmp_path / "clip.csv")


def test_an_annotation_that_is_gone_and_one_that_never_was_are_said() -> None:
    with pytest.raises(NothingFound, match=r"no annotation at gone\.csv"):
        Clip(name="clip", split="train", source="clip", annotation=Path("gone.csv")).label(np.zeros(1))
    with pytest.raises(DatasetError, match="clip has no labels; it can only be predicted"):
        Clip(name="clip", split="unlabelled", source="clip").label(np.zeros(1))


def test_a_corpus_knows_its_clips_by_name_and_keeps_the_unlabelled_out_of_its_splits() -> None:
    seen = Clip(name="b", split="train", source="s", value=(0, 0))
    unseen = Clip(name="a", split="unlabelled", source="s")
    corpus = Corpus(folder=Path("folder"), clips=(seen, unseen))
    assert corpus.splits == {"train": ("b",), "validation": (), "test": ()}
    assert corpus.labelled == (seen,)
    assert corpus.clip("a") is unseen
    assert corpus.sources == {"a": "s", "b": "s"}
    with pytest.raises(NothingFound, match="folder has no clip named c"):
        corpus.clip("c")
    with pytest.raises(DatasetError, match="b in more than one split, or twice in one"):
        Corpus(folder=Path("folder"), clips=(seen, seen))
