"""Values without a face in the page of a clip, in a real Chromium. Skipped where there is none."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.media.clips import click_at, even_times, noise, write_clip
from tests.report.test_page_in_browser import CHROMIUM, FLAGS
from vatrace.report.page import write_report
from vatrace.streams import Trace

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra: pip install 'vatrace[browser]'")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on PATH")

# Whether there is anything on the canvas of dot and tail.
PAINTED = """() => {
  const tail = document.getElementById("tail"), sheet = new OffscreenCanvas(tail.width, tail.height);
  const pen = sheet.getContext("2d", { willReadFrequently: true });
  pen.drawImage(tail, 0, 0);
  return pen.getImageData(0, 0, tail.width, tail.height).data.some(Boolean);
}"""


def voice_and_then_both() -> Trace:
    """A voice gives arousal in every frame of 4 s, from 2 s on a face joins it, and in the last half second nothing."""
    times = np.arange(100) / 25
    face, voice = (times >= 2) & (times < 3.5), times < 3.5
    return Trace(
        times_seconds=times,
        valence=np.where(face, 0.04, np.nan),
        arousal=np.where(voice, np.where(times < 2, 0.19, -0.5), np.nan),
        valid=voice,
        face_valid=face,
        voice_valid=voice,
    )


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("voices") / "p.html"
    write_report(path, video=None, trace=voice_and_then_both(), scores={}, title="t", lead="l")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        tab = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        tab.complaints = []
        tab.on("console", lambda message: tab.complaints.append(message.text))
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.goto(path.as_uri())
        tab.wait_for_function("() => document.querySelectorAll('#curves .scatterlayer path.js-line').length > 0")
        yield tab
        assert tab.complaints == []
        chromium.close()


def go_to(tab: Any, seconds: float) -> str:
    box = tab.locator("#timeline").bounding_box()
    tab.mouse.click(box["x"] + box["width"] * (seconds + 0.02) / 4, box["y"] + 40)
    return str(tab.get_attribute("#timeline", "aria-valuetext"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.0, "0:01.0, valence –, arousal +0.19, no face, voice heard, rests on the voice alone"),
        (3.0, "0:03.0, valence +0.04, arousal −0.50, face seen, voice heard, rests on face and voice"),
        (3.6, "0:03.6, valence –, arousal –, no face, no voice, no value here"),
    ],
)
def test_a_moment_with_arousal_alone_has_a_value(tab: Any, seconds: float, words: str) -> None:
    assert go_to(tab, seconds) == words


def test_the_words_below_the_curves_are_of_all_frames_with_a_value(tab: Any) -> None:
    assert "arousal runs from −0.50 to +0.19, highest at 0:00." in tab.text_content("#curves-caption")


def test_the_plane_has_no_point_of_a_moment_that_lacks_a_coordinate(tab: Any) -> None:
    go_to(tab, 1.0)
    assert not tab.evaluate(PAINTED)
    go_to(tab, 3.0)
    assert tab.evaluate(PAINTED)


def test_what_lacks_a_dimension_is_darker_in_its_panel_than_in_the_other(tab: Any) -> None:
    """The first two seconds have no valence and arousal, the last half second has neither."""
    drawn = tab.evaluate(
        "() => [...document.querySelectorAll('#curves .shapelayer path')].map((one) => Number(one.style.opacity || 1))"
    )
    assert drawn == [0.8, 0.8, 0.45, 0.8], "valence: no face, neither; arousal: no face, neither"


def test_a_sound_plays_in_the_page_and_the_cursor_follows_and_seeks_it(tab: Any, tmp_path: Path) -> None:
    sound = write_clip(tmp_path / "a.wav", sound=click_at(1, start=0, seconds=4, rate=48_000), audio_codec="pcm_s16le")
    write_report(tmp_path / "p.html", video=sound, trace=voice_and_then_both(), scores={}, title="t", lead="l")
    tab.goto((tmp_path / "p.html").as_uri())
    tab.wait_for_function("() => document.querySelector('audio').readyState >= 3")
    go_to(tab, 2.0)
    tab.wait_for_function("() => !document.querySelector('audio').seeking")
    assert tab.evaluate("document.querySelector('audio').currentTime") == pytest.approx(2.0, abs=0.04)
    tab.evaluate("document.querySelector('audio').muted = true")
    tab.keyboard.press("k")
    tab.wait_for_function("() => document.querySelector('audio').currentTime > 2.3")
    tab.keyboard.press("k")
    tab.wait_for_timeout(100)
    stands, plays = tab.evaluate(
        "[Number(document.getElementById('cursor').dataset.time), document.querySelector('audio').currentTime]"
    )
    assert stands > 2.2
    assert stands == pytest.approx(plays, abs=0.06), "a frame and a half"


def test_the_curves_stay_whole_where_the_words_above_them_take_more_room(tab: Any, tmp_path: Path) -> None:
    video = write_clip(tmp_path / "tall.mp4", times=even_times(100), paint=partial(noise, width=48, height=96))
    write_report(tmp_path / "p.html", video=video, trace=voice_and_then_both(), scores={}, title="t", lead="l")
    tab.goto((tmp_path / "p.html").as_uri())
    tab.wait_for_function("() => document.querySelector('video').readyState >= 2")
    tab.wait_for_function("() => document.querySelectorAll('#curves .scatterlayer path.js-line').length > 0")
    heights = "() => ['#curves-box', '#curves svg'].map((one) => document.querySelector(one).clientHeight)"
    before, _ = tab.evaluate(heights)
    tab.evaluate("document.getElementById('read-senses').textContent = 'word '.repeat(16)")
    tab.wait_for_timeout(300)
    box, drawn = tab.evaluate(heights)
    assert box < before - 12, "most of a line"
    assert drawn == box
