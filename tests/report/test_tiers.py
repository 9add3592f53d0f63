import numpy as np
import pytest

from tests.report.traced_people import two_people
from vatrace.report.export import PersonTrace
from vatrace.report.tiers import Interval, level_intervals, on_players_clock, second_means, tiers_of
from vatrace.streams import Trace


def intervals_of(values: list[float], times: list[float] | None = None, valid: list[bool] | None = None) -> list:
    times = [0.5 * frame for frame in range(len(values))] if times is None else times
    valid = [True] * len(values) if valid is None else valid
    return list(level_intervals(np.array(times), np.array(values), np.array(valid)))


def test_a_level_holds_until_a_value_is_more_than_0_15_away() -> None:
    # 0.31 is nearer to 0.4 than to 0.2, but within 0.15 of the level that holds; 0.36 is not.
    assert intervals_of([0.2, 0.31, 0.06, 0.36, 0.26]) == [Interval(0.0, 1.5, "0.19"), Interval(1.5, 2.5, "0.31")]


def test_a_value_at_the_border_of_two_levels_makes_one_interval() -> None:
    assert len(intervals_of([0.299, 0.301] * 20)) == 1


def test_labels_are_means_with_a_true_zero_and_a_plain_minus() -> None:
    labels = [one.label for one in intervals_of([-0.004, -1.0, 1.0, 0.5])]
    assert labels == ["0.00", "-1.00", "1.00", "0.50"]
    assert [one.label for one in intervals_of([-0.09, -0.13, -0.08])] == ["-0.10"]


def test_where_there_is_no_value_there_is_no_interval() -> None:
    found = intervals_of([0.0, -5.0, np.nan, 0.0], [0.0, 0.1, 0.4, 1.0], [True, False, False, True])
    assert found == [Interval(0.0, 0.1, "0.00"), Interval(1.0, pytest.approx(1.3), "0.00")]


def test_intervals_cover_exactly_the_frames_with_a_value_and_are_near_every_one_of_them() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.2, 500))
    values = np.clip(np.cumsum(rng.normal(0, 0.05, 500)), -1, 1)
    valid = rng.random(500) > 0.1
    found = level_intervals(times, values, valid)
    for time, value, is_valid in zip(times, values, valid, strict=True):
        here = [one for one in found if one.start_seconds <= time < one.end_seconds]
        assert len(here) == int(is_valid)
        assert not here or abs(float(here[0].label) - value) <= 0.3 + 0.005, "both within 0.15 of one level"


def test_means_are_those_of_the_frames_that_begin_in_a_second_and_have_a_value() -> None:
    trace = Trace(
        times_seconds=np.array([0.5, 0.75, 1.0, 1.5, 3.25]),
        valence=np.array([0.2, 0.4, -1.0, -5.0, 0.5]),
        arousal=np.array([0.0, 0.1, 1.0, np.nan, -0.5]),
        valid=np.array([True, True, True, False, True]),
    )
    means = list(second_means(trace))
    assert [(one.start_seconds, one.end_seconds) for one in means] == [
        (0.5, 1.0),
        (1.0, 1.5),
        (3.25, pytest.approx(3.625)),
    ]
    assert [one.valence for one in means] == [pytest.approx(0.3), -1.0, 0.5]
    assert [one.arousal for one in means] == [pytest.approx(0.05), 1.0, -0.5]


def test_every_person_has_tiers_and_the_soundtrack_has_one_for_all() -> None:
    names = [(tier.name, tier.participant) for tier in tiers_of(two_people())]
    assert names == [
        ("valence@P0", "P0"), ("arousal@P0", "P0"), ("no_face@P0", "P0"),
        ("valence@P4", "P4"), ("arousal@P4", "P4"), ("no_face@P4", "P4"),
        ("no_voice", ""),
    ]  # fmt: skip


def test_absences_run_from_the_first_frame_without_to_the_next_frame_with() -> None:
    people = two_people()
    times = people[0].trace.times_seconds
    (gone,) = next(tier for tier in tiers_of(people) if tier.name == "no_face@P0").intervals
    assert (gone.start_seconds, gone.end_seconds, gone.label) == (times[40], times[60], "no face")


def test_a_player_that_begins_later_sees_everything_earlier() -> None:
    (main, _) = two_people()
    (moved, _) = on_players_clock(two_people(), 0.5)
    np.testing.assert_allclose(moved.trace.times_seconds, main.trace.times_seconds - 0.5)


def arousal_alone() -> Trace:
    """A voice gives arousal in every frame; a face joins it, and with it valence, from 1.5 s on."""
    times = np.arange(0, 3, 0.25)
    valence = np.where(times >= 1.5, 0.4, np.nan)
    return Trace(times_seconds=times, valence=valence, arousal=0 * times - 0.6, valid=times >= 0)


def test_a_dimension_that_is_missing_alone_has_no_intervals_and_no_means_of_its_own() -> None:
    tiers = {tier.name: tier.intervals for tier in tiers_of([PersonTrace(0, arousal_alone())])}
    assert tiers["valence@P0"] == (Interval(1.5, 3.0, "0.40"),)
    assert tiers["arousal@P0"] == (Interval(0.0, 3.0, "-0.60"),)
    means = [(one.start_seconds, one.valence, one.arousal) for one in second_means(arousal_alone())]
    assert means == [
        (0.0, None, pytest.approx(-0.6)), (1.0, pytest.approx(0.4), pytest.approx(-0.6)),
        (2.0, pytest.approx(0.4), pytest.approx(-0.6)),
    ]  # fmt: skip
