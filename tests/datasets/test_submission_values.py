import numpy as np
import pytest
from numpy.typing import NDArray

from tests.reference.ccc import exact_ccc
from vatrace.datasets.submission_values import FilledTrace, ccc_centred, combine, counting_frames, fill, smooth
from vatrace.streams import Trace

NAN = float("nan")


def trace(
    valence: list[float], *, face: list[int] | None = None, times: list[float] | None = None, arousal: float = 0.5
) -> Trace:
    values = np.array(valence)
    return Trace(
        times_seconds=np.array(times if times is not None else np.arange(len(values)) / 25, float),
        valence=values,
        arousal=np.where(np.isfinite(values), arousal, NAN),
        valid=np.isfinite(values),
        face_valid=None if face is None else np.array(face, bool),
    )


def filled(made: Trace, num_frames: int, without_face: str = "interpolate") -> NDArray[np.float64]:
    return fill(made, counting_frames(made, without_face), num_frames).values[:, 0]  # type: ignore[arg-type]


def test_frames_without_a_face_lie_on_the_line_between_their_neighbours_in_time() -> None:
    made = trace([0.0, 0.9, 0.9, 0.8], face=[1, 0, 0, 1], times=[0.0, 0.1, 0.2, 0.4])
    np.testing.assert_allclose(filled(made, 4), [0.0, 0.2, 0.4, 0.8])  # 0.8 in 0.4 s, so 0.2 in each 0.1 s


def test_the_models_own_value_is_kept_where_asked_for() -> None:
    made = trace([0.0, 0.9, NAN, 0.5], face=[1, 0, 0, 1])
    np.testing.assert_allclose(filled(made, 4, "model"), [0.0, 0.9, 0.7, 0.5])


def test_a_model_that_takes_no_face_counts_where_it_has_a_value() -> None:
    np.testing.assert_allclose(filled(trace([NAN, 0.2, NAN, 0.4, NAN]), 5), [0.2, 0.2, 0.3, 0.4, 0.4])


def test_a_clip_without_any_face_has_the_values_from_the_voice() -> None:
    np.testing.assert_allclose(filled(trace([0.1, NAN, 0.3], face=[0, 0, 0]), 3), [0.1, 0.2, 0.3])


def test_rows_beyond_the_last_frame_hold_the_last_value_and_are_not_their_own() -> None:
    made = trace([0.1, 0.2])
    longer = fill(made, made.valid, 4)
    np.testing.assert_allclose(longer.values[:, 0], [0.1, 0.2, 0.2, 0.2])
    assert longer.valid.tolist() == [True, True, False, False]
    np.testing.assert_allclose(longer.values[:, 1], 0.5)
    assert fill(made, made.valid, 1).values.shape == (1, 2)  # a template may ask for fewer


def of(*valences: list[float]) -> list[FilledTrace]:
    return [FilledTrace(np.array([each, each]).T, np.ones(len(each), bool)) for each in valences]


def test_the_mean_is_the_mean_of_each_frame() -> None:
    runs = of([0.0, 0.4], [0.2, 0.0], [0.1, 0.2])
    np.testing.assert_allclose(combine(runs, "mean").values[:, 0], [0.1, 0.2])


def test_a_frame_is_its_own_where_one_of_the_runs_has_it() -> None:
    runs = [FilledTrace(np.zeros((3, 2)), np.array(valid)) for valid in ([True, False, False], [False, False, True])]
    assert combine(runs, "mean").valid.tolist() == [True, False, True]


@pytest.mark.parametrize("runs", [[[0.1, 0.5, 0.2]], [[0.1, 0.5, 0.2], [0.3, 0.4, 0.3]], [[0.1, 0.1], [0.4, 0.4]]])
def test_one_run_two_runs_and_constant_runs_are_centred_to_their_mean(runs: list[list[float]]) -> None:
    np.testing.assert_allclose(ccc_centred(np.array(runs)), np.mean(runs, axis=0))


def test_centring_weights_movement_by_agreement_and_keeps_the_mean_level() -> None:
    random = np.random.default_rng(0)
    curve = np.sin(np.arange(200) / 9) / 3
    runs = np.stack([curve + 0.1, curve + 0.05 * random.normal(size=200), 0.4 * random.normal(size=200) - 0.2])
    pairs = {(a, b): exact_ccc(runs[a], runs[b]) for a, b in ((0, 1), (0, 2), (1, 2))}
    agreement = np.array(
        [
            (pairs[0, 1] + pairs[0, 2]) / 2,
            (pairs[0, 1] + pairs[1, 2]) / 2,
            (pairs[0, 2] + pairs[1, 2]) / 2,
        ]
    )
    weights = np.maximum(agreement, 0) / np.maximum(agreement, 0).sum()
    expected = runs.mean() + sum(w * (run - run.mean()) for w, run in zip(weights, runs, strict=True))
    np.testing.assert_allclose(ccc_centred(runs), expected)
    assert ccc_centred(runs).mean() == pytest.approx(runs.mean())
    assert exact_ccc(ccc_centred(runs) - ccc_centred(runs).mean(), curve) > exact_ccc(
        runs.mean(axis=0) - runs.mean(), curve
    )  # the run of noise counts for less than a third


def test_a_run_that_contradicts_the_others_adds_its_level_and_no_movement() -> None:
    curve = np.array([-0.3, 0.0, 0.3])
    np.testing.assert_allclose(ccc_centred(np.stack([curve, curve, 0.3 - curve])), 0.1 + curve)
    np.testing.assert_allclose(ccc_centred(np.stack([curve, curve, np.full(3, 0.6)])), 0.2 + curve)


def test_smoothing_is_a_centred_mean_cut_at_the_ends() -> None:
    values = np.array([0.0, 3.0, 6.0, 0.0, 3.0])
    everywhere = np.ones(5, bool)
    np.testing.assert_allclose(smooth(values, everywhere, 3), [1.5, 3.0, 3.0, 3.0, 1.5])
    np.testing.assert_allclose(smooth(values, everywhere, 99), np.full(5, 2.4))
    assert smooth(values, everywhere, 0) is values
    assert smooth(values, everywhere, 1) is values


def test_smoothing_counts_only_frames_with_a_value_of_their_own() -> None:
    values = np.array([1.0, 9.0, 2.0, 9.0, 9.0, 9.0])
    valid = np.array([True, False, True, False, False, False])
    np.testing.assert_allclose(smooth(values, valid, 3), [1.0, 1.5, 2.0, 2.0, 9.0, 9.0])
