"""`vatrace submission check` as a person and a script meet it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vatrace.cli import main

GOOD = "image_location,valence,arousal\na/00001.jpg,0.1,0.2\na/00002.jpg,0.3,0.1\nb/00001.jpg,0,0\n"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.txt"
    path.write_text("image_location\na/00001.jpg\na/00002.jpg\nb/00001.jpg\n")
    return path


def check(template: Path, text: str, *options: str) -> int:
    submission = template.with_name("submission.txt")
    submission.write_text(text)
    return main(["submission", "check", str(submission), "--template", str(template), *options])


def test_a_good_submission_passes_with_one_line(template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(template, GOOD) == 0
    assert capsys.readouterr().out == "PASS: 3 of 3 rows, 2 of 2 videos; 0 kind(s) of error, 0 of warning\n"


def test_a_warning_passes(template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(template, GOOD.replace("0.3", " 0.3")) == 0
    said = capsys.readouterr().out
    assert said.startswith("warning: spaces, 1 x: ")
    assert "PASS: 3 of 3 rows" in said.splitlines()[-1]


def test_what_is_wrong_is_said_with_its_place_and_the_last_line_says_fail(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(template, GOOD.replace("0.3,0.1", "-5,-5").replace("b/00001.jpg,0,0\n", "")) == 1
    assert capsys.readouterr().out.splitlines() == [
        "error: missing-video, 1 x: a video of the template has no row at all",
        "    video b: found no row, expected 1 rows",
        "error: unlabelled-marker, 1 x: a value is -5, which marks an unlabelled frame in annotations; it is no "
        "prediction",
        "    line 3, video a: found '-5 and -5', expected a number in [-1, 1]",
        "FAIL: 2 of 3 rows, 1 of 2 videos; 2 kind(s) of error, 0 of warning",
    ]


def test_more_than_the_first_few_are_counted(template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(template, GOOD + "a/00001.jpg,0,0\n" * 1007) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("error: duplicate-row, 1,007 x: ")
    assert said[6] == "    and 1,002 more"


def test_json_is_for_programs(template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(template, GOOD.replace("0.3", "nan"), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["passed"] is False
    assert (told["rows"], told["expected_rows"], told["videos"], told["expected_videos"]) == (3, 3, 2, 2)
    (finding,) = told["findings"]
    assert (finding["kind"], finding["severity"], finding["count"]) == ("nan", "error", 1)
    assert finding["examples"] == [
        {"line": 3, "video": "a", "found": "'valence nan'", "expected": "a number in [-1, 1]"}
    ]


def test_files_that_are_not_there_and_missing_options_have_their_own_exit_codes(
    template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submission", "check", str(tmp_path / "none.txt"), "--template", str(template)]) == 3
    assert main(["submission", "check", str(template), "--template", str(tmp_path / "none.txt")]) == 3
    assert capsys.readouterr().err.count("none.txt") == 2
    assert main(["submission", "check", str(template)]) == 2
    assert "--template must be given" in capsys.readouterr().err


def test_checking_loads_nothing_heavy(template: Path) -> None:
    submission = template.with_name("submission.txt")
    submission.write_text(GOOD)
    script = (
        "import sys; from vatrace.cli import main; "
        f"assert main(['submission', 'check', {str(submission)!r}, '--template', {str(template)!r}]) == 0; "
        "print(sorted({n.split('.')[0] for n in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for heavy in ("torch", "cv2", "av", "timm", "safetensors", "scipy", "matplotlib"):
        assert f"'{heavy}'" not in done.stderr
