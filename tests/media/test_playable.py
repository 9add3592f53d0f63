from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.media.clips import click_at, even_times, flash_at, noise, write_clip
from vatrace.media.audio import read_audio
from vatrace.media.playable import COPY_PIXELS, playable_suffix, write_copy
from vatrace.media.video import read_frames, read_times
from vatrace.web.ranges import MEDIA_TYPES

SOUND = click_at(0.3, start=0, seconds=1, rate=48_000)


@pytest.mark.parametrize(
    ("name", "options", "suffix"),
    [
        ("c.mp4", {}, ".mp4"),
        ("c.mov", {}, ".mp4"),
        ("c.mp4", {"pix_fmt": "yuv444p"}, None),
        ("c.mp4", {"video_codec": "mpeg4"}, None),
        ("c.webm", {"video_codec": "libvpx", "audio_codec": "libopus"}, ".webm"),
        ("c.mkv", {"audio_codec": "flac"}, None),
        ("c.avi", {"video_codec": "mpeg4", "audio_codec": "pcm_s16le"}, None),
        ("c.mpg", {"video_codec": "mpeg1video", "audio_codec": "mp2"}, None),
    ],
)
def test_what_browsers_play_is_left_as_it_is(
    name: str, options: dict[str, str], suffix: str | None, tmp_path: Path
) -> None:
    path = write_clip(tmp_path / name, times=even_times(25, 25), sound=SOUND, **options)  # type: ignore[arg-type]
    path = path.rename(tmp_path / "clip")  # the server's files have no suffix
    assert playable_suffix(path) == suffix
    assert suffix is None or suffix in MEDIA_TYPES


@pytest.mark.parametrize(
    ("name", "codec", "suffix"),
    [
        ("s.wav", "pcm_s16le", ".wav"),
        ("s.mp3", "libmp3lame", ".mp3"),
        ("s.ogg", "libopus", ".ogg"),
        ("s.m4a", "aac", ".m4a"),
    ],
)
def test_sound_alone_is_played_as_what_it_is(name: str, codec: str, suffix: str, tmp_path: Path) -> None:
    kind = {"s.m4a": "mp4"}.get(name)
    path = write_clip(tmp_path / name, sound=SOUND, audio_codec=codec, container=kind)
    assert playable_suffix(path.rename(tmp_path / "clip")) == suffix


def test_a_copy_has_every_frame_at_its_own_time_and_the_sound_where_it_was(tmp_path: Path) -> None:
    """Frames at uneven times, the first at half a second; light and click at 1.1 s."""
    times = [0.5, 0.55, 0.7, 0.71, 1.0, 1.1, 1.14, 1.2, 1.9]
    sound = click_at(1.1, start=0.4, seconds=1.5, rate=48_000)
    path = write_clip(
        tmp_path / "c.mkv",
        times=times,
        paint=flash_at(1.1),
        sound=sound,
        audio_codec="pcm_s16le",
        audio_start=0.4,
    )
    assert write_copy(path, tmp_path / "copy.mp4") == 0.0
    assert playable_suffix(tmp_path / "copy.mp4") == ".mp4"
    np.testing.assert_allclose(read_times(tmp_path / "copy.mp4"), read_times(path), atol=2e-5)
    assert len(read_times(path)) == len(times)
    lit = [frame.time_seconds for frame in read_frames(tmp_path / "copy.mp4") if frame.pixels.mean() > 128]
    assert lit == pytest.approx([1.1, 1.14], abs=2e-3)
    heard = read_audio(tmp_path / "copy.mp4")
    assert heard is not None
    loudest = heard.start_seconds + np.argmax(np.abs(heard.samples)) / heard.sample_rate_hz
    assert loudest == pytest.approx(1.1, abs=0.01)


def test_a_clip_that_starts_very_late_is_copied_to_the_beginning_and_says_by_how_much(tmp_path: Path) -> None:
    times = even_times(10, 25, start=4000.0)
    path = write_clip(tmp_path / "c.mkv", times=times, sound=SOUND, audio_codec="flac", audio_start=4000.1)
    shift = write_copy(path, tmp_path / "copy.mp4")
    assert shift == pytest.approx(4000.0, abs=1e-3)
    np.testing.assert_allclose(read_times(tmp_path / "copy.mp4") + shift, read_times(path), atol=2e-5)


def test_a_large_odd_picture_becomes_a_small_even_one_of_the_same_shape(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "c.mkv",
        times=even_times(3, 25),
        paint=lambda index, time: noise(index, time, width=1600, height=904),
        video_codec="libx264",
    )
    write_copy(path, tmp_path / "copy.mp4")
    height, width, _ = next(read_frames(tmp_path / "copy.mp4")).pixels.shape
    assert (height % 2, width % 2) == (0, 0)
    assert height == COPY_PIXELS
    assert width / height == pytest.approx(1600 / 904, abs=0.01)


def test_sound_alone_that_browsers_do_not_play_becomes_sound_alone_that_they_do(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.mkv", sound=SOUND, audio_codec="ac3")
    assert playable_suffix(path) is None
    write_copy(path, tmp_path / "copy.mp4")
    assert playable_suffix(tmp_path / "copy.mp4") == ".m4a"
