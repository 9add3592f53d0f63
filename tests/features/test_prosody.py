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
from vatrace.features.speech_gate import active_and_voiced
from vatrace.features.speech_rows import COLUMN, speech_rows
from vatrace.media.audio import read_audio
from vatrace.recipes.starter_sounds import CHANGES, made_sounds

RATE = 16_000
SHARED = Path(__file__).parents[2].parent / "shared"


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


def test_a_voice_that_moves_is_taken_for_speech() -> None:
    described = window_prosody(spoken(3.0))
    assert described.is_speech
    assert described.features.shape == (PROSODY_DIM,)
    assert np.isfinite(described.features).all()


def test_a_voice_on_one_note_is_not_taken_for_speech() -> None:
    assert not window_prosody(spoken(3.0, glide=0.0)).is_speech


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


def test_a_frame_is_valid_while_somebody_speaks_and_not_before_or_after() -> None:
    silence = np.zeros(4 * RATE, np.float32)
    sound = np.concatenate([silence, spoken(3.0), silence])
    times = np.arange(0, 11, 0.01)
    _, valid = prosody(sound, 0.0, times)
    assert valid[(times > 4.2) & (times < 6.8)].all()
    assert not valid[(times < 3.96) | (times > 7.04)].any()


@pytest.mark.parametrize(("pause_seconds", "is_filled"), [(0.6, True), (1.5, False)])
def test_a_short_pause_between_words_belongs_to_the_speech_and_a_long_one_does_not(
    pause_seconds: float, is_filled: bool
) -> None:
    word = spoken(2.0)
    sound = np.concatenate([word, np.zeros(round(pause_seconds * RATE), np.float32), word])
    middle = np.array([2.0 + pause_seconds / 2])
    assert prosody(sound, 0.0, middle)[1].all() == is_filled


@pytest.mark.parametrize("start", [0.0, 0.976])
def test_nobody_is_heard_before_the_sound_begins_or_after_it_ends(start: float) -> None:
    cut = spoken(3.0)[round(0.1 * RATE) : round(2.63 * RATE)]  # begins and ends in the middle of a vowel
    times = np.arange(0, 5, 0.005)
    _, valid = prosody(cut, start, times)
    inside = (times >= start) & (times <= start + len(cut) / RATE)
    assert not valid[~inside].any()
    assert valid[inside].mean() > 0.95, "and nearly all of it is voiced, so the ends are what is tested"


def test_a_hoarse_voice_is_heard_though_it_is_no_more_periodic_than_brown_noise_and_a_whisper_is_not() -> None:
    voice = spoken(3.0).astype(float)
    whisper = CHANGES["whispered"](voice)
    hoarse = (0.1 * (voice / voice.std() + 0.7 * whisper / whisper.std())).astype(np.float32)
    brown = np.cumsum(np.random.default_rng(0).normal(size=len(voice)))
    periodicity = []
    for sound in (hoarse, (brown / np.abs(brown).max()).astype(np.float32)):
        _, voiced = active_and_voiced(rows_of(sound))
        periodicity.append(np.median(column("periodicity", sound)[voiced]))
    assert periodicity[0] < periodicity[1]
    assert window_prosody(hoarse).is_speech
    assert not window_prosody(whisper.astype(np.float32)).is_speech


def test_noise_has_no_harmonics_whatever_its_colour_and_a_buzz_has() -> None:
    hertz = np.maximum(np.fft.rfftfreq(3 * RATE, 1 / RATE), 20.0)
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=3 * RATE))
    for exponent in (-1.0, 0.0, 1.0, 2.0):  # blue, white, pink, brown
        noise = np.fft.irfft(spectrum * hertz ** (-exponent / 2))
        assert np.percentile(column("harmonicity", (noise / noise.std() * 0.1).astype(np.float32)), 97) < 0.22
    buzz = sum(tone(150.0 * k) for k in range(1, 20))
    assert column("harmonicity", (buzz * 0.05).astype(np.float32)).min() > 0.8


@pytest.mark.parametrize("decibels", [20.0, 10.0])
def test_real_speech_is_heard_with_pink_noise_so_far_below_it(decibels: float) -> None:
    clips = sorted((SHARED / "media" / "grid").glob("*.mpg"))
    if not clips:
        pytest.skip("no ../shared/media")
    for clip in clips:
        sound = read_audio(clip)
        assert sound is not None
        voice = sound.samples.astype(float)
        hertz = np.maximum(np.fft.rfftfreq(len(voice), 1 / RATE), 20.0)
        noise = np.fft.irfft(np.fft.rfft(np.random.default_rng(0).normal(size=len(voice))) / hertz**0.5, len(voice))
        noise *= voice.std() / noise.std()
        times = np.arange(0, len(voice) / RATE, 0.04)
        mixed = (voice + noise * 10 ** (-decibels / 20)).astype(np.float32)
        assert prosody(mixed, 0.0, times)[1].mean() > 0.25, clip.name
        assert not prosody(noise.astype(np.float32), 0.0, times)[1].any(), clip.name


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
