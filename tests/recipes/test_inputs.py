from pathlib import Path

import pytest

from vatrace.errors import NothingFound
from vatrace.recipes.inputs import find_videos, unique_names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mp4", "a.MOV", "notes.txt", "c.mkv"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "d.mp4").touch()
    return tmp_path


def test_a_folder_gives_its_videos_in_order_and_nothing_else(folder: Path) -> None:
    assert [path.name for path in find_videos([str(folder)])] == ["a.MOV", "b.mp4", "c.mkv"]


def test_a_pattern_is_matched_here_too_for_shells_that_do_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [path.name for path in find_videos([str(folder / "*.m*")])] == ["b.mp4", "c.mkv"]
    monkeypatch.chdir(folder)
    assert find_videos(["*/d.mp4"]) == [Path("below/d.mp4")]


def test_a_file_named_twice_is_taken_once_and_a_missing_one_is_kept_to_be_told_about(folder: Path) -> None:
    named = [str(folder / "b.mp4"), str(folder / "missing.mp4"), str(folder / "*.mp4")]
    assert [path.name for path in find_videos(named)] == ["b.mp4", "missing.mp4"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    (folder / "take[1].mp4").touch()
    assert [path.name for path in find_videos([str(folder / "take[1].mp4")])] == ["take[1].mp4"]


def test_nothing_in_a_folder_or_for_a_pattern_is_said(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(NothingFound, match="empty holds no video"):
        find_videos([str(folder / "empty")])
    with pytest.raises(NothingFound, match="nothing matches"):
        find_videos([str(folder / "*.webm")])


def test_clips_are_called_by_their_names_as_far_as_these_tell_them_apart() -> None:
    def named(*paths: str) -> list[str]:
        names, failed = unique_names(map(Path, paths))
        assert not failed
        assert list(map(str, names.values())) == list(paths)
        return list(names)

    assert named("b.mp4", "c.mkv") == ["b", "c"]
    assert named("c.avi", "b.mp4", "c.flv") == ["c_avi", "b", "c_flv"]
    assert named("s1/clip.mp4", "s2/clip.mp4") == ["s1_clip", "s2_clip"]


def test_a_clip_named_in_two_ways_is_taken_once() -> None:
    names, failed = unique_names([Path("a/clip.mp4"), Path("b/../a/clip.mp4"), Path("a/clip.mp4").absolute()])
    assert (names, failed) == ({"clip": Path("a/clip.mp4")}, [])


def test_clips_that_cannot_be_told_apart_are_left_out_and_named() -> None:
    paths = [Path("x/s1/clip.mp4"), Path("y/s1/clip.mp4"), Path("other.mp4")]
    names, failed = unique_names(paths)
    assert names == {"other": Path("other.mp4")}
    assert [name for name, _ in failed] == [str(path) for path in paths[:2]]
    assert all("one of 2 that would write 's1_clip'" in str(error) for _, error in failed)


def test_overlays_of_ours_are_no_clips_of_a_folder_or_pattern(folder: Path) -> None:
    (folder / "b.overlay.mp4").touch()
    assert [path.name for path in find_videos([str(folder)])] == ["a.MOV", "b.mp4", "c.mkv"]
    assert [path.name for path in find_videos([str(folder / "*.mp4")])] == ["b.mp4"]
    assert [path.name for path in find_videos([str(folder / "b.overlay.mp4")])] == ["b.overlay.mp4"]


def test_a_pattern_for_folders_or_overlays_alone_matches_nothing_and_a_wrong_one_is_no_pattern(folder: Path) -> None:
    (folder / "b.overlay.mp4").touch()
    for pattern in ("bel*", "*.overlay.mp4"):
        with pytest.raises(NothingFound, match=r"nothing matches .*, only folders, hidden files or overlays"):
            find_videos([str(folder / pattern)])
    with pytest.raises(NothingFound, match=r"is no pattern; \*\* stands for folders alone"):
        find_videos([str(folder / "**.mp4")])


def test_hidden_files_that_another_system_leaves_beside_clips_are_none(folder: Path) -> None:
    (folder / "._b.mp4").touch()
    assert [path.name for path in find_videos([str(folder)])] == ["a.MOV", "b.mp4", "c.mkv"]
    assert [path.name for path in find_videos([str(folder / "*.mp4")])] == ["b.mp4"]
