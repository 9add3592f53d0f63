"""Intervals over people, against resampling their frames by brute force."""

import numpy as np
import pytest

from vatrace.metrics import CccStatistics, Score, ccc
from vatrace.report.intervals import ccc_interval, difference_interval

Frames = dict[str, tuple[np.ndarray, np.ndarray]]  # for each person predictions and truth, [frames, 2]


def made_frames(people: int, seed: int, noise: float = 0.5) -> Frames:
    """People with means and numbers of frames of their own."""
    random = np.random.default_rng(seed)
    frames: Frames = {}
    for number in range(people):
        length = int(random.integers(5, 30))
        truth = random.normal(scale=0.4, size=2) + 0.3 * random.normal(size=(length, 2))
        frames[f"p{number}"] = (truth + noise * random.normal(size=(length, 2)) + 0.1, truth)
    return frames


def scores_of(frames: Frames) -> dict[str, Score]:
    return {
        name: Score(
            valence=CccStatistics.of(prediction[:, 0], truth[:, 0]),
            arousal=CccStatistics.of(prediction[:, 1], truth[:, 1]),
        )
        for name, (prediction, truth) in frames.items()
    }


def mean_ccc_of_draw(frames: Frames, draw: np.ndarray) -> float:
    """Frames of the drawn people concatenated, then the plain formula."""
    names = sorted(frames)
    prediction, truth = (np.concatenate([frames[names[index]][part] for index in draw]) for part in (0, 1))
    return (ccc(prediction[:, 0], truth[:, 0]) + ccc(prediction[:, 1], truth[:, 1])) / 2


def draws_of(people: int, resamples: int, seed: int) -> np.ndarray:
    """The draws that scipy makes: batches of whole numbers below the number of people."""
    random = np.random.default_rng(seed)
    return np.concatenate(
        [random.integers(0, people, (min(500, resamples - at), people)) for at in range(0, resamples, 500)]
    )


def test_the_interval_is_that_of_resampled_frames() -> None:
    frames = made_frames(7, seed=1)
    found = ccc_interval([scores_of(frames)], resamples=700, seed=3)
    values = [mean_ccc_of_draw(frames, draw) for draw in draws_of(7, 700, seed=3)]
    assert found is not None
    assert found.value == pytest.approx(mean_ccc_of_draw(frames, np.arange(7)), abs=1e-12)
    assert [found.low, found.high] == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=1e-9)


def test_the_mean_over_seeds_is_taken_within_each_draw() -> None:
    seeds = [made_frames(6, seed=1), {}]
    seeds[1] = {name: (0.5 * prediction, truth) for name, (prediction, truth) in seeds[0].items()}
    found = ccc_interval([scores_of(frames) for frames in seeds], resamples=400, seed=0)
    values = [np.mean([mean_ccc_of_draw(frames, draw) for frames in seeds]) for draw in draws_of(6, 400, seed=0)]
    assert found is not None
    assert [found.low, found.high] == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=1e-9)


def test_one_dimension_alone_is_its_own_ccc() -> None:
    frames = made_frames(5, seed=2)
    prediction, truth = (np.concatenate([each[part] for each in frames.values()]) for part in (0, 1))
    for at, dimension in enumerate(("valence", "arousal")):
        found = ccc_interval([scores_of(frames)], dimension, resamples=100)
        assert found is not None
        assert found.value == pytest.approx(ccc(prediction[:, at], truth[:, at]), abs=1e-12)


def test_a_model_differs_from_itself_by_nothing() -> None:
    scores = [scores_of(made_frames(6, seed=seed)) for seed in (1, 1)]
    found = difference_interval(scores, scores[:1], resamples=300)
    assert found is not None
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_paired_differences_are_sharper_than_the_intervals_they_are_of() -> None:
    frames = made_frames(30, seed=4)
    worse = {name: (prediction + 0.15, truth) for name, (prediction, truth) in frames.items()}
    single = ccc_interval([scores_of(frames)], resamples=500)
    paired = difference_interval([scores_of(worse)], [scores_of(frames)], resamples=500)
    assert single is not None
    assert paired is not None
    assert paired.high < 0
    assert paired.high - paired.low < (single.high - single.low) / 2


def test_the_interval_holds_the_true_value_about_as_often_as_it_says() -> None:
    """Prediction = truth + noise of equal variance, equal means: the CCC of the population is 2/3."""
    held = []
    for trial in range(150):
        random = np.random.default_rng(trial)
        truth = random.normal(size=(40, 20, 2))
        prediction = truth + random.normal(size=truth.shape)
        frames = {f"p{n}": (prediction[n], truth[n]) for n in range(40)}
        found = ccc_interval([scores_of(frames)], resamples=300, seed=trial)
        assert found is not None
        held.append(found.low <= 2 / 3 <= found.high)
    assert 0.88 <= np.mean(held) <= 0.99  # 95 % asked for; 150 trials of it have a standard error of 1.8 %


def test_a_person_without_a_labelled_frame_counts_for_nothing() -> None:
    scores = scores_of(made_frames(5, seed=1))
    nobody = Score(valence=CccStatistics(), arousal=CccStatistics())
    assert ccc_interval([scores | {"q": nobody}], resamples=200) == ccc_interval([scores], resamples=200)


def test_one_person_has_no_interval_and_other_people_no_difference() -> None:
    scores = scores_of(made_frames(3, seed=1))
    assert ccc_interval([{"p0": scores["p0"]}]) is None
    with pytest.raises(ValueError, match="scored on the same people"):
        difference_interval([scores], [{"p0": scores["p0"]}])
    with pytest.raises(ValueError, match="every seed of a model must be scored on the same people"):
        ccc_interval([scores, {"p0": scores["p0"]}])
