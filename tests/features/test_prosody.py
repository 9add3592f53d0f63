from pathlib import Path

import numpy as np
import pytest

from tests.features.voices import spoken
from vatrace.features.prosody import (
    PROSODY_DIM,
    PROSODY_NAMES,
    prosody,
    prosody_of_blocks,
    window_prosody,
)
from vatrace.features.speech_rows import COLUMN, speech_rows
from vatrace.media.audio import read_audio
from vatrace.recipes.starter_sounds import made_sounds

RATE = 16_000


def feature(name: str, samples: np.ndarray) -> float:
    return float(window_prosody(samples).features[PROSODY_NAMES.index(name)])


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def rows_of(samples: np.ndarray) -> np.ndarray:
    return np.concatenate(list(speech_rows([samples])))


def column(name: str, samples: np.ndarray) -> np.ndarray:
    values: np.ndarray = rows_of(samples)[:, COLUMN[name]]
    return values


@pytest.mark.parametrize("hertz", [90.0, 110.0, 220.0, 440.0])
def test_the_pitch_of_a_tone_is_that_of_the_tone(hertz: float) -> None:
    assert np.median(column("pitch", tone(hertz))) == pytest.approx(12 * np.log2(hertz / 27.5), abs=0.1)
    assert column("periodicity", tone(hertz)).min() > 0.95


def test_white_noise_has_no_pitch() -> None:
    noise = np.random.default_rng(0).normal(size=2 * RATE).astype(np.float32) * 0.1
    assert column("periodicity", noise).max() < 0.5


def test_power_is_that_of_the_sine_in_decibels() -> None:
    assert np.median(column("power_db", tone(200))) == pytest.approx(10 * np.log10(0.3**2 / 2), abs=0.05)


def test_the_centroid_of_two_equal_tones_lies_between_them() -> None:
    assert np.median(column("centroid", tone(500) + tone(1500))) == pytest.approx(1.0, abs=0.02)


def test_the_alpha_ratio_compares_what_is_below_and_above_one_kilohertz() -> None:
    louder_below = tone(500) + tone(2000) * np.float32(10 ** (-6 / 20))
    assert np.median(column("alpha_ratio", louder_below)) == pytest.approx(6.0, abs=0.1)
    assert np.median(column("hammarberg", louder_below)) == pytest.approx(6.0, abs=0.2)


def test_the_spectrum_of_a_steady_tone_does_not_change_and_that_of_two_in_turn_does() -> None:
    turns = np.concatenate([tone(300, 0.2), tone(1200, 0.2)] * 3)
    assert column("flux", tone(300)).max() < 0.01
    assert column("flux", turns).max() > 0.2


@pytest.mark.parametrize("name", sorted(made_sounds()))
def test_a_sound_without_a_voice_is_not_taken_for_speech(name: str) -> None:
    samples = made_sounds()[name].astype(np.float32)
    values, valid = prosody(samples, 0.0, np.arange(0, 4, 0.04))
    assert not valid.any()
    assert not values.any()


def in_band(low: float, high: float, seed: int) -> np.ndarray:
    """Six seconds of noise of which only a band is left, in bursts of uneven height, four a second."""
    random = np.random.default_rng(seed)
    spectrum, hertz = np.fft.rfft(random.standard_normal(6 * RATE)), np.fft.rfftfreq(6 * RATE, 1 / RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    noise = np.fft.irfft(spectrum, 6 * RATE)
    heights = np.interp(np.arange(6 * RATE) / RATE * 8, np.arange(50), random.random(50)) ** 2
    return (0.1 * noise / noise.std() * heights).astype(np.float32)


@pytest.mark.parametrize(("low", "high"), [(80, 250), (150, 350), (300, 900), (1000, 4000)])
def test_bursts_of_noise_in_a_band_have_a_pitch_that_jumps_and_are_hardly_taken_for_speech(
    low: float, high: float
) -> None:
    times = np.arange(0, 6, 0.04)
    heard = [prosody(in_band(low, high, seed), 0.0, times)[1].mean() for seed in range(4)]
    assert np.mean(heard) < 0.25, "with the bound on periodicity alone it was above .9 in the two lowest"


@pytest.mark.parametrize("snr_db", [20, 10, 5])
def test_a_talking_head_is_heard_through_noise(real_media: Path, snr_db: float) -> None:
    for clip in sorted((real_media / "grid").glob("*.mpg"))[:3]:
        sound = read_audio(clip)
        assert sound is not None
        noise = np.random.default_rng(0).standard_normal(len(sound.samples))
        loud = noise / noise.std() * sound.samples.std() * 10 ** (-snr_db / 20)
        times = np.arange(0, sound.duration_seconds, 0.04)
        assert prosody((sound.samples + loud).astype(np.float32), 0.0, times)[1].mean() > 0.5


def test_a_voice_counts_from_a_quarter_second_before_it_to_three_quarters_after_and_within_the_sound() -> None:
    silence = np.zeros(2 * RATE, np.float32)
    times = np.arange(-1, 10, 0.04)
    _, between = prosody(np.concatenate([silence, spoken(3.0), silence]), 0.0, times)
    first, last = times[between][[0, -1]]
    assert 1.7 < first < 2.1
    assert 5.6 < last < 5.85
    _, at_once = prosody(spoken(3.0), 0.0, times)
    first, last = times[at_once][[0, -1]]
    assert first >= 0
    assert last < 3.0


def test_a_voice_that_moves_is_taken_for_speech() -> None:
    described = window_prosody(spoken(3.0))
    assert described.is_speech
    assert described.features.shape == (PROSODY_DIM,)
    assert np.isfinite(described.features).all()


@pytest.mark.parametrize("factor", [0.1, 0.25, 4.0])
def test_loudness_changes_nothing(factor: float) -> None:
    voice = spoken(3.0)
    plain, scaled = window_prosody(voice), window_prosody((voice * factor).astype(np.float32))
    assert scaled.is_speech
    assert scaled.features == pytest.approx(plain.features, rel=1e-2, abs=1e-2)


def test_a_higher_voice_has_a_higher_pitch_by_as_many_semitones() -> None:
    difference = feature("pitch_mean", spoken(3.0, hertz=240)) - feature("pitch_mean", spoken(3.0, hertz=120))
    assert difference == pytest.approx(12.0, abs=0.3)


@pytest.mark.parametrize("block", [1, 777, 16_000, 10**6])
def test_how_the_sound_is_cut_up_changes_no_bit(block: int) -> None:
    voice = spoken(4.3) if block > 1 else spoken(1.0)
    times = np.arange(0, len(voice) / RATE, 0.04) + 5.0
    pieces = [(voice[at : at + block], 5.0 + at / RATE) for at in range(0, len(voice), block)]
    whole, cut = prosody(voice, 5.0, times), prosody_of_blocks(pieces, times)
    assert whole[1].any()
    assert np.array_equal(whole[0], cut[0])
    assert np.array_equal(whole[1], cut[1])


def test_a_frame_is_valid_where_a_voice_is_near_and_not_in_a_long_pause() -> None:
    silence = np.zeros(4 * RATE, np.float32)
    sound = np.concatenate([silence, spoken(3.0), silence])
    times = np.arange(0, 11, 0.1)
    _, valid = prosody(sound, 0.0, times)
    assert valid[(times > 4.1) & (times < 6.9)].all()
    assert not valid[(times < 3.2) | (times > 7.8)].any()


def test_a_window_in_the_middle_is_the_window_that_live_use_describes() -> None:
    voice = spoken(6.0)
    values, valid = prosody(voice, 0.0, np.array([3.0]))  # rows of 40 ms, 300 of them: the middle lies at 3.015 s
    assert valid.all()
    heard = voice[int(1.5 * RATE) : int(1.5 * RATE) + 299 * 160 + 640]
    assert values[0] == pytest.approx(window_prosody(heard).features, rel=1e-3, abs=1e-3)


def test_no_sound_gives_no_valid_frame() -> None:
    values, valid = prosody(np.zeros(0, np.float32), 0.0, np.arange(3) / 25)
    assert values.shape == (3, PROSODY_DIM)
    assert not valid.any()
