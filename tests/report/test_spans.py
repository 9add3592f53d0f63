import numpy as np
import pytest

from vatrace.report.spans import MissingSpan, Shade, frame_ends, missing_spans
from vatrace.streams import Trace


def test_spans_name_what_is_missing_and_do_not_overlap() -> None:
    trace = Trace(
        times_seconds=np.array([0.0, 1.0, 2.0, 4.0, 5.0, 6.0]),
        valence=np.zeros(6),
        arousal=np.zeros(6),
        valid=np.array([True, True, False, True, False, True]),
        face_valid=np.array([True, False, False, True, True, True]),
        voice_valid=np.array([True, True, False, True, True, False]),
    )
    assert missing_spans(trace) == [
        MissingSpan("no face", 1.0, 2.0),
        MissingSpan("neither face nor voice", 2.0, 4.0),
        MissingSpan("no value", 5.0, 6.0),
        MissingSpan("no voice", 6.0, 7.0),
    ]


def test_whole_trace_has_no_spans() -> None:
    times = np.array([0.0, 0.04])
    assert missing_spans(Trace(times_seconds=times, valence=times, arousal=times, valid=times >= 0)) == []


def test_last_frame_is_as_long_as_a_typical_one() -> None:
    np.testing.assert_allclose(frame_ends(np.array([0.0, 0.1, 0.2, 0.5])), [0.1, 0.2, 0.5, 0.6])
    np.testing.assert_allclose(frame_ends(np.array([3.0])), [3.04])
    assert len(frame_ends(np.array([]))) == 0


def test_episode_of_an_unknown_channel_or_backwards_in_time_is_refused() -> None:
    with pytest.raises(ValueError, match="'face' or 'voice', got 'smell'"):
        Shade("smell", "gone", 0.0, 1.0)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(ValueError, match=r"cannot end at 1\.0 s and start at 2\.0 s"):
        Shade("face", "covered", 2.0, 1.0)
