from pathlib import Path

import numpy as np
import pytest

from vatrace.datasets.crops import CropReader, crops_digest, encode_picture, list_crops, read_picture
from vatrace.errors import DatasetError, NothingFound


def save(path: Path, colour: tuple[int, int, int], pixels: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_picture(np.full((pixels, pixels, 3), colour, np.uint8)))


def test_file_00001_shows_frame_0_and_colours_are_rgb(tmp_path: Path) -> None:
    save(tmp_path / "b" / "00003.jpg", (200, 30, 10))
    save(tmp_path / "a" / "00001.jpg", (10, 30, 200))
    crops = list_crops(tmp_path, ["b", "a"])
    assert [(crop.clip, crop.frame) for crop in crops] == [("a", 0), ("b", 2)]
    pictures = CropReader(crops, 20).read([1, 0, 1])
    assert pictures.shape == (3, 20, 20, 3)
    assert np.abs(pictures.mean(axis=(1, 2)) - [[200, 30, 10], [10, 30, 200], [200, 30, 10]]).max() < 4


def test_crops_are_listed_by_frame_number_and_other_files_are_let_lie(tmp_path: Path) -> None:
    for name in ("100000.jpg", "99999.jpg", "00002.jpg"):
        save(tmp_path / "a" / name, (9, 9, 9))
    for name in ("cover.jpg", "7.jpg", ".00003.123.part.jpg", "crops.json"):
        (tmp_path / "a" / name).write_bytes(b"")
    crops = list_crops(tmp_path, ["a", "gone"])
    assert [crop.frame for crop in crops] == [1, 99998, 99999]
    assert [crop.path.name for crop in crops] == ["00002.jpg", "99999.jpg", "100000.jpg"]
    assert crops.used_clips == ("a",)


def test_a_choice_of_crops_keeps_files_and_clips_together(tmp_path: Path) -> None:
    for clip in ("a", "b", "c"):
        for frame in (1, 2):
            save(tmp_path / clip / f"{frame:05d}.jpg", (9, 9, 9))
    crops = list_crops(tmp_path, ["a", "b", "c"])
    chosen = crops.select(np.array([False, False, True, False, False, True]))
    assert [(crop.clip, crop.frame, crop.path) for crop in chosen] == [
        ("b", 0, tmp_path / "b" / "00001.jpg"),
        ("c", 1, tmp_path / "c" / "00002.jpg"),
    ]
    assert chosen.used_clips == ("b", "c")
    assert crops_digest(chosen) != crops_digest(crops)


def test_a_digest_knows_a_file_that_was_replaced(tmp_path: Path) -> None:
    save(tmp_path / "a" / "00001.jpg", (9, 9, 9))
    before = crops_digest(list_crops(tmp_path, ["a"]))
    assert crops_digest(list_crops(tmp_path, ["a"])) == before
    save(tmp_path / "a" / "00001.jpg", (9, 9, 9), pixels=80)
    assert crops_digest(list_crops(tmp_path, ["a"])) != before


def test_nothing_read_is_no_picture_of_the_right_shape(tmp_path: Path) -> None:
    save(tmp_path / "a" / "00001.jpg", (9, 9, 9))
    assert CropReader(list_crops(tmp_path, ["a"]), 20).read([]).shape == (0, 20, 20, 3)


def test_pictures_that_fit_are_read_once_and_others_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "a" / "00001.jpg", (9, 9, 9))
    read: list[Path] = []
    monkeypatch.setattr(
        "vatrace.datasets.crops.read_picture", lambda path, pixels: read.append(path) or np.zeros((pixels, pixels, 3))
    )
    keeps = CropReader(list_crops(tmp_path, ["a"]), 20)
    monkeypatch.setattr("vatrace.datasets.crops._CACHE_BYTES", 20 * 20 * 3 - 1)
    forgets = CropReader(list_crops(tmp_path, ["a"]), 20)
    for reader, times in ((keeps, 1), (forgets, 3)):
        read.clear()
        for _ in range(3):
            reader.read([0])
        assert len(read) == times


def test_no_crops_says_what_makes_some(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match=r"no crops of 1 clips under .*`vatrace crops` makes them"):
        list_crops(tmp_path, ["a"])


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "00001.jpg").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"00001\.jpg is no picture"):
        read_picture(tmp_path / "00001.jpg", 20)
