import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from vatrace.datasets.splits import source_of
from vatrace.errors import DatasetError
from vatrace.media.audio import read_audio
from vatrace.recipes.synth import remark_of, synth
from vatrace.synth.film import soundtrack
from vatrace.synth.quirk_videos import VIDEOS
from vatrace.synth.quirks import plan_film

SECONDS = 2.0
SETS = {"train": "Train_Set", "validation": "Validation_Set"}


@pytest.fixture(scope="module")
def corpus(quirks_corpus: Path) -> Path:
    return quirks_corpus


@pytest.fixture(scope="module")
def listed(corpus: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((corpus / "quirks.json").read_text("utf-8"))
    return about


def numbers(spans: list[list[int]]) -> set[int]:
    return {number for first, last in spans for number in range(first, last + 1)}


def decoded(path: Path) -> tuple[list[float], av.VideoFrame]:
    """Times of all pictures, and one of them; an .avi counts its pictures and has no times."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(video=0))
        if path.suffix == ".avi":
            return [index / float(stream.average_rate) for index in range(len(frames))], frames[0]
        return [float(frame.pts * stream.time_base) for frame in frames], frames[0]


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def annotation(corpus: Path, clip: str, about: dict[str, Any], task: str = "VA_Estimation_Challenge") -> Path:
    return corpus / "annotations" / task / SETS[about["split"]] / f"{clip}.txt"


def test_every_video_decodes_to_the_frames_and_times_that_are_listed(corpus: Path, listed: dict[str, Any]) -> None:
    for name, about in listed["videos"].items():
        times, frame = decoded(corpus / name)
        assert len(times) == about["frames"], name
        assert [frame.width, frame.height] == about["size"], name
        if about["fps"] is None:
            assert len({round(step, 5) for step in np.diff(times)}) == 3, name  # 1/30, 1/15 and 1/10 s
        else:
            np.testing.assert_allclose(times, np.arange(len(times)) / float(Fraction(about["fps"])), atol=2e-5)


def test_codecs_and_sound_are_as_listed(corpus: Path, listed: dict[str, Any]) -> None:
    for name, about in listed["videos"].items():
        with av.open(str(corpus / name)) as container:
            pairs = [(stream.type, stream.codec_context.name) for stream in container.streams]
            is_avi = name.endswith(".avi")
            assert pairs[0] == ("video", "mpeg4" if is_avi else "h264"), name
            assert pairs[1:] == (
                [] if about["sound_rate_hz"] is None else [("audio", "pcm_s16le" if is_avi else "aac")]
            )
            if about["sound_rate_hz"] is not None:
                assert container.streams.audio[0].rate == about["sound_rate_hz"], name


@pytest.mark.parametrize("path", ["batch1/7.mp4", "batch1/106.avi", "batch1/46-30-484x360.mp4"])
def test_sound_is_heard_when_it_was_said_also_where_it_begins_late(path: str, corpus: Path) -> None:
    video = next(each for each in VIDEOS if each.path == path)
    said = soundtrack(plan_film(video, 0, SECONDS))
    heard = read_audio(corpus / path)
    assert heard is not None
    assert heard.start_seconds == pytest.approx(0.7 if path == "batch1/7.mp4" else 0.0, abs=0.03)  # packets
    track = np.zeros(len(said) + 16_000)
    first = round(heard.start_seconds * 16_000)
    track[first : first + len(heard.samples)] = heard.samples
    later = round(0.8 * 16_000)  # every track has begun by then
    lags = np.correlate(track[later:], said[later:], "valid")
    assert np.argmax(lags) < 0.005 * 16_000
    before = [np.dot(track[later - lag : len(said) - lag], said[later:]) for lag in range(80, 800)]
    assert max(before) < lags.max()  # nor is it heard too early


def test_a_late_sound_leaves_out_what_was_said_before(corpus: Path) -> None:
    with av.open(str(corpus / "batch1" / "7.mp4")) as container:
        first = next(container.decode(audio=0))
    assert float(first.pts * first.time_base) == pytest.approx(0.7, abs=0.03)


def test_annotations_have_the_rows_the_gaps_and_the_decimals_that_are_listed(
    corpus: Path, listed: dict[str, Any]
) -> None:
    labelled = {clip: about for clip, about in listed["clips"].items() if about["split"] in SETS}
    there = {path.stem for path in corpus.glob("annotations/VA_Estimation_Challenge/*/[!.]*.txt")}
    assert there == set(labelled)
    for clip, about in labelled.items():
        content = annotation(corpus, clip, about).read_bytes()
        assert content.startswith(b"valence,arousal\n")
        assert content.endswith(b"\n")
        assert b"\r" not in content
        rows = content.decode("ascii").splitlines()[1:]
        assert len(rows) == about["rows"], clip
        assert {row for row, text in enumerate(rows, start=1) if text == "-5,-5"} == numbers(about["unlabelled_rows"])
        values = [part for text in rows if text != "-5,-5" for part in text.split(",")]
        assert all(-1 <= float(value) <= 1 for value in values), clip
        assert {len(value.partition(".")[2]) for value in values} == {about["decimals"]}, clip


def test_a_gap_is_at_the_beginning_in_the_middle_and_at_the_end(listed: dict[str, Any]) -> None:
    places = set()
    for about in listed["clips"].values():
        for first, last in about["unlabelled_rows"]:
            places.add("beginning" if first == 1 else "end" if last == about["rows"] else "middle")
    assert places == {"beginning", "middle", "end"}


def test_labels_follow_the_truth_of_their_own_person(corpus: Path, listed: dict[str, Any]) -> None:
    for about in listed["videos"].values():
        if len(about["clips"]) < 2 or about["split"] not in SETS:
            continue
        for clip, other in (about["clips"], about["clips"][::-1]):
            path = annotation(corpus, clip, listed["clips"][clip])
            labels = np.genfromtxt(path, delimiter=",", skip_header=1)
            truths = [
                np.genfromtxt(corpus / "truth" / f"{name}.csv", delimiter=",", skip_header=1) for name in (clip, other)
            ]
            is_labelled = labels[:, 0] > -5
            own, others = (np.abs(labels - truth[: len(labels), 2:])[is_labelled].mean() for truth in truths)
            assert own < 0.25 * others or own < 0.1, clip


def test_truth_is_on_the_clock_of_the_video(corpus: Path, listed: dict[str, Any]) -> None:
    for clip, about in listed["clips"].items():
        truth = np.genfromtxt(corpus / "truth" / f"{clip}.csv", delimiter=",", skip_header=1)
        times, _ = decoded(corpus / about["video"])
        assert len(truth) >= max(len(times), about["rows"] or 0)
        np.testing.assert_allclose(truth[: len(times), 1], times, atol=2e-5)
        assert np.array_equal(truth[:, 0], np.arange(1, len(truth) + 1))


def test_expression_labels_are_there_beside_gaps_of_valence_and_arousal(corpus: Path, listed: dict[str, Any]) -> None:
    clips = {clip: about for clip, about in listed["clips"].items() if about["has_expressions"]}
    there = {path.stem for path in corpus.glob("annotations/EXPR_Recognition_Challenge/*/*.txt")}
    assert there == set(clips)
    seen: set[str] = set()
    fillable = 0
    for clip, about in clips.items():
        lines = annotation(corpus, clip, about, "EXPR_Recognition_Challenge").read_text("ascii").splitlines()
        assert lines[0] == "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"
        assert len(lines) - 1 == about["rows"]
        unnamed = {row for row, name in enumerate(lines[1:], start=1) if name == "-1"}
        assert unnamed == numbers(about["rows_without_expression"])
        fillable += len(numbers(about["unlabelled_rows"]) - unnamed)
        seen |= set(lines[1:])
    assert seen <= {"-1", *map(str, range(8))}
    assert len(seen) >= 4
    # Happiness lies at (0.81, 0.51) and Neutral at (0, 0): the nearer side of the line half-way between them.
    truth = np.genfromtxt(corpus / "truth" / "video76.csv", delimiter=",", skip_header=1)[:, 2:]
    is_happier = truth @ (0.81, 0.51) > (0.81**2 + 0.51**2) / 2
    lines = (
        annotation(corpus, "video76", clips["video76"], "EXPR_Recognition_Challenge").read_text("ascii").splitlines()
    )
    assert lines[1:] == ["4" if happier else "0" for happier in is_happier[: len(lines) - 1]]
    assert len(set(lines[1:])) == 2
    assert fillable > 5  # rows without valence and arousal that an expression says something about


def test_crops_are_there_but_for_the_frames_that_are_listed(corpus: Path, listed: dict[str, Any]) -> None:
    for clip, about in listed["clips"].items():
        folders = [folder for folder in corpus.glob(f"cropped_aligned*/{clip}") if folder.is_dir()]
        assert [folder.parent.name for folder in folders] == ([about["crops"]] if about["crops"] else []), clip
        there = {int(path.stem) for folder in folders for path in folder.glob("*.jpg")}
        expected = set(range(1, about["frames"] + 1)) - numbers(about["frames_without_crop"])
        assert there == expected | set(about["extra_crops"]), clip
        assert len(there) == about["num_crops"], clip
        assert numbers(about["frames_without_face"]) <= numbers(about["frames_without_crop"]), clip
        for path in (folder / f"{min(there):05d}.jpg" for folder in folders):
            assert cv2.imread(str(path)).shape == (112, 112, 3), clip


def place_of(crop: np.ndarray, picture: np.ndarray) -> tuple[float, float]:
    """Where in a picture a crop was cut from: horizontal middle, 0 to 1, and how well it fits, at most 1."""
    best = (0.0, -1.0)
    for side in range(100, 260, 8):
        fits = cv2.matchTemplate(picture, cv2.resize(crop, (side, side)), cv2.TM_CCOEFF_NORMED)
        _, value, _, (x, _) = cv2.minMaxLoc(fits)
        best = max(best, ((x + side / 2) / picture.shape[1], value), key=lambda each: each[1])
    return best


@pytest.mark.parametrize(
    ("clip", "crop", "low", "high"),
    [
        ("46-30-484x360_left", 3, 0.0, 0.5),
        ("46-30-484x360_right", 3, 0.5, 1.0),
        ("10-60-1280x720", 30, 0.0, 0.5),
        ("10-60-1280x720_right", 30, 0.5, 1.0),
        ("video2_left", 5, 0.0, 0.5),
        ("video2", 5, 0.5, 1.0),
        ("video59", 5, 0.0, 0.5),
        ("video59", 30, 0.35, 0.65),  # of 50: the film has cut to a close-up
        ("video59_right", 45, 0.5, 1.0),
    ],
)
def test_a_crop_shows_its_own_person_in_its_own_frame(
    clip: str, crop: int, low: float, high: float, corpus: Path, listed: dict[str, Any]
) -> None:
    about = listed["clips"][clip]
    face = cv2.imread(str(corpus / about["crops"] / clip / f"{crop:05d}.jpg"))
    place, fit = place_of(face, pictures(corpus / about["video"])[crop - 1])
    assert low < place < high
    assert fit > 0.85  # a face is tilted a little in the picture, and was encoded


def test_a_person_who_has_left_and_one_who_is_cut_away_are_not_in_the_picture(
    corpus: Path, listed: dict[str, Any]
) -> None:
    for clip in ("46-30-484x360_right", "30-30-1920x1080_right", "video59_right"):
        about = listed["clips"][clip]
        crops = corpus / about["crops"] / clip
        face = cv2.imread(str(min(crops.glob("*.jpg"))))
        first, last = about["frames_without_face"][0]
        shown = pictures(corpus / about["video"])
        assert place_of(face, shown[0])[1] > 0.85
        assert place_of(face, shown[(first + last) // 2 - 1])[1] < 0.85, clip


def test_the_test_list_and_the_template_have_every_row_and_no_label(corpus: Path, listed: dict[str, Any]) -> None:
    folder = corpus / "names_of_videos_in_each_test_set"
    names = (folder / "Valence_Arousal_Estimation_Challenge_test_set_release.txt").read_text("ascii").splitlines()
    assert set(names) == {clip for clip, about in listed["clips"].items() if about["split"] == "test"}
    assert names != sorted(names)  # the official order is not one to be made up
    lines = (corpus / "CVPR_6th_ABAW_VA_test_set_example.txt").read_text("ascii").splitlines()
    assert lines[0] == "image_location,valence,arousal"
    expected = [f"{clip}/{row:05d}.jpg" for clip in names for row in range(1, listed["clips"][clip]["rows"] + 1)]
    assert [line.split(",")[0] for line in lines[1:]] == expected


def test_every_quirk_that_the_release_has_is_listed_with_a_clip(corpus: Path, listed: dict[str, Any]) -> None:
    clips = {each["name"]: each["clips"] for each in listed["quirks"]}
    needed = {
        *("two_suffixed", "main_and_suffixed", "away", "close_up", "avi", "upper_case", "odd_fps", "uneven_times"),
        *("wrong_fps_in_name", "name_begins_another", "part", "late_sound", "no_sound", "one_row_more"),
        *("two_rows_more", "fewer_rows", "unlabelled", "many_decimals", "expressions", "crops_absent"),
        *("no_crop_folder", "extra_crop", "later_crop_folder", "unaligned_crops", "orphan_video", "orphan_crops"),
    }
    assert {name for name, members in clips.items() if members} == needed
    for clip in clips["orphan_crops"]:
        assert list((corpus / "cropped_aligned" / clip).glob("*.jpg"))
        assert clip not in listed["clips"]
    for clip in clips["unaligned_crops"]:
        assert list((corpus / "cropped" / clip).glob("*.jpg"))
    junk = next(each for each in listed["quirks"] if each["name"] == "junk")
    assert len(junk["files"]) == 3
    assert all((corpus / name).is_file() for name in junk["files"])


def test_labelled_clips_are_enough_for_five_folds_of_whole_sources(listed: dict[str, Any]) -> None:
    sources = {source_of(clip) for clip, about in listed["clips"].items() if about["split"] in SETS}
    assert len(sources) >= 10
    assert {"video45", "122-60-1920x1080", "106", "106-30-720x1280"} <= sources


def test_the_corpus_is_known_as_drawn_faces(corpus: Path) -> None:
    assert "no evidence about people" in remark_of(corpus)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus, tmp_path / "c")
    gone = ("batch1/46-30-484x360.mp4", "batch1/106.avi", "batch1/7.mp4", "new_vids/video86_2.mp4")
    for name in (*gone, "quirks.json", "CVPR_6th_ABAW_VA_test_set_example.txt"):
        (tmp_path / "c" / name).unlink()
    for folder in ("annotations", "truth", "cropped_aligned_new_50_vids", "cropped_aligned/46-30-484x360_right"):
        shutil.rmtree(tmp_path / "c" / folder)
    for clip in ("video76", "video9"):  # crops are kept with the video they were made with
        shutil.copytree(
            corpus / "cropped_aligned_new_50_vids" / clip, tmp_path / "c" / "cropped_aligned_new_50_vids" / clip
        )
    kept = tmp_path / "c" / "batch1" / "3.mp4"
    before = kept.stat().st_mtime_ns
    synth(tmp_path / "c", quirks=True, seconds=SECONDS, workers=1)
    assert kept.stat().st_mtime_ns == before
    assert contents(tmp_path / "c") == contents(corpus)


def test_options_that_the_corpus_decides_itself_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--subjects, --test-subjects cannot be given with it"):
        synth(tmp_path / "c", quirks=True, subjects=5, test_subjects=2)
    with pytest.raises(ValueError, match=r"--seconds of 2 or more, .* got 1\.5 and 0"):
        synth(tmp_path / "c", quirks=True, seconds=1.5)
    assert not (tmp_path / "c").exists()


def test_a_corpus_of_other_settings_is_not_mixed_with_this_one(corpus: Path) -> None:
    before = contents(corpus)
    with pytest.raises(DatasetError, match="made with other settings"):
        synth(corpus, quirks=True, seconds=SECONDS, seed=1)
    with pytest.raises(DatasetError, match="made with other settings"):
        synth(corpus, subjects=3)
    assert contents(corpus) == before
