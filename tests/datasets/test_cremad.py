"""Perceived valence and arousal are what the votes say, and only films that were really fetched are taken."""

from __future__ import annotations

import csv
import hashlib
import math
from pathlib import Path

import pytest

from tests.datasets.cremad_table import vote_line, write_votes
from vatrace.datasets.cremad import (
    CIRCUMPLEX,
    RATERS,
    check_media,
    divide_actors,
    find_media,
    is_pointer,
    perceive,
    read_checksums,
    read_name,
    read_votes,
)
from vatrace.errors import DatasetError, NothingFound

TABLES = Path(__file__).parents[2] / ".." / "shared" / "cremad"
published = pytest.mark.skipif(not TABLES.is_dir(), reason="the tables of CREMA-D are not beside this checkout")
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:10dc3fd1\nsize 265922\n"


@published
def test_all_published_votes_give_the_known_soft_values() -> None:
    perceived = read_votes(TABLES / "tabulatedVotes.csv")
    with (TABLES / "soft_va_all7442.csv").open(newline="") as file:
        known = {row["file"]: row for row in csv.DictReader(file)}
    assert perceived.keys() == known.keys()
    assert len(known) == 7442
    for clip, row in known.items():
        name = read_name(clip)
        assert (name.actor, name.emotion, name.level) == (row["speaker"], row["label"], row["intensity"])
        for raters, column in zip(RATERS, ("voice", "face", "av"), strict=True):
            values = perceived[clip][raters]
            assert abs(values.valence - float(row[f"valence_{column}"])) <= 1e-4
            assert abs(values.arousal - float(row[f"arousal_{column}"])) <= 1e-4
            assert abs(values.entropy - float(row[f"entropy_{column}"])) <= 1e-4
            assert values.num_raters == float(row[f"numResponses_{column}"])


@published
def test_the_published_list_of_files_has_each_film_once() -> None:
    checksums = read_checksums(TABLES / "lfs_manifest.csv")
    films = {name: value for name, value in checksums.items() if name.endswith(".flv")}
    assert len(films) == 7442
    assert {len(value) for value in films.values()} == {64}
    assert films["1001_DFA_ANG_XX.flv"].startswith("10dc3fd1f2bc")


@published
def test_the_91_actors_are_divided_63_14_14_and_each_has_at_least_50_clips() -> None:
    clips = read_votes(TABLES / "tabulatedVotes.csv")
    actors = [read_name(clip).actor for clip in clips]
    splits = list(divide_actors(set(actors)).values())
    assert [splits.count(split) for split in ("train", "validation", "test")] == [63, 14, 14]
    assert min(actors.count(actor) for actor in set(actors)) >= 50


def test_votes_weigh_points_by_share_and_intensity() -> None:
    # 6 of 8 say happy at 40, 2 say sad at 90: .75 x .4 = .3 of happy and .25 x .9 = .225 of sad
    values = perceive({"A": 0, "H": 6, "S": 2}, {"A": -1, "H": 40, "S": 90})
    assert values.valence == pytest.approx(0.3 * 0.76 - 0.225 * 0.63)
    assert values.arousal == pytest.approx(0.3 * 0.48 - 0.225 * 0.27)
    assert values.entropy == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert values.num_raters == 8


@pytest.mark.parametrize(("emotion", "point"), CIRCUMPLEX.items())
def test_raters_who_all_agree_at_full_intensity_give_the_point_itself(emotion: str, point: tuple[float, float]) -> None:
    values = perceive({emotion: 9}, {emotion: 100})
    assert (values.valence, values.arousal) == pytest.approx(point)
    assert math.copysign(1, values.entropy) == 1  # no -0.0 in a table
    assert values.entropy == 0


def test_raters_of_six_minds_are_log_six_nats_apart() -> None:
    assert perceive(dict.fromkeys("ADFHNS", 2), dict.fromkeys("ADFHNS", 50)).entropy == pytest.approx(math.log(6))


def test_each_kind_of_raters_is_read_by_the_number_of_its_row(tmp_path: Path) -> None:
    clip = "1001_IEO_HAP_LO"
    table = write_votes(
        tmp_path / "votes.csv",
        vote_line(clip, "voice", {"N": (10, 60)}, 7442),
        vote_line(clip, "face", {"H": (5, 100), "N": (5, 100)}, 1),
        vote_line(clip, "audio-visual", {"A": (4, 50)}, 99_999),
    )
    perceived = read_votes(table)[clip]
    assert [perceived[raters].num_raters for raters in ("voice", "face", "audio-visual")] == [10, 10, 4]
    assert perceived["voice"].valence == perceived["voice"].arousal == 0
    assert perceived["face"].valence == pytest.approx(0.38)
    assert perceived["audio-visual"].arousal == pytest.approx(0.295)


def test_a_row_without_votes_is_left_out_and_not_a_zero(tmp_path: Path) -> None:
    table = write_votes(
        tmp_path / "votes.csv",
        vote_line("1001_IEO_HAP_LO", "voice", {}),
        vote_line("1001_IEO_HAP_LO", "face", {"N": (3, 20)}),
    )
    assert list(read_votes(table)["1001_IEO_HAP_LO"]) == ["face"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (vote_line("1001_IEO_HAP_LO", "voice", {"H": (3, -1)}), "3 votes for Happy, but an intensity of -1"),
        (vote_line("1001_IEO_HAP_LO", "voice", {"H": (3, 101)}), "intensity of 101"),
        (vote_line("1001_IEO_HAP_LO", "voice", {"H": (3, 9), "S": (0, 40)}), "0 votes for Sad, but an intensity of 40"),
        (vote_line("1001_IEO_HAP_LO", "voice", {"H": (-3, 9), "S": (4, 40)}), "1 responses, but votes"),
        (vote_line("1001_IEO_HAP_LO", "voice", {"H": (3, 9)}).replace('",3,0.5', '",4,0.5'), "4 responses, but votes"),
        (vote_line("1001_IEO_HAP_LO", "voice", {"H": (3, 9)}).replace("100001", "400001"), "got 400001"),
        (vote_line("holiday", "voice", {"H": (3, 9)}), "holiday is no name of a CREMA-D clip"),
        (vote_line("1001_IEO_HAP_LO", "face", {"H": (1, 9)}), "a second row of face raters"),
        (vote_line("1001_IEO_HAP_LO", "voice", {"H": (3, 9)}).replace(",9,", ",strong,"), "strong"),
    ],
)
def test_a_row_that_cannot_be_is_named_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    good = vote_line("1001_IEO_HAP_LO", "face", {"H": (3, 9)})
    with pytest.raises(DatasetError, match=rf"votes\.csv, line 3: .*{message}"):
        read_votes(write_votes(tmp_path / "votes.csv", good, line))


def test_another_table_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "summaryTable.csv").write_text("FileName,VoiceVote\n1001_IEO_HAP_LO,N\n")
    with pytest.raises(DatasetError, match=r"summaryTable\.csv has no column fileName, numResponses, A, D"):
        read_votes(tmp_path / "summaryTable.csv")
    with pytest.raises(DatasetError, match="has no row"):
        read_votes(write_votes(tmp_path / "votes.csv"))
    with pytest.raises(NothingFound, match="there is no file"):
        read_votes(tmp_path / "gone.csv")


def test_films_are_found_in_the_clone_or_beside_each_other_and_flash_goes_first(tmp_path: Path) -> None:
    for path in (
        "VideoFlash/a.flv",
        "b.FLV",
        "VideoFlash/c.mp4",
        "mp4/a.mp4",
        "AudioWAV/d.wav",
        "._b.flv",
        "x/y/e.flv",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = {clip: path.relative_to(tmp_path).as_posix() for clip, path in find_media(tmp_path).items()}
    assert found == {"a": "VideoFlash/a.flv", "b": "b.FLV", "c": "VideoFlash/c.mp4"}


def test_two_films_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.flv").touch()
    with pytest.raises(DatasetError, match=r"one/a\.flv and .*two/a\.flv have one name"):
        find_media(tmp_path)


def test_a_folder_without_films_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(NothingFound, match="VideoFlash"):
        find_media(tmp_path)
    with pytest.raises(NothingFound, match="there is no folder"):
        find_media(tmp_path / "gone")


def test_a_pointer_is_told_from_a_film(tmp_path: Path) -> None:
    path = tmp_path / "a.flv"
    path.write_bytes(b"FLV\x01" + POINTER.encode())
    check_media(path)
    path.write_text(POINTER)
    assert is_pointer(path)
    with pytest.raises(DatasetError, match=r"a\.flv is a git-lfs pointer and not the film; run `git lfs pull`"):
        check_media(path)


def test_a_film_with_another_sha256_or_none_on_the_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.flv"
    path.write_bytes(b"FLV\x01")
    right = hashlib.sha256(b"FLV\x01").hexdigest()
    table = tmp_path / "list.csv"
    table.write_text(f"path,sha256,size\nVideoFlash/a.flv,{right.upper()},4\n")
    check_media(path, read_checksums(table))
    path.write_bytes(b"FLV\x02")
    with pytest.raises(DatasetError, match=f"damaged or another file: .* not with {right[:12]}"):
        check_media(path, read_checksums(table))
    with pytest.raises(DatasetError, match=r"the list of checksums has no a\.flv"):
        check_media(path, {})


def test_actors_are_divided_by_seed_alone_and_never_by_the_order_they_come_in() -> None:
    actors = [str(1000 + number) for number in range(1, 92)]
    made = divide_actors(actors, 3)
    assert divide_actors(actors[::-1], 3) == divide_actors(set(actors), 3) == made
    assert divide_actors(actors, 4) != made
    assert sorted(made) == actors


def test_three_actors_are_enough_for_three_roles_and_two_are_not() -> None:
    assert sorted(divide_actors(["1001", "1002", "1003"]).values()) == ["test", "train", "validation"]
    with pytest.raises(DatasetError, match="three actors or more, got 2"):
        divide_actors(["1001", "1002"])
