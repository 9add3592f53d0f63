"""Flash video is read where a file is called so, as CREMA-D's are, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.media.clips import click_at, even_times, flash_at, write_clip
from tests.media.flash import HEIGHT, WIDTH, write_flash
from vatrace.errors import MediaError
from vatrace.media.audio import read_audio
from vatrace.media.opener import open_media
from vatrace.media.video import probe, read_frames


def test_vp6_in_flash_is_read_with_the_times_of_the_file(tmp_path: Path) -> None:
    path = write_flash(tmp_path / "1001_DFA_ANG_XX.flv", [27, 60, 93, 127])
    frames = list(read_frames(path))
    assert [frame.time_seconds for frame in frames] == pytest.approx([0.027, 0.060, 0.093, 0.127])
    assert {frame.pixels.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
    assert probe(path).video_codec == "vp6f"


def test_sound_and_picture_of_flash_share_one_clock(tmp_path: Path) -> None:
    sound = click_at(0.4, start=0.0, seconds=1.0, rate=44_100)
    path = write_clip(
        tmp_path / "clap.flv", times=even_times(25), paint=flash_at(0.4), video_options={"bf": "0"}, sound=sound,
        audio_codec="libmp3lame", rate=44_100,
    )  # fmt: skip
    lit = [frame.time_seconds for frame in read_frames(path) if frame.pixels.mean() > 128]
    heard = read_audio(path)
    assert heard is not None
    click = heard.start_seconds + np.abs(heard.samples).argmax() / heard.sample_rate_hz
    assert click - lit[0] == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "clip", "flv"])
def test_flash_under_another_name_stays_shut(tmp_path: Path, name: str) -> None:
    path = write_flash(tmp_path / name, [0, 40])
    with pytest.raises(MediaError, match="not on the list") as caught, open_media(path):
        pass
    assert caught.value.code == "not-media"


def test_vp6_in_another_container_stays_shut(tmp_path: Path) -> None:
    source, path = write_flash(tmp_path / "source.flv", [0, 40, 80]), tmp_path / "clip.avi"
    with av.open(str(source)) as given, av.open(str(path), "w") as output:
        copy = output.add_stream_from_template(given.streams.video[0], opaque=True)
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = copy
                output.mux_one(packet)
    with pytest.raises(MediaError, match="vp6f") as caught:
        list(read_frames(path))
    assert caught.value.code == "codec"


@pytest.mark.parametrize("codec", ["flv", "flashsv"])
def test_other_decoders_of_flash_stay_shut(tmp_path: Path, codec: str) -> None:
    pix_fmt = "bgr24" if codec == "flashsv" else "yuv420p"
    options = {"g": "1"}
    path = write_clip(
        tmp_path / "clip.flv", times=even_times(3), video_codec=codec, pix_fmt=pix_fmt, video_options=options
    )
    with pytest.raises(MediaError) as caught:
        list(read_frames(path))
    assert caught.value.code == "codec"
