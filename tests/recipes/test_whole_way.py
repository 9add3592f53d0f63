"""The whole way on a small scale, and what each stage left behind."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import TINY, Demo
from vatrace.config import ModelConfig, TrainConfig
from vatrace.datasets.corpus import open_corpus
from vatrace.errors import DatasetError, FeatureError, NothingFound
from vatrace.features.store import open_features
from vatrace.features.visual import load_encoder
from vatrace.files import sha256_of
from vatrace.models.checkpoint import load_model
from vatrace.recipes.crops import crops
from vatrace.recipes.demo import demo
from vatrace.recipes.evaluate import evaluate
from vatrace.recipes.extract import extract
from vatrace.recipes.predict import predict
from vatrace.recipes.synth import synth
from vatrace.recipes.train import train

EVERYTHING = ("scores.json", "trace.csv", "trace.png", "report.html")


def snapshot(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (sha256_of(path), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_it_leaves_what_it_promises(small_demo: Demo) -> None:
    for name in EVERYTHING:
        assert (small_demo.folder / name).stat().st_size > 100
    scores = json.loads((small_demo.folder / "scores.json").read_text())
    assert scores == small_demo.scores
    assert scores["split"] == "test"
    assert scores["seed"] == 1
    assert scores["subjects"] == 1
    assert scores["frames"] == 175  # 7 s at 25 fps
    assert scores["mean_ccc"] == pytest.approx((scores["valence_ccc"] + scores["arousal_ccc"]) / 2, abs=1e-6)
    assert "drawn faces" in scores["data"]


def test_nobody_is_in_two_roles(small_demo: Demo) -> None:
    """Encoder, temporal training, validation and test have no subject in common."""
    splits = open_corpus(small_demo.folder / "corpus").splits
    tuned_on = load_encoder(small_demo.folder / "encoder").tuned_on
    provenance = load_model(small_demo.model).provenance
    roles = [tuned_on, provenance["train_clips"], provenance["validation_clips"], splits["test"]]
    subjects = [{clip.split("-")[0] for clip in role} for role in roles]
    assert all(subjects)
    assert len(set.union(*subjects)) == sum(map(len, subjects)) == TINY.encoder_subjects + TINY.subjects


def test_the_trace_has_the_clips_own_frames_and_times(small_demo: Demo) -> None:
    with (small_demo.folder / "trace.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["frame"] for row in rows] == [str(number) for number in range(1, 176)]
    assert np.allclose([float(row["time"]) for row in rows], np.arange(175) / 25, atol=1e-3)
    gates = [float(row[name]) for row in rows for name in ("gate_face", "gate_voice")]
    assert all(0 <= gate <= 1 for gate in gates)


def test_the_report_holds_everything_it_needs(small_demo: Demo) -> None:
    page = (small_demo.folder / "report.html").read_text()
    assert "data:video/mp4;base64," in page
    assert "drawn" in page
    assert re.findall(r"""<(?:script|link|img|video|source)[^>]+(?:src|href)=["']https?:""", page) == []


def test_a_second_run_reuses_everything_and_gives_the_same_figures(small_demo: Demo) -> None:
    before = snapshot(small_demo.folder)
    again = demo(out=small_demo.folder, seed=1, size=TINY)
    after = snapshot(small_demo.folder)
    assert again == small_demo.scores
    assert {name: digest for name, (digest, _) in after.items()} == {
        name: digest for name, (digest, _) in before.items()
    }
    kept = [
        name
        for name in before
        if name.startswith(("faces/", "corpus/", "crops/", "pretrained/", "encoder/", "features/s"))
    ]
    assert len(kept) > 25
    assert [name for name in kept if before[name] != after[name]] == []


def test_the_same_seed_in_another_place_gives_the_same_figures(small_demo: Demo, tmp_path: Path) -> None:
    assert demo(out=tmp_path / "demo", seed=1, size=TINY) == small_demo.scores
    ours, theirs = (snapshot(folder) for folder in (small_demo.folder, tmp_path / "demo"))
    same = [name for name in ours if name.startswith(("corpus/", "features/", "encoder/")) or name == "trace.csv"]
    assert [name for name in same if ours[name][0] != theirs[name][0]] == []


def test_validation_in_training_and_evaluate_give_the_same_score(small_demo: Demo) -> None:
    folder = small_demo.folder
    scores = evaluate(small_demo.model, corpus=folder / "corpus", features=folder / "features", split="validation")
    assert scores["mean_ccc"] == load_model(small_demo.model).provenance["validation_mean_ccc"]


def test_scoring_on_clips_the_encoder_was_tuned_on_is_refused(small_demo: Demo, tmp_path: Path) -> None:
    folder = small_demo.folder
    tuned_on = load_encoder(folder / "encoder").tuned_on[0]
    videos = [str(folder / "faces" / "videos" / f"{tuned_on}.mp4")]
    made = extract(videos, out=tmp_path, encoder=str(folder / "encoder"), acoustic=("mfcc", "egemaps"))
    assert not made.failed
    with pytest.raises(DatasetError, match=f"tuned on 1 of these clips \\({tuned_on}\\)"):
        evaluate(small_demo.model, corpus=folder / "faces", features=tmp_path, split="train")
    others = open_corpus(folder / "faces").splits["validation"]
    videos = [str(folder / "faces" / "videos" / f"{clip}.mp4") for clip in others]
    extract(videos, out=tmp_path, encoder=str(folder / "encoder"), acoustic=("mfcc", "egemaps"))
    with pytest.raises(DatasetError, match=r"tuned on 3 of these clips .* nothing is left to learn from"):
        train(folder / "faces", features=tmp_path, encoder=folder / "encoder", out=tmp_path / "run")


def test_a_model_of_drawn_faces_says_so_by_itself(small_demo: Demo, tmp_path: Path) -> None:
    folder = small_demo.folder
    model = train(
        folder / "corpus",
        features=folder / "features",
        encoder=folder / "encoder",
        out=tmp_path / "run",
        model=ModelConfig(dim=8, feed_forward=8, tcn_layers=1, encoder_layers=1, encoder_heads=2),
        config=TrainConfig(epochs=1),
    )
    scores = evaluate(model, corpus=folder / "corpus", features=folder / "features")
    assert "drawn faces" in scores["data"]


def test_a_wrong_encoder_and_missing_features_are_refused(small_demo: Demo, tmp_path: Path) -> None:
    folder = small_demo.folder
    with pytest.raises(FeatureError, match="name the encoder they were made with"):
        train(
            folder / "corpus",
            features=folder / "features",
            encoder=folder / "pretrained",
            out=tmp_path,
            acoustic=("mfcc",),
        )
    with pytest.raises(NothingFound, match=r"1 of 1 clips of this split .* have no features"):
        evaluate(small_demo.model, corpus=folder / "corpus", features=tmp_path)


def test_crops_of_another_step_or_another_video_are_made_again(small_demo: Demo, tmp_path: Path) -> None:
    videos = sorted((small_demo.folder / "faces" / "videos").glob("*.mp4"))
    clip = shutil.copy(videos[0], tmp_path / "clip.mp4")
    counts = []
    for every in (20, 10, 10):
        crops([str(clip)], out=tmp_path / "crops", every=every, workers=1)
        counts.append(len(list((tmp_path / "crops" / "clip").glob("*.jpg"))))
    assert counts == [4, 8, 8]  # of 75 frames, each with its face


def test_a_timm_network_goes_from_features_to_a_trace(small_demo: Demo, tmp_path: Path) -> None:
    corpus = small_demo.folder / "corpus"
    made = extract(
        [str(corpus / "videos")], out=tmp_path, encoder="test_vit.r160_in1k", random_weights=True, acoustic=("mfcc",)
    )
    assert not made.failed
    model = train(
        corpus,
        features=tmp_path,
        encoder=tmp_path / "encoder",
        out=tmp_path / "run",
        model=ModelConfig(dim=8, feed_forward=8),
        config=TrainConfig(epochs=1),
    )
    result = predict([str(small_demo.folder / "new_clip.mp4")], out=tmp_path / "out", model=model)
    assert not result.failed
    assert (tmp_path / "out" / "new_clip.csv").is_file()


def test_extraction_that_was_stopped_ends_with_the_same_files(small_demo: Demo, tmp_path: Path) -> None:
    folder = small_demo.folder
    names = sorted(path.stem for path in (folder / "features").glob("*.safetensors"))[:2]
    videos = [str(folder / "corpus" / "videos" / f"{name}.mp4") for name in names]
    settings = {"encoder": str(folder / "encoder"), "acoustic": ("mfcc", "egemaps")}
    extract(videos[:1], out=tmp_path, **settings)
    (tmp_path / f".{names[1]}.4711.part.safetensors").write_bytes(b"half a file of a killed run")
    (tmp_path / f"{names[0]}.safetensors").write_bytes(b"damaged since")
    extract(videos, out=tmp_path, **settings)
    for name in names:
        assert sha256_of(tmp_path / f"{name}.safetensors") == sha256_of(folder / "features" / f"{name}.safetensors")
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.safetensors" for name in names} | {"manifest.jsonl"}


def test_features_are_on_the_videos_clock_with_their_own_validity(small_demo: Demo) -> None:
    path = sorted((small_demo.folder / "features").glob("*.safetensors"))[0]
    features = open_features(path).read()
    assert {name: stream.dim for name, stream in features.streams.items()} == {"visual": 128, "mfcc": 39, "egemaps": 23}
    assert np.allclose(features.times_seconds, np.arange(175) / 25, atol=1e-3)
    assert (features.face_score > 0).tolist() == features.streams["visual"].valid.tolist()
    for stream in features.streams.values():
        assert np.isfinite(stream.values).all()
        assert not stream.values[~stream.valid].any()


@pytest.mark.parametrize(
    ("options", "sizes"), [({}, (7, 1, 2)), ({"validation_subjects": 2, "test_subjects": 3}, (5, 2, 3))]
)
def test_every_split_has_the_subjects_it_is_said_to_have(
    options: dict[str, int], sizes: tuple[int, ...], tmp_path: Path
) -> None:
    synth(tmp_path / "c", subjects=10, clips_per_subject=1, seconds=0.08, first_subject=5, workers=1, **options)
    splits = open_corpus(tmp_path / "c").splits
    assert tuple(len(splits[name]) for name in ("train", "validation", "test")) == sizes
    assert sorted(clip for clips in splits.values() for clip in clips) == [f"s{n:03d}-0" for n in range(5, 15)]


def test_a_split_without_anybody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without anybody"):
        synth(tmp_path / "c", subjects=4, validation_subjects=2, test_subjects=2)


def test_the_corpus_writes_down_truth_and_episodes(tmp_path: Path) -> None:
    synth(tmp_path / "c", subjects=3, clips_per_subject=1, seconds=8.0, seed=5, workers=1)
    with (tmp_path / "c" / "truth" / "s000-0.csv").open() as file:
        truth = list(csv.DictReader(file))
    assert len(truth) == 200
    assert all(-1 <= float(row[name]) <= 1 for row in truth for name in ("valence", "arousal"))
    with (tmp_path / "c" / "episodes.csv").open() as file:
        episodes = list(csv.DictReader(file))
    assert {row["channel"] for row in episodes} == {"face", "voice"}
    assert all(0 <= float(row["start"]) < float(row["end"]) <= 8 for row in episodes)


def test_a_folder_with_another_corpus_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("something of mine")
    with pytest.raises(DatasetError, match="not an empty folder"):
        synth(tmp_path, subjects=3)
    with pytest.raises(ValueError, match="--subjects must be 3 or more"):
        synth(tmp_path / "c", subjects=2)
