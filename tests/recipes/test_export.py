"""`vatrace export`: from traces on disk to other files, by the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pympi.Elan import Eaf

from tests.media.clips import even_times, write_clip
from tests.report.traced_people import two_people
from vatrace.cli import main
from vatrace.errors import NothingFound
from vatrace.files import sha256_of
from vatrace.media.video import read_times
from vatrace.recipes.export import export
from vatrace.report.export import clip_csv_text


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder as `vatrace predict` leaves it, with the clip beside it in `films`."""
    (tmp_path / "films").mkdir()
    (tmp_path / "results").mkdir()
    video = write_clip(tmp_path / "films" / "talk.mp4", times=even_times(100))
    facts = {"clip": "talk.mp4", "clip_sha256": sha256_of(video), "model": "abc", "warnings": []}
    (tmp_path / "results" / "talk.csv").write_text(clip_csv_text(two_people(read_times(video))))
    (tmp_path / "results" / "talk.json").write_text(json.dumps(facts))
    (tmp_path / "results" / "summary.csv").write_text("clip,person,frames\ntalk,0,100\n")
    return tmp_path / "results"


def test_every_trace_of_a_folder_is_written_in_every_format(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(results), "--formats", "vtt, json,textgrid"]) == 0
    made = ["talk.TextGrid", "talk.trace.json", "talk.vtt"]
    assert sorted(path.name for path in results.iterdir()) == sorted([*made, "summary.csv", "talk.csv", "talk.json"])
    assert sorted(Path(line).name for line in capsys.readouterr().out.splitlines()) == made


def test_people_and_sidecar_go_with_the_trace(results: Path) -> None:
    export([str(results / "talk.csv")], formats="json")
    read = json.loads((results / "talk.trace.json").read_text())
    assert set(read["columns"]["person"]) == {0, 4}
    assert read["metadata"]["model"] == "abc"


def test_the_clip_is_found_in_the_folder_of_clips(results: Path, tmp_path: Path) -> None:
    result = export([str(results)], formats="overlay,eaf", videos=tmp_path / "films", out=tmp_path / "out")
    assert result.failed == ()
    np.testing.assert_allclose(read_times(tmp_path / "out" / "talk.overlay.mp4"), even_times(100), atol=1e-6)
    (link,) = Eaf(tmp_path / "out" / "talk.eaf").get_linked_files()
    assert link["RELATIVE_MEDIA_URL"] == "../films/talk.mp4"


def test_where_the_clip_is_needed_and_not_there_the_option_that_names_it_is_said(results: Path) -> None:
    result = export([str(results)], formats="vtt,overlay")
    ((_, error),) = result.failed
    assert str(error) == (
        f"overlay of {results / 'talk.csv'} cannot be made without the clip: talk.mp4 is not in {results}; "
        "name it, or its folder, with --videos."
    )


def test_a_page_without_the_clip_is_made_and_the_option_that_names_it_is_said(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(results), "--formats", "html"]) == 0
    assert "<video" not in (results / "talk.html").read_text("utf-8")
    assert "its page plays no clip: talk.mp4 is not in" in capsys.readouterr().err
    assert main(["export", str(results), "--formats", "html", "--videos", str(results.parent / "films")]) == 0
    assert "<video" in (results / "talk.html").read_text("utf-8")
    assert "--videos" not in capsys.readouterr().err


@pytest.mark.parametrize(("name", "suffix"), [("overlay", ".overlay.mp4"), ("html", ".html")])
def test_another_clip_of_the_same_name_is_refused(results: Path, tmp_path: Path, name: str, suffix: str) -> None:
    write_clip(tmp_path / "films" / "talk.mp4", times=even_times(99))
    result = export([str(results)], formats=name, videos=tmp_path / "films")
    assert "is not the file that this trace was made of" in str(result.failed[0][1])
    assert not (results / f"talk{suffix}").exists()


def test_a_sidecar_cannot_lead_out_of_the_folder(results: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (results / "talk.json").write_text(json.dumps({"clip": "../secret.mp4"}))
    export([str(results)], formats="html")
    assert "src=" not in (results / "talk.html").read_text("utf-8").split("<main>")[1].split('class="transport"')[0]


def test_a_bad_table_is_named_and_the_others_are_written(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = (results / "talk.csv").read_text().replace("0.000000", "soon", 1)
    (results / "bad.csv").write_text(broken)
    assert main(["export", str(results), "--formats", "vtt"]) == 1
    out, err = capsys.readouterr()
    assert "talk.vtt" in out
    assert "bad.csv, line 2: time is 'soon'" in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda text: text.replace(",0.040000,", ",,", 1).encode(), "bad.csv, line 3: time is missing"),
        (lambda text: text.replace(",0.080000,", ",inf,", 1).encode(), "bad.csv, line 4: time is inf"),
        (lambda text: text.replace(",0.080000,", ",0.010000,", 1).encode(), "bad.csv, line 4: time is 0.01"),
        (lambda text: text.encode("utf-16"), "bad.csv is no table of text in UTF-8"),
    ],
)
def test_an_odd_table_is_named_and_the_others_are_written(
    results: Path, content: Callable[[str], bytes], said: str
) -> None:
    (results / "bad.csv").write_bytes(content((results / "talk.csv").read_text()))
    result = export([str(results / "bad.csv"), str(results / "talk.csv")], formats="vtt")
    ((_, error),) = result.failed
    assert said in str(error)
    assert [path.name for path in result.done] == ["talk.vtt"]


def test_a_table_is_not_written_over_itself(results: Path) -> None:
    before = (results / "talk.csv").stat().st_mtime_ns
    result = export([str(results)], formats="csv,vtt")
    assert [path.name for path in result.done] == ["talk.vtt"]
    assert (results / "talk.csv").stat().st_mtime_ns == before


def test_a_folder_without_traces_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match="holds no trace"):
        export([str(tmp_path)], formats="vtt")


@pytest.mark.parametrize("formats", ["excel", "", " , "])
def test_formats_that_there_are_not_are_a_mistake_of_usage(
    results: Path, formats: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(results), "--formats", formats]) == 2
    assert "format" in capsys.readouterr().err


def test_a_trace_of_sound_alone_has_the_formats_that_it_can_have(results: Path, tmp_path: Path) -> None:
    sound = np.sin(np.arange(16_000) / 20).astype(np.float32)[None]
    video = write_clip(tmp_path / "films" / "voice.wav", sound=sound, audio_codec="pcm_s16le", rate=16_000)
    (results / "voice.csv").write_text((results / "talk.csv").read_text())
    (results / "voice.json").write_text(json.dumps({"clip": "voice.wav", "clip_sha256": sha256_of(video)}))
    result = export([str(results)], formats="overlay,vtt", videos=tmp_path / "films")
    assert not result.failed
    assert sorted(path.name for path in result.done) == ["talk.overlay.mp4", "talk.vtt", "voice.vtt"]
