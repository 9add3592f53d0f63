"""Pictures and curves of a clip that starts late, in a real Chromium. Skipped where there is none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.media.clips import click_at, write_clip
from tests.report.test_page_in_browser import CHROMIUM, FLAGS
from vatrace.media.video import read_times
from vatrace.report.clip_page import write_clip_page
from vatrace.report.export import PersonTrace
from vatrace.streams import Trace

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra: pip install 'vatrace[browser]'")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on PATH")

GREY = """() => {
  const pen = new OffscreenCanvas(4, 4).getContext("2d");
  pen.drawImage(document.querySelector("video"), 0, 0, 4, 4);
  return pen.getImageData(0, 0, 1, 1).data[0];
}"""
SOUND = click_at(1, start=0, seconds=6, rate=48_000)


def grey_by_number(index: int, _: float) -> np.ndarray:
    """Four levels brighter with every picture, so that coding cannot take one for another."""
    return np.full((48, 64, 3), 10 + 4 * index, np.uint8)


@pytest.fixture(scope="module")
def tab() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        yield chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        chromium.close()


@pytest.mark.parametrize(
    ("name", "start", "sound_start", "is_copy"),
    [
        ("picture_late.mp4", 3.0, 0.0, False),
        ("sound_late.mp4", 0.0, 2.0, False),
        ("picture_late.mkv", 3.0, 0.0, True),
        ("broadcast_sound_first.ts", 15.0, 13.0, True),
    ],
)
def test_the_picture_is_that_of_the_value_beside_it(
    tab: Any, tmp_path: Path, name: str, start: float, sound_start: float, is_copy: bool
) -> None:
    asked = [start + number / 10 for number in range(30)]
    video = write_clip(tmp_path / name, times=asked, paint=grey_by_number, sound=SOUND, audio_start=sound_start)
    times = read_times(video)
    hundredths = np.arange(len(times)) / 100
    trace = Trace(times_seconds=times, valence=hundredths, arousal=-hundredths, valid=hundredths >= 0)
    write_clip_page(tmp_path / "p.html", [PersonTrace(0, trace)], {}, video=video)
    assert ("a small copy of" in (tmp_path / "p.html").read_text("utf-8")) == is_copy
    tab.goto((tmp_path / "p.html").as_uri())
    tab.wait_for_function("() => document.querySelector('video').readyState >= 2")
    box = tab.locator("#timeline").bounding_box()
    for number in (7, 15, 28):
        tab.mouse.click(box["x"] + box["width"] * (number + 0.5) / len(times), box["y"] + 40)
        tab.wait_for_function(f"() => document.getElementById('read-valence').textContent === '+0.{number:02d}'")
        tab.wait_for_function("() => !document.querySelector('video').seeking")
        assert (tab.evaluate(GREY) - 10) / 4 == pytest.approx(number, abs=0.4)
