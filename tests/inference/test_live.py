"""Live against the file: the same clip frame by frame and as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.faces.made import TellingDetector, face
from tests.media.clips import even_times, write_clip
from vatrace.config import ModelConfig, WindowConfig
from vatrace.errors import ModelError
from vatrace.faces.detection import FaceDetector
from vatrace.features.acoustic import acoustic_extractor
from vatrace.features.extract import VISUAL, FeaturePipeline
from vatrace.features.store import ClipFeatures
from vatrace.features.visual import VisualEncoder, encoder_from_timm
from vatrace.inference.live import LivePredictor, LiveValue
from vatrace.inference.predictor import Predictor
from vatrace.inference.video import VideoPredictor
from vatrace.media.audio import read_audio
from vatrace.media.video import read_frames
from vatrace.models.build import build_model
from vatrace.models.checkpoint import FeatureSpec, SavedModel
from vatrace.streams import FeatureStream
from vatrace.synth.corpus import plan_clip, render_frames

FPS, RATE = 25, 16_000
FRAMES = 70
NO_FACE = range(20, 30)
NO_VOICE = range(40, 60)
BDCA = ModelConfig(dim=8, tcn_layers=2, encoder_layers=1, encoder_heads=2, feed_forward=8, causal_attention=True)
FRAMEWISE, LATE = ModelConfig(fusion="framewise"), ModelConfig(fusion="late")


@pytest.fixture(scope="module")
def encoder() -> VisualEncoder:
    return encoder_from_timm("test_vit.r160_in1k", random_weights=True)


@pytest.fixture(scope="module")
def face_picture() -> np.ndarray:
    return next(render_frames(plan_clip(0, 0, 0, 1.0), size=160))


def video_predictor(
    encoder: VisualEncoder,
    model: ModelConfig,
    *,
    window_frames: int = 300,
    smooth_seconds: float = 0.0,
    detector: object = None,
) -> VideoPredictor:
    torch.manual_seed(0)
    network = build_model(model, visual_dim=encoder.dim, audio_dims=(39,)).eval()
    with torch.no_grad():  # values stay within [-1, 1], so that clipping hides nothing
        for layer in (network.face, network.voice) if model.fusion == "late" else (network.head,):
            layer.weight.mul_(0.1)
    identities = {"visual": encoder.identity, "mfcc": "mfcc:1"}
    spec = FeatureSpec(visual_dim=encoder.dim, acoustic=("mfcc",), audio_dims=(39,), identities=identities)
    window = WindowConfig(window_frames=window_frames, stride_frames=window_frames, smooth_seconds=smooth_seconds)
    pipeline = FeaturePipeline(
        detector=detector or FaceDetector(num_threads=1),  # type: ignore[arg-type]  # another detector for tests
        visual=encoder,
        acoustic=[acoustic_extractor("mfcc")],
    )
    return VideoPredictor(pipeline, Predictor(SavedModel(network=network, model=model, window=window, features=spec)))


@pytest.fixture(scope="module")
def clip(face_picture: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn face that moves and darkens, and a warbling tone; each is missing for a while."""
    time = np.arange(FRAMES * RATE // FPS) / RATE
    sound = (0.2 * np.sin(2 * np.pi * (180 * time + 5 * np.sin(9 * time)))).astype(np.float32)[None]
    sound[:, NO_VOICE.start * RATE // FPS : NO_VOICE.stop * RATE // FPS] = 0.0

    def paint(index: int, _: float) -> np.ndarray:
        if index in NO_FACE:
            return np.full_like(face_picture, 90)
        return (np.roll(face_picture, index % 7, axis=1) * (1 - 0.004 * index)).astype(np.uint8)

    return write_clip(
        tmp_path_factory.mktemp("clip") / "clip.mkv",
        times=even_times(FRAMES, FPS),
        paint=paint,
        sound=sound,
        audio_codec="flac",
        rate=RATE,
    )


def live_values(
    predictor: LivePredictor, clip: Path, *, stop: int = FRAMES, dark_from: int = FRAMES
) -> list[LiveValue]:
    """Feed a file as a camera and a microphone would: before each picture the sound up to it."""
    waveform = read_audio(clip)
    assert waveform is not None
    values, given = [], 0
    for index, frame in enumerate(read_frames(clip)):
        if index == stop:
            break
        until = max(0, round((frame.time_seconds - waveform.start_seconds) * RATE))
        block = waveform.samples[given:until] * (0 if index >= dark_from else 1)
        predictor.add_sound(block, waveform.start_seconds + given / RATE)
        given = until
        pixels = frame.pixels if index < dark_from else np.zeros_like(frame.pixels)
        value = predictor.add_picture(pixels, frame.time_seconds)
        assert value is not None
        values.append(value)
    return values


def features_of_the_file(video: VideoPredictor, clip: Path) -> ClipFeatures:
    """Features of the whole file, the sound's 80 ms late, which is what MFCC need to have heard to be whole."""
    features = video.pipeline.extract(clip)
    waveform = read_audio(clip)
    assert waveform is not None
    (mfcc,) = video.pipeline.acoustic
    step = 1 / FPS
    moments = features.times_seconds - 0.06 - step / 2
    rows = [
        mfcc.extract(waveform.samples, waveform.start_seconds, np.array([moment - step, moment])) for moment in moments
    ]
    stream = FeatureStream(
        name="mfcc",
        values=np.stack([values[-1] for values, _ in rows]),
        valid=np.array([valid[-1] for _, valid in rows]),
        times_seconds=features.times_seconds,
    )
    return replace(features, streams={VISUAL: features.streams[VISUAL], "mfcc": stream})


def numbers(values: Sequence[LiveValue], name: str) -> np.ndarray:
    return np.array([np.nan if getattr(each, name) is None else getattr(each, name) for each in values], float)


def test_a_causal_model_says_live_what_it_says_of_the_file(encoder: VisualEncoder, clip: Path) -> None:
    video = video_predictor(encoder, BDCA)
    values = live_values(LivePredictor(video), clip)
    features = features_of_the_file(video, clip)
    trace = video.predictor.trace(features)  # one window, so that each frame sees those before it and no other
    np.testing.assert_allclose(numbers(values, "valence"), trace.valence, atol=1e-4)
    np.testing.assert_allclose(numbers(values, "arousal"), trace.arousal, atol=1e-4)
    assert np.std(trace.arousal[trace.valid]) > 0.01, "the values have something to agree about"
    assert trace.gate_weights is not None
    np.testing.assert_allclose(
        numbers(values, "gate_voice")[trace.valid], trace.gate_weights[trace.valid, 1, 0], atol=1e-3
    )
    np.testing.assert_array_equal([each.face for each in values], [index not in NO_FACE for index in range(FRAMES)])
    np.testing.assert_array_equal([each.voice for each in values], features.streams["mfcc"].valid)
    np.testing.assert_allclose(numbers(values, "face_score")[:20], features.face_score[:20], atol=1e-3)
    assert [each.face_score for each in values[20:30]] == [None] * 10
    assert [each.time_seconds for each in values] == features.times_seconds.tolist()


def test_beyond_a_window_a_value_is_that_of_the_last_frame_of_a_clip_of_one_window(
    encoder: VisualEncoder, clip: Path
) -> None:
    video = video_predictor(encoder, BDCA, window_frames=32)
    values = live_values(LivePredictor(video), clip)
    features = features_of_the_file(video, clip)
    for stop in (33, 50, FRAMES):
        last = video.predictor.trace(_cut(features, stop - 32, stop))
        assert values[stop - 1].arousal == pytest.approx(float(last.arousal[-1]), abs=1e-4)


def test_a_model_of_single_frames_says_live_what_it_says_of_the_file_however_long(
    encoder: VisualEncoder, clip: Path
) -> None:
    video = video_predictor(encoder, FRAMEWISE, window_frames=10)
    trace = video.predict(clip).trace
    values = live_values(LivePredictor(video), clip)
    np.testing.assert_allclose(numbers(values, "valence"), trace.valence, atol=1e-4)
    assert {each.voice for each in values} == {None}, "it does not listen"


def test_smoothing_reaches_only_back(encoder: VisualEncoder, clip: Path) -> None:
    video = video_predictor(encoder, LATE, smooth_seconds=0.4)
    values = live_values(LivePredictor(video), clip)
    raw = video_predictor(encoder, LATE).predictor.trace(features_of_the_file(video, clip))
    times, arousal = raw.times_seconds, np.asarray(raw.arousal)
    for index in range(FRAMES):
        before = (times <= times[index]) & (times >= times[index] - 0.2 - 1e-6) & raw.valid  # half of it: what is there
        expected = arousal[before].mean() if raw.valid[index] else None
        assert values[index].arousal == (None if expected is None else pytest.approx(expected, abs=1e-4))


@pytest.mark.parametrize("model", [BDCA, FRAMEWISE, LATE], ids=["bdca", "framewise", "late"])
def test_a_value_is_the_same_whatever_comes_after_it(encoder: VisualEncoder, clip: Path, model: ModelConfig) -> None:
    video = video_predictor(encoder, model, smooth_seconds=0.4)
    given = ({}, {"stop": 15}, {"dark_from": 15})
    whole, cut, other = (live_values(LivePredictor(video), clip, **each) for each in given)
    assert whole[:15] == cut == other[:15]
    assert all(one.valence != two.valence for one, two in zip(whole[15:20], other[15:20], strict=True))


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (replace(BDCA, causal=False), "causal off"),
        (replace(BDCA, causal_attention=False), "causal_attention off"),
        (replace(BDCA, fusion="visual", causal=False, causal_attention=False), "causal off and causal_attention off"),
    ],
)
def test_a_model_that_looks_ahead_is_refused(encoder: VisualEncoder, model: ModelConfig, names: str) -> None:
    with pytest.raises(ModelError, match=f"the model has {names}: it looks at what comes after a moment"):
        LivePredictor(video_predictor(encoder, model))


def test_where_nothing_is_seen_or_heard_there_is_no_value(encoder: VisualEncoder) -> None:
    predictor = LivePredictor(video_predictor(encoder, BDCA))
    expected = LiveValue(
        time_seconds=0.0,
        valence=None,
        arousal=None,
        face=False,
        voice=False,
        face_score=None,
        gate_face=None,
        gate_voice=None,
    )
    assert predictor.add_picture(np.zeros((48, 64, 3), np.uint8), 0.0) == expected
    assert predictor.add_picture(None, 0.1) == replace(expected, time_seconds=0.1)


def test_a_voice_alone_gives_values_at_moments_without_a_picture(encoder: VisualEncoder) -> None:
    predictor = LivePredictor(video_predictor(encoder, BDCA))
    predictor.add_sound((0.1 * np.random.default_rng(0).normal(size=RATE)).astype(np.float32), 3.0)
    assert predictor.sound_end_seconds == pytest.approx(4.0)
    value = predictor.add_picture(None, 4.0)
    assert value is not None
    assert (value.face, value.voice, value.gate_face, value.gate_voice) == (False, True, 0.0, 1.0)
    assert value.valence is not None


def test_a_picture_that_is_not_after_the_last_one_is_dropped_and_changes_nothing(
    encoder: VisualEncoder, face_picture: np.ndarray
) -> None:
    faces = [[face(80, 80, 70)]] * 9

    def told(times: Iterable[float]) -> list[LiveValue | None]:
        predictor = LivePredictor(video_predictor(encoder, BDCA, detector=TellingDetector(faces)))
        return [predictor.add_picture(face_picture, each) for each in times]

    values = told([1.0, 1.04, 1.04, 0.5, 1.08])
    assert [each is None for each in values] == [False, False, True, True, False]
    assert [each for each in values if each is not None] == told([1.0, 1.04, 1.08])


def test_what_is_remembered_stays_a_window_and_a_few_seconds(encoder: VisualEncoder, face_picture: np.ndarray) -> None:
    video = video_predictor(encoder, FRAMEWISE, window_frames=12, detector=TellingDetector([[face(80, 80, 70)]] * 200))
    predictor = LivePredictor(video)
    held = []
    for index in range(200):
        predictor.add_sound(np.zeros(640, np.float32), index * 0.04)
        predictor.add_picture(face_picture, index * 0.04)
        held.append((len(predictor._rows), len(predictor._sound._recent._samples)))
    assert held[11] == (12, 12 * 640)
    assert held[-1] == (12, 5 * RATE)


def test_wrong_pictures_sounds_and_times_are_told_apart(encoder: VisualEncoder) -> None:
    predictor = LivePredictor(video_predictor(encoder, BDCA))
    with pytest.raises(ValueError, match=r"a frame must be uint8 RGB \[height, width, 3\], got uint8 \[48, 64\]"):
        predictor.add_picture(np.zeros((48, 64), np.uint8), 0.0)
    with pytest.raises(ValueError, match=r"finite float32 \[samples\], got float64 \[8\]"):
        predictor.add_sound(np.zeros(8), 0.0)
    with pytest.raises(ValueError, match="finite float32"):
        predictor.add_sound(np.full(8, np.nan, np.float32), 0.0)
    for add in (
        lambda: predictor.add_picture(None, np.inf),
        lambda: predictor.add_sound(np.zeros(8, np.float32), np.nan),
    ):
        with pytest.raises(ValueError, match="a time must be a finite number of seconds, got"):
            add()


def _cut(features: ClipFeatures, start: int, stop: int) -> ClipFeatures:
    times = features.times_seconds[start:stop]
    streams = {
        name: FeatureStream(
            name=name, values=each.values[start:stop], valid=each.valid[start:stop], times_seconds=times
        )
        for name, each in features.streams.items()
    }
    return replace(features, times_seconds=times, streams=streams, face_score=features.face_score[start:stop])
