"""A browser with a fake camera, the page of `vatrace serve` in it, and small clips whose frames tell their number."""

from __future__ import annotations

import io
import shutil
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.web.static.fake_server import FPS, NUM_FRAMES, UNEVEN_MS, FakeServer

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra: pip install 'vatrace[browser]'")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",  # a picture that changes and a beep
    "--use-fake-ui-for-media-stream",
)
BIT_PIXELS = 16  # a frame's index stands along its top in eight squares, lowest bit first

# What the browser shows, read from the picture itself.
SEEN = """() => {
  const video = document.getElementById("video"), canvas = document.createElement("canvas");
  canvas.width = canvas.height = 128;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(video, 0, 0, 128, 128);
  let index = 0;
  for (let bit = 0; bit < 8; bit++) if (pen.getImageData(bit * 16 + 8, 8, 1, 1).data[0] > 127) index += 1 << bit;
  return [index, Number(document.getElementById("cursor").dataset.time)];
}"""


def numbered_clip(path: Path, milliseconds: list[int]) -> bytes:
    """A clip with one frame at each of these times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width = stream.height = 8 * BIT_PIXELS
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for index, time in enumerate(milliseconds):
            image = np.full((128, 128, 3), 128, dtype=np.uint8)
            for bit in range(8):
                image[:BIT_PIXELS, bit * BIT_PIXELS : (bit + 1) * BIT_PIXELS] = 255 * (index >> bit & 1)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


class Page:
    """The page in one tab, and what a test does with it.

    Args:
        tab: Playwright's page.
        fake: the server behind it.
        clip: bytes of the clip that is sent unless told otherwise.
    """

    def __init__(self, tab: Any, fake: FakeServer, clip: bytes) -> None:
        self.tab, self.fake, self.clip = tab, fake, clip
        self.complaints: list[str] = []
        self.asked: set[str] = set()
        tab.on("console", lambda message: self.complaints.append(message.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("request", lambda request: self.asked.add(request.url))
        tab.goto(fake.url)
        tab.wait_for_function("() => document.getElementById('add-limits').textContent")

    def text(self, selector: str) -> str:
        return str(self.tab.locator(selector).inner_text())

    def choose(self, name: str, body: bytes | None = None) -> None:
        chosen = {"name": name, "mimeType": "video/mp4", "buffer": self.clip if body is None else body}
        self.tab.locator("#file").set_input_files(chosen)

    def open(self, name: str, body: bytes | None = None) -> None:
        """Send a clip and wait for its trace and picture."""
        self.choose(name, body)
        self.tab.locator("#player").wait_for()
        self.tab.wait_for_function("() => document.getElementById('video').readyState >= 3")
        self.settle()

    def settle(self) -> None:
        self.tab.wait_for_function("() => !document.getElementById('video').seeking")
        self.tab.wait_for_timeout(150)

    def click_at(self, seconds: float, end: float = NUM_FRAMES / FPS) -> None:
        self.tab.locator("#timeline").scroll_into_view_if_needed()
        box = self.tab.locator("#timeline").bounding_box()
        self.tab.mouse.click(box["x"] + box["width"] * seconds / end, box["y"] + 40)
        self.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    @property
    def cursor(self) -> float:
        return float(self.tab.evaluate("Number(document.getElementById('cursor').dataset.time)"))

    @property
    def described(self) -> str:
        return str(self.tab.locator("#timeline").get_attribute("aria-valuetext"))

    def check_quiet(self) -> None:
        """Neither complaints, nor requests to anything but the server."""
        assert self.complaints == []
        assert all(url.startswith((self.fake.url, "blob:", "data:")) for url in self.asked)


@pytest.fixture(scope="module")  # no wider: while it lives, an event loop runs, and nobody else may start one
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs a chromium on PATH")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return numbered_clip(
        tmp_path_factory.mktemp("clip") / "even.mp4", [1000 * index // FPS for index in range(NUM_FRAMES)]
    )


@pytest.fixture(scope="session")
def uneven_clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return numbered_clip(tmp_path_factory.mktemp("clip") / "uneven.mp4", UNEVEN_MS)


@pytest.fixture(scope="session")
def sound() -> bytes:
    """Two seconds of a tone, as WAV."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", "not compressed"))
        file.writeframes((8000 * np.sin(np.arange(32_000) / 10)).astype("<i2").tobytes())
    return held.getvalue()


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture
def page(browser: Any, fake: FakeServer, clip: bytes) -> Iterator[Page]:
    """The page as it is at first; after the test it must have been quiet."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = Page(context.new_page(), fake, clip)
    yield page
    page.check_quiet()
    context.close()


@pytest.fixture(scope="module")
def numbered(browser: Any, clip: bytes) -> Iterator[Page]:
    """The page with the numbered clip open, once for the tests of a file that leave it as it was."""
    server = FakeServer()
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = Page(context.new_page(), server, clip)
    page.open("numbered.mp4")
    yield page
    page.check_quiet()
    context.close()
    server.close()
