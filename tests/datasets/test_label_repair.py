"""Frames without a label: left alone, filled from both sides, or from expression labels."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vatrace.datasets.label_repair import (
    expression_means,
    fill_from_expressions,
    interpolate_labels,
    read_expressions,
)
from vatrace.errors import DatasetError, NothingFound
from vatrace.streams import Trace


def label(valence: list[float], times: list[float] | None = None) -> Trace:
    values = np.array(valence)
    return Trace(
        times_seconds=np.arange(len(values)) / 10 if times is None else np.array(times),
        valence=values,
        arousal=-values,
        valid=np.isfinite(values),
    )


NAN = float("nan")


def test_a_gap_is_filled_in_time_and_not_by_rows() -> None:
    # Frames at 0, .1, .4 and .5 s: the second is a fifth of the way, the third four fifths.
    filled = interpolate_labels(label([0.0, NAN, NAN, 0.5], [0.0, 0.1, 0.4, 0.5]))
    assert np.allclose(filled.valence, [0.0, 0.1, 0.4, 0.5])
    assert np.allclose(filled.arousal, [0.0, -0.1, -0.4, -0.5])
    assert filled.valid.all()


def test_what_has_no_label_on_both_sides_stays_unlabelled() -> None:
    filled = interpolate_labels(label([NAN, 0.2, NAN, 0.4, NAN]))
    assert filled.valid.tolist() == [False, True, True, True, False]
    assert filled.valence[2] == pytest.approx(0.3)


def test_a_long_gap_stays_a_gap() -> None:
    filled = interpolate_labels(label([0.0, NAN, 0.2, NAN, 0.4], [0.0, 1.0, 2.0, 3.5, 5.0]))
    assert filled.valid.tolist() == [True, True, True, False, True]


def test_one_label_alone_fills_nothing() -> None:
    assert interpolate_labels(label([NAN, 0.2, NAN])).valid.tolist() == [False, True, False]


def test_an_unlabelled_frame_takes_the_mean_of_its_expression() -> None:
    first, second = label([0.2, 0.4, NAN, -0.6]), label([0.9, NAN])
    expressions: NDArray[np.int64] = np.array([4, 4, 4, 1])
    means = expression_means([(first, expressions), (second, np.array([4]))])
    assert means == {1: (-0.6, 0.6), 4: (pytest.approx(0.5), pytest.approx(-0.5))}
    filled = fill_from_expressions(first, expressions, means)
    assert filled.valence.tolist() == [0.2, 0.4, pytest.approx(0.5), -0.6]
    assert filled.arousal[2] == pytest.approx(-0.5)
    assert filled.valid.all()


def test_without_an_expression_or_its_mean_a_frame_stays_unlabelled() -> None:
    filled = fill_from_expressions(label([NAN, NAN, NAN, 0.1]), np.array([-1, 3]), {4: (0.5, 0.5)})
    assert filled.valid.tolist() == [False, False, False, True]


def test_an_expression_annotation_is_read_and_a_wrong_class_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other\n0\n7\n-1\n")
    assert read_expressions(path).tolist() == [0, 7, -1]
    path.write_text("Neutral\n8\n")
    with pytest.raises(DatasetError, match="not one of -1 to 7"):
        read_expressions(path)
    path.write_text("Neutral\nhappy\n")
    with pytest.raises(DatasetError, match="no class number"):
        read_expressions(path)
    path.write_bytes(b"Neutral\n\xff\n")
    with pytest.raises(DatasetError, match="no text"):
        read_expressions(path)
    with pytest.raises(NothingFound):
        read_expressions(tmp_path / "b.txt")
