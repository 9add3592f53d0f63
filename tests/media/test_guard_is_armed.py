"""PyAV ignores options it does not know, so each guard is tried with what it has to keep out."""

from __future__ import annotations

import math
import os
import struct
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from tests.media.clips import even_times, write_clip
from vatrace.errors import MediaError, NothingFound
from vatrace.media import opener
from vatrace.media.audio import read_audio
from vatrace.media.video import probe, read_frames


def refused(path: Path) -> MediaError:
    """What the opener says to a file that it must not open."""
    with pytest.raises(MediaError) as caught, opener.open_media(path):
        pass
    assert str(path) in str(caught.value)
    return caught.value


def write_wav(path: Path, *, rate: int, channels: int = 1, num_samples: int = 400) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * channels * num_samples))
    return path


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A clip beside the hostile file, which must not be read through it."""
    return write_clip(tmp_path / "canary.ts", times=even_times(5))


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile {target}\n"
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 18790 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", HLS),
        ("list.mp4", HLS),
        ("script.mp4", CONCAT),
        ("script.ffconcat", CONCAT),
        ("session.mp4", SDP),
        ("session.sdp", SDP),
        ("segments.m3u8", HLS.replace("{target}", "http://127.0.0.1:9/x.ts")),
    ],
)
@pytest.mark.parametrize("is_absolute", [False, True])
def test_a_text_that_points_elsewhere_opens_no_file_and_no_socket(
    canary: Path, name: str, text: str, is_absolute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = canary.with_name(name)
    hostile.write_text(text.format(target=f"file://{canary}" if is_absolute else canary.name))
    monkeypatch.chdir(canary.parent)
    before, sockets = canary.stat().st_atime_ns, psutil.Process().net_connections()
    os.utime(canary, ns=(1, canary.stat().st_mtime_ns))  # an access would set it to now, even on relatime
    assert refused(hostile).code == "not-media"
    assert canary.stat().st_atime_ns == 1 < before
    assert psutil.Process().net_connections() == sockets


def test_a_further_file_is_refused_even_if_a_container_asks_for_it(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=even_times(3))
    with opener.open_media(path) as media:
        ask = media.container.io_open  # a named parameter of PyAV, which a typing mistake cannot disarm
    with pytest.raises(PermissionError, match="never followed"):
        ask("file:///etc/hostname", 1, {})


def test_ffmpeg_never_learns_the_name_of_the_file(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=even_times(3))
    with opener.open_media(path) as media:
        assert "clip" not in media.container.name


@pytest.mark.parametrize(
    ("codec", "suffix"), [("magicyuv", "avi"), ("ffv1", "mkv"), ("png", "mov"), ("rawvideo", "avi")]
)
def test_a_decoder_that_is_not_on_the_list_is_never_used(tmp_path: Path, codec: str, suffix: str) -> None:
    pix_fmt = {"magicyuv": "gbrp", "png": "rgb24"}.get(codec, "yuv420p")
    path = write_clip(tmp_path / f"clip.{suffix}", times=even_times(3), video_codec=codec, pix_fmt=pix_fmt)
    with pytest.raises(MediaError, match=codec) as caught:
        list(read_frames(path))
    assert caught.value.code == "codec"


def test_ffmpeg_itself_refuses_a_decoder_that_our_own_check_lets_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_clip(tmp_path / "clip.mkv", times=even_times(3), video_codec="ffv1")
    monkeypatch.setattr(opener, "_check_decoder_name", lambda *_: None)
    with pytest.raises(MediaError, match="nothing of the video"):
        list(read_frames(path))


def test_frames_that_are_too_large_are_refused_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=even_times(3))
    monkeypatch.setattr(opener, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(MediaError, match="64x48") as caught:
        list(read_frames(path))
    assert caught.value.code == "too-large"


def test_the_area_limit_reaches_the_decoder_that_decodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=even_times(3))
    monkeypatch.setattr(opener, "MAX_PIXELS", 64 * 48 - 1)
    monkeypatch.setattr(opener, "_check_frame_area", lambda *_: None)
    with pytest.raises(MediaError, match="nothing of the video"):
        list(read_frames(path))


def test_the_area_limit_reaches_the_decoder_that_probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # MPEG-4 part 2 in a transport stream says its size to a decoder only.
    path = write_clip(tmp_path / "clip.ts", times=even_times(3), video_codec="mpeg4")
    assert probe(path).width == 64
    monkeypatch.setattr(opener, "MAX_PIXELS", 64 * 48 - 1)
    assert probe(path).width == 0


@pytest.mark.parametrize("suffix", ["mkv", "mov", "avi", "ts"])
def test_of_many_streams_at_most_sixteen_are_ever_set_up(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"many.{suffix}"
    codec = "mp2" if suffix == "ts" else "pcm_s16le"
    with av.open(str(path), "w") as output:
        streams = [output.add_stream(codec, rate=16000, layout="mono") for _ in range(opener.MAX_STREAMS + 4)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1152), dtype=np.int16), format="s16", layout="mono")
            frame.sample_rate = 16000
            frame.pts = 0
            output.mux(stream.encode(frame))
    if suffix in ("mov", "avi"):  # these list their streams first and give up; the others leave out the rest
        with pytest.raises(MediaError, match="more than 16 streams"):
            probe(path)
    else:
        with opener.open_media(path) as media:
            assert len(media.container.streams) == opener.MAX_STREAMS


@pytest.mark.parametrize("rate", [1, 3999, 384_001, 2_000_000_000])
def test_a_sample_rate_that_no_microphone_has_is_refused(tmp_path: Path, rate: int) -> None:
    with pytest.raises(MediaError):
        read_audio(write_wav(tmp_path / "clip.wav", rate=rate, num_samples=100_000))


@pytest.mark.parametrize("rate", [4000, 384_000])
def test_the_extreme_sample_rates_are_accepted(tmp_path: Path, rate: int) -> None:
    sound = read_audio(write_wav(tmp_path / "clip.wav", rate=rate, num_samples=rate // 2))
    assert sound is not None
    assert sound.duration_seconds == pytest.approx(0.5, abs=0.002)


def test_more_than_sixteen_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="17 channels"):
        read_audio(write_wav(tmp_path / "clip.wav", rate=8000, channels=17))


@pytest.mark.parametrize("late_seconds", [601.0, 3_000_000.0])
def test_one_picture_with_a_late_time_is_an_error_and_not_a_grid(tmp_path: Path, late_seconds: float) -> None:
    path = write_clip(tmp_path / "late.mkv", times=[0.0, 0.04, late_seconds])
    with pytest.raises(MediaError, match=r"jumps from 0\.040 s") as caught:
        list(read_frames(path))
    assert caught.value.code == "time"


def test_a_clock_that_starts_beyond_every_broadcast_is_an_error(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "late.mkv", times=[100_000.0, 100_000.04])
    with pytest.raises(MediaError, match="starts at 100000 s"):
        list(read_frames(path))


def write_sparse_sound(path: Path, starts_seconds: list[float]) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        for start in starts_seconds:
            frame = av.AudioFrame.from_ndarray(np.full((1, 80), 8192, dtype=np.int16), format="s16", layout="mono")
            frame.sample_rate = 8000
            frame.time_base = Fraction(1, 8000)
            frame.pts = round(start * 8000)
            output.mux(stream.encode(frame))
    return path


def test_one_sound_packet_with_a_late_time_does_not_become_gigabytes_of_silence(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="jumps by"):
        read_audio(write_sparse_sound(tmp_path / "late.mkv", [0.0, 700.0]))


def test_many_gaps_do_not_become_gigabytes_of_silence(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="leaves out more than 3600 s"):
        read_audio(write_sparse_sound(tmp_path / "gaps.mkv", [500.0 * index for index in range(20)]))


def test_numbers_that_are_no_sound_are_cleaned(tmp_path: Path) -> None:
    values = np.zeros(1600, dtype="<f4")
    values[100], values[800], values[1500] = math.nan, math.inf, 1e30
    body = values.tobytes()
    form = struct.pack("<HHIIHH", 3, 1, 16000, 64000, 4, 32)
    riff = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(body)) + body
    path = tmp_path / "odd.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(riff)) + riff)
    sound = read_audio(path)
    assert sound is not None
    assert np.isfinite(sound.samples).all()
    assert np.abs(sound.samples).max() <= 16


def test_a_title_that_is_not_utf8_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "titled.mkv"
    with av.open(str(path), "w") as output:
        output.metadata["title"] = "Aeiou"
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
    path.write_bytes(path.read_bytes().replace(b"Aeiou", b"\xc4eiou"))
    assert probe(path).has_audio


def test_a_missing_path_is_not_found(tmp_path: Path) -> None:
    for read in (probe, read_audio, lambda path: list(read_frames(path))):
        with pytest.raises(NothingFound, match=r"gone\.mp4 does not exist"):
            read(tmp_path / "gone.mp4")


def test_a_folder_an_empty_file_and_a_pipe_are_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    os.mkfifo(tmp_path / "pipe.mp4")
    assert refused(tmp_path).code == "not-a-file"
    assert "is a folder" in str(refused(tmp_path))
    assert refused(tmp_path / "empty.mp4").code == "empty"
    assert refused(tmp_path / "pipe.mp4").code == "not-a-file"


@pytest.mark.parametrize("content", [b"not a video\n" * 50, bytes(range(256)) * 40, b"\0" * 5000, b"x"])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip"])
def test_what_is_no_media_file_is_refused_whatever_it_is_called(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaError):
        list(read_frames(path))
    with pytest.raises(MediaError):
        read_audio(path)


def test_a_disk_that_fails_is_a_media_error_and_not_a_short_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_clip(tmp_path / "clip.ts", times=even_times(200))
    read = opener.NamelessReader.read

    def read_or_fail(self: opener.NamelessReader, size: int) -> bytes:
        if is_broken:
            raise OSError(5, "Input/output error")
        return read(self, size)

    is_broken = False
    monkeypatch.setattr(opener.NamelessReader, "read", read_or_fail)
    frames = read_frames(path)
    next(frames)
    is_broken = True
    with pytest.raises(MediaError, match="could not be read on: Input/output error"):
        list(frames)


def test_subtitles_beside_the_picture_are_no_obstacle(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mp4", times=even_times(5))
    path = tmp_path / "clip.mp4"
    with av.open(str(source)) as given, av.open(str(path), "w") as output:
        video = output.add_stream_from_template(given.streams.video[0])
        subtitles = output.add_stream("mov_text")
        subtitles.codec_context.subtitle_header = b"[Script Info]\n"
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = video
                output.mux_one(packet)
        text = av.Packet(b"\0\2hi")
        text.stream, text.pts, text.dts, text.duration, text.time_base = subtitles, 0, 0, 100, Fraction(1, 1000)
        output.mux_one(text)
    with av.open(str(path)) as written:
        assert len(written.streams.subtitles) == 1
    assert len(list(read_frames(path))) == 5


def test_a_script_that_got_past_the_formats_still_finds_every_protocol_closed(
    canary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opener, "CONTAINERS", (*opener.CONTAINERS, "concat"))
    monkeypatch.chdir(canary.parent)
    hostile = canary.with_name("script.ffconcat")
    hostile.write_text(CONCAT.format(target=canary.name))
    refused(hostile)


def test_probing_does_not_use_a_decoder_that_is_not_on_the_list(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", times=even_times(3), video_codec="magicyuv", pix_fmt="gbrp")
    with av.open(str(path)) as unguarded:
        assert unguarded.streams.video[0].pix_fmt == "gbrp"  # known from decoding only
    with opener.open_media(path) as media:
        assert media.video is not None
        assert media.video.pix_fmt is None


def test_a_packet_with_more_sound_than_allowed_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.flac", sound=np.zeros((1, 48_000), dtype=np.float32), audio_codec="flac")
    assert read_audio(path) is not None
    monkeypatch.setattr(opener, "MAX_SAMPLES_PER_PACKET", 1000)
    with pytest.raises(MediaError, match="nothing of the audio"):
        read_audio(path)
