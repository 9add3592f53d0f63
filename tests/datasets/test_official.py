"""The folders of Aff-Wild2 as people unpack them: what belongs to what, by whole names."""

import os
from pathlib import Path

import numpy as np
import pytest

from vatrace.datasets.clips import Clip, check_names
from vatrace.datasets.corpus import is_corpus, open_corpus
from vatrace.datasets.official import person_of
from vatrace.errors import DatasetError, NothingFound


def touch(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def annotated(root: Path, split: str, *names: str) -> None:
    for name in names:
        touch(
            root / "8th ABAW Annotations" / "VA_Estimation_Challenge" / split / f"{name}.txt", "valence,arousal\n0,0\n"
        )


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    annotated(tmp_path, "Train_Set", "10-60-1280x720", "10-60-1280x720_right", "106", "106-30-720x1280", "video86_2")
    annotated(tmp_path, "Train_Set", "7_left", "7_right", "video45_1", "video45_7", "122-60-1920x1080-3")
    annotated(tmp_path, "Validation_Set", "video59", "video59_right", "28-30-1280x720-4")
    for name in ("10-60-1280x720.mp4", "106.avi", "106-30-720x1280.mp4", "video86_2.mp4", "7.MP4", "video45_1.mp4"):
        touch(tmp_path / "batch1" / name)
    for name in ("video59.avi", "28-30-1280x720-4.mp4", "video2.mp4", "106.mp4"):
        touch(tmp_path / "raw" / "batch2" / name)
    for name in ("106", "7_left", "10-60-1280x720"):
        touch(tmp_path / "cropped_aligned" / name / "00001.jpg")
    for name in ("7_right", "video59_right"):
        touch(tmp_path / "cropped_aligned_new_50_vids" / name / "00002.jpg")
    touch(tmp_path / "batch1_crops" / "cropped" / "106-30-720x1280" / "00001.jpg")
    touch(
        tmp_path / "names" / "Valence_Arousal_Estimation_Challenge_test_set_release.txt", "video2\nvideo2_left\n107\n\n"
    )
    touch(tmp_path / ".hidden" / "106-30-720x1280.mp4")
    touch(tmp_path / "8th ABAW Annotations" / "VA_Estimation_Challenge" / "Train_Set" / "._106.txt", "\0")
    touch(tmp_path / "8th ABAW Annotations" / "AU_Detection_Challenge" / "Train_Set" / "106.txt", "AU1\n0\n")
    touch(
        tmp_path / "8th ABAW Annotations" / "EXPR_Recognition_Challenge" / "Train_Set" / "only_expr.txt", "Neutral\n0\n"
    )
    return tmp_path


def facts(clip: Clip) -> tuple[str, str, str | None, str | None, str]:
    return (
        clip.split,
        clip.person,
        clip.video.name if clip.video else None,
        f"{clip.crops.parent.name}/{clip.crops.name}" if clip.crops else None,
        clip.source,
    )


def test_each_clip_has_its_own_video_person_and_crops(unpacked: Path) -> None:
    corpus = open_corpus(unpacked)
    new = "cropped_aligned_new_50_vids"
    assert {clip.name: facts(clip) for clip in corpus.clips} == {
        "10-60-1280x720": ("train", "left", "10-60-1280x720.mp4", "cropped_aligned/10-60-1280x720", "10-60-1280x720"),
        "10-60-1280x720_right": ("train", "right", "10-60-1280x720.mp4", None, "10-60-1280x720"),
        "106": ("train", "main", "106.mp4", "cropped_aligned/106", "106"),
        "106-30-720x1280": ("train", "main", "106-30-720x1280.mp4", None, "106-30-720x1280"),
        "video86_2": ("train", "main", "video86_2.mp4", None, "video86"),
        "7_left": ("train", "left", "7.MP4", "cropped_aligned/7_left", "7"),
        "7_right": ("train", "right", "7.MP4", f"{new}/7_right", "7"),
        "video45_1": ("train", "main", "video45_1.mp4", None, "video45"),
        "video45_7": ("train", "main", None, None, "video45"),
        "122-60-1920x1080-3": ("train", "main", None, None, "122-60-1920x1080"),
        "video59": ("validation", "left", "video59.avi", None, "video59"),
        "video59_right": ("validation", "right", "video59.avi", f"{new}/video59_right", "video59"),
        "28-30-1280x720-4": ("validation", "main", "28-30-1280x720-4.mp4", None, "28-30-1280x720"),
        "video2": ("unlabelled", "right", "video2.mp4", None, "video2"),
        "video2_left": ("unlabelled", "left", "video2.mp4", None, "video2"),
        "107": ("unlabelled", "main", None, None, "107"),
    }


def test_the_test_clips_come_from_the_template_where_there_is_no_list(unpacked: Path) -> None:
    (unpacked / "names" / "Valence_Arousal_Estimation_Challenge_test_set_release.txt").unlink()
    touch(
        unpacked / "CVPR_6th_ABAW_VA_test_set_example.txt",
        "image_location,valence,arousal\nvideo9/00001.jpg,0,0\nvideo9/00002.jpg,0,0\n108_left/00001.jpg,0,0\n",
    )
    unlabelled = [clip.name for clip in open_corpus(unpacked).clips if clip.split == "unlabelled"]
    assert unlabelled == ["108_left", "video9"]


def test_the_annotations_of_two_releases_are_refused(unpacked: Path) -> None:
    touch(unpacked / "6th" / "VA_Estimation_Challenge" / "Train_Set" / "106.txt", "valence,arousal\n0,0\n")
    with pytest.raises(DatasetError, match="annotations in 2 places"):
        open_corpus(unpacked)


def test_a_link_back_to_the_folder_itself_does_no_harm(unpacked: Path) -> None:
    names = {clip.name for clip in open_corpus(unpacked).clips}
    (unpacked / "batch1" / "loop").symlink_to(unpacked)
    assert {clip.name for clip in open_corpus(unpacked).clips} == names


def test_pictures_are_neither_listed_nor_opened(unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for frame in range(2, 400):
        touch(unpacked / "cropped_aligned" / "106" / f"{frame:05d}.jpg")
    handed_out = 0
    scandir = os.scandir

    class Counting:
        def __init__(self, path: Path) -> None:
            self.entries = scandir(path)

        def __enter__(self) -> "Counting":
            return self

        def __exit__(self, *_: object) -> None:
            self.entries.close()

        def __iter__(self) -> "Counting":
            return self

        def __next__(self) -> "os.DirEntry[str]":
            nonlocal handed_out
            handed_out += 1
            return next(self.entries)

    monkeypatch.setattr("vatrace.datasets.layout.os.scandir", Counting)
    open_corpus(unpacked)
    assert 30 < handed_out < 120


def test_what_is_a_corpus_is_told_from_a_folder_of_videos(unpacked: Path) -> None:
    assert is_corpus(unpacked)
    assert not is_corpus(unpacked / "batch1")
    assert not is_corpus(unpacked / "nowhere")
    with pytest.raises(NothingFound, match="no annotations under"):
        open_corpus(unpacked / "batch1")
    with pytest.raises(NothingFound, match="there is no folder"):
        open_corpus(unpacked / "nowhere")


def test_with_both_suffixes_beside_it_an_unsuffixed_name_is_the_main_person() -> None:
    assert person_of("9", ["9", "9_left", "9_right"], ["9"]) == ("main", "9")


def test_a_video_that_is_itself_called_left_is_no_side_of_another() -> None:
    assert person_of("turn_left", ["turn_left"], ["turn_left", "turn"]) == ("main", "turn_left")


def test_every_row_is_a_frame_also_beyond_the_last_decodable_one(tmp_path: Path) -> None:
    annotation = touch(tmp_path / "a.txt", "valence,arousal\n0.1,0.2\n-5,-5\n0.3,0.4\n0.5,0.6\n")
    label = Clip(name="a", split="train", source="a", annotation=annotation).label(np.array([0.5, 0.54]))
    assert np.allclose(label.times_seconds, [0.5, 0.54, 0.58, 0.62])
    assert label.valid.tolist() == [True, False, True, True]
    assert label.valence[[0, 2, 3]].tolist() == [0.1, 0.3, 0.5]


def test_templates_and_labels_of_other_tasks_are_not_taken_for_ours(tmp_path: Path) -> None:
    for folder, name, text in [
        ("VA_Set", "7", "valence,arousal\n0,0\n"),
        ("EXPR_Set", "7", "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other\n0\n"),
        ("AU_Set", "9", "AU1,AU2\n0,1\n"),
    ]:
        touch(tmp_path / "annotations" / folder / "Train_Set" / f"{name}.txt", text)
    touch(tmp_path / "CVPR_6th_ABAW_AU_test_set_example.txt", "image_location,AU1,AU2\n11/00001.jpg,0,0\n")
    touch(tmp_path / "CVPR_6th_ABAW_Expr_test_set_example.txt", "image_location,Expression\n12/00001.jpg,0\n")
    touch(tmp_path / "CVPR_6th_ABAW_VA_test_set_example.txt", "image_location,valence,arousal\n13/00001.jpg,0,0\n")
    touch(tmp_path / "Action_Unit_Detection_Challenge_test_set_release.txt", "11\n")
    assert [(clip.name, clip.split) for clip in open_corpus(tmp_path).clips] == [("13", "unlabelled"), ("7", "train")]


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\\b", "a\nb", "\x1b[2J", " "])
def test_a_clip_cannot_be_called_what_no_file_can(name: str) -> None:
    with pytest.raises(DatasetError, match="becomes the name of files"):
        check_names([Clip(name=name, split="unlabelled", source="a")])


def test_a_test_list_cannot_lead_out_of_the_folder(unpacked: Path) -> None:
    listed = unpacked / "names" / "Valence_Arousal_Estimation_Challenge_test_set_release.txt"
    listed.write_text("video2\n../../home\n")
    with pytest.raises(DatasetError, match=r"cannot be '\.\./\.\./home'"):
        open_corpus(unpacked)


def test_half_of_the_marker_is_no_label_either(tmp_path: Path) -> None:
    annotation = touch(tmp_path / "a.txt", "valence,arousal\n-5,0.2\n0.1,-5\n0.1,0.2\n")
    label = Clip(name="a", split="train", source="a", annotation=annotation).label(np.arange(3.0))
    assert label.valid.tolist() == [False, False, True]


def test_a_folder_name_above_the_corpus_makes_no_crop_aligned(tmp_path: Path) -> None:
    root = tmp_path / "with_cropped_aligned_faces"
    annotated(root, "Train_Set", "106")
    touch(root / "cropped" / "106" / "00001.jpg")
    assert open_corpus(root).clip("106").crops is None
