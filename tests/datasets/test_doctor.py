"""What doctor finds in a small tree with nothing odd that is damaged in one way at a time."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.datasets.diagnosing import cases, count, diagnosed, kinds
from tests.datasets.small_affwild2 import (
    ANNOTATIONS,
    CLIPS,
    FRAMES,
    TEMPLATE,
    TEST_LIST,
    annotation,
    make_crops,
    make_tree,
    template,
    write,
)
from vatrace.datasets.corpus import open_corpus
from vatrace.datasets.doctor import look
from vatrace.datasets.findings import KINDS, Case, found
from vatrace.datasets.known import KNOWN_COUNTS
from vatrace.errors import DatasetError, NothingFound
from vatrace.media.encode import write_video

ALWAYS = {"short-clips", "two-people"}  # what is so of the small tree without any damage


@pytest.fixture
def tree(tmp_path: Path, scratch: Path) -> Path:
    return make_tree(tmp_path / "data", scratch)


def test_a_tree_with_nothing_odd_gives_no_warning_and_no_picture_is_opened(tree: Path) -> None:
    diagnosis = diagnosed(tree)  # its crops are links to nowhere
    assert kinds(diagnosis) == ALWAYS
    assert count(diagnosis, "aligned crops", "pictures") == (len(CLIPS) + 1) * FRAMES


def replace(path: str, content: str | bytes) -> Callable[[Path], None]:
    return lambda tree: (tree / path).write_bytes(content.encode() if isinstance(content, str) else content) and None


def add(path: str, content: str | bytes) -> Callable[[Path], None]:
    return lambda tree: write(tree / path, content) and None


def remove(path: str) -> Callable[[Path], None]:
    return lambda tree: shutil.rmtree(tree / path) if (tree / path).is_dir() else (tree / path).unlink()


def rename(path: str, to: str) -> Callable[[Path], None]:
    return lambda tree: (tree / path).rename(tree / to) and None


def link(path: str) -> Callable[[Path], None]:
    return lambda tree: (tree / path).symlink_to(tree / "nowhere")


def copy(path: str, to: str) -> Callable[[Path], None]:
    return lambda tree: shutil.copytree(tree / path, tree / to, symlinks=True) and None


TRAIN, VALIDATION = f"{ANNOTATIONS}/Train_Set", f"{ANNOTATIONS}/Validation_Set"
HEAD = "valence,arousal\n"

DAMAGES: list[tuple[Callable[[Path], None], str, str, str]] = [
    (replace(f"{TRAIN}/1.txt", "0,0\n"), "annotation-unreadable", "1", "must begin with"),
    (replace(f"{TRAIN}/1.txt", HEAD + "0,0\n0,x\n"), "annotation-unreadable", "1", "line 3: '0,x' is no pair"),
    (replace(f"{TRAIN}/1.txt", HEAD + "0,0,0,0\n"), "annotation-unreadable", "1", "line 2"),
    (replace(f"{TRAIN}/1.txt", HEAD + "0,0\n0,2\n"), "annotation-unreadable", "1", "line 3"),
    (replace(f"{TRAIN}/1.txt", b"\xff\xfe\x00"), "annotation-unreadable", "1", "UTF-8"),
    (replace(f"{TRAIN}/1.txt", annotation(FRAMES, "-5,-5")), "unlabelled-rows", "1", "1 of 10 rows"),
    (replace(f"{TRAIN}/1.txt", HEAD + "-5,-5\n" * FRAMES), "nothing-labelled", "1", "10 rows"),
    (replace(f"{TRAIN}/1.txt", HEAD + "0,0.1\n0,0.2\n" * 5), "constant-annotation", "1", "valence is always 0"),
    (replace(f"{TRAIN}/1.txt", annotation(13)), "rows-beyond-video", "1", "13 rows, 10 frames"),
    (replace(f"{TRAIN}/1.txt", annotation(12)), "off-by-one-or-two", "1", "12 rows, 10 frames"),
    (replace(f"{TRAIN}/1.txt", annotation(7)), "frames-beyond-rows", "1", "7 rows, 10 frames"),
    (copy(TRAIN, "old/Train_Set"), "two-releases", "old", ""),
    (copy(f"{ANNOTATIONS}/Train_Set", "annotations/VA_Estimation_Challenge/Test_Set"), "two-splits", "1", "test"),
    (add(f"{VALIDATION}/5-30-8x8-2.txt", annotation(FRAMES)), "video-missing", "5-30-8x8-2", "nor crops"),
    (remove("batch1/1.mp4"), "video-missing", "1", "no video named 1"),
    (rename("batch1/2.mp4", "batch1/2_Left.mp4"), "video-missing", "2_right", "no video named 2"),
    (rename("batch1/3.mp4", "batch1/3 .mp4"), "video-missing", "3", "3 .mp4 is alike"),
    (replace("batch1/1.mp4", b""), "video-unreadable", "batch1/1.mp4", "is empty"),
    (
        replace("batch1/1.mp4", "version https://git-lfs.github.com/spec/v1\n"),
        "video-unreadable",
        "batch1/1.mp4",
        "lfs",
    ),
    (replace("batch1/1.mp4", "\n<!DOCTYPE html><html>"), "video-unreadable", "batch1/1.mp4", "page of the web"),
    (replace("batch1/1.mp4", b"\x00\x01" * 999), "video-unreadable", "batch1/1.mp4", "not a video"),
    (add("batch1/55.mp4", b""), "unused-video-unreadable", "batch1/55.mp4", "is empty"),
    (link("batch1/55.mp4"), "unused-video-unreadable", "batch1/55.mp4", "No such file"),
    (remove("batch1/9.mp4"), "test-video-missing", "9", "no video named 9"),
    (add("batch1/1.avi", b""), "two-videos", "1", "batch1/1.mp4, batch1/1.avi"),
    (copy("cropped_aligned/1", "cropped_aligned_new_50_vids/1"), "two-crop-folders", "1", "cropped_aligned/1, crop"),
    (remove("cropped_aligned/1"), "crops-missing", "1", "train"),
    (remove("cropped_aligned/9"), "crops-missing", "9", "unlabelled"),
    (rename("cropped_aligned/1", "cropped_aligned/1_"), "unused-crops", "1_", ""),
    (rename("cropped_aligned/2_left", "cropped_aligned/2_LEFT"), "unused-crops", "2_LEFT", "2_left is alike"),
    (remove("cropped_aligned/1/00004.jpg"), "frames-without-crop", "1", "1 of 10 labelled frames"),
    (link("cropped_aligned/1/00011.jpg"), "crops-beyond-video", "1", "1 of 11 pictures, 10 frames"),
    (link("cropped_aligned/1/00012.jpg"), "crops-beyond-rows", "1", "1 of 11 pictures, 10 rows"),
    (link("cropped_aligned/9/00012.jpg"), "crops-beyond-rows", "9", "1 of 11 pictures, 10 rows"),
    (replace(TEST_LIST, "9 \n"), "test-list-untidy", "line 1", "spaces"),
    (replace(TEST_LIST, "9\n\n9\n"), "test-list-untidy", "line 3", "there before"),
    (replace(TEST_LIST, "9\n\n"), "test-list-untidy", "line 2", "empty"),
    (replace(TEST_LIST, "9\n8\n"), "test-list-and-template", "8", "not in the template"),
    (replace(TEMPLATE, template(FRAMES) + "7/00001.jpg,0,0\n"), "test-list-and-template", "7", "not in the test list"),
    (replace(TEST_LIST, "9\n1\n"), "test-clip-labelled", "1", "train"),
    (replace(TEMPLATE, template(12)), "template-off-by-one-or-two", "9", "12 rows, 10 frames"),
    (replace(TEMPLATE, template(20)), "template-rows", "9", "20 rows, 10 frames"),
    (add("other.txt", template(FRAMES)), "two-lists", TEMPLATE, "other.txt"),
    (remove(ANNOTATIONS), "no-annotations", "VA_Estimation_Challenge", ""),
    (link("readme.txt"), "unreadable-places", "readme.txt", ""),
]


@pytest.mark.parametrize(("damage", "kind", "name", "detail"), DAMAGES, ids=[f"{d[1]}-{d[2]}" for d in DAMAGES])
def test_a_damage_is_found_and_named(
    tree: Path, damage: Callable[[Path], None], kind: str, name: str, detail: str
) -> None:
    damage(tree)
    diagnosis = diagnosed(tree)
    assert detail in cases(diagnosis, kind)[name].detail
    assert diagnosis.passed == all(KINDS[each].severity != "error" for each in kinds(diagnosis))


def test_a_folder_that_may_not_be_listed_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def forbidding(path: Path) -> Any:  # Any: typeshed keeps the type of what scandir gives to itself
        if Path(path).name == "batch1":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidding)
    assert set(cases(diagnosed(tree), "unreadable-places")) == {"batch1"}


def test_parts_of_one_source_in_two_splits_are_named(tree: Path) -> None:
    write(tree / TRAIN / "video4_1.txt", annotation(FRAMES))
    write(tree / VALIDATION / "video4_2.txt", annotation(FRAMES))
    told = cases(diagnosed(tree), "source-in-two-splits")
    assert {name: case.detail for name, case in told.items()} == {"video4": "train: video4_1; validation: video4_2"}


def test_a_video_without_a_picture_is_an_error(tree: Path) -> None:
    write_video(tree / "batch1" / "1.mp4", None, waveform=np.zeros(16_000, np.float32))
    assert set(cases(diagnosed(tree), "no-picture")) == {"batch1/1.mp4"}


def test_a_video_cut_off_is_told_by_decoding_alone(tree: Path) -> None:
    video = tree / "batch1" / "3.avi"
    (tree / "batch1" / "3.mp4").unlink()
    random = np.random.default_rng(0)
    with av.open(str(video), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(60):
            frame = av.VideoFrame.from_ndarray(random.integers(0, 255, (64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    assert "frames-not-decodable" not in kinds(diagnosed(tree))
    decoded = diagnosed(tree, decode=True)
    assert "60 promised" in cases(decoded, "frames-not-decodable")["batch1/3.avi"].detail
    assert "pictures are there of the 60" in cases(decoded, "video-damaged")["batch1/3.avi"].detail


def test_a_list_of_names_is_enough_to_say_what_is_still_to_be_unpacked(tmp_path: Path) -> None:
    write(tmp_path / TEST_LIST, "9\n")
    diagnosis = diagnosed(tmp_path)
    assert set(cases(diagnosis, "test-video-missing")) == {"9"}
    assert "no-annotations" in kinds(diagnosis)


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_with_nothing_of_a_data_set_is_refused(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "data"
    if there:
        write(folder / "letter.txt", "hello")
    with pytest.raises(NothingFound, match="nothing of a data set under" if there else "there is no folder"):
        look(folder)


# Known counts.


def test_known_counts_agree_with_each_other() -> None:
    for split in ("train", "validation"):
        assert KNOWN_COUNTS[split, "labelled"] + KNOWN_COUNTS[split, "unlabelled"] == KNOWN_COUNTS[split, "rows"]
    rows = ("train", "rows"), ("validation", "rows"), ("challenge test set", "rows of the template")
    assert sum(KNOWN_COUNTS[each] for each in rows) == 2_993_081  # as published


def test_every_known_count_is_counted_and_set_beside_what_is_here(tree: Path) -> None:
    diagnosis = diagnosed(tree, is_known=True)
    known = {(each.group, each.thing): each.known for each in diagnosis.counts if each.known is not None}
    assert known == KNOWN_COUNTS
    differing = cases(diagnosis, "counts-differ")
    assert differing["train, annotations"].detail == "3 here, 356 in ABAW-8"
    assert "counts-differ" not in kinds(diagnosed(tree))


# Any other corpus.


def test_a_corpus_with_a_manifest_has_fewer_questions(tree: Path) -> None:
    folder = tree / "batch1"
    write(folder / "marks.csv", "time,valence,arousal\n0,0.1,0.2\n0.1,,\n0.2,0.3,0.4\n")
    write(
        folder / "manifest.csv",
        "video,annotation,valence,arousal,subject\n1.mp4,marks.csv,,,a\n2.mp4,,0.5,0.5,b\nlost.mp4,,0.1,0.1,a\n",
    )
    diagnosis = diagnosed(folder)
    assert count(diagnosis, "train", "rows") == 3
    assert count(diagnosis, "train", "unlabelled") == 1
    assert count(diagnosis, "train", "clips with one label") == 2
    assert count(diagnosis, "people", "sources") == 2
    assert set(cases(diagnosis, "video-unreadable")) == {"lost.mp4"}
    assert kinds(diagnosis) == {"unlabelled-rows", "video-unreadable"}


def test_a_manifest_that_cannot_be_is_an_error_with_its_line(tree: Path) -> None:
    write(tree / "manifest.csv", "video,person\nbatch1/1.mp4,behind\n")
    assert "line 2: person must be one of" in cases(diagnosed(tree), "manifest")["manifest.csv"].detail


# Findings as data.


def test_the_largest_amount_comes_first_and_the_sum_is_told_where_there_are_several() -> None:
    (finding,) = found("unlabelled-rows", [Case("a", "", 3), Case("c", "", 1000), Case("b", "", 3)], unit="rows")
    assert [case.name for case in finding.cases] == ["c", "a", "b"]
    assert finding.summary == "1,006 rows in all"
    assert found("unlabelled-rows", [Case("a", "", 3)], unit="rows")[0].summary == ""
    assert found("unlabelled-rows", []) == []


def test_crops_of_the_tree_cannot_be_opened(tmp_path: Path) -> None:
    make_crops(tmp_path / "c", 1)
    with pytest.raises(FileNotFoundError):
        (tmp_path / "c" / "00001.jpg").read_bytes()


@pytest.mark.parametrize("damage", [d for d in DAMAGES if d[1] in ("two-releases", "two-splits", "unreadable-places")])
def test_what_is_said_to_be_refused_is_refused(
    tree: Path, damage: tuple[Callable[[Path], None], str, str, str]
) -> None:
    damage[0](tree)
    with pytest.raises(DatasetError):
        open_corpus(tree)
