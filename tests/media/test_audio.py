"""Sound on the same clock as the pictures."""

from __future__ import annotations

import logging
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media.clips import click_at, even_times, flash_at, open_disorderly, stamp, write_clip
from vatrace.media.audio import SAMPLE_RATE_HZ, Waveform, read_audio, read_audio_blocks
from vatrace.media.video import read_frames

MEDIA = Path(__file__).parents[2] / ".." / "shared" / "media"
real_media = pytest.mark.skipif(not MEDIA.is_dir(), reason="the real clips are not here")


def heard(path: Path) -> Waveform:
    sound = read_audio(path)
    assert sound is not None
    assert sound.samples.dtype == np.float32
    assert sound.samples.ndim == 1
    return sound


def click_seconds(sound: Waveform) -> float:
    return sound.start_seconds + int(np.argmax(np.abs(sound.samples) > 0.2)) / sound.sample_rate_hz


def flash_seconds(path: Path) -> float:
    return next(frame.time_seconds for frame in read_frames(path) if frame.pixels.mean() > 128)


@pytest.mark.parametrize("fps", [24, 25, 30, Fraction(60000, 1001)])
@pytest.mark.parametrize(
    ("name", "video_codec", "audio_codec", "rate"),
    [
        ("clip.mp4", "libx264", "aac", 48_000),
        ("clip.mp4", "libx264", "aac", 16_000),
        ("clip.mp4", "libx264", "libmp3lame", 44_100),
        ("clip.mov", "libx264", "pcm_s16le", 48_000),
        ("clip.mkv", "libx264", "aac", 44_100),
        ("clip.mkv", "libx264", "flac", 48_000),
        ("clip.webm", "libvpx", "libopus", 48_000),
        ("clip.ts", "libx264", "aac", 48_000),
        ("clip.mpg", "mpeg1video", "mp2", 44_100),
        ("clip.avi", "mpeg4", "pcm_s16le", 44_100),
        ("clip.avi", "mpeg4", "libmp3lame", 44_100),
        ("clip.avi", "libx264", "pcm_s16le", 48_000),
    ],
)
def test_a_flash_and_its_click_are_within_20_ms(
    tmp_path: Path, name: str, video_codec: str, audio_codec: str, rate: int, fps: int | Fraction
) -> None:
    times = even_times(int(2 * fps), fps)
    moment = times[int(1.2 * fps)]
    starts = [0.0] if name.endswith("avi") else [0.0, 0.6]  # AVI cannot say that sound starts late
    for start in starts:
        path = write_clip(
            tmp_path / name,
            times=times,
            fps=fps,
            paint=flash_at(moment),
            video_codec=video_codec,
            sound=click_at(moment, start=start, seconds=2 - start, rate=rate),
            audio_codec=audio_codec,
            rate=rate,
            audio_start=start,
        )
        assert click_seconds(heard(path)) == pytest.approx(flash_seconds(path), abs=0.02)


def test_sound_that_starts_late_says_so(tmp_path: Path) -> None:
    sound = click_at(1.2, start=0.6, seconds=1.4, rate=48_000)
    path = write_clip(tmp_path / "clip.mkv", times=even_times(50), sound=sound, audio_codec="flac", audio_start=0.6)
    heard_sound = heard(path)
    assert heard_sound.start_seconds == pytest.approx(0.6, abs=0.001)
    assert heard_sound.end_seconds == pytest.approx(2.0, abs=0.01)
    assert heard_sound.duration_seconds == pytest.approx(1.4, abs=0.01)


def test_a_clip_without_sound_has_none(tmp_path: Path) -> None:
    assert read_audio(write_clip(tmp_path / "clip.mp4", times=even_times(5))) is None


def tone(seconds: float, rate: int, channels: int, amplitude: float = 0.5) -> np.ndarray:
    values = amplitude * np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * 440 / rate)
    return np.tile(values.astype(np.float32), (channels, 1))


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_tone_keeps_its_pitch_length_and_loudness(tmp_path: Path, rate: int, channels: int) -> None:
    path = write_clip(tmp_path / "clip.wav", sound=tone(1.0, rate, channels), audio_codec="pcm_s16le", rate=rate)
    sound = heard(path)
    assert len(sound.samples) == pytest.approx(SAMPLE_RATE_HZ, abs=3)
    middle = sound.samples[2000:-2000]
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.01)
    expected = tone(1.0, SAMPLE_RATE_HZ, 1)[0, 2000 : 2000 + len(middle)]
    np.testing.assert_allclose(middle, expected, atol=0.01)  # also pins the delay to a fraction of a sample


def write_pieces(path: Path, pieces: list[tuple[float, float]], rate: int = 16_000) -> Path:
    """PCM packets of 10 ms; each piece is (first stamp, level), 50 packets long."""
    with open_disorderly(path) as output:
        stream = output.add_stream("pcm_s16le", rate=rate, layout="mono")
        stamps = [(first + index / 100, level) for first, level in pieces for index in range(50)]
        for number, (seconds, level) in enumerate(stamps):
            values = np.full((1, rate // 100), round(level * 32768), dtype=np.int16)
            frame = av.AudioFrame.from_ndarray(values, format="s16", layout="mono")
            frame.sample_rate = rate
            frame.pts = number * rate // 100
            for packet in stream.encode(frame):
                stamp(packet, number, seconds)
                output.mux_one(packet)
    return path


def level_at(sound: Waveform, seconds: float) -> float:
    return float(sound.samples[round((seconds - sound.start_seconds) * sound.sample_rate_hz)])


def test_a_gap_is_filled_with_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        sound = heard(write_pieces(tmp_path / "clip.mkv", [(0.0, 0.2), (0.8, 0.4)]))
    assert sound.end_seconds == pytest.approx(1.3, abs=1e-3)
    levels = [level_at(sound, seconds) for seconds in (0.25, 0.49, 0.51, 0.79, 0.81, 1.29)]
    np.testing.assert_allclose(levels, [0.2, 0.2, 0.0, 0.0, 0.4, 0.4], atol=0.01)
    assert "0.30 s of sound are missing" in caplog.text


def test_an_overlap_is_cut_off_the_later_sound(tmp_path: Path) -> None:
    sound = heard(write_pieces(tmp_path / "clip.mkv", [(0.0, 0.2), (0.4, 0.4)]))
    assert sound.end_seconds == pytest.approx(0.9, abs=1e-3)
    np.testing.assert_allclose([level_at(sound, seconds) for seconds in (0.49, 0.51, 0.89)], [0.2, 0.4, 0.4], atol=0.01)


def test_stamps_that_jitter_leave_no_holes(tmp_path: Path) -> None:
    sound = heard(write_pieces(tmp_path / "clip.mkv", [(0.0, 0.2), (0.53, 0.2), (1.0, 0.2)]))
    assert sound.end_seconds == pytest.approx(1.5, abs=1e-3)
    np.testing.assert_allclose(sound.samples[100:-100], 0.2, atol=0.01)


def test_a_clock_that_drifts_is_followed(tmp_path: Path) -> None:
    pieces = [(0.51 * index, 0.2) for index in range(20)]  # each half second of sound took 0.51 s
    sound = heard(write_pieces(tmp_path / "clip.mkv", pieces))
    assert sound.end_seconds == pytest.approx(pieces[-1][0] + 0.5, abs=0.05)


@real_media
def test_the_sound_of_a_real_clip_lasts_as_long_as_its_pictures() -> None:
    sound = heard(MEDIA / "grid" / "bbaf2n.mpg")
    assert sound.start_seconds == 0
    assert sound.end_seconds == pytest.approx(2.978, abs=0.002)  # 114 MPEG frames of 1152 samples at 44.1 kHz
    assert 0.5 < np.abs(sound.samples).max() < 1.2


@real_media
def test_sound_that_is_already_as_wanted_is_left_as_it_is() -> None:
    path = MEDIA / "emodb" / "03a01Fa.wav"
    with wave.open(str(path)) as file:
        expected = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
    np.testing.assert_allclose(heard(path).samples, expected, atol=1e-6)


@pytest.mark.parametrize("block_seconds", [0.05, 0.7, 60.0])
def test_blocks_end_to_end_are_the_whole_sound_and_each_says_when_it_starts(
    tmp_path: Path, block_seconds: float
) -> None:
    sound = 0.3 * np.random.default_rng(0).normal(size=(2, 3 * 48_000)).astype(np.float32)
    path = write_clip(tmp_path / "c.mkv", times=even_times(80), sound=sound, audio_start=0.4)
    whole = read_audio(path)
    assert whole is not None
    blocks = list(read_audio_blocks(path, block_seconds=block_seconds))
    np.testing.assert_array_equal(np.concatenate([each.samples for each in blocks]), whole.samples)
    lengths = np.array([len(each.samples) for each in blocks])
    assert (lengths[:-1] == round(block_seconds * 16_000)).all()
    starts = whole.start_seconds + np.concatenate([[0], np.cumsum(lengths[:-1])]) / 16_000
    np.testing.assert_allclose([each.start_seconds for each in blocks], starts, atol=1e-9)


def test_a_clip_without_sound_has_no_blocks(tmp_path: Path) -> None:
    assert list(read_audio_blocks(write_clip(tmp_path / "c.mkv", times=even_times(3)))) == []


def test_blocks_without_a_sample_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must hold a sample of 1/16000 s, got 0"):
        next(read_audio_blocks(tmp_path / "any.wav", block_seconds=0.0))
