"""`vatrace doctor` as a person and a program meet it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.small_affwild2 import ANNOTATIONS, FRAMES, annotation, make_tree, write
from vatrace.cli import main
from vatrace.datasets.findings import KINDS
from vatrace.recipes.doctor import WIDTH, doctor


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "data", tmp_path)


def of_kind(report: dict[str, Any], kind: str) -> dict[str, Any]:
    (finding,) = [each for each in report["findings"] if each["kind"] == kind]
    return dict(finding)


def test_a_report_says_what_is_there_beside_what_is_known_and_ends_with_a_verdict(tree: Path) -> None:
    verdict = doctor(tree, workers=1)
    lines = verdict.text.splitlines()
    assert ["train", "annotations", "3", "356", "differs"] in [line.split() for line in lines]
    assert lines[-1] == "PASS: 1 kind of warning, 2 kinds of note"
    assert (verdict.passed, verdict.exit_code) == (True, 0)


def test_an_error_makes_the_exit_code_one_and_every_finding_says_what_will_be_done(tree: Path) -> None:
    (tree / "batch1" / "1.mp4").write_bytes(b"")
    (tree / "batch1" / "2.mp4").unlink()
    verdict = doctor(tree, workers=1)
    assert (verdict.passed, verdict.exit_code) == (False, 1)
    assert verdict.text.splitlines()[-1].startswith("ATTENTION: 2 kinds of error, ")
    said = " ".join(verdict.text.split())
    for kind in ("video-unreadable", "video-missing", "short-clips"):
        assert f"{KINDS[kind].severity}: {KINDS[kind].title}" in said
        assert f"-> {KINDS[kind].remedy}" in said


def test_the_first_few_are_shown_and_json_has_all(tree: Path) -> None:
    for number in range(20, 27):
        write(tree / ANNOTATIONS / "Train_Set" / f"{number}.txt", annotation(FRAMES))
    text = doctor(tree, workers=1).text
    assert "error: labelled clips without a video: 7" in text
    assert "and 4 more" in text
    verdict = doctor(tree, workers=1, json=True)
    report = json.loads(verdict.text)
    missing = of_kind(report, "video-missing")
    assert [case["name"] for case in missing["cases"]] == [str(number) for number in range(20, 27)]
    assert (missing["count"], missing["severity"], report["passed"], verdict.exit_code) == (7, "error", False, 1)
    assert {"group": "train", "thing": "annotations", "here": 10, "known": 356} in report["counts"]


def test_a_procedural_corpus_is_called_that_and_not_measured_by_the_release(tree: Path) -> None:
    write(tree / "corpus.json", "{}")
    text = doctor(tree, workers=1).text
    assert "a procedural corpus of drawn faces, no evidence about people" in " ".join(text.split())
    assert "ABAW-8" not in text
    assert "differ" not in text


def test_names_cannot_steer_the_terminal_and_lines_keep_to_the_width(tree: Path) -> None:
    hostile = "7\x1b[31m\n\u202epass [bold]" + "x" * 120
    write(tree / ANNOTATIONS / "Train_Set" / f"{hostile}.txt", "nothing")
    verdict = doctor(tree, workers=1)
    assert "7\\x1b[31m\\n\\u202epass [bold]" in verdict.text
    assert all(line.isprintable() for line in verdict.text.splitlines())
    assert max(map(len, verdict.text.splitlines())) <= WIDTH
    assert hostile in [
        case["name"] for case in of_kind(json.loads(doctor(tree, json=True).text), "video-missing")["cases"]
    ]


def test_decoding_is_only_done_when_asked_for(tree: Path) -> None:
    assert "--decode counts those" in doctor(tree, workers=1).text
    assert "--decode counts those" not in doctor(tree, workers=1, decode=True).text


def test_the_command_ends_with_the_verdicts_code(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", str(tree)]) == 0
    assert "PASS" in capsys.readouterr().out
    (tree / "batch1" / "1.mp4").unlink()
    assert main(["doctor", str(tree), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["passed"] is False
    assert main(["doctor", str(tmp_path / "nowhere")]) == 3
    assert "there is no folder" in capsys.readouterr().err
