"""The command line as a person, a shell script and a batch job meet it."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.conftest import Demo
from vatrace.cli import COMMANDS, main
from vatrace.media.encode import write_video

VATRACE = [sys.executable, "-m", "vatrace"]


def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*VATRACE, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)  # type: ignore[call-overload, no-any-return]


def predict(small_demo: Demo, *arguments: str | Path) -> int:
    """In this process, which has torch loaded already."""
    return main(["predict", *map(str, arguments), "--model", str(small_demo.model)])


@pytest.fixture
def clip(small_demo: Demo, tmp_path: Path) -> Path:
    return Path(shutil.copy(small_demo.folder / "new_clip.mp4", tmp_path / "clip.mp4"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; from vatrace.cli import main; main(['--help']); "
        "print(sorted({n.split('.')[0] for n in sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    for heavy in ("torch", "numpy", "cv2", "av", "timm", "onnxruntime", "matplotlib", "rich", "jsonargparse"):
        assert f"'{heavy}'" not in loaded


@pytest.mark.parametrize("command", COMMANDS)
def test_each_commands_help_has_an_example_and_loads_nothing_heavy(command: str) -> None:
    script = (
        "import sys\nfrom vatrace.cli import main\n"
        f"try: main([*{command.split()!r}, '--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "print(sorted({n.split('.')[0] for n in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert f"Example: vatrace {command}" in done.stdout
    for heavy in ("torch", "cv2", "av", "timm", "onnxruntime", "matplotlib"):
        assert f"'{heavy}'" not in done.stderr


def test_the_help_fits_on_a_screen_and_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= 40
    assert all(f"  {name} " in text for name in COMMANDS)


def test_no_command_and_a_misspelt_one_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["predcit"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Did you mean 'predict'?" in said.err


def test_a_command_of_two_words_is_found_by_its_first_and_told_from_a_misspelt_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["submission", "--help"]) == 0
    told = capsys.readouterr().out
    assert main(["submission"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", told)
    assert [line.split()[:2] for line in told.splitlines() if line.startswith("  ")] == [
        ["submission", "make"],
        ["submission", "check"],
    ]
    assert main(["submission", "chek", "file.txt"]) == 2
    assert main(["submision", "check"]) == 2
    assert main(["check"]) == 2
    first, second, third = capsys.readouterr().err.splitlines()
    assert "no command 'submission chek'. Did you mean 'submission check'?" in first
    assert "no command 'submision'. Did you mean 'submission'?" in second
    assert "no command 'check'." in third
    with pytest.raises(SystemExit) as stop:
        main(["submission", "check", "--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith("usage: vatrace submission check ")


def test_under_torchrun_what_was_made_is_named_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        assert (
            main(["synth", str(tmp_path / rank), "--subjects", "3", "--clips-per-subject", "1", "--seconds", "0.1"])
            == 0
        )
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "0")]


def test_an_unknown_option_and_an_impossible_value_are_usage_errors(tmp_path: Path) -> None:
    assert run("synth", tmp_path / "c", "--subject", "3").returncode == 2
    done = run("synth", tmp_path / "c", "--subjects", "1")
    assert done.returncode == 2
    assert "--subjects must be 3 or more" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "c").exists()


def test_data_go_to_stdout_and_talk_to_stderr_without_colours(small_demo: Demo, clip: Path, tmp_path: Path) -> None:
    done = run("predict", clip, "--model", small_demo.model, "--out", "-", cwd=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    head = "frame,time,person,valence,arousal,face,voice,face_score,gate_face,gate_voice,"
    assert lines[0] == head + "face_left,face_top,face_right,face_bottom"
    assert len(lines) == 176
    assert "drawn faces" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_reader_that_goes_away_is_no_error(small_demo: Demo, clip: Path) -> None:
    command = [*VATRACE, "predict", str(clip), "--model", str(small_demo.model), "--out", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()  # before anything was written
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_somebody_elses_file_is_not_overwritten(
    small_demo: Demo, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clip.csv").write_text("my own notes")
    assert predict(small_demo, clip, "--out", tmp_path) == 1
    assert "was not written by vatrace" in capsys.readouterr().err
    assert (tmp_path / "clip.csv").read_text() == "my own notes"


def test_a_folder_that_is_a_file_ends_in_a_sentence(
    small_demo: Demo, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    assert predict(small_demo, clip, "--out", tmp_path / "taken") == 1
    said = capsys.readouterr().err
    assert "taken" in said
    assert "Traceback" not in said


def test_predicting_twice_does_the_work_once_and_gives_the_same_bytes(
    small_demo: Demo, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(small_demo, clip, "--out", tmp_path / "a") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'a' / 'clip.csv'}\n"
    assert predict(small_demo, clip, "--out", tmp_path / "a") == 0
    assert "up to date" in capsys.readouterr().err
    assert predict(small_demo, clip, "--out", tmp_path / "b") == 0
    for name in ("clip.csv", "clip.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / "clip.csv").read_bytes() == (small_demo.folder / "trace.csv").read_bytes()
    facts = json.loads((tmp_path / "a" / "clip.json").read_text())
    assert facts["frames"] == 175
    assert "drawn faces" in facts["model_remark"]


def test_a_batch_goes_on_past_bad_files_and_names_them(
    small_demo: Demo, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a_text.mp4").write_text("this is no video")
    (tmp_path / "b_empty.mp4").touch()
    (tmp_path / "notes.txt").write_text("not a video, and not meant to be one")
    assert predict(small_demo, tmp_path, tmp_path / "missing.mp4", "--out", tmp_path / "out") == 1
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'out' / 'clip.csv'}\n"
    for name in ("a_text.mp4", "b_empty.mp4", "missing.mp4"):
        assert sum(line.startswith("failed:") and name in line for line in said.err.splitlines()) == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"clip.csv", "clip.json", "summary.csv"}


def silent_or_blank(path: Path, *, face: Path | None, sound: bool, frames: int = 50) -> Path:
    """A clip made for one purpose.

    With the drawn face of another clip or a grey picture, with a tone or without sound.
    """
    pictures = [np.full((256, 256, 3), 90, np.uint8)] * frames
    if face is not None:
        with av.open(str(face)) as container:
            pictures = [
                frame.to_ndarray(format="rgb24")
                for _, frame in zip(range(frames), container.decode(video=0), strict=False)
            ]
    seconds = max(frames / 25, 0.5)
    tone = 0.2 * np.sin(2 * np.pi * 180 * np.arange(int(seconds * 16000)) / 16000).astype(np.float32)
    write_video(path, iter(pictures), size=(256, 256), fps=Fraction(25), waveform=tone if sound else None)
    return path


def test_a_clip_without_sound_gets_a_trace_that_says_so(
    small_demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = silent_or_blank(tmp_path / "silent.mp4", face=small_demo.folder / "new_clip.mp4", sound=False)
    assert predict(small_demo, path, "--out", tmp_path) == 0
    assert "the file has no sound" in capsys.readouterr().err
    rows = rows_of(tmp_path / "silent.csv")
    assert {row["voice"] for row in rows} == {"0"}
    assert all(row["valence"] for row in rows if row["face"] == "1")
    assert json.loads((tmp_path / "silent.json").read_text())["warnings"] == ["the file has no sound"]


def test_a_clip_without_a_face_rests_on_the_voice_and_says_so(
    small_demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = silent_or_blank(tmp_path / "faceless.mp4", face=None, sound=True)
    assert predict(small_demo, path, "--out", tmp_path) == 0
    assert "no face was found in any frame" in capsys.readouterr().err
    rows = rows_of(tmp_path / "faceless.csv")
    assert {row["face"] for row in rows} == {"0"}
    assert all(row["arousal"] for row in rows if row["voice"] == "1")


def test_a_clip_with_neither_has_a_table_without_values(
    small_demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = silent_or_blank(tmp_path / "nothing.mp4", face=None, sound=False)
    assert predict(small_demo, path, "--out", tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert "no face was found in any frame" in said
    assert "the file has no sound" in said
    assert "no value in 100% of the frames" in said
    rows = rows_of(tmp_path / "out" / "nothing.csv")
    assert len(rows) > 10
    assert {(row["valence"], row["arousal"], row["gate_face"]) for row in rows} == {("", "", "")}


def test_one_frame_is_enough(small_demo: Demo, tmp_path: Path) -> None:
    path = silent_or_blank(tmp_path / "one.mp4", face=small_demo.folder / "new_clip.mp4", sound=True, frames=1)
    assert predict(small_demo, path, "--out", tmp_path) == 0
    assert len(rows_of(tmp_path / "one.csv")) == 1


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("text", 1, "text.mp4"),
        ("empty", 1, "empty.mp4"),
        ("cut", 1, "cut.mp4"),
        ("missing", 3, "no such file"),
        ("empty folder", 3, "holds neither video nor sound"),
        ("no match", 3, "nothing matches"),
    ],
)
def test_bad_input_ends_in_a_sentence_an_exit_code_and_no_file(
    small_demo: Demo, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, code: int, said: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "text.mp4").write_text("this is no video")
    (folder / "empty.mp4").touch()
    (folder / "cut.mp4").write_bytes(clip.read_bytes()[:2000])  # the index at the end is gone
    (folder / "nothing").mkdir()
    given = {
        "text": folder / "text.mp4",
        "empty": folder / "empty.mp4",
        "cut": folder / "cut.mp4",
        "missing": folder / "missing.mp4",
        "empty folder": folder / "nothing",
        "no match": folder / "*.webm",
    }[kind]
    assert predict(small_demo, given, "--out", tmp_path / "out") == code
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_truncated_stream_gives_the_frames_that_are_there(small_demo: Demo, tmp_path: Path) -> None:
    whole = silent_or_blank(tmp_path / "whole.mkv", face=small_demo.folder / "new_clip.mp4", sound=True)
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert predict(small_demo, tmp_path / "cut.mkv", "--out", tmp_path) == 0
    assert 1 <= len(rows_of(tmp_path / "cut.csv")) < 50


def test_two_clips_of_one_name_do_not_overwrite_each_other(
    small_demo: Demo, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b").mkdir()
    other = shutil.copy(clip, tmp_path / "b" / "clip.mp4")
    assert predict(small_demo, clip, other, "--out", tmp_path / "out") == 0
    names = [f"{tmp_path.name}_clip.csv", "b_clip.csv"]
    assert capsys.readouterr().out.split() == [str(tmp_path / "out" / name) for name in names]


def test_a_model_that_is_not_there_is_named(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(clip), "--model", str(tmp_path / "mine"), "--out", str(tmp_path / "out")]) == 3
    assert str(tmp_path / "mine") in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_interrupted_command_exits_with_130_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*VATRACE, "synth", str(tmp_path / "c"), "--subjects", "6", "--seconds", "30", "--workers", "1"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not list((tmp_path / "c" / "videos").glob(".*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: the whole group
        said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "the same command goes on from there" in said
    assert "Traceback" not in said
    left = [path.name for path in (tmp_path / "c" / "videos").iterdir()]
    assert not [name for name in left if name.startswith(".")]


def test_grid_clips_get_one_row_a_frame_at_the_containers_times(
    small_demo: Demo, real_media: Path, tmp_path: Path
) -> None:
    clip = real_media / "grid" / "bbaf2n.mpg"
    assert predict(small_demo, clip, "--out", tmp_path) == 0
    rows = rows_of(tmp_path / "bbaf2n.csv")
    with av.open(str(clip)) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
    assert len(rows) == len(times) == 75
    assert np.abs(np.array([float(row["time"]) for row in rows]) - times).max() < 1e-3
    assert {row["face"] for row in rows} == {"1"}
