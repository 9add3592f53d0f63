"""The page of a clip of several people; what it does in a browser is in test_page_of_people_in_browser.py."""

import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from tests.media.clips import even_times, write_clip
from tests.report.test_formats import FACTS, HOSTILE
from tests.report.traced_people import two_people
from vatrace.report.export import PersonTrace
from vatrace.report.formats import write_formats
from vatrace.report.page import write_report


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


def test_one_person_is_not_named(tmp_path: Path) -> None:
    text = page(tmp_path, two_people()[:1])
    assert "P0, the main person" not in text.replace('"P0, the main person"', "")  # as the script may say it
    assert data_of(text)["others"] == []


def test_the_page_says_what_made_it_and_what_to_know(tmp_path: Path) -> None:
    text = unescape(page(tmp_path, two_people(), model_remark="A starter.", clip_sha256="f00d"))
    for words in ("not what a person feels", "A starter.", "no sound in places", "f00d"):
        assert words in text
    assert HOSTILE.encode("utf-8", "replace").decode() in text


def test_a_clip_that_browsers_play_is_in_the_page_and_of_another_a_note_says_that_it_is_not(tmp_path: Path) -> None:
    video = write_clip(tmp_path / "film.mp4", times=even_times(3))
    assert 'src="data:video/mp4;base64,' in page(tmp_path / "one", two_people(), video)
    text = page(tmp_path / "two", two_people(), write_clip(tmp_path / "film.mkv", times=even_times(3)))
    assert "film.mkv is not in this page. Browsers play .mp4" in text


def test_people_on_different_clocks_make_no_page(tmp_path: Path) -> None:
    main, other = two_people(), two_people(np.arange(100) / 25)
    with pytest.raises(ValueError, match="one clock"):
        write_report(tmp_path / "p.html", video=None, trace=main[0].trace, others=other, scores={}, title="", lead="")
