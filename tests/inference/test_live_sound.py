from __future__ import annotations

import numpy as np
import pytest

from tests.features.voices import spoken
from vatrace.features.acoustic import ACOUSTIC_NAMES, AcousticExtractor, acoustic_extractor
from vatrace.features.prosody import window_prosody
from vatrace.inference.live_sound import HEARING, KEPT_SECONDS, STALE_SECONDS, LiveSound, RecentSound

RATE = 16_000
BLOCK = 1_600  # 0.1 s


def counting(first: int, count: int) -> np.ndarray:
    """Samples that say which they are, exactly, in float32."""
    return np.arange(first, first + count, dtype=np.float32) + 1


def test_the_sound_before_a_time_is_given_sample_for_sample_and_none_after_it() -> None:
    sound = RecentSound()
    for block in range(10):
        sound.add(counting(block * BLOCK, BLOCK), 7.0 + block * 0.1)
    samples, start = sound.before(7.5, 0.2)
    assert start == pytest.approx(7.3)
    np.testing.assert_array_equal(samples, counting(round(0.3 * RATE), round(0.2 * RATE)))
    whole, first = sound.before(99.0, 99.0)
    assert first == pytest.approx(7.0)
    assert len(whole) == RATE
    assert len(sound.before(6.0, 1.0)[0]) == 0


def test_stamps_that_jitter_do_not_tear_the_sound() -> None:
    sound, jitter = RecentSound(), np.random.default_rng(0).uniform(-0.04, 0.04, 20)
    for block in range(20):
        sound.add(counting(block * BLOCK, BLOCK), block * 0.1 + jitter[block])
    samples, start = sound.before(99.0, 99.0)
    np.testing.assert_array_equal(samples, counting(0, 20 * BLOCK))
    assert start == pytest.approx(jitter[0], abs=1e-6)


def test_a_gap_is_filled_with_silence_of_its_length() -> None:
    sound = RecentSound()
    sound.add(counting(0, BLOCK), 0.0)
    sound.add(counting(0, BLOCK), 0.5)
    samples, _ = sound.before(99.0, 99.0)
    assert np.flatnonzero(samples == 0).tolist() == list(range(BLOCK, 5 * BLOCK))
    assert sound.end_seconds == pytest.approx(0.6)


def test_a_stamp_far_back_sets_the_clock_anew_and_keeps_the_sound() -> None:
    sound = RecentSound()
    sound.add(counting(0, BLOCK), 5.0)
    sound.add(counting(BLOCK, BLOCK), 2.0)
    assert sound.end_seconds == pytest.approx(2.1)
    np.testing.assert_array_equal(sound.before(99.0, 99.0)[0], counting(0, 2 * BLOCK))


@pytest.mark.parametrize("gap_seconds", [0.0, 1e9])
def test_what_is_kept_does_not_grow(gap_seconds: float) -> None:
    sound = RecentSound()
    for block in range(200):
        sound.add(counting(0, BLOCK), block * (0.1 + gap_seconds))
    assert sound.end_seconds is not None
    assert len(sound.before(sound.end_seconds, 99.0)[0]) == KEPT_SECONDS * RATE


def hearing(times: list[float]) -> AcousticExtractor:
    """An extractor in place of prosody: its row is the last sample it was given."""

    def extract(samples: np.ndarray, start: float, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        times.append(float(frames[-1]))
        last = samples[-1] if len(samples) else 0.0
        return np.full((len(frames), 1), last, np.float32), np.ones(len(frames), bool)

    return AcousticExtractor(name="prosody", dim=1, version="1", extract=extract)


def test_an_extractor_that_looks_back_alone_is_asked_four_times_a_second_about_sound_up_to_the_picture() -> None:
    asked: list[float] = []
    sound = LiveSound([hearing(asked)])
    said = []
    for frame in range(50):  # two seconds of 25 pictures; the sound is always ahead by a second
        sound.add(counting(frame * 640, 640), frame * 0.04 + 1.0)
        said.append(sound.rows(1.0 + frame * 0.04, 0.04)["prosody"])
    rows = [int(values[0]) for values, _ in said]
    heard = [row / 640 for row in rows]
    assert all(frame - 7 <= heard[frame] <= frame for frame in range(1, 50)), "a quarter of a second late at most"
    assert len(asked) == 8, "every 0.28 s, the first picture a quarter of a second or more after the last"


def test_without_sound_or_long_after_it_nothing_is_valid_and_rows_are_zero() -> None:
    sound = LiveSound([acoustic_extractor("mfcc")])
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert not sound.rows(0.0, None)["mfcc"][1]
    sound.add(noise, 0.0)
    assert sound.rows(1.0, 0.04)["mfcc"][1]
    assert sound.rows(1.0 + STALE_SECONDS - 0.01, 0.04)["mfcc"][1]
    values, valid = sound.rows(1.0 + STALE_SECONDS + 0.01, 0.04)["mfcc"]
    assert not valid
    assert values.tolist() == [0.0] * 39


@pytest.mark.parametrize(("name", "late_seconds"), [("mfcc", 0.08), ("egemaps", 0.47)])
def test_the_row_of_a_picture_is_that_of_the_whole_recording_a_little_before_it(name: str, late_seconds: float) -> None:
    if name == "egemaps":
        pytest.importorskip("opensmile")
    extractor = acoustic_extractor(name)
    time = np.arange(4 * RATE) / RATE
    voice = 0.3 * np.sin(2 * np.pi * (140 * time + 8 * np.sin(2 * np.pi * 1.5 * time))) * (1.2 + np.sin(20 * time))
    samples = (voice + 0.01 * np.random.default_rng(1).normal(size=len(time))).astype(np.float32)
    found, expected = [], []
    for seconds in np.arange(2.6, 3.9, 0.1):
        sound = LiveSound([extractor])
        for block in range(round(seconds / 0.1)):
            sound.add(samples[block * BLOCK : (block + 1) * BLOCK], block * 0.1)
        found.append(sound.rows(seconds, 0.04)[name][0])
        moment = seconds - late_seconds
        expected.append(extractor.extract(samples, 0.0, np.array([moment - 0.04, moment]))[0][-1])
    deviation = np.abs(np.array(found) - np.array(expected)) / (np.std(expected, axis=0) + 1e-3)
    if name == "mfcc":
        assert deviation.max() < 1e-3
    else:  # openSMILE follows periods from where a voiced stretch begins, which is later here
        assert np.median(deviation) < 0.1


@pytest.mark.parametrize(("stop_seconds", "is_heard"), [(3.0, True), (3.6, True), (4.0, False), (5.5, True)])
def test_prosody_is_that_of_the_last_three_seconds_while_somebody_speaks(stop_seconds: float, is_heard: bool) -> None:
    pause = np.zeros(round(1.5 * RATE), np.float32)
    samples = np.concatenate([spoken(3.0), pause, spoken(1.5)])
    sound, stop = LiveSound([acoustic_extractor("prosody")]), round(stop_seconds * RATE)
    for first in range(0, stop, BLOCK):
        sound.add(samples[first : first + BLOCK], first / RATE)
    values, valid = sound.rows(stop_seconds, 0.04)["prosody"]
    expected = window_prosody(samples[stop - round(2.96 * RATE) : stop])
    assert expected.is_speech
    assert valid == is_heard
    np.testing.assert_allclose(values, expected.features * is_heard, rtol=1e-4, atol=1e-4)


def test_every_acoustic_feature_can_be_had_live_within_the_sound_that_is_kept() -> None:
    assert set(HEARING) == set(ACOUSTIC_NAMES)
    assert all(each.before_seconds + each.after_seconds + 1 <= KEPT_SECONDS for each in HEARING.values())
    assert all(each.after_seconds + each.every_seconds < 0.75 for each in HEARING.values()), "under a second in all"
