"""No sound, no face, and both gone for a while: what the trace, its table and its sidecar say, clip to file."""

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.inference.test_predictor import predictor
from tests.media.clips import even_times, write_clip
from tests.training.made import make_clip
from vatrace.config import ModelConfig, WindowConfig
from vatrace.features.store import ClipFeatures
from vatrace.features.visual import VisualEncoder, encoder_from_timm, save_encoder
from vatrace.inference.predictor import Predictor
from vatrace.models.build import build_model
from vatrace.models.checkpoint import ENCODER_FOLDER, FeatureSpec, SavedModel, save_model
from vatrace.recipes.predict import predict
from vatrace.report.basis import rests_on, telling_gates
from vatrace.streams import FeatureStream, Trace
from vatrace.synth.corpus import plan_clip, render_frames

FPS, SECONDS, RATE = 25, 6, 16_000
FRAMES = FPS * SECONDS
NO_FACE = range(2 * FPS, 4 * FPS)  # frames 50 to 99
NO_VOICE = range(3 * FPS, 5 * FPS)  # frames 75 to 124
SMALL = ModelConfig(dim=8, tcn_layers=2, encoder_layers=1, encoder_heads=2, feed_forward=8)


# ---- features to trace -------------------------------------------------------------------------------------------


def without(features: ClipFeatures, *names: str, frames: slice = slice(None), rubbish: float = 0.0) -> ClipFeatures:
    """The same features with streams missing in some frames, where any number may stand."""
    streams = dict(features.streams)
    for name in names:
        stream = streams[name]
        values, valid = stream.values.copy(), stream.valid.copy()
        values[frames], valid[frames] = rubbish, False
        streams[name] = FeatureStream(name=name, values=values, valid=valid, times_seconds=stream.times_seconds)
    return replace(features, streams=streams)


@pytest.fixture
def whole(tmp_path: Path) -> ClipFeatures:
    return make_clip(tmp_path, "clip", 0, frames=200).features.read()  # no face in frames 100 to 109


@pytest.mark.parametrize(
    ("gone", "kind", "gates"), [("mfcc", "face_only", (1.0, 0.0)), ("visual", "voice_only", (0.0, 1.0))]
)
def test_a_clip_without_one_channel_has_values_and_gates_that_rest_on_the_other(
    whole: ClipFeatures, gone: str, kind: str, gates: tuple[float, float]
) -> None:
    trace = predictor().trace(without(whole, gone))
    there = trace.face_valid if kind == "face_only" else trace.voice_valid
    np.testing.assert_array_equal(trace.valid, there)
    np.testing.assert_array_equal(rests_on(trace)[kind], there)
    assert np.isfinite(trace.valence[there]).all()
    assert np.isnan(trace.valence[~there]).all()
    assert (telling_gates(trace)[there] == gates).all()
    assert np.isnan(telling_gates(trace)[~there]).all()


@pytest.mark.parametrize("gone", [("mfcc",), ("visual",)])
def test_numbers_that_stand_where_a_channel_is_missing_reach_no_value(
    whole: ClipFeatures, gone: tuple[str, ...]
) -> None:
    for frames in (slice(None), slice(40, 120)):
        clean, dirty = (predictor().trace(without(whole, *gone, frames=frames, rubbish=n)) for n in (0.0, 1e4))
        np.testing.assert_array_equal(clean.valence, dirty.valence)
        np.testing.assert_array_equal(clean.arousal, dirty.arousal)
        there = predictor().trace(whole)
        assert (there.valence != clean.valence)[40:120].any(), "but what was there did"


def test_both_gone_for_longer_than_a_window_leaves_a_gap_and_the_rest_is_finite(whole: ClipFeatures) -> None:
    trace = predictor(window_frames=30, stride_frames=20).trace(without(whole, "mfcc", "visual", frames=slice(20, 95)))
    assert np.flatnonzero(rests_on(trace)["neither"]).tolist() == list(range(20, 95))
    assert np.flatnonzero(rests_on(trace)["voice_only"]).tolist() == list(range(100, 110))
    for values in (trace.valence, trace.arousal):
        assert np.isnan(values[20:95]).all()
        assert np.isfinite(np.delete(values, np.arange(20, 95))).all()
    assert np.isnan(telling_gates(trace)[~trace.valid]).all()
    assert (telling_gates(trace)[100:110, 0] == 0.0).all(), "without a face nothing of its own stream is used"
    assert (telling_gates(trace)[110:, 0] > 0.0).all()


# ---- clips to files ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder() -> VisualEncoder:
    return encoder_from_timm("test_vit.r160_in1k", random_weights=True)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return next(render_frames(plan_clip(0, 0, 0, 1.0), size=160))


def make_model(folder: Path, encoder: VisualEncoder, model: ModelConfig = SMALL) -> Path:
    torch.manual_seed(0)
    network = build_model(model, visual_dim=encoder.dim, audio_dims=(39,))
    identities = {"visual": encoder.identity, "mfcc": "mfcc:1"}
    spec = FeatureSpec(visual_dim=encoder.dim, acoustic=("mfcc",), audio_dims=(39,), identities=identities)
    window = WindowConfig(window_frames=60, stride_frames=40)
    save_model(folder, SavedModel(network=network, model=model, window=window, features=spec))
    save_encoder(folder / ENCODER_FOLDER, encoder)
    return folder


@pytest.fixture(scope="module")
def model(encoder: VisualEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"), encoder)


def make_video(path: Path, face: np.ndarray, *, no_face: range, no_voice: range | None, frames: int = FRAMES) -> Path:
    """A drawn face and a tone, each missing in some frames; `no_voice` None is a file without a soundtrack."""
    sound = None
    if no_voice is not None:
        time = np.arange(frames * RATE // FPS) / RATE
        sound = (0.2 * np.sin(2 * np.pi * 180 * time)).astype(np.float32)[None]
        sound[:, no_voice.start * RATE // FPS : no_voice.stop * RATE // FPS] = 0.0
    return write_clip(
        path,
        times=even_times(frames, FPS),
        paint=lambda index, _: np.full_like(face, 90) if index in no_face else face,
        sound=sound,
        audio_codec="flac",  # lossless: silence stays silence
        rate=RATE,
    )


class Listener:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def track(self, label: str, total: int) -> "Listener":
        return self

    def __enter__(self):  # type: ignore[no-untyped-def]
        return lambda steps=1, *, done=None, total=None, shown=None: None

    def __exit__(self, *error: object) -> None: ...


def predicted(video: Path, model: Path) -> tuple[list[dict[str, str]], dict[str, object], str]:
    """Rows of the table, the sidecar, and the last line that a person reads."""
    listener = Listener()
    result = predict([str(video)], out=video.parent, model=model, watch=listener)
    assert result.failed == ()
    with video.with_suffix(".csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads(video.with_suffix(".json").read_text("utf-8")), listener.said[-1]


def assert_empty_exactly_where_missing(rows: list[dict[str, str]]) -> None:
    for row in rows:
        assert {row["face"], row["voice"]} <= {"0", "1"}
        nothing = (row["face"], row["voice"]) == ("0", "0")
        for name in ("face", "voice"):
            assert row[name] == "1" or row[f"gate_{name}"] in ("", "0.000000"), "its own stream has no weight"
        assert {row[name] == "" for name in ("valence", "arousal", "gate_face", "gate_voice")} == {nothing}


def test_table_sidecar_and_words_agree_on_what_each_value_rests_on(
    model: Path, face: np.ndarray, tmp_path: Path
) -> None:
    rows, facts, said = predicted(make_video(tmp_path / "c.mkv", face, no_face=NO_FACE, no_voice=NO_VOICE), model)
    assert len(rows) == FRAMES
    assert [index for index, row in enumerate(rows) if row["face"] == "0"] == list(NO_FACE)
    silent = [index for index, row in enumerate(rows) if row["voice"] == "0"]
    assert silent == list(range(silent[0], silent[-1] + 1))
    assert abs(silent[0] - NO_VOICE.start) <= 1, "a frame averages the sound to half-way to its neighbours"
    assert abs(silent[-1] - (NO_VOICE.stop - 1)) <= 1
    assert_empty_exactly_where_missing(rows)

    counts = Counter((row["face"], row["voice"]) for row in rows)
    names = {"both": ("1", "1"), "face_only": ("1", "0"), "voice_only": ("0", "1"), "neither": ("0", "0")}
    assert facts["rests_on"] == {name: round(counts[flags] / FRAMES, 6) for name, flags in names.items()}
    assert [(span["what"], span["start_seconds"]) for span in facts["missing"]] == [
        ("no face", 2.0),
        ("neither face nor voice", float(rows[silent[0]]["time"])),
        ("no voice", 4.0),
    ]
    assert facts["missing"][-1]["end_seconds"] == float(rows[silent[-1] + 1]["time"])
    shares = {name: f"{counts[flags] / FRAMES:.0%}" for name, flags in names.items()}
    assert said.endswith(
        f"values rest on face and voice in {shares['both']} of the frames, on the face alone in {shares['face_only']}, "
        f"on the voice alone in {shares['voice_only']}, no value in {shares['neither']}"
    )


@pytest.mark.parametrize("gone", ["face", "voice"])
def test_a_silent_or_faceless_clip_has_values_throughout_that_rest_on_the_other(
    gone: str, model: Path, face: np.ndarray, tmp_path: Path
) -> None:
    every = range(FPS)
    path = make_video(
        tmp_path / "c.mkv",
        face,
        no_face=every if gone == "face" else range(0),
        no_voice=None if gone == "voice" else range(0),
        frames=FPS,
    )
    rows, facts, said = predicted(path, model)
    other = "voice" if gone == "face" else "face"
    assert {(row[gone], row[other]) for row in rows} == {("0", "1")}
    assert {(row[f"gate_{gone}"], row[f"gate_{other}"]) for row in rows} == {("0.000000", "1.000000")}
    assert all(-1 <= float(row["valence"]) <= 1 and -1 <= float(row["arousal"]) <= 1 for row in rows)
    assert facts["rests_on"] == {"both": 0.0, "face_only": 0.0, "voice_only": 0.0, "neither": 0.0} | {
        f"{other}_only": 1.0
    }
    assert [(span["what"], span["start_seconds"], span["end_seconds"]) for span in facts["missing"]] == [
        (f"no {gone}", 0.0, 1.0)
    ]
    assert said.endswith(f"values rest on the {other} alone in 100% of the frames")


def test_a_model_without_gates_leaves_their_columns_empty_and_still_says_what_values_rest_on(
    encoder: VisualEncoder, face: np.ndarray, tmp_path: Path
) -> None:
    folder = make_model(tmp_path / "model", encoder, replace(SMALL, fusion="concat"))
    path = make_video(tmp_path / "c.mkv", face, no_face=range(10, 20), no_voice=range(0), frames=FPS)
    rows, facts, _ = predicted(path, folder)
    assert {row["gate_face"] + row["gate_voice"] for row in rows} == {""}
    assert facts["rests_on"] == {"both": 0.6, "face_only": 0.0, "voice_only": 0.4, "neither": 0.0}
    assert all(row["valence"] for row in rows)


@pytest.mark.parametrize(("takes", "leaves"), [("visual", "voice"), ("audio", "face")])
def test_a_model_of_one_channel_never_claims_to_rest_on_the_other(takes: str, leaves: str, whole: ClipFeatures) -> None:
    saved = predictor().model
    network = build_model(replace(SMALL, fusion=takes), visual_dim=6, audio_dims=(4,)).eval()
    single = Predictor(replace(saved, model=replace(SMALL, fusion=takes), network=network))
    trace: Trace = single.trace(without(whole, "mfcc", frames=slice(0, 30)))
    assert getattr(trace, f"{leaves}_valid") is None
    taken = trace.face_valid if leaves == "voice" else trace.voice_valid
    assert 0 < taken.sum() < len(trace)
    np.testing.assert_array_equal(trace.valid, taken)
    np.testing.assert_array_equal(rests_on(trace)["face_only" if leaves == "voice" else "voice_only"], taken)
