"""What doctor finds in the corpus that has every quirk; the corpus's own list says what must be found."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.diagnosing import cases, count, diagnosed, kinds
from tests.datasets.small_affwild2 import ANNOTATIONS
from vatrace.datasets.doctor import Diagnosis


def numbers(spans: list[list[int]]) -> set[int]:
    return {number for first, last in spans for number in range(first, last + 1)}


@pytest.fixture(scope="module")
def listed(quirks_corpus: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((quirks_corpus / "quirks.json").read_text("utf-8"))
    return about


@pytest.fixture(scope="module")
def quirks(quirks_corpus: Path) -> Diagnosis:
    return diagnosed(quirks_corpus)


def having(listed: dict[str, Any], quirk: str) -> set[str]:
    return next(set(each["clips"]) for each in listed["quirks"] if each["name"] == quirk)


def with_rows(listed: dict[str, Any]) -> dict[str, Any]:
    """All but the video that nobody labelled."""
    return {name: each for name, each in listed["clips"].items() if each["rows"] is not None}


def test_the_corpus_of_quirks_has_these_kinds_of_finding_and_no_other(quirks: Diagnosis) -> None:
    assert kinds(quirks) - {"constant-annotation"} == {
        *("unlabelled-rows", "short-clips", "two-people", "unaligned-crops", "unused-videos", "unused-crops"),
        *("off-by-one-or-two", "template-off-by-one-or-two", "frames-beyond-rows", "crops-beyond-rows"),
        *("crops-missing", "frames-without-crop", "crops-beyond-video"),
        *("odd-rate", "name-rate", "varying-rate", "silent", "late-sound"),
    }
    assert quirks.passed


def test_labels_that_never_change_are_named(quirks_corpus: Path, quirks: Diagnosis) -> None:
    expected = set()
    for path in (quirks_corpus / ANNOTATIONS).glob("*_Set/[!.]*.txt"):
        pairs = [line.split(",") for line in path.read_text().splitlines()[1:] if line != "-5,-5"]
        if any(len({float(pair[column]) for pair in pairs}) == 1 for column in (0, 1)):
            expected.add(path.stem)
    assert set(cases(quirks, "constant-annotation")) == expected


def test_counts_are_those_of_the_list(quirks: Diagnosis, listed: dict[str, Any]) -> None:
    for split in ("train", "validation"):
        clips = [each for each in listed["clips"].values() if each["split"] == split]
        rows, unlabelled = (
            sum(each["rows"] for each in clips),
            sum(len(numbers(each["unlabelled_rows"])) for each in clips),
        )
        assert count(quirks, split, "annotations") == len(clips)
        assert count(quirks, split, "rows") == rows
        assert count(quirks, split, "unlabelled") == unlabelled
        assert count(quirks, split, "labelled") == rows - unlabelled
    test = [each for each in listed["clips"].values() if each["split"] == "test"]
    assert count(quirks, "challenge test set", "clips") == len(test)
    assert count(quirks, "challenge test set", "rows of the template") == sum(each["rows"] for each in test)
    assert count(quirks, "videos", "files") == len(listed["videos"])
    assert count(quirks, "aligned crops", "pictures") == sum(each["num_crops"] for each in listed["clips"].values())
    assert count(quirks, "other crops", "clips") == len(having(listed, "unaligned_crops"))
    assert count(quirks, "expressions", "annotations") == len(having(listed, "expressions"))


def test_rows_that_are_not_labelled_are_counted_by_clip(quirks: Diagnosis, listed: dict[str, Any]) -> None:
    told = {name: case.amount for name, case in cases(quirks, "unlabelled-rows").items()}
    expected = {name: len(numbers(each["unlabelled_rows"])) for name, each in listed["clips"].items()}
    assert told == {name: number for name, number in expected.items() if number}


def test_labels_and_frames_that_differ_are_named_with_both_numbers(quirks: Diagnosis, listed: dict[str, Any]) -> None:
    for name, each in with_rows(listed).items():
        rows, frames, is_test = each["rows"], each["frames"], each["split"] == "test"
        if rows == frames:
            expected = set()
        elif abs(rows - frames) <= 2:
            expected = {"template-off-by-one-or-two" if is_test else "off-by-one-or-two"}
        else:
            expected = {"rows-beyond-video" if rows > frames else "frames-beyond-rows"}
        of_rows = ("off-by-one-or-two", "template-off-by-one-or-two", "rows-beyond-video", "frames-beyond-rows")
        assert {kind for kind in of_rows if name in cases(quirks, kind)} == expected
        for kind in expected:
            assert cases(quirks, kind)[name].detail == f"{rows} rows, {frames} frames"
    assert set(cases(quirks, "frames-beyond-rows")) == having(listed, "fewer_rows")


def test_crops_that_are_missing_or_too_many_are_counted(quirks: Diagnosis, listed: dict[str, Any]) -> None:
    expected = {}
    for name, each in with_rows(listed).items():
        absent = numbers(each["frames_without_crop"]) | numbers(each["frames_without_face"])
        labelled = set(range(1, min(each["rows"], each["frames"]) + 1)) - numbers(each["unlabelled_rows"])
        if each["split"] != "test" and each["crops"] and absent & labelled:
            expected[name] = len(absent & labelled)
    assert {name: case.amount for name, case in cases(quirks, "frames-without-crop").items()} == expected
    assert set(cases(quirks, "crops-missing")) == having(listed, "no_crop_folder")
    assert set(cases(quirks, "crops-beyond-video")) == having(listed, "extra_crop")
    assert set(cases(quirks, "crops-beyond-rows")) == having(listed, "fewer_rows")


def test_rates_and_sound_are_told_of_each_video(quirks: Diagnosis, listed: dict[str, Any]) -> None:
    rates = {name: each["fps"] for name, each in listed["videos"].items()}
    varying = {name for name, each in listed["videos"].items() if set(each["clips"]) & having(listed, "uneven_times")}
    steady = {name: Fraction(fps) for name, fps in rates.items() if name not in varying}
    assert set(cases(quirks, "varying-rate")) == varying
    assert set(cases(quirks, "odd-rate")) - varying == {
        name for name, fps in steady.items() if abs(fps / 30 - 1) > Fraction(1, 100)
    }
    wrong = having(listed, "wrong_fps_in_name")
    assert set(cases(quirks, "name-rate")) == {
        name for name, each in listed["videos"].items() if set(each["clips"]) & wrong
    }
    silent = {name for name, each in listed["videos"].items() if each["sound_start_seconds"] is None}
    late = {name for name, each in listed["videos"].items() if (each["sound_start_seconds"] or 0) > 0.1}
    assert set(cases(quirks, "silent")) == silent
    assert set(cases(quirks, "late-sound")) == late
    assert all("0.7" in case.detail or "0.6" in case.detail for case in cases(quirks, "late-sound").values())


def test_what_belongs_to_no_clip_and_who_shares_a_video(quirks: Diagnosis, listed: dict[str, Any]) -> None:
    assert set(cases(quirks, "unused-videos")) == having(listed, "orphan_video")
    assert set(cases(quirks, "unused-crops")) == having(listed, "orphan_crops")
    assert set(cases(quirks, "unaligned-crops")) == having(listed, "unaligned_crops")
    shared = {name for video in cases(quirks, "two-people").values() for name in video.detail.split(", ")}
    assert shared == having(listed, "two_suffixed") | having(listed, "main_and_suffixed")


def test_frames_counted_by_decoding_agree_with_what_good_containers_promise(
    quirks_corpus: Path, quirks: Diagnosis
) -> None:
    assert diagnosed(quirks_corpus, decode=True) == quirks


def test_nothing_is_written_into_the_folder(quirks_corpus: Path) -> None:
    def state() -> list[tuple[Path, int]]:
        return sorted((path, path.lstat().st_mtime_ns) for path in quirks_corpus.rglob("*"))

    before = state()
    diagnosed(quirks_corpus)
    assert state() == before
