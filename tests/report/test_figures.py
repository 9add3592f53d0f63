from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.report.traced_people import two_people
from vatrace.report.figures import Shade, save_figure, trace_figure
from vatrace.report.formats import write_formats
from vatrace.streams import Trace


def wavy_trace(*, gated: bool = True) -> Trace:
    times = np.arange(100) / 25
    gates = np.full((100, 2, 2), 0.5, dtype=np.float32)
    return Trace(
        times_seconds=times,
        valence=np.sin(times),
        arousal=np.cos(times),
        valid=(times < 1) | (times > 2),
        face_valid=(times < 1) | (times > 2),
        voice_valid=times < 3,
        gate_weights=gates if gated else None,
    )


def test_axes_of_affect_are_fixed_and_share_their_time() -> None:
    valence, arousal, gates = trace_figure(wavy_trace(), truth=wavy_trace(gated=False)).axes
    assert valence.get_ylim() == arousal.get_ylim() == (-1, 1)
    assert gates.get_ylim() == (0, 1)
    assert valence.get_xlim() == gates.get_xlim() == (0, 4.0)
    assert "unpleasant - pleasant" in valence.get_ylabel()
    assert "calm - excited" in arousal.get_ylabel()


def test_prediction_and_truth_are_drawn_with_gaps_where_there_is_no_value() -> None:
    valence = trace_figure(wavy_trace(), truth=wavy_trace(gated=False)).axes[0]
    lines = {str(line.get_label()): line for line in valence.get_lines()}
    drawn = np.asarray(lines["prediction"].get_ydata())
    np.testing.assert_array_equal(np.isnan(drawn), ~wavy_trace().valid)
    assert lines["truth"].is_dashed()
    assert not lines["prediction"].is_dashed()


def test_legend_names_each_kind_of_missing_span_once() -> None:
    legend = trace_figure(wavy_trace()).axes[0].get_legend()
    assert legend is not None
    assert sorted(text.get_text() for text in legend.get_texts()) == ["no face", "no voice", "prediction"]


def test_episodes_are_labelled_where_the_label_fits() -> None:
    episodes = [Shade("face", "covered", 0.5, 2.0), Shade("voice", "muted", 3.0, 3.05)]
    gates = trace_figure(wavy_trace(), episodes=episodes).axes[2]
    assert [text.get_text() for text in gates.texts] == ["face covered"]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_saved_figure_is_the_same_bytes_each_time(tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        figure = trace_figure(
            wavy_trace(), episodes=[Shade("face", "covered", 0.5, 2.0)], title="clip $1", note="drawn faces"
        )
        save_figure(figure, tmp_path / f"{name}{suffix}")
    content = (tmp_path / f"one{suffix}").read_bytes()
    assert content == (tmp_path / f"two{suffix}").read_bytes()
    assert len(content) > 10_000
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"one{suffix}", f"two{suffix}"]


def test_trace_without_gates_says_so_and_another_format_is_refused(tmp_path: Path) -> None:
    figure = trace_figure(wavy_trace(gated=False))
    assert [text.get_text() for text in figure.axes[2].texts] == ["this model has no gate"]
    with pytest.raises(ValueError, match=r"\.png or \.svg, got 'trace\.jpeg'"):
        save_figure(figure, tmp_path / "trace.jpeg")


def test_trace_of_one_frame_can_be_drawn(tmp_path: Path) -> None:
    one = np.array([0.5])
    save_figure(trace_figure(Trace(times_seconds=one, valence=one, arousal=one, valid=one > 0)), tmp_path / "one.png")


def test_everybody_has_a_line_that_differs_by_dash_and_by_name() -> None:
    main, other = two_people()
    figure = trace_figure(main.trace, person=0, others=[other])
    for axes, of_other in zip(figure.axes[:2], (other.trace.valence, other.trace.arousal), strict=True):
        lines = {str(line.get_label()): line for line in axes.get_lines()}
        assert not lines["P0"].is_dashed()
        assert lines["P4"].is_dashed()
        drawn = np.asarray(lines["P4"].get_ydata())
        np.testing.assert_array_equal(drawn[other.trace.valid], of_other[other.trace.valid])
        assert np.isnan(drawn[~other.trace.valid]).all()
    assert figure.axes[2].get_ylabel().startswith("gate of P0")


def test_grey_is_where_nobody_has_a_face() -> None:
    """The main person has no face in frames 40 to 59, the other one none before frame 30."""
    main, other = two_people()
    shaded = {str(patch.get_label()) for patch in trace_figure(main.trace, others=[other]).axes[0].patches}
    alone = {str(patch.get_label()) for patch in trace_figure(main.trace).axes[0].patches}
    assert "no face" in alone
    assert "no face" not in shaded
    assert "no voice" in shaded


@pytest.mark.parametrize("name", ["png", "svg"])
def test_a_figure_is_a_format_and_takes_any_name_of_a_clip(tmp_path: Path, name: str) -> None:
    facts = {"clip": "\u8a71 $x_1$ <b>\x00\x1b[31m\ud800.mp4"}
    (path,) = write_formats(two_people(), tmp_path / "clip", [name], video=None, facts=facts)
    assert path.name == f"clip.trace.{name}"
    if name == "png":
        with Image.open(path) as picture:
            assert picture.size == (1650, 990), "11 by 6.6 inches of 150 pixels"
    else:
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
