import audmetric
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.reference.ccc import exact_ccc
from vatrace.metrics import CccStatistics, Score, ccc, score_traces
from vatrace.streams import Trace


def pair(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.uniform(-1, 1, frames)
    return 0.6 * truth + 0.2 * random.normal(size=frames) + 0.3, truth  # unequal means and spreads


@pytest.mark.parametrize("frames", [2, 30, 5000])
def test_ccc_agrees_with_audmetric_and_with_exact_fractions(frames: int) -> None:
    x, y = pair(frames, frames)
    assert ccc(x, y) == pytest.approx(audmetric.concordance_cc(y, x), abs=1e-9)
    if frames <= 30:
        assert ccc(x, y) == pytest.approx(exact_ccc(list(x), list(y)), abs=1e-12)


def test_ccc_of_a_shifted_copy_has_its_closed_form() -> None:
    y = np.array([-1.0, 0.0, 1.0])  # population variance 2/3; with n - 1 it would be 1 and the value another
    assert ccc(y + 0.5, y) == pytest.approx((4 / 3) / (4 / 3 + 0.25), abs=1e-15)


def test_ccc_of_a_scaled_copy_has_its_closed_form() -> None:
    y = np.array([-1.0, 0.0, 1.0])
    assert ccc(0.5 * y, y) == pytest.approx(2 * 0.5 / (1 + 0.25), abs=1e-15)
    assert ccc(-y, y) == pytest.approx(-1, abs=1e-15)


@pytest.mark.parametrize("constant", [0.0, 0.1, -0.7, 1 / 3])
def test_ccc_of_a_constant_prediction_is_zero(constant: float) -> None:
    assert ccc(np.full(1001, constant), pair(1001, 0)[1]) == 0.0
    assert ccc(np.full(1001, constant), np.full(1001, constant)) == 0.0


def test_ccc_of_nothing_is_not_a_number() -> None:
    assert np.isnan(ccc([], []))


@given(
    hnp.arrays(np.float64, st.integers(3, 60), elements=st.floats(-1, 1, width=32)),
    st.integers(0, 2**31),
    st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_statistics_of_parts_add_up_to_those_of_the_whole(x: np.ndarray, seed: int, num_cuts: int) -> None:
    random = np.random.default_rng(seed)
    y = random.uniform(-1, 1, len(x))
    cuts = np.sort(random.integers(0, len(x), num_cuts))
    parts = [CccStatistics.of(a, b) for a, b in zip(np.split(x, cuts), np.split(y, cuts), strict=True)]
    merged = sum(parts[1:], parts[0])
    whole = CccStatistics.of(x, y)
    assert merged.count == whole.count
    assert merged.ccc == pytest.approx(whole.ccc, abs=1e-12)


def test_merging_keeps_its_accuracy_far_from_zero_where_plain_sums_lose_it() -> None:
    x, y = pair(4000, 5)
    parts = [CccStatistics.of(x[at : at + 100] + 1e6, y[at : at + 100] + 1e6) for at in range(0, 4000, 100)]
    assert sum(parts[1:], parts[0]).ccc == pytest.approx(ccc(x, y), abs=1e-8)


def test_only_valid_frames_count_and_what_stands_in_others_may_be_nan() -> None:
    x, y = pair(50, 1)
    valid = np.arange(50) % 3 > 0
    dirty = np.where(valid, y, np.nan)
    assert ccc(x, dirty, valid) == ccc(x[valid], y[valid])
    with pytest.raises(ValueError, match="no finite value"):
        ccc(x, dirty)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) and \(4,\)"):
        ccc([1, 2, 3], [1, 2, 3, 4])


def trace(values: np.ndarray, valid: np.ndarray | None = None) -> Trace:
    ok = np.ones(len(values), bool) if valid is None else valid
    return Trace(times_seconds=np.arange(len(values)) / 25.0, valence=values, arousal=-values, valid=ok)


def test_a_score_is_over_all_frames_concatenated_and_not_the_mean_of_clips() -> None:
    (xa, ya), (xb, yb) = pair(100, 2), pair(40, 3)
    yb = yb * 0.1 + 0.8  # another level: the concatenated CCC then differs from the mean of both
    xb = xb * 0.1 + 0.8
    score = score_traces([(trace(xa), trace(ya)), (trace(xb), trace(yb))])
    assert score.valence_ccc == pytest.approx(ccc(np.r_[xa, xb], np.r_[ya, yb]), abs=1e-12)
    assert abs(score.valence_ccc - (ccc(xa, ya) + ccc(xb, yb)) / 2) > 0.05
    assert score.mean_ccc == pytest.approx((score.valence_ccc + score.arousal_ccc) / 2)
    assert score.frames == 140


def test_a_labelled_frame_without_a_prediction_is_still_scored_by_interpolation() -> None:
    truth = np.array([0.0, 0.2, 0.4, 0.6])
    seen = np.array([True, False, True, False])
    predicted = np.where(seen, truth, np.nan)
    score = score_traces([(trace(predicted, seen), trace(truth))])
    assert score.frames == 4
    assert score.valence_ccc == pytest.approx(ccc([0.0, 0.2, 0.4, 0.4], truth), abs=1e-12)


def test_labels_beyond_the_last_frame_are_scored_with_the_last_value() -> None:
    truth = np.array([0.0, 0.2, 0.4, 0.6, 0.8])
    seen = np.array([True, True, False])
    score = score_traces([(trace(np.array([0.1, 0.3, np.nan]), seen), trace(truth))])
    assert score.frames == 5
    assert score.valence_ccc == pytest.approx(ccc([0.1, 0.3, 0.3, 0.3, 0.3], truth), abs=1e-12)
    with pytest.raises(ValueError, match="5 frames are more than the 3 rows"):
        score_traces([(trace(truth), trace(truth[:3]))])


def test_a_score_of_no_clips_is_not_a_number() -> None:
    assert isinstance(score_traces([]), Score)
    assert np.isnan(score_traces([]).mean_ccc)
