"""The original's times and sound come through, whatever container they were in."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media.clips import HEIGHT, WIDTH, click_at, even_times, flash_at, noise, write_clip
from vatrace.errors import MediaError
from vatrace.media.audio import read_audio
from vatrace.media.redraw import player_start_seconds, redraw
from vatrace.media.video import VideoFrame, read_frames, read_times


def as_it_is(shown: VideoFrame) -> np.ndarray:
    return shown.pixels


def uneven_times(num_frames: int) -> list[float]:
    steps = np.random.default_rng(1).choice([0.011, 0.04, 0.17], num_frames - 1)
    return np.concatenate(([0.0], np.cumsum(steps))).tolist()


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def click_seconds(path: Path) -> float:
    sound = read_audio(path)
    assert sound is not None
    return sound.start_seconds + float(np.argmax(np.abs(sound.samples))) / sound.sample_rate_hz


def flash_seconds(path: Path) -> float:
    return next(shown.time_seconds for shown in read_frames(path) if shown.pixels.mean() > 128)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("even.mp4", {"times": even_times(30)}),
        ("ntsc.mp4", {"times": even_times(30, Fraction(30_000, 1001)), "fps": Fraction(30_000, 1001)}),
        ("uneven.mp4", {"times": uneven_times(60)}),
        ("uneven.mkv", {"times": uneven_times(60)}),
        ("late.mp4", {"times": even_times(30, start=0.5)}),
        ("old.avi", {"times": even_times(30), "video_codec": "mpeg4"}),
    ],
)
def test_every_picture_comes_at_the_time_that_it_had(tmp_path: Path, name: str, options: dict) -> None:
    source = write_clip(tmp_path / name, **options)
    count = redraw(source, tmp_path / "out.mp4", as_it_is)
    before, after = read_times(source), read_times(tmp_path / "out.mp4")
    assert count == len(before)
    assert len(after) == len(before)
    np.testing.assert_allclose(after, before, atol=1e-5)  # a tick of 1/90000 s where the original's are no divisor


def test_an_mpeg_stream_is_moved_to_where_a_player_begins(tmp_path: Path) -> None:
    sound = click_at(11.0, start=10.0, seconds=2.0, rate=48_000)
    source = write_clip(
        tmp_path / "clip.ts",
        times=even_times(50, start=10.0),
        paint=flash_at(11.0),
        sound=sound,
        audio_start=10.0,
        container="mpegts",
    )
    redraw(source, tmp_path / "out.mp4", as_it_is)
    np.testing.assert_allclose(
        read_times(tmp_path / "out.mp4"), read_times(source) - player_start_seconds(source), atol=1e-5
    )
    assert click_seconds(tmp_path / "out.mp4") == pytest.approx(flash_seconds(tmp_path / "out.mp4"), abs=0.03)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("aac.mp4", {}),
        ("aac.mkv", {}),
        ("mp3.mkv", {"audio_codec": "libmp3lame"}),
        ("opus.webm", {"audio_codec": "libopus", "video_codec": "libvpx"}),
        ("flac.mkv", {"audio_codec": "flac"}),
    ],
)
def test_sound_that_an_mp4_can_hold_is_copied_byte_for_byte(tmp_path: Path, name: str, options: dict) -> None:
    sound = click_at(0.7, start=0.0, seconds=2.0, rate=48_000, channels=2)
    source = write_clip(tmp_path / name, times=even_times(50), sound=sound, **options)
    redraw(source, tmp_path / "out.mp4", as_it_is)
    assert packets_of(tmp_path / "out.mp4") == packets_of(source)
    assert click_seconds(tmp_path / "out.mp4") == pytest.approx(click_seconds(source), abs=0.002)  # mkv: whole ms


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [("pcm.mov", "pcm_s16le", 44_100), ("pcm.avi", "pcm_s16le", 48_000), ("slow.mov", "pcm_s16le", 8_000),
     ("mp2.mpg", "mp2", 48_000), ("odd.mkv", "pcm_s16le", 6_000)],
)  # fmt: skip
def test_other_sound_is_written_anew_and_heard_at_its_time(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    sound = click_at(0.7, start=0.0, seconds=2.0, rate=rate)
    video_codec = {".mpg": "mpeg1video", ".avi": "mpeg4"}.get(Path(name).suffix, "libx264")
    source = write_clip(
        tmp_path / name, times=even_times(50), sound=sound, audio_codec=codec, rate=rate, video_codec=video_codec
    )
    redraw(source, tmp_path / "out.mp4", as_it_is)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.streams.audio[0].codec_context.channels == 1
        assert container.streams.audio[0].codec_context.sample_rate == (rate if rate != 6_000 else 48_000)
    moved = player_start_seconds(source)
    assert click_seconds(tmp_path / "out.mp4") + moved == pytest.approx(click_seconds(source), abs=0.005)
    before, after = read_audio(source), read_audio(tmp_path / "out.mp4")
    assert before is not None
    assert after is not None
    assert after.duration_seconds == pytest.approx(before.duration_seconds, abs=0.05)


def test_sound_that_begins_late_stays_late(tmp_path: Path) -> None:
    for codec, name in (("aac", "late.mp4"), ("pcm_s16le", "late.mov")):
        sound = click_at(1.2, start=0.8, seconds=1.0, rate=48_000)
        source = write_clip(
            tmp_path / name, times=even_times(50), paint=flash_at(1.2), sound=sound, audio_codec=codec, audio_start=0.8
        )
        redraw(source, tmp_path / f"{codec}.mp4", as_it_is)
        assert click_seconds(tmp_path / f"{codec}.mp4") == pytest.approx(1.2, abs=0.01)
        assert flash_seconds(tmp_path / f"{codec}.mp4") == pytest.approx(1.2)


def test_a_silent_film_stays_silent(tmp_path: Path) -> None:
    redraw(write_clip(tmp_path / "a.mp4", times=even_times(5)), tmp_path / "out.mp4", as_it_is)
    assert read_audio(tmp_path / "out.mp4") is None


def test_pictures_are_those_that_were_drawn(tmp_path: Path) -> None:
    def larger(shown: VideoFrame) -> np.ndarray:
        return np.full((2 * HEIGHT, WIDTH, 3), min(255, round(500 * shown.time_seconds)), np.uint8)

    redraw(write_clip(tmp_path / "a.mp4", times=even_times(10)), tmp_path / "out.mp4", larger)
    for shown in read_frames(tmp_path / "out.mp4"):
        assert shown.pixels.shape == (2 * HEIGHT, WIDTH, 3)
        assert shown.pixels.mean() == pytest.approx(500 * shown.time_seconds, abs=3)


def test_the_same_film_gives_the_same_bytes(tmp_path: Path) -> None:
    sound = click_at(0.3, start=0.0, seconds=1.0, rate=48_000)
    source = write_clip(tmp_path / "a.mkv", times=even_times(25), sound=sound, audio_codec="pcm_s16le")
    for name in ("one.mp4", "two.mp4"):
        redraw(source, tmp_path / name, as_it_is)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_pictures_wait_for_no_end_of_the_film(tmp_path: Path) -> None:
    """Streaming: each picture is given to the encoder before the next is decoded."""
    drawn: list[float] = []

    def stop_early(shown: VideoFrame) -> np.ndarray:
        drawn.append(shown.time_seconds)
        if len(drawn) == 5:
            raise KeyboardInterrupt
        return shown.pixels

    source = write_clip(tmp_path / "a.mp4", times=even_times(50))
    with pytest.raises(KeyboardInterrupt):
        redraw(source, tmp_path / "out.mp4", stop_early)
    assert len(drawn) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4"], "and nothing unfinished is left"


def test_sound_alone_has_no_pictures_to_draw_on(tmp_path: Path) -> None:
    source = write_clip(
        tmp_path / "a.wav", sound=click_at(0.1, start=0, seconds=1, rate=16_000), audio_codec="pcm_s16le", rate=16_000
    )
    with pytest.raises(MediaError, match="no video stream"):
        redraw(source, tmp_path / "out.mp4", as_it_is)


@pytest.mark.parametrize("size", [(47, 64), (48, 63)])
def test_odd_sides_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    source = write_clip(tmp_path / "a.mp4", times=even_times(3))
    with pytest.raises(ValueError, match="even sides"):
        redraw(source, tmp_path / "out.mp4", lambda shown: noise(0, 0.0)[: size[0], : size[1]])
