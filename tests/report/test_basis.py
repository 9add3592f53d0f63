import numpy as np
import pytest

from vatrace.report.basis import basis_shares, basis_words, rests_on, telling_gates
from vatrace.streams import Trace

FACE = np.array([1, 1, 0, 0, 1], dtype=bool)
VOICE = np.array([1, 0, 1, 0, 1], dtype=bool)
OWN = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4], [0.5, 0.5]])  # face, voice


def trace(*, face: np.ndarray | None = FACE, voice: np.ndarray | None = VOICE, gated: bool = True) -> Trace:
    """Five frames: both, face, voice, neither, both."""
    there = np.zeros(5, dtype=bool)
    for channel in (face, voice):
        there |= np.zeros(5, dtype=bool) if channel is None else channel
    return Trace(
        times_seconds=np.arange(5) / 25,
        valence=np.where(there, 0.5, np.nan),
        arousal=np.where(there, -0.5, np.nan),
        valid=there,
        face_valid=face,
        voice_valid=voice,
        gate_weights=np.stack([OWN, 1 - OWN], axis=2).astype(np.float32) if gated else None,
    )


def test_every_frame_rests_on_both_on_one_or_on_neither() -> None:
    assert {kind: np.flatnonzero(frames).tolist() for kind, frames in rests_on(trace()).items()} == {
        "both": [0, 4],
        "face_only": [1],
        "voice_only": [2],
        "neither": [3],
    }
    assert basis_shares(trace()) == pytest.approx({"both": 0.4, "face_only": 0.2, "voice_only": 0.2, "neither": 0.2})
    assert basis_words(trace()) == (
        "on face and voice in 40% of the frames, on the face alone in 20%, on the voice alone in 20%, no value in 20%"
    )


def test_a_channel_that_the_model_does_not_take_is_never_rested_on() -> None:
    assert basis_shares(trace(voice=None)) == pytest.approx(
        {"both": 0.0, "face_only": 0.6, "voice_only": 0.0, "neither": 0.4}
    )
    assert basis_words(trace(face=None)) == "on the voice alone in 60% of the frames, no value in 40%"


def test_a_frame_without_a_value_rests_on_nothing_even_with_a_face() -> None:
    made = trace()
    made.valid[1] = False
    assert np.flatnonzero(rests_on(made)["neither"]).tolist() == [1, 3]


def test_an_annotation_and_a_trace_without_frames_say_nothing() -> None:
    assert rests_on(trace(face=None, voice=None)) == {}
    assert basis_words(trace(face=None, voice=None)) == ""
    none = np.zeros(0, dtype=bool)
    empty = Trace(
        times_seconds=np.zeros(0),
        valence=np.zeros(0),
        arousal=np.zeros(0),
        valid=none,
        face_valid=none,
        voice_valid=none,
    )
    assert basis_shares(empty) == {}


def test_a_gate_says_nothing_where_there_is_no_value_and_is_kept_where_one_channel_is_missing() -> None:
    expected = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [np.nan, np.nan], [0.5, 0.5]])
    np.testing.assert_allclose(telling_gates(trace()), expected, atol=1e-7)


def test_a_model_without_gates_has_none() -> None:
    assert telling_gates(trace(gated=False)) is None


def test_looking_at_gates_changes_no_trace() -> None:
    made = trace()
    before = np.copy(made.gate_weights)
    telling_gates(made)
    np.testing.assert_array_equal(made.gate_weights, before)
