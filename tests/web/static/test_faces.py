"""Frames and names at the faces of a clip with several people."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.static.conftest import Page, numbered_clip
from tests.web.static.fake_server import FPS, FakeServer

# Where the frames are, as shares of the picture; the clip is square, the video's box is not.
PLACES = """() => {
  const video = document.getElementById("video"), box = video.getBoundingClientRect();
  const side = Math.min(box.width, box.height);
  const left = box.left + (box.width - side) / 2, top = box.top + (box.height - side) / 2;
  return [...document.querySelectorAll("#faces button")].filter((one) => one.offsetParent).map((one) => {
    const face = one.getBoundingClientRect();
    return [(face.left - left) / side, (face.top - top) / side, (face.right - left) / side, (face.bottom - top) / side];
  });
}"""


def places(page: Page) -> Any:
    return page.tab.evaluate(PLACES)


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_a_frame_stands_at_each_face_whatever_the_size_of_the_window(page: Page, size: tuple[int, int]) -> None:
    page.open("faces.mp4")
    page.click_at(2.0)
    page.tab.set_viewport_size({"width": size[0], "height": size[1]})
    page.tab.wait_for_timeout(200)
    box = page.tab.locator("#video").bounding_box()
    assert box["width"] > 1.1 * box["height"], "there are bars beside the square picture"
    right = 0.05 * page.cursor
    still, moving = places(page)
    assert still == pytest.approx([0.1, 0.2, 0.3, 0.5], abs=0.01)
    assert moving == pytest.approx([0.5 + right, 0.4, 0.7 + right, 0.8], abs=0.01)


def test_frames_follow_the_picture_to_the_whole_screen(page: Page) -> None:
    page.open("faces.mp4")
    page.tab.evaluate("document.querySelector('.screen').requestFullscreen()")
    page.tab.wait_for_timeout(400)
    assert page.tab.locator("#video").bounding_box()["height"] > 600
    assert places(page) == [pytest.approx([0.1, 0.2, 0.3, 0.5], abs=0.01)]
    page.tab.evaluate("document.exitFullscreen()")


def test_a_face_that_is_away_has_no_frame(page: Page) -> None:
    page.open("faces.mp4")
    page.click_at(0.5)
    assert len(places(page)) == 1
    page.press("k")
    page.tab.wait_for_function("() => Number(document.getElementById('cursor').dataset.time) > 1.1")
    page.press("k")
    assert len(places(page)) == 2


def test_a_click_at_a_face_chooses_that_person_and_says_whose_it_is(page: Page) -> None:
    page.open("faces.mp4")
    page.click_at(3.0)
    first, second = page.tab.locator("#people input[type=radio]").all()
    faces = page.tab.locator("#faces button")
    for n, radio in ((1, second), (0, first)):
        faces.nth(n).click()
        assert radio.is_checked()
        assert faces.nth(n).get_attribute("aria-pressed") == "true"
        assert faces.nth(1 - n).get_attribute("aria-pressed") == "false"
        name = radio.get_attribute("aria-label")
        assert faces.nth(n).get_attribute("aria-label") == f"Choose {name}"
        assert name.startswith(faces.nth(n).inner_text())
    assert page.tab.evaluate("document.getElementById('video').paused"), "a click at a face is none on the picture"
    page.press("p")
    assert faces.nth(1).get_attribute("aria-pressed") == "true"


def test_names_at_the_faces_can_be_switched_off(page: Page) -> None:
    page.open("faces.mp4")
    page.tab.get_by_label("names at the faces").uncheck()
    assert places(page) == []
    page.tab.get_by_label("names at the faces").check()
    assert len(places(page)) == 1


@pytest.mark.parametrize("name", ["numbered.mp4", "two-people.mp4"])
def test_one_person_or_people_without_a_place_get_no_frames(page: Page, name: str) -> None:
    page.open(name)
    assert page.tab.locator("#faces").is_hidden()
    assert page.tab.locator("#faces-field").is_hidden()


def test_frames_of_one_clip_are_not_over_the_next(page: Page) -> None:
    page.open("faces.mp4")
    page.choose("numbered.mp4")
    page.tab.wait_for_function("() => document.querySelector('h1').textContent === 'numbered.mp4'")
    page.tab.locator("#player").wait_for()
    assert places(page) == []


def test_several_people_are_told_that_the_voice_has_no_name(page: Page) -> None:
    page.open("two-people.mp4")
    for place in ("#curves-caption", "#readout"):
        assert "who speaks is not known" in page.text(place)
    page.open("numbered.mp4")
    page.tab.wait_for_function("() => document.querySelector('h1').textContent === 'numbered.mp4'")
    page.tab.locator("#clips .open", has_text="numbered.mp4").click()
    page.tab.wait_for_timeout(200)
    for place in ("#curves-caption", "#readout"):
        assert "who speaks" not in page.text(place)


def test_frames_are_seen_in_forced_colours(browser: Any, fake: FakeServer, tmp_path: Any) -> None:
    context = browser.new_context(forced_colors="active")
    page = Page(context.new_page(), fake, numbered_clip(tmp_path / "clip.mp4", [1000 * n // FPS for n in range(50)]))
    page.open("faces.mp4")
    assert page.tab.locator("#faces button").first.evaluate("(one) => getComputedStyle(one).borderTopColor") == (
        "rgb(255, 255, 255)"
    )
    context.close()
