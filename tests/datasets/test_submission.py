from io import BytesIO
from pathlib import Path

import pytest

from vatrace.datasets.submission import frame_of, read_lines, read_template, submission_row, video_of
from vatrace.errors import DatasetError, NothingFound


@pytest.mark.parametrize(
    "text",
    [
        b"image_location\na/00001.jpg\nb/00001.jpg\n",
        b"image_location,valence,arousal\na/00001.jpg,,\nb/00001.jpg,0,-5\n",
        b"\xef\xbb\xbfimage_location,valence,arousal\r\na/00001.jpg,0.1,0.2\r\nb/00001.jpg,x,y\r\n\r\n",
        b"image_location\na/00001.jpg\nb/00001.jpg",
    ],
)
def test_only_the_first_column_of_a_template_counts(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "t.txt").write_bytes(text)
    assert read_template(tmp_path / "t.txt").positions == {b"a/00001.jpg": 0, b"b/00001.jpg": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "must begin with 'image_location', got ''"),
        (b"a/00001.jpg,0,0\n", "got 'a/00001.jpg,0,0'"),
        (b"image_location\n", "has no rows"),
        (b"image_location\na/00001.jpg\na/00001.jpg\n", "line 3: 'a/00001.jpg' is there twice"),
    ],
)
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "t.txt").write_bytes(text)
    with pytest.raises(DatasetError, match=said):
        read_template(tmp_path / "t.txt")


def test_a_template_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match=r"none\.txt"):
        read_template(tmp_path / "none.txt")


def test_lines_are_whole_across_blocks_and_an_endless_one_ends_the_file() -> None:
    lines = [b"%07d" % number for number in range(300_000)]  # 2.4 MB, and the block ends within a line
    assert list(read_lines(BytesIO(b"\n".join(lines)))) == lines
    assert list(read_lines(BytesIO(b"a\n\nb\n"))) == [b"a", b"", b"b"]
    head, long = read_lines(BytesIO(b"head\n" + b"x" * 9_000_000 + b"\nrest\n"))
    assert head == b"head"
    assert len(long) < 3_000_000


def test_a_location_gives_its_video_and_its_frame_from_zero() -> None:
    assert (video_of(b"10-60-1280x720_right/00001.jpg"), frame_of(b"10-60-1280x720_right/00001.jpg")) == (
        "10-60-1280x720_right",
        0,
    )
    assert frame_of(b"video2/123456.jpg") == 123455
    assert video_of(b"00001.jpg") == ""
    assert video_of(b"\x1b[2Jx/00001.jpg") == repr("\x1b[2Jx")  # nothing that a terminal would obey


@pytest.mark.parametrize("location", [b"a/00000.jpg", b"a/x.jpg", b"a/-0001.jpg", b"00001.jpg", b"a/00001"])
def test_a_location_without_a_frame_number_from_one_is_refused(location: bytes) -> None:
    with pytest.raises(DatasetError, match="frame from 1"):
        frame_of(location)


def test_a_row_has_six_decimals_and_no_negative_zero() -> None:
    assert submission_row(b"a/00001.jpg", 0.12345678, -1e-9) == b"a/00001.jpg,0.123457,0.000000\n"
