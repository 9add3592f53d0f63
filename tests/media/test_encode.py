from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vatrace.media.encode import write_video

RATE_HZ = 16_000


def some_frames(number: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (64, 96, 3), dtype=np.uint8) for _ in range(number)]


def click(seconds: float, at_seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    waveform = np.zeros(round(seconds * rate_hz), np.float32)
    waveform[round(at_seconds * rate_hz)] = 0.9
    return waveform


def frame_times(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.array([float(frame.pts * frame.time_base) for frame in container.decode(video=0)])


def loudest_seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        frames = [(float(frame.pts * frame.time_base), frame.to_ndarray()[0]) for frame in container.decode(audio=0)]
        rate_hz = container.streams.audio[0].rate
    start, samples = max(frames, key=lambda frame: np.abs(frame[1]).max())
    return start + float(np.argmax(np.abs(samples))) / rate_hz


def test_uneven_times_come_back_to_a_tick_of_the_clock(tmp_path: Path) -> None:
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.2, 12)) - 0.01
    write_video(tmp_path / "a.mp4", some_frames(12), size=(96, 64), times_seconds=times)
    np.testing.assert_allclose(frame_times(tmp_path / "a.mp4"), times, atol=1 / 90_000)


@pytest.mark.parametrize("fps", [25, Fraction(30000, 1001)])
def test_a_constant_rate_is_exact(tmp_path: Path, fps: Fraction | int) -> None:
    write_video(tmp_path / "a.mp4", some_frames(9), size=(96, 64), fps=fps)
    np.testing.assert_allclose(frame_times(tmp_path / "a.mp4"), np.arange(9) / float(fps), atol=1e-9)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_sound_that_begins_late_is_heard_when_it_was_made(tmp_path: Path, rate_hz: int) -> None:
    waveform = click(0.6, 0.25, rate_hz)
    write_video(
        tmp_path / "a.mp4",
        some_frames(30),
        size=(96, 64),
        fps=25,
        waveform=waveform,
        sample_rate_hz=rate_hz,
        waveform_start_seconds=0.3,
    )
    assert loudest_seconds(tmp_path / "a.mp4") == pytest.approx(0.55, abs=0.001)


def test_a_file_may_have_no_sound_or_no_picture(tmp_path: Path) -> None:
    write_video(tmp_path / "mute.mp4", some_frames(3), size=(96, 64), fps=25)
    write_video(tmp_path / "dark.mp4", None, waveform=click(0.5, 0.1))
    kinds = []
    for name in ("mute.mp4", "dark.mp4"):
        with av.open(str(tmp_path / name)) as container:
            kinds.append([(stream.type, stream.codec_context.name) for stream in container.streams])
    assert kinds == [[("video", "h264")], [("audio", "aac")]]


def test_sound_and_picture_lie_side_by_side_in_the_file(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", some_frames(75), size=(96, 64), fps=25, waveform=click(3, 1))
    with av.open(str(tmp_path / "a.mp4")) as container:
        order = [packet.stream.type for packet in container.demux() if packet.size]
    first_half = order[: len(order) // 2]
    assert 0.3 < first_half.count("video") / order.count("video") < 0.7


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, some_frames(8), size=(96, 64), fps=25, waveform=click(0.3, 0.1))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("fps", [6, 25, Fraction(30000, 1001)])
def test_an_avi_has_old_codecs_every_picture_and_its_sound_in_time(tmp_path: Path, fps: Fraction | int) -> None:
    for name in ("a.avi", "b.avi"):
        write_video(tmp_path / name, some_frames(9), size=(96, 64), fps=fps, waveform=click(0.3, 0.1))
    assert (tmp_path / "a.avi").read_bytes() == (tmp_path / "b.avi").read_bytes()
    with av.open(str(tmp_path / "a.avi")) as container:
        assert container.format.name == "avi"
        assert [stream.codec_context.name for stream in container.streams] == ["mpeg4", "pcm_s16le"]
        assert container.streams.video[0].average_rate == fps
        assert len(list(container.decode(video=0))) == 9
    assert loudest_seconds(tmp_path / "a.avi") == pytest.approx(0.1, abs=0.001)


@pytest.mark.parametrize(
    "settings",
    [{"times_seconds": [0, 0.1, 0.3]}, {"fps": 25, "waveform": click(0.3, 0), "waveform_start_seconds": 0.2}],
)
def test_an_avi_which_keeps_no_times_is_given_none(tmp_path: Path, settings: dict) -> None:
    with pytest.raises(ValueError, match=r"a\.avi: an \.avi keeps no times; give fps, and sound that begins at 0"):
        write_video(tmp_path / "a.avi", some_frames(3), size=(96, 64), **settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (96, 64)}, "either fps or times_seconds"),
        ({"size": (96, 64), "fps": 25, "times_seconds": [0, 1, 2]}, "either fps or times_seconds"),
        ({"size": (96, 64), "times_seconds": [0, 0.1]}, "more frames than the 2 times"),
        ({"size": (96, 64), "times_seconds": [0, 0.1, 0.1]}, "frame 2 at 0.100000 s"),
        ({"size": (96, 64), "times_seconds": [-1, 0, 0.1]}, "frame 0 at -1.000000 s"),
        ({"size": (64, 64), "fps": 25}, r"a frame is \(64, 96, 3\), expected \(64, 64, 3\)"),
        ({"size": (95, 64), "fps": 25}, r"size is \(95, 64\)"),
        ({"fps": 25}, "size is None"),
    ],
)
def test_contradictions_are_refused_and_leave_no_file(tmp_path: Path, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "a.mp4", some_frames(3), **settings)
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither frames nor a waveform"):
        write_video(tmp_path / "a.mp4", None)
    with pytest.raises(ValueError, match=r"waveform_start_seconds is -0\.5"):
        write_video(tmp_path / "a.mp4", None, waveform=click(0.3, 0.1), waveform_start_seconds=-0.5)
