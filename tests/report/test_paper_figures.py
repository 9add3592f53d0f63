"""Figures 4 and 5, and the gates around episodes, from traces small enough to check by eye."""

from pathlib import Path

import numpy as np
import pytest

from vatrace.report.figures import Shade, save_figure
from vatrace.report.paper_figures import annotation_figure, gate_courses, gate_figure, histogram_figure
from vatrace.streams import Trace

TIMES = np.arange(250) / 25


def flat_trace(attended: np.ndarray | None = None) -> Trace:
    """A trace whose gates give the attended stream these weights `[frames, modality]`."""
    gates = None if attended is None else np.stack([1 - attended, attended], axis=2).astype(np.float32)
    return Trace(
        times_seconds=TIMES,
        valence=0.1 * TIMES - 0.5,
        arousal=np.cos(TIMES),
        valid=TIMES > 1,
        gate_weights=gates,
    )


def stepped(start: float, to: float) -> np.ndarray:
    """The visual gate goes from .5 to a value at a moment; the audio gate stays at .25."""
    return np.stack([np.where(start > TIMES, 0.5, to), np.full(len(TIMES), 0.25)], axis=1)


def test_annotation_and_prediction_are_drawn_on_fixed_axes_with_gaps() -> None:
    figure = annotation_figure(flat_trace(), flat_trace(), title="A $clip$", note="drawn faces")
    for axes in figure.axes:
        assert axes.get_ylim() == (-1, 1)
        assert [line.get_label() for line in axes.get_lines()] == ["annotation", "prediction"]
    line = figure.axes[0].get_lines()[0]
    np.testing.assert_array_equal(np.isnan(np.asarray(line.get_ydata())), TIMES <= 1)
    assert len(annotation_figure(flat_trace(), None, title="", note="").axes[0].get_lines()) == 1


def test_the_bars_of_a_histogram_are_the_shares_of_the_frames() -> None:
    valence, arousal = np.array([-0.99, 0.01, 0.02, 0.99]), np.array([0.51, 0.52, 0.53, 0.54])
    figure = histogram_figure(valence, arousal, title="", note="")
    bars = [[patch.get_height() for patch in axes.patches] for axes in figure.axes]
    assert [len(each) for each in bars] == [40, 40]
    assert (bars[0][0], bars[0][20], bars[0][39]) == (25, 50, 25)
    assert bars[1][30] == 100  # .50 to .55
    assert sum(bars[0]) == sum(bars[1]) == 100


def test_gates_are_averaged_by_time_since_the_start_of_an_episode() -> None:
    watched = {
        "a": [(flat_trace(stepped(4.0, 0.9)), [Shade("face", "covered", 4.0, 7.0)])],
        "b": [(flat_trace(stepped(5.0, 0.7)), [Shade("face", "lost", 5.0, 8.0), Shade("voice", "muted", 1.0, 2.0)])],
    }
    face_visual, face_audio, voice_visual, _ = gate_courses(watched)
    assert (face_visual.channel, face_visual.gate, face_visual.people, face_visual.episodes) == ("face", "face", 2, 2)
    by_time = dict(zip(face_visual.offsets_seconds.round(1), face_visual.weight, strict=True))
    assert by_time[-1.0] == pytest.approx(0.5)
    assert by_time[1.0] == pytest.approx(0.8)  # of .9 and .7
    assert np.isnan(by_time[3.5])  # both episodes are over
    ends = (face_visual.low, face_visual.high)
    at = list(by_time).index(1.0)
    assert [end[at] for end in ends] == pytest.approx([0.7, 0.9])  # two people: a draw may hold one of them twice
    assert np.nanmax(np.abs(face_audio.weight - 0.25)) < 1e-6
    assert voice_visual.episodes == 1
    assert np.isnan(voice_visual.low).all()  # one person has no interval


def test_time_in_another_episode_does_not_count_as_before() -> None:
    shades = [Shade("face", "lost", 2.0, 3.52), Shade("face", "covered", 5.0, 6.0)]
    attended = stepped(0, 0.5)
    attended[(TIMES >= 2) & (TIMES < 3.52), 0] = 0.9
    course = gate_courses({"a": [(flat_trace(attended), shades)]})[0]
    before = course.weight[course.offsets_seconds < -0.05]
    np.testing.assert_allclose(before[np.isfinite(before)], 0.5, atol=1e-6)


def test_a_model_without_gates_has_no_course() -> None:
    courses = gate_courses({"a": [(flat_trace(), [Shade("face", "lost", 2.0, 4.0)])]})
    assert all(course.people == 0 and np.isnan(course.weight).all() for course in courses)


def test_figures_are_written_as_the_same_bytes(tmp_path: Path) -> None:
    watched = {name: [(flat_trace(stepped(4.0, 0.8)), [Shade("face", "lost", 4.0, 7.0)])] for name in "ab"}
    for name in ("one.svg", "two.svg"):
        save_figure(gate_figure(gate_courses(watched), title="gates", note="drawn faces"), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
