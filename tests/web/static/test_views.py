"""What the curves, the plane, the table and the figures say is what the trace holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.web.static.conftest import Page
from tests.web.static.fake_server import FPS, NOBODY, NUM_FRAMES, FakeServer, one_person

END = NUM_FRAMES / FPS

# Whether the curves' canvas has the colour of a token near a place: at a time, at a level of the first panel (valence).
# The panels' geometry is written out again: three panels of weights 1.35, 1.35 and .85 below headings of 32 pixels.
DRAWN = """({ share, level, token, reach }) => {
  const canvas = document.getElementById("curves"), ratio = canvas.width / canvas.clientWidth;
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--" + token);
  probe.fillRect(0, 0, 1, 1);
  const wanted = probe.getImageData(0, 0, 1, 1).data;
  const tall = ((canvas.clientHeight - 28 - 3 * 32) * 1.35) / 3.55;
  const x = 44 + share * (canvas.clientWidth - 44 - 24), y = 32 + ((1 - level) / 2) * tall;
  const size = 2 * reach * ratio, copy = document.createElement("canvas");
  copy.width = copy.height = size;
  const pen = copy.getContext("2d", { willReadFrequently: true });
  pen.drawImage(canvas, (x - reach) * ratio, (y - reach) * ratio, size, size, 0, 0, size, size);
  const { data } = pen.getImageData(0, 0, size, size);
  for (let i = 0; i < data.length; i += 4) {
    if ([0, 1, 2].every((n) => Math.abs(data[i + n] - wanted[n]) < 14) && data[i + 3] > 200) return true;
  }
  return false;
}"""


def is_drawn(page: Page, seconds: float, level: float, token: str = "valence", end: float = END) -> bool:
    where = {"share": seconds / end, "level": level, "token": token, "reach": 3}
    return bool(page.tab.evaluate(DRAWN, where))


# Keeps what is written on the canvases, with its place.
SPY = """() => {
  const write = CanvasRenderingContext2D.prototype.fillText;
  window.written = [];
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    window.written.push([text, x, y, x + this.measureText(text).width, y + 11]);
    write.call(this, text, x, y);
  };
}"""


def picture(page: Page, selector: str) -> np.ndarray:
    """What is seen of an element: `[height, width, 3]`, 0 to 255."""
    shot = np.frombuffer(page.tab.locator(selector).screenshot(), np.uint8)
    return np.asarray(cv2.imdecode(shot, cv2.IMREAD_COLOR))


def contrast(page: Page, selector: str) -> int:
    """Darkest to lightest within an element."""
    seen = picture(page, selector)
    return int(seen.max()) - int(seen.min())


@pytest.fixture
def two(page: Page) -> Iterator[Page]:
    page.open("two-people.mp4")
    return page


@pytest.mark.parametrize("seconds", [0.5, 1.5, 2.5, 3.5, 5.7])
def test_valence_is_drawn_where_its_value_is_on_an_axis_from_minus_one_to_one(numbered: Page, seconds: float) -> None:
    level = 0.8 * np.sin(seconds)
    assert is_drawn(numbered, seconds, level)
    assert not is_drawn(numbered, seconds, level - 0.4)


def test_nothing_is_drawn_where_there_is_neither_face_nor_voice(numbered: Page) -> None:
    assert not any(is_drawn(numbered, 4.25, level) for level in np.arange(-0.95, 1, 0.05))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.0, "face seen, score .98, voice heard, rests on face and voice (shares .61 / .39)"),
        (2.5, "no face, voice heard, rests on the voice alone (shares .00 / 1.00)"),
        (4.2, "no face, no voice, no value here"),
        (5.2, "face seen, score .98, no voice, rests on the face alone (shares 1.00 / .00)"),
    ],
)
def test_every_moment_says_what_its_value_rests_on(numbered: Page, seconds: float, words: str) -> None:
    numbered.click_at(seconds)
    assert numbered.described.endswith(words)
    numbered.tab.wait_for_function(
        "(words) => document.getElementById('spoken').textContent.endsWith(words)", arg=words
    )
    shown = numbered.text("#readout")
    assert words.split(",")[0] in shown
    assert ("share" in shown) == ("shares" in words)


def test_gates_that_are_shares_are_one_panel_and_others_two(page: Page) -> None:
    shares = ["Valence", "Arousal", "Share of face and voice in the value"]
    gates = ["Valence", "Arousal", "Face gate", "Voice gate"]
    for name, factor, headings in (("one.mp4", 1.0, shares), ("two.mp4", 0.5, gates)):
        told = one_person(name)
        told["people"][0]["gate_voice"] = [
            None if gate is None else factor * gate for gate in told["people"][0]["gate_voice"]
        ]
        page.tab.route("**/trace.json", lambda route, _, told=told: route.fulfill(json=told))
        page.tab.evaluate(SPY)
        page.choose(name)
        page.tab.wait_for_function(f"() => document.querySelector('h1').textContent === '{name}'")
        page.tab.locator("#player").wait_for()
        page.settle()
        written = {text for text, *_ in page.tab.evaluate("window.written")}
        assert [heading for heading in dict.fromkeys(shares + gates) if heading in written] == headings
        assert ("share" if factor == 1 else "gate") in page.text("#readout")
        page.tab.unroute("**/trace.json")


@pytest.mark.parametrize(("seconds", "face", "voice"), [(0.5, True, True), (2.5, False, True), (5.2, True, False)])
def test_band_of_shares_has_the_colours_of_what_the_value_rests_on(
    numbered: Page, seconds: float, face: bool, voice: bool
) -> None:
    at = """({ share, up }) => {
      const canvas = document.getElementById("curves"), ratio = canvas.width / canvas.clientWidth;
      const bottom = canvas.clientHeight - 28, tall = ((canvas.clientHeight - 28 - 3 * 32) * 0.85) / 3.55;
      const x = 44 + share * (canvas.clientWidth - 44 - 24);
      const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      pen.drawImage(canvas, x * ratio, (bottom - up * tall) * ratio, 1, 1, 0, 0, 1, 1);
      return [...pen.getImageData(0, 0, 1, 1).data];
    }"""
    low, high = (numbered.tab.evaluate(at, {"share": (seconds + 0.06) / END, "up": up}) for up in (0.15, 0.85))
    assert (low[1] > low[0]) == face, "green at the bottom"
    assert (high[0] > high[1]) == voice, "red at the top"


def test_face_and_voice_of_the_curves_are_summed_up_in_words(numbered: Page) -> None:
    caption = numbered.text("#curves-caption")
    trace = one_person("")["people"][0]
    known = np.array([value for value in trace["valence"] if value is not None])
    assert f"Valence runs from −{-known.min():.2f} to +{known.max():.2f}, highest at 0:02" in caption
    assert (
        f"A face was seen in {np.mean(trace['face']):.0%}, a voice was heard in {np.mean(trace['voice']):.0%}"
        in caption
    )


def test_stretch_has_the_figures_of_its_frames(numbered: Page) -> None:
    box = numbered.tab.locator("#timeline").bounding_box()
    numbered.tab.keyboard.down("Shift")
    numbered.tab.mouse.move(box["x"] + box["width"] * 1.01 / END, box["y"] + 30)
    numbered.tab.mouse.down()
    numbered.tab.mouse.move(box["x"] + box["width"] * 1.79 / END, box["y"] + 30)
    numbered.tab.mouse.up()
    numbered.tab.keyboard.up("Shift")
    frames = np.array(one_person("")["people"][0]["valence"][25:45], dtype=float)  # 1.00 s to 1.76 s
    cells = numbered.tab.locator("#stretch-rows tr").first.locator("td").all_inner_texts()
    assert cells[:4] == [f"+{frames.mean():.2f}", f"{frames.std():.2f}", f"+{frames.min():.2f}", f"+{frames.max():.2f}"]
    assert numbered.text("#stretch-basis").startswith("20 frames, 100% with a value")
    numbered.tab.locator("#stretch-clear").click()
    assert numbered.text("#stretch-basis").startswith("150 frames")


def test_table_holds_the_means_of_each_second_and_every_frame(numbered: Page) -> None:
    valence = np.array(one_person("")["people"][0]["valence"], dtype=float)
    numbered.tab.locator("#table summary").click()
    numbered.tab.select_option("#table-step", "second")
    numbered.tab.locator("#table-body tr").first.wait_for()
    rows = [row.split("\t") for row in numbered.text("#table-body").split("\n")]
    assert [row[0] for row in rows] == ["0:00", "0:01", "0:02", "0:03", "0:04", "0:05"]
    means = [np.nanmean(valence[n * FPS : (n + 1) * FPS]) for n in range(6)]
    assert [row[1] for row in rows] == [f"{mean:+.2f}".replace("-", "−") for mean in means]
    assert rows[4][3] == "48%", "12 of 25 frames, those after 4.5 s"
    numbered.click_at(4.2)
    numbered.tab.select_option("#table-step", "frame")
    assert numbered.text("#table-place") == "rows 101 to 150 of 150", "the page where the cursor stands"
    row = numbered.tab.locator("#table-body tr", has_text="0:04.20").inner_text().split("\t")
    assert row[:5] == ["0:04.20", "–", "–", "no", "no"]
    numbered.tab.locator("#table summary").click()


def test_two_people_are_two_curves_and_either_can_stand_in_front(two: Page) -> None:
    assert is_drawn(two, 2.0, 0.8 * np.sin(2.0))
    second = 0.8 * np.sin(2.0 + 1.7)
    two.tab.locator("#people").get_by_label("P1").check()
    two.tab.wait_for_timeout(100)
    assert is_drawn(two, 2.0, second)
    two.click_at(3.0)
    assert two.described.startswith("0:03.000, P1, valence −0.80")
    assert two.text("#stretch-title") == "Whole clip, P1"
    two.press("p")
    assert two.described.startswith("0:03.000, P0, the main person, valence +0.11")


def test_lines_of_two_people_differ_by_dash_and_number_not_by_colour_alone(two: Page) -> None:
    dashes = two.tab.locator("#people path").evaluate_all(
        "all => all.map((one) => one.getAttribute('stroke-dasharray'))"
    )
    assert len(set(dashes)) == 2
    box = two.tab.locator("#timeline").bounding_box()
    two.tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    assert "P0: valence" in two.text("#tip")
    assert "P1: valence" in two.text("#tip")
    two.tab.get_by_label("show the others").uncheck()
    two.tab.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + 40)
    assert "P1:" not in two.text("#tip")


def test_silent_clip_rests_on_the_face_and_has_no_value_where_that_is_gone(page: Page) -> None:
    page.open("silent.mp4")
    page.click_at(2.0)
    assert page.described.endswith("no voice, rests on the face alone (shares 1.00 / .00)")
    page.click_at(5.0)
    assert page.described.endswith("valence –, arousal –, no face, no voice, no value here")
    assert page.text("#stretch-basis") == "150 frames, 67% with a value, face seen in 67%, voice heard in 0%."


def test_sound_alone_has_arousal_without_valence_and_says_so(page: Page, sound: bytes) -> None:
    page.open("sound.wav", sound)
    assert page.text("#no-picture") == "Sound only."
    page.click_at(1.0, end=2.0)
    assert (
        page.described
        == "0:01.000, valence –, arousal +0.49, no face, voice heard, rests on the voice alone (shares .00 / 1.00)"
    )
    assert page.text("#curves-caption").startswith("No frame has a value of valence; arousal runs from ")
    assert page.text("#stretch-basis").startswith("50 frames, 100% with a value")
    page.press("Home", "k")
    page.tab.wait_for_function("() => Number(document.getElementById('cursor').dataset.time) > 0.4")
    page.press("k")


def test_one_frame_of_two_hours_is_still_seen(page: Page) -> None:
    page.open("long.mp4")
    end = 216_000 / 30
    assert is_drawn(page, 100_003 / 30, 0.93, end=end)
    assert not is_drawn(page, 100_003 / 30 + 60, 0.93, end=end)
    assert page.text("#curves-caption").startswith("Valence runs from 0.00 to +0.95, highest at 55:33")


def test_extremes_of_any_stretch_are_those_of_all_its_points(page: Page) -> None:
    rng = np.random.default_rng(7)
    values = rng.normal(size=1000).astype(np.float32)
    values[rng.random(1000) < 0.3] = np.nan
    values[200:330] = np.nan  # whole blocks without anything
    stretches = [(0, 1000), (64, 128), (63, 130), (100, 101), (130, 900), (201, 320), (5, 5), (0, 257)]
    found = page.tab.evaluate(
        """async ({ values, stretches }) => {
          const { extremes } = await import("/thin.js");
          const series = Float32Array.from(values, (one) => (one === null ? NaN : one));
          const orNull = (one) => (isFinite(one) ? one : null);
          return stretches.map(([from, to]) => extremes(series, from, to).map(orNull));
        }""",
        {"values": [None if np.isnan(value) else float(value) for value in values], "stretches": stretches},
    )
    for (start, stop), (low, high) in zip(stretches, found, strict=True):
        there = values[start:stop][~np.isnan(values[start:stop])]
        assert (low, high) == ((float(there.min()), float(there.max())) if len(there) else (None, None))


def test_markers_are_named_visited_kept_for_the_tab_and_saved_as_a_label_track(page: Page, tmp_path: Path) -> None:
    page.open("numbered.mp4")
    page.click_at(1.0)
    page.press("m")
    page.click_at(3.0)
    page.press("e")
    page.tab.get_by_label("Label of marker M2").fill("=SUM(1)")
    page.tab.locator("#timeline").focus()
    page.press("Home", "ArrowDown")
    assert page.cursor == pytest.approx(1.0, abs=1.5 / FPS)
    first = page.cursor
    page.press("ArrowDown")
    second = page.cursor
    page.press("ArrowUp")
    assert page.cursor == first
    with page.tab.expect_download() as waiting:
        page.tab.locator("#marker-save").click()
    waiting.value.save_as(tmp_path / "labels.txt")
    assert (
        tmp_path / "labels.txt"
    ).read_text() == f"{first:.6f}\t{first:.6f}\tM1\n{second:.6f}\t{second:.6f}\t'=SUM(1)\n"
    page.tab.reload()
    page.tab.locator("#clips .name").click()
    page.tab.locator("#markers li").nth(1).wait_for()


@pytest.mark.parametrize("way", ["system", "button"])
def test_dark_mode_follows_the_system_or_the_button_and_recolours_the_curves(page: Page, way: str) -> None:
    page.open("numbered.mp4")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    assert page.tab.evaluate(paper) == "rgb(246, 245, 242)"
    page.tab.emulate_media(color_scheme="dark") if way == "system" else page.tab.locator("#theme").click()
    page.tab.wait_for_timeout(150)
    assert page.tab.evaluate(paper) == "rgb(19, 20, 24)"
    assert page.tab.locator("#theme").get_attribute("aria-pressed") == "true"
    assert is_drawn(page, 1.5, 0.8 * np.sin(1.5)), "in the dark theme's own blue"


def test_sound_alone_says_why_there_is_no_valence_and_no_point(page: Page, sound: bytes) -> None:
    page.tab.evaluate(SPY)
    page.open("sound.wav", sound)
    assert page.text("#space-none") == "No face was found, and this model reads no valence from a voice alone."
    assert page.text("#space-none") in [text for text, *_ in page.tab.evaluate("window.written")], "on the panel, too"


def test_clip_with_neither_face_nor_voice_says_so_everywhere(page: Page) -> None:
    page.tab.evaluate(SPY)
    page.open("nothing.mp4")
    sentence = "No face was found and no voice was heard, so there is no value."
    assert page.text("#space-none") == sentence
    assert [text for text, *_ in page.tab.evaluate("window.written")].count(sentence) >= 2, "on both panels"
    assert page.text("#warnings") == NOBODY
    assert page.text("#curves-caption") == "No frame of this clip has a value."
    assert page.text("#stretch-basis") == "150 frames, 0% with a value, face seen in 0%, voice heard in 0%."
    page.click_at(2.0)
    assert page.described.endswith("valence –, arousal –, no face, no voice, no value here")
    assert "NaN" not in page.text("body")


def test_clip_with_values_everywhere_needs_no_reason(numbered: Page) -> None:
    assert numbered.tab.locator("#space-none").is_hidden()


def test_trace_without_people_or_frames_is_an_empty_page_and_no_broken_one(page: Page) -> None:
    for name, change in (("one.mp4", {"people": []}), ("two.mp4", {"people": [], "times": []})):
        told = one_person(name) | change
        page.tab.route("**/trace.json", lambda route, _, told=told: route.fulfill(json=told))
        page.choose(name)
        page.tab.wait_for_function(f"() => document.querySelector('h1').textContent === '{name}'")
        page.tab.locator("#player").wait_for()
        page.tab.wait_for_timeout(200)
        assert page.text("#curves-caption") == "No frame of this clip has a value."
        page.press("k", ".", "End", "k")
        assert "NaN" not in page.text("body")
        page.tab.unroute("**/trace.json")


def test_names_of_markers_close_together_are_not_written_over_each_other(page: Page) -> None:
    page.tab.evaluate(SPY)
    page.open("numbered.mp4")
    page.press("Home")
    for _ in range(4):
        page.press("m", ".")
    page.tab.evaluate("window.written = []")
    page.press("m")
    page.tab.wait_for_timeout(100)
    written = {text: place for text, *place in page.tab.evaluate("window.written")}  # the last drawing of each
    boxes = [place for text, place in written.items() if re.fullmatch(r"M\d+", text)]
    assert len(boxes) >= 3
    for n, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[n + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    told = page.tab.locator("#markers li button:first-child").all_inner_texts()
    assert told[:3] == ["M1  0:00.00", "M2  0:00.04", "M3  0:00.08"]


@pytest.mark.parametrize("width", [320, 360, 375])
def test_figures_stay_in_their_card_on_a_narrow_phone(browser: Any, fake: FakeServer, clip: bytes, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740}, has_touch=True)
    page = Page(context.new_page(), fake, clip)
    page.open("long.mp4")
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    right, edge = page.tab.evaluate(
        "['.wide', '#stretch-card'].map((name) => document.querySelector(name).getBoundingClientRect().right)"
    )
    assert right <= edge
    context.close()


def test_what_tells_by_colour_is_seen_in_forced_colours(browser: Any, fake: FakeServer, clip: bytes) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, forced_colors="active")
    page = Page(context.new_page(), fake, clip)
    page.open("numbered.mp4")
    page.click_at(1.0)
    for name in (".readout .key.valence", ".readout .key.arousal", ".swatch.missing", ".face .gauge", ".voice .gauge"):
        assert contrast(page, name) > 100, name
    line = picture(page, "#cursor")[20:60, 1]  # below the dot at its top
    assert line.max() < 60, "the cursor is as dark as the text"
    assert is_drawn(page, 1.5, 0.8 * np.sin(1.5)), "the curve, in the system's own colour"
    probe = "(name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim()"
    assert page.tab.evaluate(probe, "valence") == "CanvasText"
    context.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_overflows_on_a_phone_or_a_desk(browser: Any, fake: FakeServer, clip: bytes, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, has_touch=width < 500)
    page = Page(context.new_page(), fake, clip)
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    page.open("two-people with a name that is longer than any phone is wide, " + "x" * 80 + ".mp4")
    page.press("m")
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    stage, curves = (page.tab.locator(name).bounding_box() for name in (".stage", ".curves"))
    assert (curves["y"] >= stage["y"] + stage["height"]) == (width < 500)
    small = page.tab.locator("#player button").evaluate_all(
        """all => all.map((one) => one.getBoundingClientRect())
          .filter((box) => box.width && Math.min(box.width, box.height) < 24).length"""
    )
    assert small == 0, "every target is at least 24 pixels"
    page.check_quiet()
    context.close()


@pytest.mark.parametrize("size", [(390, 844), (360, 640), (844, 390)])
def test_picture_and_all_curves_are_in_view_together_on_a_phone(
    browser: Any, fake: FakeServer, clip: bytes, size: tuple[int, int]
) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, has_touch=True, is_mobile=True)
    page = Page(context.new_page(), fake, clip)
    page.open("two-people.mp4")
    page.tab.evaluate("document.getElementById('curves-box').scrollIntoView({block: 'end'})")
    page.tab.wait_for_timeout(200)
    video, curves, bar = (page.tab.locator(name).bounding_box() for name in ("#video", "#curves-box", "#play"))
    assert video["y"] >= 0
    assert video["height"] > 90
    assert 0 <= bar["y"] <= size[1] - bar["height"], "play is within reach"
    stage = page.tab.locator(".stage").bounding_box()
    is_below = curves["x"] < stage["x"] + stage["width"]
    top = max(curves["y"], stage["y"] + stage["height"] if is_below else 0)
    seen = min(curves["y"] + curves["height"], size[1]) - top
    assert seen >= 0.9 * min(curves["height"], size[1] - (stage["height"] if is_below else 0)), "curves, not covered"
    page.tab.touchscreen.tap(curves["x"] + curves["width"] / 2, top + seen / 2)
    page.settle()
    assert page.cursor > 1, "a tap on a curve seeks"
    page.check_quiet()
    context.close()
