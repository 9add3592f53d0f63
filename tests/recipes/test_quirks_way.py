"""The whole way on a corpus that has every quirk of Aff-Wild2's release: features, training, score, submission."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

from vatrace.cli import main
from vatrace.config import EncoderConfig, ModelConfig, TrainConfig, WindowConfig
from vatrace.datasets.affwild2 import read_rows
from vatrace.datasets.corpus import open_corpus
from vatrace.datasets.splits import fold, leaks
from vatrace.errors import DatasetError, FeatureError, NothingFound
from vatrace.features.store import ClipFeatures, open_features
from vatrace.features.visual import save_encoder
from vatrace.metrics import ccc
from vatrace.models.checkpoint import load_model
from vatrace.recipes.crops import crops
from vatrace.recipes.crossval import crossval
from vatrace.recipes.evaluate import evaluate
from vatrace.recipes.extract import extract
from vatrace.recipes.one_fold import EncoderReference, Training, divide
from vatrace.recipes.pretrain import pretrain
from vatrace.recipes.submission_make import submission_make
from vatrace.recipes.train import train
from vatrace.recipes.watch import BatchResult
from vatrace.report.export import read_trace_csv
from vatrace.training.pretrain import fresh_encoder

TINY_VIT = EncoderConfig(
    architecture="vit_tiny_patch16_224",
    arguments={"embed_dim": 16, "depth": 1, "num_heads": 2},
    image_pixels=32,
)
WITHOUT_CROPS = "131"
SMALL = {
    "model": ModelConfig(dim=8, encoder_layers=1, encoder_heads=2, feed_forward=16),
    "window": WindowConfig(window_frames=60, stride_frames=40),
    "config": TrainConfig(epochs=1, warmup_epochs=0, batch_windows=8),
}


class Made(NamedTuple):
    """Features of every clip, and what the batch ended with."""

    folder: Path
    result: BatchResult

    def of(self, clip: str) -> ClipFeatures:
        return open_features(self.folder / f"{clip}.safetensors").read()


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    save_encoder(folder, fresh_encoder(TINY_VIT, 0))
    return folder


@pytest.fixture(scope="module")
def listed(quirks_corpus: Path) -> dict[str, Any]:
    clips: dict[str, Any] = json.loads((quirks_corpus / "quirks.json").read_text("utf-8"))["clips"]
    return {name: about for name, about in clips.items() if about["split"] != "none"}


@pytest.fixture(scope="module")
def found(quirks_corpus: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    out = tmp_path_factory.mktemp("found")
    return Made(out, extract([str(quirks_corpus)], out=out, encoder=str(encoder), workers=1))


@pytest.fixture(scope="module")
def official(quirks_corpus: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    out = tmp_path_factory.mktemp("official")
    made = extract([str(quirks_corpus)], out=out, encoder=str(encoder), faces="official", workers=1)
    return Made(out, made)


@pytest.fixture(scope="module")
def model(quirks_corpus: Path, found: Made, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "fold0"
    return train(quirks_corpus, features=found.folder, encoder=encoder, out=out, **SMALL)


def frames_in(spans: list[list[int]], num_frames: int) -> np.ndarray:
    """Which of the frames lie in spans of numbers that count from 1."""
    inside = np.zeros(num_frames, bool)
    for first, last in spans:
        inside[first - 1 : last] = True
    return inside


def test_every_clip_has_a_row_of_features_for_each_frame_of_its_own_video(listed: dict[str, Any], found: Made) -> None:
    assert not found.result.failed
    assert {path.stem for path in found.result.done} == set(listed)
    for clip, about in listed.items():
        assert len(found.of(clip)) == about["frames"], clip


def test_official_faces_are_there_where_a_picture_is_and_nowhere_else(listed: dict[str, Any], official: Made) -> None:
    assert not official.result.failed
    assert official.of(WITHOUT_CROPS).warnings[0] == "there are no official face pictures"
    for clip in listed:
        about = listed[clip]
        missing = frames_in(about["frames_without_crop"], about["frames"])
        assert np.array_equal(official.of(clip).streams["visual"].valid, ~missing), clip
        assert bool(official.of(clip).warnings) >= bool(about["extra_crops"]), clip


def test_who_is_not_in_the_picture_has_no_face_and_does_not_get_the_others(listed: dict[str, Any], found: Made) -> None:
    away = {clip: about for clip, about in listed.items() if about["frames_without_face"]}
    assert away
    for clip, about in away.items():
        gone = frames_in(about["frames_without_face"], about["frames"])
        seen = found.of(clip).streams["visual"].valid
        assert seen[gone].mean() < 0.2, clip  # a frame or two at the edge, where the person is half there
        assert seen[~gone].mean() > 0.9, clip


def test_both_people_of_a_video_share_times_and_sound(found: Made) -> None:
    one, other = found.of("46-30-484x360_left"), found.of("46-30-484x360_right")
    assert np.array_equal(one.times_seconds, other.times_seconds)
    assert np.array_equal(one.streams["mfcc"].values, other.streams["mfcc"].values)
    assert not np.array_equal(one.streams["visual"].values, other.streams["visual"].values)


def test_sound_that_begins_late_is_missing_before(quirks_corpus: Path, found: Made) -> None:
    about = json.loads((quirks_corpus / "quirks.json").read_text("utf-8"))
    late = {
        Path(video).stem: each["sound_start_seconds"]
        for video, each in about["videos"].items()
        if (each["sound_start_seconds"] or 0) > 0.1
    }
    assert late
    for clip, start in late.items():
        features = found.of(clip)
        heard = features.streams["mfcc"].valid
        assert not heard[features.times_seconds < start - 0.1].any()
        assert heard[features.times_seconds > start + 0.2].all()


def test_features_from_both_sources_are_not_mixed(
    quirks_corpus: Path, found: Made, official: Made, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(found.folder, mixed)
    shutil.copy(official.folder / "106.safetensors", mixed / "106.safetensors")
    arguments = ["train", quirks_corpus, "--features", mixed, "--encoder", encoder, "--out", tmp_path / "model"]
    assert main([str(each) for each in arguments]) == 1
    assert "were made in different ways" in capsys.readouterr().err


def test_the_corpuss_own_pictures_are_never_overwritten(
    quirks_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crops", str(quirks_corpus), "--out", str(quirks_corpus / "cropped_aligned")]) == 1
    assert "was not written by `vatrace crops`" in capsys.readouterr().err
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "thesis.txt").write_text("mine")
    with pytest.raises(DatasetError, match="choose another --out"):
        crops([str(quirks_corpus)], out=tmp_path)
    assert (tmp_path / "7" / "thesis.txt").read_text() == "mine"


def test_clips_that_are_named_and_not_there_are_said(quirks_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match=r"1 of the clips named have no face pictures \(typo\)"):
        pretrain(quirks_corpus, out=tmp_path, clips=("106", "typo"))


def test_a_model_is_not_scored_on_faces_from_elsewhere(
    quirks_corpus: Path, official: Made, model: Path, tmp_path: Path
) -> None:
    with pytest.raises(FeatureError, match=r"found in the film, and those of .* are official crops"):
        evaluate(model, corpus=quirks_corpus, features=official.folder)
    template = next(quirks_corpus.glob("*_VA_test_set_example.txt"))
    with pytest.raises(FeatureError, match="are official crops"):
        submission_make([str(model)], template=template, features=official.folder, out=tmp_path / "s.txt")
    assert not list(tmp_path.iterdir())


def test_evaluate_scores_what_a_submission_would_say(
    quirks_corpus: Path, found: Made, model: Path, tmp_path: Path
) -> None:
    """A template of the validation rows, filled by `submission make`, has the score that `evaluate` gives."""
    clips = open_corpus(quirks_corpus).splits["validation"]
    rows = {clip: read_rows(next(quirks_corpus.glob(f"annotations/VA*/Validation_Set/{clip}.txt"))) for clip in clips}
    template = tmp_path / "template.txt"
    names = [f"{clip}/{row + 1:05d}.jpg,," for clip in clips for row in range(len(rows[clip]))]
    template.write_text("\n".join(["image_location,valence,arousal", *names]) + "\n")
    submission_make([str(model)], template=template, features=found.folder, out=tmp_path / "s.txt")
    with (tmp_path / "s.txt").open() as file:
        told = np.array([[float(row["valence"]), float(row["arousal"])] for row in csv.DictReader(file)])
    meant = np.concatenate([rows[clip] for clip in clips])
    counts = np.isfinite(meant[:, 0])
    scores = evaluate(model, corpus=quirks_corpus, features=found.folder, without_face="interpolate")
    assert scores["arousal_ccc"] == pytest.approx(ccc(told[counts, 1], meant[counts, 1]), abs=1e-4)
    assert scores["without_face"] == "interpolate"


def test_the_six_way_roll_and_repair_reach_the_cross_validation(
    quirks_corpus: Path, found: Made, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    made = crossval(
        quirks_corpus,
        features=found.folder,
        encoder=encoder,
        out=tmp_path / "cv",
        folds=(4,),
        scheme="sucv",
        repair="interpolate",
        workers=1,
        watch=Listening(said),
        **SMALL,
    )
    assert not made.failed
    provenance = load_model(tmp_path / "cv" / "model" / "seed0" / "fold4").provenance
    splits = open_corpus(quirks_corpus).splits
    assert provenance["scored_clips"] == list(fold(splits, 4, scheme="sucv").scored)
    assert (provenance["split"], provenance["label_repair"]) == ("sucv", "interpolate")
    leaking = leaks(fold(splits, 4, scheme="sucv"))
    assert bool(leaking) == any("are learned from, and other parts" in line for line in said)
    command = ["crossval", quirks_corpus, "--features", found.folder, "--encoder", encoder, "--out", tmp_path / "x"]
    assert main([str(each) for each in [*command, "--repair", "expressions"]]) == 2
    assert "which challenge rules forbid" in capsys.readouterr().err


def test_each_of_two_people_is_the_one_on_the_right_side(
    quirks_corpus: Path, listed: dict[str, Any], tmp_path: Path
) -> None:
    """Pictures of our own look like the official ones of the same person, and less like those of the other."""
    by_video: dict[str, list[str]] = {}
    for clip, about in listed.items():
        by_video.setdefault(about["video"], []).append(clip)
    pairs = [clips for clips in by_video.values() if len(clips) == 2]
    assert len(pairs) == 5
    made = crops([str(quirks_corpus)], out=tmp_path / "crops", every=7, workers=1)
    assert not made.failed
    for one, other in [*pairs, *(pair[::-1] for pair in pairs)]:
        right, wrong = [], []
        for picture in sorted((tmp_path / "crops" / one).glob("*.jpg")):
            same, another = (quirks_corpus / listed[clip]["crops"] / clip / picture.name for clip in (one, other))
            if same.is_file() and another.is_file():
                right.append(np.abs(thumbnail(picture) - thumbnail(same)).mean())
                wrong.append(np.abs(thumbnail(picture) - thumbnail(another)).mean())
        assert len(right) >= 4
        assert np.mean(np.less(right, wrong)) == 1, (one, other)


def thumbnail(path: Path) -> np.ndarray:
    """The middle of a face picture in 8 by 8 colours: skin, hair, and little of how it was cut."""
    picture = cv2.imread(str(path))
    side = picture.shape[0]
    middle = picture[side // 5 : -side // 5, side // 5 : -side // 5]
    return cv2.resize(middle, (8, 8), interpolation=cv2.INTER_AREA).astype(float)


def test_the_score_is_over_every_labelled_row_of_the_validation_split(
    quirks_corpus: Path, found: Made, model: Path, listed: dict[str, Any]
) -> None:
    scores = evaluate(model, corpus=quirks_corpus, features=found.folder)
    told, meant = [], []
    for clip in open_corpus(quirks_corpus).splits["validation"]:
        rows = read_rows(next(quirks_corpus.glob(f"annotations/VA*/Validation_Set/{clip}.txt")))
        prediction = read_trace_csv(model / "predictions" / "validation" / f"{clip}.csv")
        values = np.interp(
            np.arange(len(rows)), np.flatnonzero(prediction.valid), prediction.valence[prediction.valid]
        )  # beyond the last frame the last value is held
        told.append(values[np.isfinite(rows[:, 0])])
        meant.append(rows[np.isfinite(rows[:, 0]), 0])
    assert scores["frames"] == len(np.concatenate(meant))
    beyond = sum(about["rows"] - about["frames"] for about in listed.values() if about["split"] == "validation")
    assert beyond > 0
    assert scores["valence_ccc"] == pytest.approx(ccc(np.concatenate(told), np.concatenate(meant)), abs=2e-3)


def test_unlabelled_frames_teach_nothing_unless_they_are_repaired(
    quirks_corpus: Path, found: Made, encoder: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed = {"features": found.folder, "encoder": encoder, **SMALL}
    filled = train(quirks_corpus, out=tmp_path / "filled", repair="interpolate", **fixed)
    assert load_model(model).provenance["label_repair"] == "mask"
    assert load_model(filled).provenance["label_repair"] == "interpolate"
    assert (filled / "model.safetensors").read_bytes() != (model / "model.safetensors").read_bytes()

    folder = quirks_corpus / "annotations" / "EXPR_Recognition_Challenge" / "Train_Set"
    command = ["train", quirks_corpus, "--features", found.folder, "--encoder", encoder, "--out", tmp_path / "x"]
    for half in (["--repair", "expressions"], ["--expressions", folder]):  # neither alone switches it on
        assert main([str(each) for each in [*command, *half]]) == 2
        assert "which challenge rules forbid" in capsys.readouterr().err
        assert not (tmp_path / "x").exists()
    said: list[str] = []
    forbidden = train(
        quirks_corpus, out=tmp_path / "e", repair="expressions", expressions=folder, watch=Listening(said), **fixed
    )
    assert any("the rules of the ABAW challenge forbid that" in line for line in said)
    assert load_model(forbidden).provenance["label_repair"] == "expressions"


def test_a_submission_has_every_row_of_the_template(
    quirks_corpus: Path, found: Made, model: Path, tmp_path: Path
) -> None:
    template = next(quirks_corpus.glob("*_VA_test_set_example.txt"))
    out = tmp_path / "submission.txt"
    command = ["submission", "make", model, "--template", template, "--features", found.folder, "--out", out]
    assert main([str(each) for each in command]) == 0
    assert main(["submission", "check", str(out), "--template", str(template)]) == 0
    with template.open() as wanted, out.open() as written:
        assert [row[0] for row in csv.reader(wanted)] == [row[0] for row in csv.reader(written)]


class Listening:
    """A watch that keeps what is said."""

    def __init__(self, said: list[str]) -> None:
        from vatrace.recipes.watch import SILENCE

        self.said, self.track = said, SILENCE.track

    def say(self, text: str) -> None:
        self.said.append(text)


def test_the_groups_of_a_manifest_are_those_of_the_folds(tmp_path: Path) -> None:
    rows = [f"{n}.mp4,clip{n},0.1,0.1,actor{n % 9}" for n in range(36)]
    (tmp_path / "manifest.csv").write_text("\n".join(["video,clip,valence,arousal,subject", *rows]) + "\n")
    reference = EncoderReference(folder=tmp_path, identity="visual:none", tuned_on=())
    for number in range(1, 6):
        training = Training(
            corpus=tmp_path, features=tmp_path, encoder=reference, acoustic=("mfcc",), fold=number, **SMALL
        )
        _, made = divide(training)
        roles = [{int(clip[4:]) % 9 for clip in role} for role in (made.train, made.selection, made.scored)]
        assert sum(map(len, roles)) == len(set.union(*roles)) == 9
