"""The page in a real browser: it plays, follows, seeks, and obeys keys. Skipped where there is no Chromium."""

import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vatrace.report.page import write_report
from vatrace.report.spans import Shade
from vatrace.streams import Trace

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra: pip install 'vatrace[browser]'")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on PATH")

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FPS = 25
NUM_FRAMES = 150
BIT_PIXELS = 16  # a frame's index stands along its top in eight squares, lowest bit first

# What the browser shows, read from the picture itself, beside where the page's cursor stands.
SEEN_AND_CURSOR = """() => {
  const video = document.querySelector("video"), canvas = document.createElement("canvas");
  canvas.width = canvas.height = 128;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(video, 0, 0, 128, 128);
  let index = 0;
  for (let bit = 0; bit < 8; bit++) if (pen.getImageData(bit * 16 + 8, 8, 1, 1).data[0] > 127) index += 1 << bit;
  return [index, Math.round(document.getElementById("cursor").dataset.time * 25)];
}"""
CURSOR_SECONDS = "() => Number(document.getElementById('cursor').dataset.time)"


def write_numbered_clip(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width = stream.height = 8 * BIT_PIXELS
        stream.pix_fmt = "yuv420p"
        for index in range(NUM_FRAMES):
            image = np.full((128, 128, 3), 128, dtype=np.uint8)
            for bit in range(8):
                image[:BIT_PIXELS, bit * BIT_PIXELS : (bit + 1) * BIT_PIXELS] = 255 * (index >> bit & 1)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_numbered_clip(folder / "clip.mp4")
    times = np.arange(NUM_FRAMES) / FPS
    face_valid = ((times < 2) | (times > 3)) & ((times < 4) | (times > 4.5))
    voice_valid = (times < 4) | (times > 5.5)
    trace = Trace(
        times_seconds=times,
        valence=np.sin(times),
        arousal=np.cos(times),
        valid=face_valid | voice_valid,
        face_valid=face_valid,
        voice_valid=voice_valid,
        gate_weights=np.full((NUM_FRAMES, 2, 2), 0.5, dtype=np.float32),
    )
    write_report(
        folder / "report.html",
        video=folder / "clip.mp4",
        trace=trace,
        truth=trace,
        episodes=[Shade("face", "covered", 2.0, 3.0)],
        scores={"mean_ccc": 0.5, "seed": 0},
        title="<b>clip</b>",
        lead="A numbered clip.",
        notes=["Not a face at all."],
    )
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def tab(browser: Any, report: Path) -> Any:
    """The page, loaded once: plotly alone takes a second or two to start."""
    tab = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    tab.complaints, tab.asked = [], []
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("request", lambda request: tab.asked.append(request.url.split(":")[0]))
    tab.goto(report.as_uri())
    tab.wait_for_function("() => document.querySelector('video').src.startsWith('blob:')")
    tab.wait_for_function("() => document.querySelector('video').readyState >= 3")
    return tab


@pytest.fixture
def page(tab: Any) -> Iterator[Any]:
    """The page after a test, too, has neither complained nor asked anything of a network."""
    yield tab
    assert tab.complaints == []
    assert set(tab.asked) <= {"file", "data", "blob"}


def wait_until_settled(page: Any) -> None:
    page.wait_for_function("() => !document.querySelector('video').seeking")
    page.wait_for_timeout(150)


def click_at(page: Any, seconds: float) -> None:
    box = page.locator("#timeline").bounding_box()
    page.mouse.click(box["x"] + box["width"] * seconds * FPS / NUM_FRAMES, box["y"] + 40)
    wait_until_settled(page)


def test_page_loads_and_draws(page: Any) -> None:
    page.locator("#curves svg.main-svg").first.wait_for()
    page.locator("#plane svg.main-svg").first.wait_for()
    assert page.locator("h1").inner_text() == "<b>clip</b>"


@pytest.mark.parametrize("seconds", [0.02, 1.5, 4.37, 5.99])
def test_click_seeks_and_the_cursor_stands_on_the_frame_that_is_seen(page: Any, seconds: float) -> None:
    click_at(page, seconds)
    seen, cursor = page.evaluate(SEEN_AND_CURSOR)
    assert seen == cursor
    assert abs(cursor - seconds * FPS) <= 1


def test_cursor_follows_the_playing_clip_within_a_frame(page: Any) -> None:
    page.evaluate("document.querySelector('video').muted = true")
    page.keyboard.press("k")
    pairs = []
    for _ in range(8):
        page.wait_for_timeout(100)
        pairs.append(page.evaluate(SEEN_AND_CURSOR))
    page.keyboard.press("k")
    assert pairs[-1][0] > pairs[0][0], "it plays"
    # The picture can be a frame ahead of the callback that announces it.
    assert sorted(abs(seen - cursor) for seen, cursor in pairs)[-2] <= 1


def test_drag_seeks(page: Any) -> None:
    box = page.locator("#timeline").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 50)
    page.mouse.down()
    for share in (0.2, 0.4, 0.5):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 50)
    page.mouse.up()
    wait_until_settled(page)
    seen, cursor = page.evaluate(SEEN_AND_CURSOR)
    assert seen == cursor
    assert abs(cursor - NUM_FRAMES / 2) <= 1


def test_hover_says_what_makes_the_episode_unreliable(page: Any) -> None:
    box = page.locator("#timeline").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 2.5 * FPS / NUM_FRAMES, box["y"] + 50)
    tip = page.locator("#tip").inner_text()
    assert "unreliable: face covered" in tip
    assert "no face, voice heard" in tip
    assert "rests on the voice alone" in tip


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.5, "face seen, voice heard, rests on face and voice (gates .50 / .50)"),
        (2.5, "no face, voice heard, rests on the voice alone (gates .50 / .50)"),
        (4.2, "no face, no voice, no value here"),
        (5.2, "face seen, no voice, rests on the face alone (gates .50 / .50)"),
    ],
)
def test_every_moment_says_what_its_value_rests_on(page: Any, seconds: float, words: str) -> None:
    click_at(page, seconds)
    assert page.locator("#timeline").get_attribute("aria-valuetext").endswith(words)
    shown = [page.locator(name).inner_text() for name in ("#read-senses", "#read-gates")]
    assert ", ".join(shown) == words


def test_keys_move_by_frames_and_ends_and_change_the_speed(page: Any) -> None:
    click_at(page, 1.0)
    begin = page.evaluate(CURSOR_SECONDS)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(CURSOR_SECONDS) == pytest.approx(begin + 1 / FPS)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(CURSOR_SECONDS) == pytest.approx(begin - 1 / FPS)
    page.keyboard.press("Shift+ArrowRight")
    assert page.evaluate(CURSOR_SECONDS) == pytest.approx(begin + 1 - 1 / FPS)
    page.keyboard.press("End")
    assert page.evaluate(CURSOR_SECONDS) == pytest.approx((NUM_FRAMES - 1) / FPS)
    page.keyboard.press("Home")
    assert page.evaluate(CURSOR_SECONDS) == 0
    page.keyboard.press("l")
    assert page.locator("#rate").inner_text() == "1.25×"
    page.keyboard.press("j")
    assert page.evaluate("document.querySelector('video').playbackRate") == 1


def test_keys_with_modifiers_in_dialogs_or_switched_off_are_not_ours(page: Any) -> None:
    click_at(page, 1.0)
    begin = page.evaluate(CURSOR_SECONDS)
    page.keyboard.press("Control+End")
    page.keyboard.press("?")
    assert page.locator("#sheet").is_visible()
    page.keyboard.press("End")
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    assert page.locator("#sheet").is_hidden()
    page.keyboard.press("End")
    assert page.evaluate(CURSOR_SECONDS) == begin
    assert page.evaluate("document.querySelector('video').paused")
    page.locator("#help").click()
    page.locator("#keys-on").check()
    page.keyboard.press("Escape")


def test_screen_reader_hears_the_moment_once_it_rests(page: Any) -> None:
    click_at(page, 1.6)
    page.wait_for_function("() => document.getElementById('spoken').textContent.startsWith('0:01.6, valence +1.00')")
    spoken = page.locator("#spoken").text_content()
    assert spoken.endswith("face seen, voice heard, rests on face and voice (gates .50 / .50)")
    assert page.locator("#timeline").get_attribute("aria-valuetext") == spoken
    for name in page.locator("button").evaluate_all("all => all.map((one) => one.ariaLabel || one.textContent)"):
        assert name.strip()


@pytest.mark.parametrize(("width", "below"), [(390, True), (1280, False)])
def test_curves_lie_below_the_clip_on_a_phone_and_nothing_overflows(page: Any, width: int, below: bool) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.wait_for_timeout(100)
    clip, curves = (page.locator(name).bounding_box() for name in (".stage", ".curves"))
    assert (curves["y"] >= clip["y"] + clip["height"]) == below
    assert page.evaluate("document.documentElement.scrollWidth") <= width
