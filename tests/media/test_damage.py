"""Files that are cut off or damaged: what can be decoded is given, and whatever happens is a MediaError."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media.clips import click_at, even_times, write_clip
from vatrace.errors import MediaError
from vatrace.media.audio import read_audio
from vatrace.media.video import probe, read_frames

NUM_FRAMES = 100
SOUND = click_at(2.0, start=0.0, seconds=4.0, rate=48_000)
FORMS = {  # name: (video codec, audio codec, muxer options)
    "clip.mp4": ("libx264", "aac", {}),
    "fast.mp4": ("libx264", "aac", {"movflags": "+faststart"}),
    "clip.ts": ("libx264", "aac", {}),
    "clip.mkv": ("libx264", "libopus", {}),
    "clip.avi": ("mpeg4", "pcm_s16le", {}),
    "clip.mpg": ("mpeg1video", "mp2", {}),
}


def whole_clip(folder: Path, name: str) -> Path:
    video_codec, audio_codec, options = FORMS[name]
    return write_clip(
        folder / name,
        times=even_times(NUM_FRAMES),
        video_codec=video_codec,
        video_options={"g": "10"},
        sound=SOUND,
        audio_codec=audio_codec,
        container_options=options,
    )


def cut_off(path: Path, part: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    return path


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_an_mp4_without_its_index_says_that_the_recording_was_cut_off(tmp_path: Path, part: float) -> None:
    path = cut_off(whole_clip(tmp_path, "clip.mp4"), part)
    for read in (probe, read_audio, lambda path: list(read_frames(path))):
        with pytest.raises(MediaError, match="cut off") as caught:
            read(path)
        assert caught.value.code == "truncated"


@pytest.mark.parametrize("name", ["fast.mp4", "clip.ts", "clip.mkv", "clip.avi", "clip.mpg"])
def test_a_file_that_is_cut_off_gives_the_part_that_is_there(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = cut_off(whole_clip(tmp_path, name), 0.6)
    with caplog.at_level(logging.WARNING):
        frames = list(read_frames(path))
        sound = read_audio(path)
    assert 0.45 * NUM_FRAMES < len(frames) < 0.8 * NUM_FRAMES
    assert sound is not None
    assert 1.6 < sound.duration_seconds < 3.2
    if name not in ("clip.ts", "clip.mpg"):  # these two have no header that would promise a length
        assert "cut off" in caplog.text or "damaged" in caplog.text


@pytest.mark.parametrize("name", ["fast.mp4", "clip.ts", "clip.mkv", "clip.avi", "clip.mpg"])
def test_damage_in_the_middle_costs_only_what_it_hits(tmp_path: Path, name: str) -> None:
    path = whole_clip(tmp_path, name)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 50] = bytes(len(content) // 50)  # 2 % become zeros
    path.write_bytes(content)
    times = [frame.time_seconds for frame in read_frames(path)]
    assert len(times) >= 0.8 * NUM_FRAMES  # at most the two groups of ten that the zeros touch are lost
    assert times[-1] - times[0] == pytest.approx((NUM_FRAMES - 1) / 25, abs=0.05)
    assert (np.diff(times) > 0).all()


def test_damaged_packets_are_skipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = write_clip(tmp_path / "source.mkv", times=even_times(NUM_FRAMES), video_codec="mjpeg", pix_fmt="yuvj420p")
    path = tmp_path / "clip.mkv"
    with av.open(str(source)) as given, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(given.streams.video[0])
        for index, packet in enumerate(packet for packet in given.demux() if packet.dts is not None):
            broken = av.Packet(bytes(50) if index % 10 == 5 else bytes(packet))
            broken.pts, broken.dts, broken.time_base, broken.stream = packet.pts, packet.dts, packet.time_base, stream
            output.mux_one(broken)
    with caplog.at_level(logging.WARNING):
        times = [frame.time_seconds for frame in read_frames(path)]
    expected = [seconds for index, seconds in enumerate(even_times(NUM_FRAMES)) if index % 10 != 5]
    np.testing.assert_allclose(times, expected, atol=1e-3)
    assert "10 packets could not be decoded" in caplog.text


def test_a_file_of_which_nothing_can_be_decoded_is_an_error(tmp_path: Path) -> None:
    path = whole_clip(tmp_path, "fast.mp4")
    content = path.read_bytes()
    start = content.index(b"mdat") + 4
    path.write_bytes(content[:start] + bytes(len(content) - start))
    with pytest.raises(MediaError, match="nothing of the video") as caught:
        list(read_frames(path))
    assert caught.value.code == "nothing-decoded"


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """A copy with bits turned, a stretch removed, doubled or overwritten, or the end missing."""
    damaged = bytearray(content)
    first = int(rng.integers(len(damaged)))
    stretch = slice(first, first + int(rng.integers(1, 200)))
    match rng.integers(5):
        case 0:
            for place in rng.integers(len(damaged), size=20):
                damaged[place] ^= 1 << int(rng.integers(8))
        case 1:
            del damaged[stretch]
        case 2:
            damaged[first:first] = damaged[stretch]
        case 3:
            damaged[stretch] = rng.bytes(len(damaged[stretch]))
        case 4:
            del damaged[first:]
    head = int(rng.integers(min(400, len(damaged)))) if damaged else 0
    damaged[head : head + 1] = rng.bytes(1)  # headers are where most parsers break
    return bytes(damaged)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts", "clip.mkv", "clip.avi", "clip.mpg", "clip.wav"])
def test_whatever_is_done_to_a_file_only_a_media_error_comes_out(tmp_path: Path, name: str) -> None:
    seed = tmp_path / name
    video, audio, _ = FORMS.get(name, ("", "pcm_s16le", {}))
    write_clip(
        seed, times=even_times(8) if video else None, video_codec=video, sound=SOUND[:, :16_000], audio_codec=audio
    )
    content = seed.read_bytes()
    rng = np.random.default_rng(7)
    num_refused = 0
    for _ in range(60):
        path = tmp_path / f"mutant{seed.suffix}"
        path.write_bytes(mutated(content, rng))
        started = time.monotonic()
        try:
            for _ in read_frames(path):
                pass
        except MediaError:
            num_refused += 1
        try:
            read_audio(path)
        except MediaError:
            num_refused += 1
        assert time.monotonic() - started < 10  # seconds: far above the few milliseconds it takes, far below a hang
    assert num_refused > 0
