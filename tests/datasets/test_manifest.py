"""A folder with a `manifest.csv` is a corpus like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vatrace.datasets.clips import Corpus
from vatrace.datasets.corpus import is_corpus, open_corpus
from vatrace.datasets.manifest import COLUMNS, open_manifest
from vatrace.datasets.splits import fold
from vatrace.errors import DatasetError, NothingFound


def read(folder: Path, *lines: str) -> Corpus:
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return open_corpus(folder)


def test_every_column_arrives_where_it_belongs(tmp_path: Path) -> None:
    corpus = read(
        tmp_path,
        ",".join(COLUMNS),
        "one,films/a.mp4,left,labels/one.csv,,,anna,kitchen,validation,faces/one",
        "two,films/b.mp4,,,-0.5,0.25,bert,garden,test,",
    )
    one, two = corpus.clips
    assert (one.name, one.split, one.person) == ("one", "validation", "left")
    assert (one.video, one.annotation, one.crops) == tuple(
        tmp_path / part for part in ("films/a.mp4", "labels/one.csv", "faces/one")
    )
    assert one.value is None
    assert (two.person, two.split, two.value) == ("main", "test", (-0.5, 0.25))
    assert two.annotation is None
    assert two.crops is None
    assert one.source != two.source


def test_the_least_manifest_has_videos_and_values(tmp_path: Path) -> None:
    corpus = read(tmp_path, "video,valence,arousal", "x/talk.mp4,0.1,0.2", "y/walk.avi,0.3,0.4")
    assert [(clip.name, clip.split, clip.person) for clip in corpus.clips] == [
        ("talk", "train", "main"),
        ("walk", "train", "main"),
    ]


def test_two_people_of_a_video_are_two_clips_of_one_source(tmp_path: Path) -> None:
    corpus = read(
        tmp_path, "video,person,valence,arousal", "duo.mp4,right,0.1,0.2", "duo.mp4,left,0.3,0.4", "solo.mp4,,0,0"
    )
    assert [clip.name for clip in corpus.clips] == ["duo_left", "duo_right", "solo"]
    assert corpus.sources["duo_left"] == corpus.sources["duo_right"] != corpus.sources["solo"]


def test_spaces_a_byte_order_mark_blank_lines_and_unknown_columns_are_let_be(tmp_path: Path) -> None:
    corpus = read(tmp_path, "\ufeff video , valence,mood ,arousal", "", ' "talk.mp4" , 0.1, calm , 0.2 ', "")
    (clip,) = corpus.clips
    assert clip.value == (0.1, 0.2)


def test_absolute_paths_stay_what_they_are(tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / "elsewhere" / "talk.mp4"
    assert read(tmp_path, "video,valence,arousal", f"{elsewhere},0,0").clips[0].video == elsewhere


def test_unlabelled_clips_are_there_to_be_predicted_and_their_values_are_not_read(tmp_path: Path) -> None:
    corpus = read(tmp_path, "video,split,valence,arousal", "a.mp4,unlabelled,,", "b.mp4,unlabelled,9,9", "c.mp4,,0,0")
    assert [clip.name for clip in corpus.labelled] == ["c"]
    assert corpus.clip("b").value is None


def test_clips_tied_by_subject_or_source_or_through_others_are_one_group(tmp_path: Path) -> None:
    corpus = read(
        tmp_path,
        "video,subject,source,valence,arousal",
        "1.mp4,anna,kitchen,0,0",
        "2.mp4,bert,garden,0,0",
        "3.mp4,bert,kitchen,0,0",  # joins anna's kitchen and bert's garden
        "4.mp4,,street,0,0",
        "5.mp4,carl,,0,0",
        "6.mp4,,street,0,0",
        "7.mp4,kitchen,,0,0",  # a subject called as a source is another thing
    )
    groups: dict[str, set[str]] = {}
    for name, source in corpus.sources.items():
        groups.setdefault(source, set()).add(name)
    assert sorted(map(sorted, groups.values())) == [["1", "2", "3"], ["4", "6"], ["5"], ["7"]]


def test_nobody_of_a_group_has_two_roles_in_any_fold(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows = [
        f"v{number}.mp4,subject{rng.integers(12)},place{number // 2 if number % 3 else number + 1000},0.1,0.1"
        for number in range(60)
    ]
    corpus = read(tmp_path, "video,subject,source,valence,arousal", *rows)
    sources = corpus.sources
    assert len(set(sources.values())) >= 5
    for number in range(1, 6):
        made = fold(corpus.splits, number, sources=sources)
        roles = [{sources[clip] for clip in clips} for clips in (made.train, made.selection, made.scored)]
        assert not roles[0] & roles[1]
        assert not roles[0] & roles[2]
        assert not roles[1] & roles[2]
        assert sum(map(len, (made.train, made.selection, made.scored))) == 60


def test_a_group_in_two_splits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="a is in the train split and c in the test split, but they share 'subject"):
        read(
            tmp_path,
            "video,subject,split,valence,arousal",
            "a.mp4,anna,train,0,0",
            "b.mp4,bert,test,0,0",
            "c.mp4,anna,test,0,0",
        )


def test_an_unlabelled_clip_of_a_group_may_be_predicted_beside_any_split(tmp_path: Path) -> None:
    lines = ("video,subject,split,valence,arousal", "a.mp4,anna,unlabelled,,", "b.mp4,anna,test,0,0")
    assert len(read(tmp_path, *lines).clips) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (",,,,", "every clip needs a video"),
        ("a.mp4,middle,,0,0", "person must be one of main, left, right, got 'middle'"),
        ("a.mp4,,exam,0,0", "split must be one of train, validation, test, unlabelled, got 'exam'"),
        ("a.mp4,,,0.5,", "both valence and arousal, or neither"),
        ("a.mp4,,,0.5,calm", "calm"),
        ("a.mp4,,,1.5,0", r"\[-1, 1\]"),
        ("a.mp4,,,,", "needs either annotation or value"),
    ],
)
def test_a_row_that_cannot_be_is_named_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DatasetError, match=rf"manifest\.csv, line 3: .*{message}"):
        read(tmp_path, "video,person,split,valence,arousal", "ok.mp4,,,0,0", line)


def test_a_clip_is_named_as_a_file_and_not_as_a_path(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"line 2: a clip's name becomes the name of files and folders, so it cannot be '../talk'"
    ):
        read(tmp_path, "clip,video,valence,arousal", "../talk,a.mp4,0,0")


def test_two_clips_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="talk in more than one split, or twice in one"):
        read(tmp_path, "video,valence,arousal", "a/talk.mp4,0,0", "b/talk.mp4,0,0")


def test_both_an_annotation_and_values_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="either annotation or value"):
        read(tmp_path, "video,annotation,valence,arousal", "a.mp4,a.csv,0,0")


def test_a_table_without_videos_or_rows_or_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="needs a column `video`; it has file, valence"):
        read(tmp_path, "file,valence", "a.mp4,0")
    with pytest.raises(NothingFound, match="has no row"):
        read(tmp_path, "video,valence,arousal")
    (tmp_path / "manifest.csv").write_bytes("video\nGespräch.mp4\n".encode("latin-1"))
    with pytest.raises(DatasetError, match="no CSV in UTF-8"):
        open_corpus(tmp_path)


def test_a_folder_without_a_manifest_is_said(tmp_path: Path) -> None:
    assert not is_corpus(tmp_path)
    with pytest.raises(NothingFound, match=r"no manifest\.csv in"):
        open_manifest(tmp_path)
    read(tmp_path, "video,valence,arousal", "a.mp4,0,0")
    assert is_corpus(tmp_path)
