"""Frames, their times and their orientation."""

from __future__ import annotations

import gc
import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media.clips import HEIGHT, WIDTH, even_times, open_disorderly, stamp, write_clip
from vatrace.errors import MediaError
from vatrace.media.opener import MAX_PIXELS
from vatrace.media.video import _shown_size, probe, read_frames

GRID = Path(__file__).parents[2] / ".." / "shared" / "media" / "grid"
grid_clips = pytest.mark.skipif(not GRID.is_dir(), reason="the real clips are not here")


def times_of(path: Path) -> list[float]:
    return [frame.time_seconds for frame in read_frames(path)]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_times_of_a_variable_frame_rate_are_the_containers_to_a_millisecond(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(1)
    times = [0.5, *(0.5 + np.cumsum(rng.uniform(0.005, 0.4, 40)))]
    path = write_clip(tmp_path / f"clip.{suffix}", times=times)
    np.testing.assert_allclose(times_of(path), times, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "libx264", {"bf": "3"}),
        ("clip.webm", "libvpx", {}),
        ("clip.webm", "libvpx-vp9", {}),
        ("clip.avi", "mpeg4", {"bf": "2"}),
        ("clip.avi", "libx264", {"bf": "3"}),
        ("clip.avi", "mjpeg", {}),
        ("clip.mpg", "mpeg2video", {"bf": "2"}),
        ("clip.ts", "libx264", {"bf": "3"}),
    ],
)
@pytest.mark.parametrize("fps", [24, 25, 30, Fraction(60000, 1001)])
def test_every_frame_comes_once_and_in_order(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], fps: int | Fraction
) -> None:
    path = write_clip(
        tmp_path / name,
        times=even_times(31, fps),
        fps=fps,
        video_codec=codec,
        video_options=options,
        pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p",
    )
    times = np.array(times_of(path))
    np.testing.assert_allclose(times - times[0], even_times(31, fps), atol=1.1e-3)
    if name.endswith("avi"):
        assert times[0] == 0


def quadrants(index: int, time_seconds: float) -> np.ndarray:
    """Red top left, green top right, blue bottom left, black bottom right."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[: HEIGHT // 2, : WIDTH // 2, 0] = 255
    pixels[: HEIGHT // 2, WIDTH // 2 :, 1] = 255
    pixels[HEIGHT // 2 :, : WIDTH // 2, 2] = 255
    return pixels


def corners(pixels: np.ndarray) -> str:
    """Colours clockwise from the top left."""
    height, width = pixels.shape[:2]
    points = [(0.25, 0.25), (0.25, 0.75), (0.75, 0.75), (0.75, 0.25)]
    colours = [pixels[int(y * height), int(x * width)] for y, x in points]
    return "".join("rgb"[colour.argmax()] if colour.max() > 100 else "k" for colour in colours)


@pytest.mark.parametrize(
    ("degrees", "hflip", "expected"),
    [  # degrees counterclockwise, as FFmpeg counts; corners worked out by hand
        (0, False, "rgkb"),
        (90, False, "gkbr"),
        (180, False, "kbrg"),
        (-90, False, "brgk"),
        (0, True, "grbk"),
    ],
)
def test_a_clip_filmed_on_its_side_comes_upright(tmp_path: Path, degrees: int, hflip: bool, expected: str) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=even_times(3), paint=quadrants, rotation=degrees, hflip=hflip)
    frames = list(read_frames(path))
    assert len(frames) == 3
    for frame in frames:
        assert frame.pixels.dtype == np.uint8
        assert frame.pixels.flags["C_CONTIGUOUS"]
        assert frame.pixels.shape == ((WIDTH, HEIGHT, 3) if degrees % 180 else (HEIGHT, WIDTH, 3))
        assert corners(frame.pixels) == expected


def test_colours_arrive_as_red_green_blue(tmp_path: Path) -> None:
    def orange(index: int, time_seconds: float) -> np.ndarray:
        return np.full((HEIGHT, WIDTH, 3), (230, 120, 30), dtype=np.uint8)

    path = write_clip(tmp_path / "clip.mp4", times=[0.0], paint=orange)
    (frame,) = read_frames(path)
    np.testing.assert_allclose(frame.pixels.mean(axis=(0, 1)), (230, 120, 30), atol=6)


def test_one_frame_is_a_clip(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=[0.0])
    assert times_of(path) == [0.0]


def test_a_sound_file_has_no_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.m4a", sound=np.zeros((1, 48_000), dtype=np.float32), container="mp4")
    with pytest.raises(MediaError, match="no video stream") as caught:
        list(read_frames(path))
    assert caught.value.code == "no-video"


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as output:
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        audio = output.add_stream("aac", rate=48_000, layout="mono")
        picture = av.VideoFrame.from_ndarray(quadrants(0, 0), format="rgb24")
        output.mux(cover.encode(picture))
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        sound.sample_rate = 48_000
        output.mux(audio.encode(sound))
        output.mux(audio.encode(None))
    assert not probe(path).has_video
    assert probe(path).has_audio


def write_stamped(path: Path, stamps_seconds: list[float]) -> Path:
    """A Matroska clip of intra frames whose packets carry these times, in this order, right or wrong."""
    source = write_clip(
        path.with_name("source.mkv"), times=even_times(len(stamps_seconds)), video_codec="mjpeg", pix_fmt="yuvj420p"
    )
    with av.open(str(source)) as given, open_disorderly(path) as output:
        stream = output.add_stream_from_template(given.streams.video[0])
        packets = [packet for packet in given.demux() if packet.dts is not None]
        for index, (packet, seconds) in enumerate(zip(packets, stamps_seconds, strict=True)):
            packet.stream = stream
            stamp(packet, index, seconds)
            output.mux_one(packet)
    return path


def test_frames_with_the_same_time_keep_their_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_stamped(tmp_path / "clip.mkv", [0.0, 0.04, 0.04, 0.04, 0.08])
    with caplog.at_level(logging.WARNING):
        times = times_of(path)
    np.testing.assert_allclose(times, [0.0, 0.04, 0.04, 0.04, 0.08], atol=1e-5)
    assert (np.diff(times) > 0).all()
    assert "2 frames were not later than the frame before" in caplog.text


def test_a_frame_far_too_early_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_stamped(tmp_path / "clip.mkv", [1.0, 1.04, 0.2, 1.12])
    with caplog.at_level(logging.WARNING):
        times = times_of(path)
    np.testing.assert_allclose(times, [1.0, 1.04, 1.12], atol=1e-9)
    assert "1 were left out" in caplog.text


def test_two_recordings_joined_without_joining_their_clocks_are_an_error(tmp_path: Path) -> None:
    path = write_stamped(tmp_path / "clip.mkv", [*even_times(270, start=10.0), *even_times(270)])
    with pytest.raises(MediaError, match=r"jumps back from 20\.760 s") as caught:
        times_of(path)
    assert "ffmpeg" in caught.value.hint


def test_a_change_of_size_in_the_middle_keeps_the_first_size(tmp_path: Path) -> None:
    small = write_clip(tmp_path / "small.ts", times=even_times(10), paint=quadrants)

    def large(index: int, time_seconds: float) -> np.ndarray:
        return np.kron(quadrants(index, time_seconds), np.ones((2, 2, 1), dtype=np.uint8))

    big = write_clip(tmp_path / "big.ts", times=even_times(10, start=0.4), paint=large)
    path = tmp_path / "both.ts"
    path.write_bytes(small.read_bytes() + big.read_bytes())
    frames = list(read_frames(path))
    assert len(frames) >= 18
    assert {frame.pixels.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
    assert {corners(frame.pixels) for frame in frames} == {"rgkb"}


def test_probe_tells_what_is_in_a_file_without_decoding(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=even_times(50), sound=np.zeros((2, 96_000), dtype=np.float32))
    info = probe(path)
    assert (info.has_video, info.has_audio) == (True, True)
    assert (info.width, info.height) == (WIDTH, HEIGHT)
    assert info.duration_seconds == pytest.approx(2.0, abs=0.05)
    assert info.average_fps == pytest.approx(25.0, abs=0.01)
    assert info.num_frames_estimate == 50
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")


def test_a_file_is_closed_even_if_only_its_first_frame_is_wanted(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    path = write_clip(tmp_path / "clip.mp4", times=even_times(30))
    frames = read_frames(path)
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert str(path) not in [file.path for file in psutil.Process().open_files()]


@grid_clips
@pytest.mark.parametrize("name", ["bbaf2n", "brbk7n", "lbax4n", "lrwp9a", "pwij3p", "sbia1a"])
def test_a_real_clip_has_its_75_frames_at_the_containers_times(name: str) -> None:
    frames = list(read_frames(GRID / f"{name}.mpg"))
    np.testing.assert_allclose([frame.time_seconds for frame in frames], even_times(75, 25), atol=1e-9)
    assert {frame.pixels.shape for frame in frames} == {(288, 360, 3)}
    assert min(frame.pixels.std() for frame in frames) > 20  # pictures, not grey


def test_a_frame_is_gone_with_its_picture_without_waiting_for_the_garbage(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", times=even_times(40))
    gc.collect()
    gc.disable()
    try:
        read = sum(1 for _ in read_frames(clip))
        left = sum(type(each) is av.VideoFrame for each in gc.get_objects())
    finally:
        gc.enable()
    assert (read, left <= 2) == (40, True)


@pytest.mark.parametrize("name", ["clip.mkv", "clip.mp4", "clip.ts"])
def test_a_whole_clip_that_begins_late_is_not_said_to_be_cut_off(tmp_path: Path, name: str) -> None:
    clip = write_clip(tmp_path / name, times=[5 + seconds for seconds in even_times(75)])
    said: list[str] = []
    frames = list(read_frames(clip, tell=said.append))
    assert (len(frames), said) == (75, [])


def ring(width: int, height: int) -> NDArray[np.uint8]:
    """A white ellipse on black, as wide and as high as half the picture."""
    rows, columns = np.mgrid[:height, :width]
    inside = ((columns + 0.5) / width - 0.5) ** 2 + ((rows + 0.5) / height - 0.5) ** 2 < 0.25**2
    return np.repeat(np.where(inside, 255, 0).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    ("stored", "shape", "shown"),
    [
        ((96, 128), Fraction(64, 45), (136, 128)),  # PAL's wide pixels: 96 x 1.42 is 136.5
        ((192, 64), Fraction(1, 2), (192, 128)),
        ((128, 96), Fraction(100, 1), (128, 96)),  # no camera does that
        ((128, 96), None, (128, 96)),
    ],
)
def test_pixels_that_are_not_square_are_made_so(
    stored: tuple[int, int], shape: Fraction | None, shown: tuple[int, int], tmp_path: Path
) -> None:
    path = write_clip(
        tmp_path / "c.mp4", times=even_times(3), paint=lambda *_: ring(*stored), pixel_shape=shape, sound=None
    )
    picture = next(read_frames(path)).pixels[:, :, 0] > 128
    assert picture.shape == shown[::-1]
    assert picture.any(axis=0).sum() == pytest.approx(shown[0] / 2, abs=3)
    assert picture.any(axis=1).sum() == pytest.approx(shown[1] / 2, abs=3)


def test_a_stretched_picture_is_no_larger_than_can_be_read() -> None:
    for shape in (Fraction(4), Fraction(1, 4)):
        width, height = _shown_size(4096, 2304, shape)
        assert width * height <= MAX_PIXELS
        assert width / height == pytest.approx(4096 / 2304 * float(shape), rel=0.01)
