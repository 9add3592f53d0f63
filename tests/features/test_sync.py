import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vatrace.errors import FeatureError
from vatrace.features.acoustic import acoustic_extractor, audible_frames, audible_rows
from vatrace.features.sync import frame_intervals, to_frame_clock

RATE = 16000


def _rows(centres, values=None, valid=None):
    centres = np.asarray(centres, dtype=np.float64)
    values = np.arange(len(centres)) if values is None else np.asarray(values)
    valid = np.ones(len(centres), dtype=bool) if valid is None else np.asarray(valid, dtype=bool)
    return values.astype(np.float32)[:, None], centres, valid


def _on_clock(rows, times):
    values, valid = to_frame_clock(*rows, np.asarray(times, dtype=np.float64))
    return values[:, 0].tolist(), valid.tolist()


def _slow(rows, times):
    """The rule, one frame at a time."""
    values, centres, valid_rows = rows
    starts, ends = frame_intervals(times)
    for time, start, end in zip(times, starts, ends, strict=True):
        inside = [v for v, c, ok in zip(values[:, 0], centres, valid_rows, strict=True) if ok and start <= c < end]
        near = [(abs(c - time), v) for v, c, ok in zip(values[:, 0], centres, valid_rows, strict=True) if ok]
        if inside:
            yield np.mean(inside, dtype=np.float64), True
        elif near and min(near)[0] <= 0.02:
            yield min(near)[1], True
        else:
            yield 0.0, False


def test_at_25_fps_a_frame_is_the_mean_of_the_four_rows_around_it():
    # Rows at 5, 15, 25 ... ms. Frame 0 (until 20 ms) sees rows 0 and 1; frame 1 (20 to 60 ms) sees rows 2, 3, 4 and 5.
    rows = _rows(0.005 + 0.01 * np.arange(10))
    assert _on_clock(rows, [0.0, 0.04, 0.08]) == ([0.5, 3.5, 7.5], [True, True, True])


def test_a_row_on_the_border_belongs_to_the_later_frame_whatever_the_rounding():
    # 0.06 lies half-way between 0.04 and 0.08, and (0.04 + 0.08) / 2 is not the same double as 0.06.
    rows = _rows([0.03, 0.06, 0.09], [1, 2, 4])
    assert _on_clock(rows, [0.04, 0.08]) == ([1.0, 3.0], [True, True])


def test_at_29_97_fps_frames_see_three_or_four_rows():
    times = (
        np.arange(6) * 1001 / 30000
    )  # 0, 33.4, 66.7, 100.1, 133.5, 166.8 ms; borders 16.7, 50.05, 83.4, 116.8, 150.15
    rows = _rows(0.0125 + 0.01 * np.arange(18))
    # 12.5 | 22.5 32.5 42.5 | 52.5 62.5 72.5 82.5 | 92.5 102.5 112.5 | 122.5 132.5 142.5 | 152.5 162.5 172.5 182.5
    assert _on_clock(rows, times) == ([0.0, 2.0, 5.5, 9.0, 12.0, 15.5], [True] * 6)


def test_variable_frame_rate_uses_each_frames_own_interval():
    rows = _rows(0.005 + 0.01 * np.arange(30))
    # Borders of 0, 20, 120, 140 ms: -10, 10, 70, 130, 150.
    values, valid = _on_clock(rows, [0.0, 0.02, 0.12, 0.14])
    assert values == [0.0, 3.5, 9.5, 13.5]
    assert all(valid)


def test_above_100_fps_a_frame_without_a_row_takes_the_nearest():
    rows = _rows([0.01, 0.02, 0.03])
    values, valid = _on_clock(rows, [0.008, 0.012, 0.016, 0.020, 0.024])
    assert values == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert all(valid)


def test_a_gap_in_the_video_does_not_average_a_minute():
    rows = _rows(0.005 + 0.01 * np.arange(6100))
    values, _ = _on_clock(rows, [0.0, 0.04, 60.04, 60.08])
    # Frame 1 reaches from 20 ms to 40 + 250 ms: rows 2 to 28. Frame 2 from 60.04 - 0.25 s to 60.06 s: 5979 to 6005.
    assert values[1] == np.mean(np.arange(2, 29))
    assert values[2] == np.mean(np.arange(5979, 6006))


def test_sound_that_starts_late_and_ends_early_leaves_the_other_frames_invalid():
    rows = _rows([0.105, 0.115, 0.125], [5, 6, 7])
    values, valid = _on_clock(rows, [0.0, 0.04, 0.08, 0.12, 0.16, 0.2])
    assert valid == [False, False, False, True, False, False]
    assert values == [0.0, 0.0, 0.0, 6.0, 0.0, 0.0]


def test_invalid_rows_count_for_nothing():
    rows = _rows([0.03, 0.04, 0.05, 0.07, 0.08, 0.09], [1, 2, 99, 99, 99, 99], [1, 1, 0, 0, 0, 0])
    assert _on_clock(rows, [0.04, 0.08, 0.12]) == ([1.5, 0.0, 0.0], [True, False, False])


def test_a_single_frame_is_given_the_length_of_one_at_25_fps():
    assert _on_clock(_rows(0.105 + 0.01 * np.arange(10)), [0.15]) == ([4.5], [True])


def test_no_frames_and_no_rows_are_no_errors():
    assert _on_clock(_rows([]), [0.0, 0.04]) == ([0.0, 0.0], [False, False])
    assert _on_clock(_rows([0.0, 0.01]), []) == ([], [])


@settings(deadline=None, max_examples=60)
@given(
    steps=st.lists(st.floats(0.003, 0.9), min_size=1, max_size=12),
    start=st.floats(-0.3, 0.3),
    num_rows=st.integers(0, 60),
    seed=st.integers(0, 999),
)
def test_the_fast_way_equals_the_rule_one_frame_at_a_time(steps, start, num_rows, seed):
    random = np.random.default_rng(seed)
    centres = start + np.cumsum(random.uniform(0.009, 0.011, num_rows))  # irregular, so that no row lies on a border
    rows = _rows(centres, random.normal(size=num_rows) * 1000, random.random(num_rows) < 0.7)
    times = np.cumsum(steps)
    values, valid = _on_clock(rows, times)
    expected = list(_slow(rows, times))
    assert valid == [ok for _, ok in expected]
    np.testing.assert_allclose(values, [value for value, _ in expected], rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    constant=st.floats(-1e6, 1e6, width=32),
    steps=st.lists(st.floats(0.001, 2.0), min_size=1, max_size=20),
    num_rows=st.integers(1, 200),
)
def test_constant_rows_stay_exactly_constant(constant, steps, num_rows):
    rows = _rows(0.0125 + 0.01 * np.arange(num_rows), np.full(num_rows, constant, dtype=np.float32))
    values, valid = _on_clock(rows, np.cumsum(steps))
    assert {v for v, ok in zip(values, valid, strict=True) if ok} <= {constant}
    assert {v for v, ok in zip(values, valid, strict=True) if not ok} <= {0.0}


@pytest.mark.parametrize("start_seconds", [-0.021, 0.0, 0.5, 3.2])
def test_a_click_lands_on_its_frame_wherever_the_sound_starts(start_seconds):
    times = np.arange(100) / 25 + 3.0
    samples = np.random.default_rng(0).normal(0, 1e-3, 10 * RATE).astype(np.float32)
    click_frame = 37
    at = round((times[click_frame] - start_seconds) * RATE)
    samples[at - 80 : at + 80] = 0.9
    values, valid = acoustic_extractor("mfcc").extract(samples, start_seconds, times)
    assert values.shape == (100, 39)
    assert np.argmax(values[:, 0]) == click_frame
    covered = (times > start_seconds - 0.02) & (times < start_seconds + 10.0)
    np.testing.assert_array_equal(valid, covered)


def test_a_muted_stretch_is_invalid_and_zero_while_a_quiet_room_is_valid():
    times = np.arange(50) / 25
    samples = np.random.default_rng(0).normal(0, 3e-4, 2 * RATE).astype(np.float32)  # -70 dB of full scale
    samples[RATE // 2 : RATE] = 0.0
    values, valid = acoustic_extractor("mfcc").extract(samples, 0.0, times)
    assert not valid[(times >= 0.56) & (times <= 0.96)].any()
    assert valid[(times <= 0.48) | (times >= 1.0)].all()
    assert not values[~valid].any()
    assert values[valid].any(axis=1).all()
    np.testing.assert_array_equal(audible_frames(samples, 0.0, times), valid)


@pytest.mark.parametrize(("decibels", "audible"), [(-79.0, True), (-81.0, False)])
def test_silence_begins_80_decibels_below_full_scale(decibels, audible):
    samples = np.full(RATE, 10 ** (decibels / 20), dtype=np.float32)
    assert (audible_rows(samples, np.array([0.2, 0.5])) == audible).all()


def test_audibility_computed_in_pieces_equals_audibility_row_by_row(monkeypatch):
    random = np.random.default_rng(3)
    samples = (random.normal(0, 1e-4, RATE) * random.uniform(0, 2, 40).repeat(400)).astype(np.float32)
    centres = 0.0125 + 0.01 * np.arange(98)
    monkeypatch.setattr("vatrace.features.acoustic.CHUNK_ROWS", 9)
    windows = [samples[160 * row : 160 * row + 400].astype(np.float64) for row in range(98)]
    expected = [np.sqrt(np.mean(window**2)) >= 1e-4 for window in windows]
    assert 10 < sum(expected) < 90
    assert audible_rows(samples, centres).tolist() == expected


@pytest.mark.parametrize("name", ["mfcc", "egemaps"])
@pytest.mark.parametrize("num_samples", [0, 1, 300])
def test_sound_too_short_for_a_row_gives_no_valid_frame(name, num_samples):
    if name == "egemaps":
        pytest.importorskip("opensmile")
    extractor = acoustic_extractor(name)
    values, valid = extractor.extract(np.full(num_samples, 0.5, dtype=np.float32), 0.0, np.array([0.0, 0.04]))
    assert values.shape == (2, extractor.dim)
    assert not valid.any()
    assert not values.any()


def test_egemaps_follows_the_voice_on_the_frame_clock():
    pytest.importorskip("opensmile")
    time = np.arange(RATE) / RATE
    tone = sum(0.05 / k * np.sin(2 * np.pi * 200 * k * time) for k in range(1, 20)).astype(np.float32)
    extractor = acoustic_extractor("egemaps")
    times = 5.0 + np.arange(25) / 25
    values, valid = extractor.extract(tone, 5.0, times)
    assert (extractor.name, extractor.dim, values.shape) == ("egemaps", 23, (25, 23))
    assert valid.all()
    pitch = values[2:-3, 10]
    np.testing.assert_allclose(pitch, 12 * np.log2(200 / 27.5), atol=0.1)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(FeatureError, match="called 'mfc'; choose one of mfcc, egemaps, vggish"):
        acoustic_extractor("mfc")


def test_egemaps_without_opensmile_is_refused_before_any_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(FeatureError, match="pip install opensmile"):
        acoustic_extractor("egemaps")
