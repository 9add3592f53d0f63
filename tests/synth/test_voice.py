from dataclasses import replace

import numpy as np
import pytest

from vatrace.streams import Trace
from vatrace.synth.channel import disturb
from vatrace.synth.episodes import Episode
from vatrace.synth.speech import mouth_curves, plan_speech, vowel_strength
from vatrace.synth.subject import draw_subject
from vatrace.synth.voice import SAMPLE_RATE_HZ, make_voice, voice_curves

SECONDS = 8.0
TIMES = np.arange(200) / 25


def constant(valence: float, arousal: float) -> Trace:
    flat = np.ones(len(TIMES))
    return Trace(times_seconds=TIMES, valence=valence * flat, arousal=arousal * flat, valid=flat > 0)


def speak(subject: int, arousal: float, valence: float = 0.0, episodes: tuple[Episode, ...] = ()) -> np.ndarray:
    voice, truth = draw_subject(0, subject).voice, constant(valence, arousal)
    syllables = plan_speech(np.random.default_rng(1), truth, voice, episodes)
    return make_voice(np.random.default_rng(2), truth, voice, syllables, SECONDS)


def level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))


def high_share(sound: np.ndarray) -> float:
    """Share of the energy above 1.5 kHz."""
    power = np.square(np.abs(np.fft.rfft(sound)))
    return float(power[np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE_HZ) > 1500].sum() / power.sum())


def pitch_hz(sound: np.ndarray) -> float:
    """Median place of the autocorrelation's highest peak over loud 64 ms frames; knows nothing of how sound is made."""
    frames = sound[: len(sound) // 1024 * 1024].reshape(-1, 1024)
    loud = frames[np.square(frames).mean(axis=1) > np.square(frames).mean()]
    spectra = np.square(np.abs(np.fft.rfft(loud * np.hanning(1024), 2048)))
    correlation = np.fft.irfft(spectra)[:, :400]
    return SAMPLE_RATE_HZ / float(np.median(50 + np.argmax(correlation[:, 50:320], axis=1)))


@pytest.mark.parametrize("subject", range(4))
def test_level_pitch_and_brightness_of_the_sound_rise_with_arousal(subject: int) -> None:
    calm, excited = speak(subject, -0.4), speak(subject, 0.6)
    assert level(excited) > 1.8 * level(calm)
    assert pitch_hz(excited) > 1.12 * pitch_hz(calm)
    assert high_share(excited) > high_share(calm)


def test_pace_and_melody_follow_arousal_and_pitch_hardly_follows_valence() -> None:
    voice = draw_subject(0, 3).voice
    paces, ranges, pitches = {}, {}, {}
    for valence, arousal in ((0.0, -0.5), (0.0, 0.5), (0.8, -0.5)):
        truth = constant(valence, arousal)
        syllables = plan_speech(np.random.default_rng(1), truth, voice, ())
        curves = voice_curves(np.random.default_rng(2), truth, voice, syllables, 800)
        paces[valence, arousal] = 1 / np.mean([syllable.seconds for syllable in syllables])
        ranges[valence, arousal] = np.std(np.log2(curves.pitch_hz))
        pitches[valence, arousal] = np.mean(np.log2(curves.pitch_hz))
    assert paces[0.0, 0.5] > 1.2 * paces[0.0, -0.5]
    assert ranges[0.0, 0.5] > 1.3 * ranges[0.0, -0.5]
    by_arousal = pitches[0.0, 0.5] - pitches[0.0, -0.5]
    assert 0 < pitches[0.8, -0.5] - pitches[0.0, -0.5] < 0.3 * by_arousal


def test_lips_open_while_the_voice_sounds() -> None:
    voice, truth = draw_subject(0, 1).voice, constant(0.1, 0.2)
    syllables = plan_speech(np.random.default_rng(1), truth, voice, ())
    sound = make_voice(np.random.default_rng(2), truth, voice, syllables, SECONDS)
    envelope = np.sqrt(np.square(sound).reshape(len(TIMES), -1).mean(axis=1))
    opening, _ = mouth_curves(syllables, TIMES + 0.02)
    assert np.corrcoef(envelope, opening)[0, 1] > 0.6


def test_nothing_is_said_and_lips_rest_while_the_voice_is_silent() -> None:
    silent = (Episode(channel="voice", kind="silent", start_seconds=2.0, end_seconds=5.0),)
    voice, truth = draw_subject(0, 1).voice, constant(0.1, 0.2)
    syllables = plan_speech(np.random.default_rng(1), truth, voice, silent)
    fine = np.arange(0, SECONDS, 0.005)
    inside = (fine >= 2) & (fine < 5)
    assert vowel_strength(syllables, fine)[inside].max() == 0
    assert mouth_curves(syllables, fine)[0][inside].max() == 0
    assert vowel_strength(syllables, fine)[~inside].max() > 0.5
    sound = speak(1, 0.2, episodes=silent)
    assert level(sound[34_000:78_000]) < 0.1 * level(sound[:30_000])


@pytest.mark.parametrize("kind", ["muted", "noise", "music"])
def test_a_disturbed_channel_changes_inside_its_episode_alone(kind: str) -> None:
    episode = Episode(channel="voice", kind=kind, start_seconds=2.0, end_seconds=4.5)
    sound = speak(2, 0.1)
    disturbed = disturb(np.random.default_rng(3), sound, (episode, replace(episode, channel="face", kind="lost")))
    inside = slice(2 * SAMPLE_RATE_HZ, round(4.5 * SAMPLE_RATE_HZ))
    assert np.array_equal(disturbed[: inside.start], sound[: inside.start])
    assert np.array_equal(disturbed[inside.stop :], sound[inside.stop :])
    if kind == "muted":
        assert not disturbed[inside].any()
    else:
        assert level(disturbed[inside] - sound[inside]) > 1.5 * level(sound[inside])
    assert np.abs(disturbed).max() < 1
