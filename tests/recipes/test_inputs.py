from pathlib import Path

import pytest

from vatrace.errors import DatasetError, NothingFound
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


def test_two_videos_of_one_name_are_refused(folder: Path) -> None:
    assert list(unique_names([folder / "b.mp4", folder / "c.mkv"])) == ["b", "c"]
    with pytest.raises(DatasetError, match="would both write 'b'"):
        unique_names([folder / "b.mp4", folder / "below" / "b.mkv"])
