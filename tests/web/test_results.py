"""What the page gets of a clip, against what the command line writes of the same file."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.features.tiny_face_model import constant_face_model
from tests.inference.test_missing_modality import make_video
from tests.media.clips import even_times, noise, write_clip
from tests.web.serving import Serving, serving
from vatrace.inference.choice import ModelChoice
from vatrace.media.video import read_times
from vatrace.recipes.predict import predict
from vatrace.report.export import read_clip_csv
from vatrace.web.app import Served, build_app
from vatrace.web.jobs import ModelFacts, Workshop
from vatrace.web.limits import Limits
from vatrace.web.live import Live
from vatrace.web.shelf import Shelf


@pytest.fixture(scope="module")
def made(server: Serving, clip: Path) -> Iterator[tuple[Serving, str]]:
    """The clip as the server made it, and where it is."""
    sent = server.send(clip, "m%C3%BC%20%3Cb%3E.mkv").json
    assert (sent["name"], sent["state"], sent["expires_in"]) == ("mü <b>.mkv", "waiting", None)
    clip_id = sent["id"]
    done = server.wait_for(clip_id)
    assert 3590 < done.pop("expires_in") <= 3600
    assert done == {
        "id": clip_id,
        "name": "mü <b>.mkv",
        "state": "done",
        "progress": 1.0,
        "step": "",
        "error": "",
    }
    yield server, f"/api/clips/{clip_id}"
    server.remove_all()


def test_the_table_is_byte_for_byte_that_of_the_command_line(
    made: tuple[Serving, str], clip: Path, tiny_model: Path, tmp_path: Path
) -> None:
    server, path = made
    assert predict([str(clip)], out=tmp_path, model=tiny_model).failed == ()
    answer = server.ask("GET", f"{path}/trace.csv")
    assert answer.body == (tmp_path / "clip.csv").read_bytes()
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"trace.csv\"; filename*=UTF-8''m%C3%BC%20%3Cb%3E.csv"
    )


def test_the_page_draws_the_numbers_of_the_table(made: tuple[Serving, str], tmp_path: Path) -> None:
    server, path = made
    drawn = server.ask("GET", f"{path}/trace.json").json
    (tmp_path / "trace.csv").write_bytes(server.ask("GET", f"{path}/trace.csv").body)
    (written,) = read_clip_csv(tmp_path / "trace.csv")
    (person,) = drawn["people"]
    trace = written.trace
    assert drawn["name"] == "mü <b>.mkv"
    assert drawn["times"] == trace.times_seconds.tolist()
    assert person["person"] == 0
    for name in ("valence", "arousal"):
        assert [np.nan if each is None else each for each in person[name]] == pytest.approx(
            np.where(trace.valid, getattr(trace, name), np.nan), abs=0, nan_ok=True
        )
    assert trace.face_valid is not None
    assert trace.voice_valid is not None
    assert person["face"] == trace.face_valid.astype(int).tolist()
    assert person["voice"] == trace.voice_valid.astype(int).tolist()
    assert [score is None for score in person["face_score"]] == (~trace.face_valid).tolist()
    assert [gate is None for gate in person["gate_face"]] == (~trace.valid).tolist()
    assert written.face_boxes is not None
    for drawn_box, written_box in zip(person["face_box"], written.face_boxes, strict=True):
        assert (drawn_box is None) == bool(np.isnan(written_box).any())
        assert drawn_box is None or drawn_box == pytest.approx(written_box, abs=6e-4)
    assert not trace.valid.all(), "else nothing above is empty"
    assert trace.valid.any()


def test_the_report_comes_as_a_file_with_the_clip_in_it_and_its_name_as_text(made: tuple[Serving, str]) -> None:
    server, path = made
    answer = server.ask("GET", f"{path}/report.html")
    assert answer.headers["content-disposition"].startswith('attachment; filename="report.html"')
    assert "sandbox" in answer.headers["content-security-policy"]
    assert b"data:video/mp4;base64," in answer.body
    assert b"<title>m\xc3\xbc &lt;b&gt;.mkv" in answer.body
    assert re.findall(rb"""<(?:script|link|img|video|source)[^>]+(?:src|href)=["']https?:""", answer.body) == []


def test_two_tabs_see_one_list_and_what_is_removed_in_one_is_gone_for_both(server: Serving, clip: Path) -> None:
    clip_id = server.send(clip).json["id"]
    assert clip_id in [each["id"] for each in server.clips()]
    server.wait_for(clip_id)
    (run_folder,) = server.files.iterdir()
    assert (run_folder / clip_id).is_dir()
    assert server.ask("DELETE", f"/api/clips/{clip_id}").status == 204
    assert not (run_folder / clip_id).exists()
    assert clip_id not in [each["id"] for each in server.clips()]
    for part in ("", "/trace.json", "/trace.csv", "/report.html", "/video"):
        answer = server.ask("GET", f"/api/clips/{clip_id}{part}")
        assert (answer.status, answer.json) == (404, {"error": "There is no such clip here, or not any more."})
    assert server.ask("DELETE", f"/api/clips/{clip_id}").status == 404


@pytest.mark.parametrize("part", ["trace.json", "trace.csv", "report.html", "video"])
def test_a_clip_that_is_looked_at_is_kept_for_longer(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application without a server, so that an hour is as long as it is told to be."""
    now = 0.0
    monkeypatch.setattr("vatrace.web.shelf.time", SimpleNamespace(monotonic=lambda: now))
    shelf = Shelf(tmp_path, Limits(keep_seconds=3600))
    with shelf.incoming("a.mp4", 1) as clip:
        for name in ("trace.json", "trace.csv", "report.html", "play.mp4"):
            (clip.folder / name).write_text("x")
    shelf.update(clip.id, state="done")
    facts = ModelFacts(remark="", missing=())
    live = Live(command=())
    app = build_app(Served(workshop=Workshop(shelf, ()), model="m", facts=facts, live=live))
    path = f"/api/clips/{clip.id}"
    now = 3000.0
    assert json.loads(asyncio.run(answer_of(app, path)))["expires_in"] == 600, "the list alone is no look"
    assert asyncio.run(answer_of(app, f"{path}/{part}")) == b"x"
    assert json.loads(asyncio.run(answer_of(app, path)))["expires_in"] == 3600


async def answer_of(app: Any, path: str) -> bytes:
    """The body that an application gives for a path, where it is found."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()  # nothing more is asked, and nobody goes
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}, receive, send)
    assert sent[0]["status"] == 200
    return b"".join(message.get("body", b"") for message in sent[1:])


def test_the_report_of_a_clip_whose_picture_starts_late_goes_by_the_clock_of_the_film_in_it(
    server: Serving, tmp_path: Path
) -> None:
    """20 s are too long to wait for, so the film is a copy that begins at 0; the table keeps the clip's own times."""
    times = even_times(12, 25, start=20.0)
    path = write_clip(tmp_path / "c.mp4", times=times, paint=noise)
    clip_id = server.wait_for(server.send(path, "late.mp4").json["id"])["id"]
    report = server.ask("GET", f"/api/clips/{clip_id}/report.html").body.decode()
    drawn = re.search(r'id="trace-data"[^>]*>([^<]*)<', report)
    film = re.search(r'src="data:video/mp4;base64,([^"]+)"', report)
    assert drawn is not None
    assert film is not None
    (tmp_path / "film.mp4").write_bytes(base64.b64decode(film[1]))
    assert json.loads(drawn[1])["trace"]["time"] == pytest.approx(read_times(tmp_path / "film.mp4").tolist(), abs=1e-4)
    page = server.ask("GET", f"/api/clips/{clip_id}/trace.json").json
    assert page["times"] == pytest.approx(times, abs=1e-4)
    assert page["video_start"] == pytest.approx(20.0, abs=1e-4)
    server.remove_all()


def test_the_page_learns_what_is_taken_and_which_model_it_is(server: Serving) -> None:
    assert server.ask("GET", "/api/limits").json == {
        "max_bytes": 2_000_000,
        "max_seconds": 1800.0,
        "max_clips": 20,
        "keep_seconds": 3600.0,
        "model": "tiny-model",
        "remark": "",
    }


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "is not a video or sound file that can be read"),
        (b"ffconcat version 1.0\nfile ../secret.mp4\n", "is not a video or sound file that can be read"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(16), "its index is missing or broken"),
        (os.urandom(5000), "is not a video or sound file that can be read"),
    ],
    ids=["playlist", "concat", "cut off", "noise"],
)
def test_a_file_that_is_no_clip_says_so_under_its_own_name(content: bytes, sentence: str, server: Serving) -> None:
    clip_id = server.send(content, "holiday.mp4").json["id"]
    failed = server.wait_for(clip_id)
    assert failed["state"] == "failed"
    assert failed["error"].startswith("holiday.mp4 ")
    assert sentence in failed["error"]
    answer = server.ask("GET", f"/api/clips/{clip_id}/trace.json")
    assert (answer.status, answer.json["error"]) == (409, failed["error"])
    server.remove_all()


def test_a_clip_with_neither_face_nor_sound_has_no_value_and_says_why(server: Serving, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.mp4", times=even_times(10, 25), paint=noise)
    done = server.wait_for(server.send(path, "empty.mp4").json["id"])
    assert done["state"] == "done"
    trace = server.ask("GET", f"/api/clips/{done['id']}/trace.json").json
    assert trace["warnings"] == ["no face was found in any frame", "the file has no sound"]
    (person,) = trace["people"]
    assert person["valence"] == person["arousal"] == person["gate_face"] == [None] * 10
    server.remove_all()


def test_a_clip_longer_than_allowed_is_refused_with_both_lengths(
    tmp_path: Path, tiny_model: Path, drawn_face: np.ndarray
) -> None:
    path = make_video(tmp_path / "c.mkv", drawn_face, no_face=range(0), no_voice=range(0), frames=75)
    shutil.move(path, tmp_path / "clip")
    (tmp_path / "run").mkdir()
    with serving(tmp_path / "run", tiny_model, max_seconds=2.0) as server:
        failed = server.wait_for(server.send(tmp_path / "clip", "long.mkv").json["id"])
        assert failed["error"].startswith("The clip lasts 0:03 min, and 0:02 min is the most here.")
        assert json.dumps(failed).count("/") == 0


def test_the_page_reads_the_face_by_the_network_that_was_asked_for(clip: Path, tmp_path: Path) -> None:
    """0.90 is what the starter makes of a face that is alone: see recipes/starter_fit.py."""
    other = tmp_path / "other.onnx"
    other.write_bytes(constant_face_model(0.5, -0.4).SerializeToString())
    with serving(tmp_path, ModelChoice(face_model=str(other))) as server:
        done = server.wait_for(server.send(clip).json["id"])
        trace = server.ask("GET", f"/api/clips/{done['id']}/trace.json").json
    assert trace["remark"].startswith("Starter model with its face read by other.onnx; ")
    values = [value for value in trace["people"][0]["valence"] if value is not None]
    assert len(values) > 40
    assert all(abs(value - 0.45) < 1e-4 for value in values)
