from dataclasses import replace

import numpy as np

from vatrace.report.summary import second_rows, signed, summary_sentence
from vatrace.streams import Trace


def trace_of_two_seconds() -> Trace:
    return Trace(
        times_seconds=np.array([0.0, 0.5, 61.0, 61.5]),
        valence=np.array([-0.25, 0.75, 0.5, 9.0]),
        arousal=np.array([0.0, -0.5, -0.25, 9.0]),
        valid=np.array([True, True, True, False]),
        face_valid=np.array([True, True, True, False]),
        voice_valid=np.array([False, True, False, False]),
    )


def test_sentence_says_range_peak_and_what_was_there() -> None:
    assert summary_sentence(trace_of_two_seconds(), None) == (
        "Valence runs from −0.25 to +0.75, highest at 0:00; arousal runs from −0.50 to 0.00, highest at 0:00. "
        "A face was seen in 75% of the frames, a voice was heard in 25% of the frames. "
        "Values rest on face and voice in 25% of the frames, on the face alone in 50%, no value in 25%."
    )


def test_sentence_of_a_trace_without_values_says_so() -> None:
    times = np.array([0.0, 1.0])
    empty = Trace(times_seconds=times, valence=times, arousal=times, valid=times < 0)
    assert summary_sentence(empty, None) == "No frame of this clip has a value."


def test_table_has_a_row_for_every_second_that_has_frames() -> None:
    trace = trace_of_two_seconds()
    truth = Trace(
        times_seconds=np.array([0.2]), valence=np.array([1.0]), arousal=np.array([-1.0]), valid=np.array([True])
    )
    assert list(second_rows(trace, truth)) == [
        ["time", "valence", "arousal", "valence, truth", "arousal, truth", "face seen", "voice heard"],
        ["0:00", "+0.25", "−0.25", "+1.00", "−1.00", "100%", "50%"],
        ["1:01", "+0.50", "−0.25", "–", "–", "50%", "0%"],
    ]


def test_sign_of_a_rounded_zero_is_left_out() -> None:
    assert [signed(value) for value in (0.004, -0.004, 0.005001, -0.3)] == ["0.00", "0.00", "+0.01", "−0.30"]


def test_a_voice_alone_has_arousal_and_no_valence() -> None:
    times = np.arange(4) / 2
    trace = Trace(
        times_seconds=times,
        valence=np.array([np.nan, np.nan, 0.5, np.nan]),
        arousal=np.array([-0.09, 0.19, 0.1, np.nan]),
        valid=np.array([True, True, True, False]),
    )
    text = summary_sentence(trace, None)
    assert "Valence runs from +0.50 to +0.50, highest at 0:01; arousal runs from −0.09 to +0.19" in text
    heard = replace(trace, valence=np.full(4, np.nan))
    assert summary_sentence(heard, None).startswith("Valence has no value in any frame; arousal runs from −0.09")
    nothing = replace(trace, valid=np.zeros(4, np.bool_))
    assert summary_sentence(nothing, None) == "No frame of this clip has a value."
