"""A good submission passes; each damage done to it is found and named by its kind, and nothing else is."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from vatrace.datasets.submission_check import check_submission
from vatrace.datasets.submission_report import EXAMPLES, KINDS, Finding, SubmissionReport
from vatrace.errors import DatasetError, NothingFound

HEADER = "image_location,valence,arousal"
VIDEOS = {"10-60-1280x720": 7, "10-60-1280x720_right": 5, "video59_right": 9, "106": 4}
LOCATIONS = [f"{video}/{frame:05d}.jpg" for video, rows in VIDEOS.items() for frame in range(1, rows + 1)]
NUMBERS = ["1", "-1", "0.25", "-0.500000", "+0.125", "1e-3", ".5", "-0.0", "0.123456789012345"]  # all within [-1, 1]
ROWS = [
    f"{location},{NUMBERS[at % len(NUMBERS)]},{NUMBERS[(3 * at + 1) % len(NUMBERS)]}"
    for at, location in enumerate(LOCATIONS)
]
GOOD = [HEADER, *ROWS]  # so that GOOD[n] is line n + 1
FIRST_OF = {"10-60-1280x720": 1, "10-60-1280x720_right": 8, "video59_right": 13, "106": 22}  # index in GOOD

Damage = Callable[[list[str]], list[str] | str | bytes]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.txt"
    path.write_text("".join(f"{line}\n" for line in ["image_location,valence,arousal", *(f"{x},," for x in LOCATIONS)]))
    return path


def check(template: Path, submission: list[str] | str | bytes) -> SubmissionReport:
    if isinstance(submission, list):
        submission = "".join(f"{line}\n" for line in submission)
    path = template.with_name("submission.txt")
    path.write_bytes(submission.encode() if isinstance(submission, str) else submission)
    return check_submission(path, template)


def kinds(report: SubmissionReport) -> dict[str, int]:
    return {finding.kind: finding.count for finding in report.findings}


def only(report: SubmissionReport) -> Finding:
    (finding,) = report.findings
    return finding


def replaced(line: int, text: str) -> Damage:
    return lambda good: [*good[:line], text, *good[line + 1 :]]


def test_a_good_submission_passes_without_a_finding(template: Path) -> None:
    report = check(template, GOOD)
    assert report == SubmissionReport(findings=(), rows=25, videos=4, expected_rows=25, expected_videos=4)
    assert report.passed


DAMAGES: dict[str, tuple[Damage, dict[str, int]]] = {
    "empty file": (lambda _: b"", {"empty": 1}),
    "zero bytes": (lambda good: "\n".join(good).encode() + b"\n\0\0\0\n", {"not-text": 1}),
    "compressed": (lambda good: gzip.compress("\n".join(good).encode()), {"not-text": 1}),
    "UTF-16": (lambda good: ("\n".join(good) + "\n").encode("utf-16"), {"encoding": 1}),
    "UTF-16 without a mark": (lambda good: ("\n".join(good) + "\n").encode("utf-16-le"), {"not-text": 1}),
    "byte-order mark": (lambda good: ("\n".join(good) + "\n").encode("utf-8-sig"), {"byte-order-mark": 1}),
    "Windows line ends": (lambda good: "\r\n".join(good) + "\r\n", {"windows-line-ends": 26}),
    "old Mac line ends": (lambda good: "\r".join(good) + "\r", {"line-ends": 1}),
    "one lone carriage return": (
        lambda good: "\n".join(good[:3]) + "\r" + "\n".join(good[3:]) + "\n",
        {"line-ends": 1, "field-count": 1, "missing-row": 1},
    ),
    "no last newline": (lambda good: "\n".join(good), {"no-last-newline": 1}),
    "one endless line": (lambda good: [good[0], "x" * 5000, *good[1:]], {"line-too-long": 1}),
    "semicolons": (lambda good: [line.replace(",", ";") for line in good], {"delimiter": 1}),
    "tabs": (lambda good: [line.replace(",", "\t") for line in good], {"delimiter": 1}),
    "no header": (lambda good: good[1:], {"header": 1}),
    "another header": (replaced(0, "image,valence,arousal"), {"header": 1}),
    "a space in the header": (replaced(0, "image_location, valence, arousal"), {"header": 1}),
    "columns swapped": (replaced(0, "image_location,arousal,valence"), {"swapped-columns": 1}),
    "blank line in the middle": (lambda good: [*good[:9], "", *good[9:]], {"blank-line": 1}),
    "blank lines at the end": (lambda good: [*good, "", " "], {"blank-line": 2}),
    "a field less": (replaced(3, GOOD[3].rpartition(",")[0]), {"field-count": 1}),
    "a field more": (replaced(3, GOOD[3] + ",0.5"), {"field-count": 1}),
    "a row missing": (lambda good: [*good[:14], *good[15:]], {"missing-row": 1}),
    "a first row missing": (lambda good: [*good[:1], *good[2:]], {"missing-row": 1}),
    "a video missing": (
        lambda good: [line for line in good if not line.startswith("video59_right/")],
        {"missing-video": 1},
    ),
    "a video cut": (lambda good: [*good[:17], *good[22:]], {"truncated-video": 1}),
    "the file cut": (lambda good: good[:10], {"truncated-video": 1, "missing-video": 2}),
    "a row more": (lambda good: [*good[:8], "10-60-1280x720/00008.jpg,0.1,0.1", *good[8:]], {"extra-row": 1}),
    "a row without a video": (lambda good: [*good, ",0.1,0.1"], {"extra-row": 1}),
    "a video more": (
        lambda good: [*good, *(f"video60/{frame:05d}.jpg,0.{frame},0" for frame in range(1, 4))],
        {"extra-video": 1},
    ),
    "a row twice": (lambda good: [*good[:5], *good[4:]], {"duplicate-row": 1}),
    "a video twice": (lambda good: [*good, *good[22:]], {"duplicate-row": 4}),
    "two rows swapped": (lambda good: [*good[:4], good[5], good[4], *good[6:]], {"out-of-order": 1}),
    "two videos swapped": (lambda good: [good[0], *good[8:13], *good[1:8], *good[13:]], {"out-of-order": 1}),
    "backwards": (lambda good: [good[0], *reversed(good[1:])], {"out-of-order": 24}),
    "words": (replaced(4, f"{LOCATIONS[3]},happy,0.5"), {"not-a-number": 1}),
    "no value": (replaced(4, f"{LOCATIONS[3]},,"), {"not-a-number": 1}),
    "a number only Python reads": (replaced(4, f"{LOCATIONS[3]},0.1_5,0.5"), {"not-a-number": 1}),
    "NaN": (replaced(4, f"{LOCATIONS[3]},nan,0.5"), {"nan": 1}),
    "NaN twice in a row": (replaced(4, f"{LOCATIONS[3]},NaN,NaN"), {"nan": 1}),
    "infinite": (replaced(4, f"{LOCATIONS[3]},0.5,-inf"), {"infinite": 1}),
    "too large for a float": (replaced(4, f"{LOCATIONS[3]},1e999,0"), {"infinite": 1}),
    "-5": (replaced(4, f"{LOCATIONS[3]},-5,-5"), {"unlabelled-marker": 1}),
    "-5 with decimals": (replaced(4, f"{LOCATIONS[3]},-5.000,0.1"), {"unlabelled-marker": 1}),
    "out of range": (replaced(4, f"{LOCATIONS[3]},1.000001,0.1"), {"out-of-range": 1}),
    "two kinds in a row": (replaced(4, f"{LOCATIONS[3]},-5,nan"), {"unlabelled-marker": 1, "nan": 1}),
    "constant valence": (
        lambda good: [*good[:22], *(f"106/{n:05d}.jpg,0,0.{n}" for n in range(1, 5))],
        {"constant-video": 1},
    ),
    "both constant": (lambda good: [*good[:22], *(f"106/{n:05d}.jpg,0,0" for n in range(1, 5))], {"constant-video": 2}),
    "spaces": (replaced(4, GOOD[4].replace(",", ", ")), {"spaces": 1}),
    "a space after the location": (replaced(4, GOOD[4].replace(",", " ,", 1)), {"wrong-name": 1}),
    "backslash": (replaced(4, GOOD[4].replace("/", "\\")), {"wrong-name": 1}),
    "all backslashes": (lambda good: [line.replace("/", "\\") for line in good], {"wrong-name": 25}),
    "no padding": (replaced(4, GOOD[4].replace("/0000", "/")), {"wrong-name": 1}),
    "png": (replaced(4, GOOD[4].replace(".jpg", ".png")), {"wrong-name": 1}),
    "a folder in front": (replaced(4, "cropped_aligned/" + GOOD[4]), {"wrong-name": 1}),
    "quotes": (replaced(4, '"' + GOOD[4].replace(",", '",', 1)), {"wrong-name": 1}),
    "Latin-1": (
        lambda good: ("\n".join([*good, "vidéo/00001.jpg,0,0"]) + "\n").encode("latin-1"),
        {"encoding": 1, "extra-video": 1},
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_found_and_named_and_nothing_else_is(template: Path, name: str) -> None:
    damage, expected = DAMAGES[name]
    report = check(template, damage(GOOD))
    assert kinds(report) == expected
    assert report.passed == all(KINDS[kind][0] == "warning" for kind in expected)


def test_every_kind_of_finding_has_a_damage_that_gives_it() -> None:
    assert {kind for _, expected in DAMAGES.values() for kind in expected} == set(KINDS) - {"frozen-tail"}


def test_a_video_that_ends_in_a_hundred_rows_of_one_value_is_pointed_out(tmp_path: Path) -> None:
    locations = [f"7/{frame:05d}.jpg" for frame in range(1, 251)]
    template = tmp_path / "template.txt"
    template.write_text("\n".join([HEADER, *(f"{each}," for each in locations)]) + "\n")
    for still, expected in ((99, {}), (100, {"frozen-tail": 1})):
        moving = [f"{each},0.{n:03d},0.5" for n, each in enumerate(locations[: 250 - still])]
        report = check(template, [HEADER, *moving, *(f"{each},0.9,0.1" for each in locations[250 - still :])])
        assert kinds(report) == expected
        assert report.passed


def test_a_finding_says_where_what_and_what_was_expected(template: Path) -> None:
    (example,) = only(check(template, replaced(14, f"{LOCATIONS[13]},-5,-5")(GOOD))).examples
    assert (example.line, example.video) == (15, "video59_right")
    assert (example.found, example.expected) == ("'-5 and -5'", "a number in [-1, 1]")
    (example,) = only(check(template, [line.replace("106/", "106\\") for line in GOOD])).examples[:1]
    assert (example.found, example.expected) == (r"'106\\00001.jpg'", "'106/00001.jpg'")


def test_a_missing_video_is_one_finding_with_its_number_of_rows(template: Path) -> None:
    (example,) = only(check(template, [*GOOD[:13], *GOOD[22:]])).examples
    assert (example.video, example.found, example.expected) == ("video59_right", "no row", "9 rows")


def test_a_cut_video_says_how_many_of_how_many_rows_are_missing(template: Path) -> None:
    (example,) = only(check(template, [*GOOD[:17], *GOOD[22:]])).examples
    assert (example.video, example.found, example.expected) == (
        "video59_right",
        "the last 5 are missing",
        "9 rows",
    )


def test_the_first_few_are_shown_and_all_are_counted(template: Path) -> None:
    finding = only(check(template, [GOOD[0], *(f"{location},7,7" for location in LOCATIONS)]))
    assert finding.count == 25
    assert [example.line for example in finding.examples] == list(range(2, 2 + EXAMPLES))


def test_a_left_out_header_does_not_hide_what_else_is_wrong(template: Path) -> None:
    assert kinds(check(template, [*GOOD[1:4], *GOOD[5:]])) == {"header": 1, "missing-row": 1}


def test_errors_come_before_warnings(template: Path) -> None:
    damaged = replaced(4, f"{LOCATIONS[3]},9,0.5")([GOOD[0], *(line.replace(",", ", ") for line in ROWS)])
    assert [finding.severity for finding in check(template, damaged).findings] == ["error", "warning"]


def test_what_a_terminal_would_obey_is_shown_escaped(template: Path) -> None:
    (example,) = only(check(template, [*GOOD, "\x1b[2Jx/00001.jpg,0,0"])).examples
    assert "\x1b" not in example.video + example.found


def test_a_file_that_is_not_there_is_no_finding(template: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match=r"none\.txt"):
        check_submission(tmp_path / "none.txt", template)
    with pytest.raises(DatasetError, match="no template"):
        check_submission(template, Path(__file__))


NUMBER = st.floats(-1, 1).map(lambda number: f"{number:.6f}")
BAD_NUMBER = st.floats().filter(lambda number: not -1 <= number <= 1).map(repr)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\n,"), max_size=8)


def is_prediction(text: str) -> bool:
    """A number in [-1, 1] as the format has it; the code under test does not go by this expression."""
    is_number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.ASCII | re.IGNORECASE)
    return is_number is not None and abs(float(text)) <= 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    at=st.integers(1, 25),
    change=st.sampled_from(["valence", "arousal", "location", "drop", "repeat", "move"]),
    text=TEXT | BAD_NUMBER | NUMBER,
    to=st.integers(1, 25),
)
def test_any_single_change_of_a_row_that_is_no_prediction_is_found(
    template: Path, at: int, change: str, text: str, to: int
) -> None:
    location, valence, arousal = GOOD[at].split(",")
    changed = list(GOOD)
    if change in ("valence", "arousal"):
        assume(not is_prediction(text))
        changed[at] = f"{location},{text},{arousal}" if change == "valence" else f"{location},{valence},{text}"
    elif change == "location":
        assume(text != location)
        changed[at] = f"{text},{valence},{arousal}"
    elif change == "drop":
        del changed[at]
    elif change == "repeat":
        changed.insert(to, changed[at])
    else:
        assume(to != at)
        changed.insert(to, changed.pop(at))
    assert check(template, changed).findings


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(values=st.lists(st.tuples(NUMBER, NUMBER), min_size=25, max_size=25))
def test_any_numbers_in_range_pass(template: Path, values: list[tuple[str, str]]) -> None:
    rows = [f"{location},{v},{a}" for location, (v, a) in zip(LOCATIONS, values, strict=True)]
    report = check(template, [HEADER, *rows])
    assert report.passed
    assert set(kinds(report)) <= {"constant-video"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(content=st.binary(max_size=300))
def test_no_bytes_whatever_make_the_check_fail_or_pass(template: Path, content: bytes) -> None:
    assert not check(template, content).passed
