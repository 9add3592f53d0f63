from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from vatrace.synth.corpus import plan_clip, render_frames, write_clip
from vatrace.synth.episodes import active
from vatrace.synth.subject import draw_subject


def test_a_clip_is_the_same_each_time_it_is_planned_and_drawn() -> None:
    first, again = plan_clip(5, 2, 1, 8.0), plan_clip(5, 2, 1, 8.0)
    assert first.name == again.name == "s002-1"
    assert first.episodes == again.episodes
    assert np.array_equal(first.waveform, again.waveform)
    assert np.array_equal(first.annotation.valence, again.annotation.valence)
    for one, other in zip(islice(render_frames(first), 3), islice(render_frames(again), 3), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("key", [(6, 2, 1), (5, 3, 1), (5, 2, 0)])
def test_another_seed_subject_or_clip_gives_another_clip(key: tuple[int, int, int]) -> None:
    first, other = plan_clip(5, 2, 1, 8.0), plan_clip(*key, 8.0)
    assert np.abs(first.truth.valence - other.truth.valence).max() > 0.01
    assert np.abs(first.annotation.arousal - other.annotation.arousal).max() > 0.01
    assert not np.array_equal(first.waveform, other.waveform)
    assert not np.array_equal(next(render_frames(first)), next(render_frames(other)))


def test_all_clips_of_a_subject_show_the_same_person() -> None:
    assert plan_clip(5, 2, 0, 4.0).subject == plan_clip(5, 2, 7, 6.0).subject == draw_subject(5, 2)
    assert draw_subject(5, 2).looks != draw_subject(5, 3).looks
    assert draw_subject(5, 2).looks != draw_subject(6, 2).looks


def test_loudness_of_finished_clips_follows_arousal_where_the_voice_is_reliable() -> None:
    correlations = []
    for subject in range(8):
        clip = plan_clip(0, subject, 0, 30.0)
        power = np.square(clip.waveform).reshape(30, -1).mean(axis=1)  # a second each
        seconds = np.arange(30) + 0.5
        arousal = np.interp(seconds, clip.times_seconds, clip.truth.arousal)
        clean = ~active(clip.episodes, seconds, channel="voice", margin_seconds=0.5)
        correlations.append(np.corrcoef(np.log(power[clean] + 1e-9), arousal[clean])[0, 1])
    assert np.mean(correlations) > 0.5


def test_a_written_clip_is_h264_and_aac_with_every_frame_at_its_time(tmp_path: Path) -> None:
    clip = plan_clip(1, 0, 0, 3.0, fps=25)
    write_clip(clip, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
        frames = [
            (frame.pts * frame.time_base, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
        ]
    np.testing.assert_allclose([float(time) for time, _ in frames], clip.times_seconds, atol=1e-9)
    drawn = next(render_frames(clip)).astype(int)
    assert np.abs(frames[0][1] - drawn).mean() < 6  # of 255: colours survive the encoder, grain does not
    with av.open(str(tmp_path / "clip.mp4")) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        assert container.streams.audio[0].rate == clip.sample_rate_hz == 16_000
    num_samples = min(len(heard), len(clip.waveform))
    assert num_samples > 0.95 * len(clip.waveform)
    assert np.corrcoef(heard[:num_samples], clip.waveform[:num_samples])[0, 1] > 0.9


def test_a_clip_is_written_to_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_clip(plan_clip(1, 1, 0, 1.0), tmp_path / name)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(
    "arguments", [(-1, 0, 0, 5.0), (0, -1, 0, 5.0), (0, 0, -1, 5.0), (0, 0, 0, 0.04), (0, 0, 0, -3.0)]
)
def test_impossible_clips_are_refused(arguments: tuple[int, int, int, float]) -> None:
    with pytest.raises(ValueError, match="at least two frames"):
        plan_clip(*arguments)
