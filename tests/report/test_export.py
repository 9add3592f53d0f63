from pathlib import Path

import numpy as np
import pytest

from vatrace.errors import DatasetError
from vatrace.report.export import (
    PersonTrace,
    clip_csv_text,
    read_clip_csv,
    read_trace_csv,
    trace_csv_text,
    write_sidecar,
    write_trace_csv,
)
from vatrace.streams import Trace


def three_frames() -> Trace:
    """A frame with all, one without a value and a face, one whose voice is gone; times of a variable frame rate."""
    return Trace(
        times_seconds=np.array([0.0, 0.0333667, 1.1]),
        valence=np.array([0.5, -5.0, -0.0000001]),
        arousal=np.array([-0.25, np.nan, 1.0]),
        valid=np.array([True, False, True]),
        face_valid=np.array([True, False, True]),
        voice_valid=np.array([True, True, False]),
        gate_weights=np.array(
            [[[0.75, 0.25], [0.5, 0.5]], [[np.nan, np.nan], [1.0, 0.0]], [[0.125, 0.875], [0.0, 1.0]]], dtype=np.float32
        ),
    )


def test_text_of_a_hand_made_trace_is_exact_and_leaves_missing_values_empty() -> None:
    assert trace_csv_text(three_frames(), person=2) == (
        "frame,time,person,valence,arousal,face,voice,face_score,gate_face,gate_voice,"
        "face_left,face_top,face_right,face_bottom\n"
        "1,0.000000,2,0.500000,-0.250000,1,1,,0.750000,0.500000,,,,\n"
        "2,0.033367,2,,,0,1,,,,,,,\n"  # no value, so nothing was weighed
        "3,1.100000,2,0.000000,1.000000,1,0,,0.125000,0.000000,,,,\n"
    )


def two_people() -> list[PersonTrace]:
    score = np.array([0.9, 0.0, 0.5], np.float32)
    boxes = np.array([[0, 0.25, 0.5, 1], [np.nan] * 4, [0.1, 0.2, 0.3, 0.4]], np.float32)
    return [PersonTrace(0, three_frames(), score, boxes), PersonTrace(3, three_frames())]


def test_people_follow_one_another_under_one_head_and_scores_stand_where_there_is_a_face() -> None:
    lines = clip_csv_text(two_people()).splitlines()
    assert len(lines) == 7
    assert [line.split(",")[2] for line in lines] == ["person", "0", "0", "0", "3", "3", "3"]
    assert [line.split(",")[7] for line in lines] == ["face_score", "0.900000", "", "0.500000", "", "", ""]
    assert [line.split(",", 10)[10] for line in lines[1:4]] == [
        "0.000000,0.250000,0.500000,1.000000",
        ",,,",
        "0.100000,0.200000,0.300000,0.400000",
    ]
    assert lines[4:] == trace_csv_text(three_frames(), person=3).splitlines()[1:]


def test_several_people_are_read_back_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "clip.csv").write_text(clip_csv_text(two_people()))
    first, second = read_clip_csv(tmp_path / "clip.csv")
    assert (first.person, second.person) == (0, 3)
    assert first.face_score is not None
    np.testing.assert_allclose(first.face_score, [0.9, 0, 0.5], atol=5e-7)
    assert second.face_score is None
    assert first.face_boxes is not None
    np.testing.assert_allclose(first.face_boxes[2], [0.1, 0.2, 0.3, 0.4], atol=5e-7)
    assert second.face_boxes is None
    assert clip_csv_text([first, second]) == clip_csv_text(two_people())


def test_a_frame_with_arousal_alone_keeps_it(tmp_path: Path) -> None:
    nothing, level, heard = np.full(2, np.nan), np.array([0.25, np.nan]), np.array([True, False])
    trace = Trace(
        times_seconds=np.array([0.0, 0.04]), valence=nothing, arousal=level, valid=heard, face_valid=~heard & heard,
        voice_valid=heard,
    )  # fmt: skip
    write_trace_csv(tmp_path / "trace.csv", trace)
    again = read_trace_csv(tmp_path / "trace.csv")
    assert again.valid.tolist() == [True, False]
    assert trace_csv_text(again) == trace_csv_text(trace)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("valence", "5.0", "valence is 5, and runs from -1 to 1"),
        ("arousal", "-5", "arousal is -5, and runs from -1 to 1"),
        ("arousal", "inf", "arousal is inf"),
        ("gate_voice", "1.01", "gate_voice is 1.01, and runs from 0 to 1"),
    ],
)
def test_a_value_out_of_its_range_is_refused_with_its_line(tmp_path: Path, column: str, value: str, words: str) -> None:
    header, *rows = (line.split(",") for line in trace_csv_text(three_frames()).splitlines())
    rows[1][header.index(column)] = value
    (tmp_path / "clip.csv").write_text("\n".join(",".join(fields) for fields in (header, *rows)))
    with pytest.raises(DatasetError, match=rf"clip\.csv, line 3: {words}"):
        read_clip_csv(tmp_path / "clip.csv")


def test_a_table_from_before_scores_were_written_is_still_read(tmp_path: Path) -> None:
    lines = [line.split(",") for line in trace_csv_text(three_frames()).splitlines()]
    (tmp_path / "old.csv").write_text("\n".join(",".join(fields[:7] + fields[8:]) for fields in lines))
    assert trace_csv_text(read_trace_csv(tmp_path / "old.csv")) == trace_csv_text(three_frames())


def test_annotation_without_channels_or_gates_has_those_columns_empty() -> None:
    labels = Trace(
        times_seconds=np.array([0.04]), valence=np.array([0.1]), arousal=np.array([0.2]), valid=np.array([True])
    )
    assert trace_csv_text(labels).splitlines()[1] == "1,0.040000,0,0.100000,0.200000,,,,,,,,,"


def test_a_model_without_gates_and_one_of_a_single_channel_leave_those_columns_empty() -> None:
    times, valid = np.array([0.0, 0.04]), np.array([True, False])
    trace = Trace(times_seconds=times, valence=times, arousal=times, valid=valid, face_valid=valid)
    assert trace_csv_text(trace).splitlines()[1:] == [
        "1,0.000000,0,0.000000,0.000000,1,,,,,,,,",
        "2,0.040000,0,,,0,,,,,,,,",
    ]


def test_file_is_ascii_with_unix_line_ends(tmp_path: Path) -> None:
    write_trace_csv(tmp_path / "trace.csv", three_frames())
    content = (tmp_path / "trace.csv").read_bytes()
    assert content.isascii()
    assert b"\r" not in content
    assert [path.name for path in tmp_path.iterdir()] == ["trace.csv"]


def test_written_trace_is_read_back(tmp_path: Path) -> None:
    trace = three_frames()
    write_trace_csv(tmp_path / "trace.csv", trace)
    again = read_trace_csv(tmp_path / "trace.csv")
    np.testing.assert_allclose(again.times_seconds, trace.times_seconds, atol=5e-7)
    np.testing.assert_array_equal(again.valid, trace.valid)
    np.testing.assert_allclose(again.valence[again.valid], trace.valence[trace.valid], atol=5e-7)
    np.testing.assert_allclose(again.arousal[again.valid], trace.arousal[trace.valid], atol=5e-7)
    np.testing.assert_array_equal(again.face_valid, trace.face_valid)
    np.testing.assert_array_equal(again.voice_valid, trace.voice_valid)
    assert again.gate_weights is not None
    assert trace.gate_weights is not None
    np.testing.assert_allclose(again.gate_weights[trace.valid], trace.gate_weights[trace.valid], atol=5e-7)
    assert np.isnan(again.gate_weights[~trace.valid]).all()
    assert trace_csv_text(again) == trace_csv_text(trace)


def test_missing_columns_come_back_as_none(tmp_path: Path) -> None:
    times = np.array([0.0, 0.5])
    write_trace_csv(
        tmp_path / "labels.csv", Trace(times_seconds=times, valence=times, arousal=-times, valid=times >= 0)
    )
    again = read_trace_csv(tmp_path / "labels.csv")
    assert again.face_valid is None
    assert again.voice_valid is None
    assert again.gate_weights is None


def test_a_table_of_two_people_is_no_trace_of_one(tmp_path: Path) -> None:
    rows = trace_csv_text(three_frames()).splitlines()
    (tmp_path / "trace.csv").write_text("\n".join([*rows, *trace_csv_text(three_frames(), person=1).splitlines()[1:]]))
    with pytest.raises(DatasetError, match="holds 2 people"):
        read_trace_csv(tmp_path / "trace.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("valence", "happiness"), "lacks the column.* valence"),
        (("0.500000,-0.25", "much,-0.25"), "line 2: valence is 'much'"),
        (("2,0.033367,0", "4,0.033367,0"), "frame 2 is expected and 4 is there"),
    ],
)
def test_table_that_is_no_trace_says_why(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    (tmp_path / "trace.csv").write_text(trace_csv_text(three_frames()).replace(*change), encoding="utf-8")
    with pytest.raises(DatasetError, match=message):
        read_trace_csv(tmp_path / "trace.csv")


def test_equal_sidecars_are_equal_bytes(tmp_path: Path) -> None:
    write_sidecar(tmp_path / "one.json", model="bdca", warnings=["drawn faces"])
    write_sidecar(tmp_path / "two.json", warnings=["drawn faces"], model="bdca")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
