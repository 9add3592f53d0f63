from pathlib import Path

import numpy as np
import pytest

from vatrace.datasets.crops import CropReader, encode_picture, list_crops, read_picture
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


def test_no_crops_says_what_makes_some(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match=r"no crops of 1 clips under .*`vatrace crops` makes them"):
        list_crops(tmp_path, ["a"])


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "00001.jpg").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"00001\.jpg is no picture"):
        read_picture(tmp_path / "00001.jpg", 20)
