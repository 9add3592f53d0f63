"""Camera and microphone of the page, with a device that the browser makes up."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.web.static.conftest import CHROMIUM, FLAGS, Page
from tests.web.static.fake_server import FakeServer

JPEG_HEAD = b"\xff\xd8\xff"
PICTURE, SOUND = 1, 2
BLOCK_SECONDS = 0.1


def test_recording_becomes_a_clip_like_any_other(page: Page) -> None:
    page.tab.locator("#record").click()
    page.tab.wait_for_function("() => !document.getElementById('recorder-go').disabled")
    page.tab.locator("#recorder-go").click()
    page.tab.locator("#recorder-state", has_text="Recording 0:01").wait_for()
    page.tab.locator("#recorder-go").click()
    page.tab.locator("#player").wait_for()
    sent = page.fake.clips["clip1"]
    assert sent.name.startswith("recording ")
    assert sent.body[:4] == b"\x1aE\xdf\xa3" or sent.body[4:8] == b"ftyp", "WebM or MP4"
    page.tab.wait_for_function("() => document.getElementById('video').videoWidth > 0")
    assert page.tab.evaluate("document.getElementById('recorder-view').srcObject") is None, "the camera is off again"


def test_cancelled_recording_is_sent_nowhere(page: Page) -> None:
    page.tab.locator("#record").click()
    page.tab.wait_for_function("() => !document.getElementById('recorder-go').disabled")
    page.tab.locator("#recorder-go").click()
    page.tab.wait_for_timeout(300)
    page.press("Escape")
    page.tab.wait_for_timeout(300)
    assert page.fake.clips == {}
    assert page.tab.evaluate("document.getElementById('recorder-view').srcObject") is None


def watch_text(page: Page, name: str) -> None:
    page.tab.evaluate(
        """(name) => {
          window.told = 0;
          new MutationObserver(() => { window.told += 1; })
            .observe(document.getElementById(name), { childList: true, characterData: true, subtree: true });
        }""",
        name,
    )


def test_live_sends_pictures_and_sound_with_the_times_of_one_clock_and_shows_what_comes_back(page: Page) -> None:
    page.tab.locator("#go-live").click()
    page.tab.locator("#live-start").click()
    page.tab.wait_for_function("() => document.getElementById('live-delay').textContent.startsWith('Delay 0.')")
    watch_text(page, "live-state")
    page.tab.wait_for_timeout(1500)
    assert page.text("#live-state") == "Live."
    assert page.tab.evaluate("window.told") == 0, "a screen reader is not told every delay"
    assert page.fake.live_start == {"type": "start", "sample_rate": 16000}
    pictures = [(time, head) for kind, time, head, _ in page.fake.live if kind == PICTURE]
    sounds = [(time, size) for kind, time, _, size in page.fake.live if kind == SOUND]
    assert all(head.startswith(JPEG_HEAD) for _, head in pictures)
    assert {size for _, size in sounds} == {4 * 1600}, "a tenth of a second of float32"
    assert np.all(np.diff([time for time, _ in pictures]) > 0)
    steps = np.diff([time for time, _ in sounds][3:])
    assert abs(np.median(steps) - BLOCK_SECONDS) < 0.02
    assert abs(pictures[-1][0] - sounds[-1][0]) < 1, "one clock for both"
    assert page.text("#read-arousal") == "+0.30"
    assert page.text("#readout").endswith("rests on the face alone")
    page.tab.locator("#live-start").click()
    assert page.text("#live-state") == "Stopped."
    assert page.text("#live-delay") == ""
    assert page.tab.evaluate("document.getElementById('camera').srcObject") is None
    with page.tab.expect_download() as waiting:
        page.tab.locator("#live-save").click()
    rows = waiting.value.path().read_text().splitlines()
    assert rows[0] == "frame,time,person,valence,arousal,face,voice,face_score,gate_face,gate_voice"
    assert rows[1].startswith("1,0.000000,0,")
    assert len(rows) > 5


def test_live_does_not_begin_with_the_values_of_the_last_clip(page: Page) -> None:
    page.open("two-people.mp4")
    page.click_at(3.0)
    page.tab.locator("#go-live").click()
    page.tab.wait_for_timeout(600)
    shown = page.text("#readout")
    assert not any(digit in shown for digit in "0123456789"), shown
    assert "who speaks" not in shown
    assert page.tab.locator("#cursor").is_hidden()
    assert page.tab.locator("#spoken").text_content() == ""
    assert page.described == "no value yet"
    assert page.tab.locator("#faces-field").is_hidden()
    assert page.tab.locator("#people").is_hidden()
    page.tab.locator("#go-live").click()
    page.tab.locator("#cursor").wait_for()
    assert page.text("#read-valence") == "0.00", "the clip again, at its start"


def test_leaving_live_for_a_clip_switches_the_camera_off(page: Page) -> None:
    page.tab.goto(page.fake.url + "#live")
    page.tab.reload()
    page.tab.locator("#live-start").click()
    page.tab.wait_for_function("() => document.getElementById('live-delay').textContent.startsWith('Delay')")
    page.open("numbered.mp4")
    assert page.tab.evaluate("document.getElementById('camera').srcObject") is None
    assert page.text("h1") == "numbered.mp4"
    assert page.tab.locator("#video").is_visible()
    page.click_at(1.0)
    assert page.described.startswith("0:01.000, valence")


def test_camera_that_is_not_allowed_is_said_in_words(browser: Any, fake: FakeServer, clip: bytes) -> None:
    flags = [flag for flag in FLAGS if "use-fake-ui" not in flag]
    strict = browser.browser_type.launch(executable_path=CHROMIUM, headless=True, args=flags)
    page = Page(strict.new_context(permissions=[]).new_page(), fake, clip)
    page.tab.locator("#record").click()
    page.tab.locator("#recorder-state", has_text="was not allowed to use the camera").wait_for()
    page.tab.locator("#recorder-cancel").click()
    page.tab.locator("#go-live").click()
    page.tab.locator("#live-start").click()
    page.tab.locator("#live-state", has_text="was not allowed").wait_for()
    assert page.text("#live-start") == "Start"
    strict.close()
