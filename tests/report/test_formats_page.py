"""The page of a clip of several people; what it does in a browser is in test_page_of_people_in_browser.py."""

import base64
import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from tests.media.clips import click_at, even_times, write_clip
from tests.report.test_formats import FACTS, HOSTILE
from tests.report.traced_people import two_people
from vatrace.media.audio import read_audio
from vatrace.media.video import read_times
from vatrace.report.export import PersonTrace
from vatrace.report.formats import write_formats
from vatrace.report.page import write_report
from vatrace.streams import Trace

SOUND = click_at(0.3, start=0, seconds=1, rate=48_000)


def page(folder: Path, people: list[PersonTrace], video: Path | None = None, **facts: object) -> str:
    (path,) = write_formats(people, folder / "clip", ["html"], video=video, facts={**FACTS, **facts})
    return path.read_text("utf-8")


def data_of(text: str) -> dict:
    found = re.search(r'<script type="application/json" id="trace-data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_everybody_is_in_the_page_with_their_own_numbers(tmp_path: Path) -> None:
    people = two_people()
    data = data_of(page(tmp_path, people))
    (other,) = data["others"]
    assert other["person"] == 4
    assert set(other["trace"]["valence"]) == {None, -0.31}
    assert other["trace"]["valence"].count(None) == int((~people[1].trace.valid).sum())
    assert other["missing"][0]["kind"] == "no face"
    assert data["trace"]["gate_face"] is not None
    assert other["trace"]["gate_face"] is None


def test_the_words_and_the_table_name_each_person(tmp_path: Path) -> None:
    text = page(tmp_path, two_people())
    assert "P0, the main person: Valence runs from" in text
    assert "P4: Valence runs from −0.31 to −0.31" in text
    assert re.findall(r"<caption>(.*?)</caption>", text) == ["P0, the main person", "P4"]


def test_without_the_main_person_nobody_is_called_so(tmp_path: Path) -> None:
    main, other = two_people()
    text = page(tmp_path, [PersonTrace(2, main.trace), other])
    assert re.findall(r"<caption>(.*?)</caption>", text) == ["P2", "P4"]
    assert data_of(text)["person"] == 2


def test_one_person_is_not_named(tmp_path: Path) -> None:
    text = page(tmp_path, two_people()[:1])
    assert "P0, the main person" not in text.replace('"P0, the main person"', "")  # as the script may say it
    assert data_of(text)["others"] == []


def test_the_page_says_what_made_it_and_what_to_know(tmp_path: Path) -> None:
    text = unescape(page(tmp_path, two_people(), model_remark="A starter.", clip_sha256="f00d"))
    for words in ("not what a person feels", "A starter.", "no sound in places", "f00d"):
        assert words in text
    assert HOSTILE.encode("utf-8", "replace").decode() in text


def played(text: str, folder: Path) -> tuple[str, Path]:
    """The type of what plays in a page, and it as a file."""
    found = re.search(r'<(video|audio) [^>]*src="data:([a-z0-9/]+);base64,([^"]*)"></\1>', text)
    assert found is not None
    (folder / "played").write_bytes(base64.b64decode(found[3]))
    assert found[2].startswith(found[1])
    return found[2], folder / "played"


def test_a_film_that_browsers_play_is_in_the_page_as_it_is(tmp_path: Path) -> None:
    video = write_clip(tmp_path / "film.mp4", times=even_times(3))
    text = page(tmp_path / "one", two_people(), video)
    kind, file = played(text, tmp_path)
    assert kind == "video/mp4"
    assert file.read_bytes() == video.read_bytes()
    assert "small copy" not in text


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [
        ("a.wav", "pcm_s16le", "audio/wav"), ("a.mp3", "mp3", "audio/mpeg"), ("a.m4a", "aac", "audio/mp4"),
        ("a.flac", "flac", "audio/flac"), ("a.oga", "libopus", "audio/ogg"),
    ],
)  # fmt: skip
def test_sound_is_in_the_page_as_it_is(tmp_path: Path, name: str, codec: str, kind: str) -> None:
    sound = write_clip(tmp_path / name, sound=SOUND, audio_codec=codec)
    text = page(tmp_path / "one", two_people(), sound)
    assert played(text, tmp_path)[0] == kind
    assert played(text, tmp_path)[1].read_bytes() == sound.read_bytes()


def test_a_film_that_browsers_do_not_play_has_a_copy_with_the_times_of_the_curves(tmp_path: Path) -> None:
    """The clock of this stream begins at 12.5 s, and its pictures come at uneven times."""
    video = write_clip(tmp_path / "film.ts", times=[12.5, 12.54, 12.7, 12.8, 13.2], video_codec="mpeg2video")
    times = read_times(video)
    trace = Trace(times_seconds=times, valence=0 * times, arousal=0 * times, valid=times > 0)
    text = page(tmp_path / "one", [PersonTrace(0, trace)], video)
    kind, copy = played(text, tmp_path)
    assert kind == "video/mp4"
    np.testing.assert_allclose(read_times(copy), data_of(text)["trace"]["time"], atol=1e-3)
    np.testing.assert_allclose(np.diff(read_times(copy)), np.diff(times), atol=1e-3)
    assert "a small copy of film.ts" in text


def test_sound_that_browsers_do_not_play_has_a_copy_that_is_sound(tmp_path: Path) -> None:
    sound = write_clip(tmp_path / "a.mka", sound=SOUND, audio_codec="pcm_s24le", container="matroska")
    kind, copy = played(page(tmp_path / "one", two_people(), sound), tmp_path)
    assert kind == "audio/mp4"
    heard = read_audio(copy)
    assert heard is not None
    assert len(heard.samples) == pytest.approx(16_000, abs=1200)


def test_a_note_says_where_a_clip_is_too_much_for_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = write_clip(tmp_path / "film.mkv", times=even_times(3), video_codec="mpeg4")
    monkeypatch.setattr("vatrace.report.clip_page.MAX_CLIP_BYTES", 4)
    assert "film.mkv is not in this page: a page holds at most" in page(tmp_path / "one", two_people(), video)
    monkeypatch.setattr("vatrace.report.clip_page.MAX_COPY_SECONDS", 4)
    text = page(tmp_path / "two", two_people(), video)
    assert "film.mkv is not in this page: it needs a copy" in text
    assert "<video" not in text


def test_people_on_different_clocks_make_no_page(tmp_path: Path) -> None:
    main, other = two_people(), two_people(np.arange(100) / 25)
    with pytest.raises(ValueError, match="one clock"):
        write_report(tmp_path / "p.html", video=None, trace=main[0].trace, others=other, scores={}, title="", lead="")
