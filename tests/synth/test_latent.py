import numpy as np
import pytest

from vatrace.streams import Trace
from vatrace.synth.latent import annotate, draw_truth, slow_noise
from vatrace.synth.seeds import Purpose, generator

TIMES = np.arange(1000) / 25


def truth_of(subject: int) -> Trace:
    return draw_truth(generator(0, subject, 0, Purpose.TRUTH), TIMES)


@pytest.mark.parametrize("dimension", ["valence", "arousal"])
def test_truth_lies_in_range_and_leans_to_positive_values(dimension: str) -> None:
    values = np.concatenate([getattr(truth_of(subject), dimension) for subject in range(120)])
    assert np.abs(values).max() <= 1
    assert (values > 0).mean() > 0.55
    middle = np.median(values)
    # A long positive tail: the upper tenth begins further from the middle than the lower tenth.
    assert np.percentile(values, 90) - middle > 1.1 * (middle - np.percentile(values, 10))


def test_truth_changes_within_a_clip_but_slowly() -> None:
    truths = [truth_of(subject) for subject in range(40)]
    assert np.mean([np.std(truth.valence) for truth in truths]) > 0.2
    steps = np.concatenate([np.abs(np.diff(truth.valence)) for truth in truths])
    assert np.percentile(steps, 99) < 0.05


def test_slow_noise_has_unit_deviation_at_every_time_constant() -> None:
    rng = np.random.default_rng(0)
    for seconds in (0.2, 1.5, 5.0):
        draws = np.stack([slow_noise(rng, TIMES[:250], seconds) for _ in range(400)])
        assert draws.std() == pytest.approx(1, abs=0.08)
        assert draws[:, 0].std() == pytest.approx(1, abs=0.15)  # the ends are no different from the middle


def test_annotation_follows_the_truth_after_the_raters_delay() -> None:
    lags = np.arange(0, 40)
    correlations = np.zeros(len(lags))
    for subject in range(30):
        truth = truth_of(subject)
        annotation = annotate(generator(0, subject, 0, Purpose.RATERS), truth)
        assert np.abs(annotation.valence).max() <= 1
        for index, lag in enumerate(lags):
            correlations[index] += np.corrcoef(truth.valence[: 960 - lag], annotation.valence[lag:960])[0, 1] / 30
    best_seconds = lags[np.argmax(correlations)] / 25
    assert 0.4 <= best_seconds <= 0.8  # the mean of delays from 0.2 to 1 s is 0.6 s
    assert correlations.max() > 0.97
    assert correlations[0] < correlations.max() - 0.02
