"""The page of `vatrace serve`: clips come in, their progress is told, and what goes wrong is said in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.web.static.conftest import Page
from tests.web.static.fake_server import BAD_SENTENCE, MAX_BYTES, REMARK, STATIC, FakeServer

FIRST_PAINT_BYTES = 300_000
NASTY_NAMES = [
    "<img src=x onerror=alert(1)>.mp4",
    "../../etc/passwd.mp4",
    '"><script>alert(1)</script>.mp4',
    "\u202egpj.mp4 and 50 %.mp4",
    "語 🎬 line\nbreak.mp4",
]


def test_what_the_first_paint_needs_is_small_and_comes_from_this_server_alone(page: Page) -> None:
    assert sum(path.stat().st_size for path in STATIC.iterdir()) <= FIRST_PAINT_BYTES
    assert {url.removeprefix(page.fake.url).split("/")[0] for url in page.asked} <= {"", "api"} | {
        path.name for path in STATIC.iterdir()
    }


def test_no_markup_holds_script_or_style_which_the_policy_would_refuse() -> None:
    html = (STATIC / "index.html").read_text()
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?![^>]*\ssrc=)", html)
    assert not re.search(r"(src|href)=\"(?!/\w|#)", html)


def test_first_view_says_what_it_takes_which_model_it_is_and_what_it_is_not_for(page: Page) -> None:
    assert page.text("#add-limits").startswith("Up to 3 MB and 30 minutes. It stays on this computer.")
    assert page.text("#remark") == REMARK
    assert "not for judging people" in page.text("footer")
    assert page.tab.locator("#player").is_hidden()


def test_upload_is_followed_until_its_curves_are_there(page: Page) -> None:
    page.choose("slow.mp4")
    page.tab.wait_for_function("() => document.getElementById('work-title').textContent === 'Working · 42%'")
    assert page.text("#work-step") == "finding faces"
    assert page.tab.locator("#player").is_hidden()
    next(iter(page.fake.clips.values())).kind = "numbered"
    page.tab.locator("#player").wait_for()
    assert page.text("h1") == "slow.mp4"
    assert page.text("#news") == "slow.mp4 is ready."
    assert page.tab.locator("#work").is_hidden()
    assert next(iter(page.fake.clips.values())).body == page.clip


def test_dropped_clip_is_taken_like_a_chosen_one(page: Page) -> None:
    page.tab.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(64)], "dropped.mp4", { type: "video/mp4" }));
      for (const name of ["dragenter", "dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
      }
    }""")
    page.tab.locator("#clips .name", has_text="dropped.mp4").wait_for()
    assert page.tab.locator("#veil").is_hidden()


def test_bad_file_is_told_in_the_servers_words_and_can_be_removed(page: Page) -> None:
    page.choose("bad.mp4")
    page.tab.wait_for_function("() => document.getElementById('work').classList.contains('failed')")
    assert page.text("#work-step") == BAD_SENTENCE, "as text: its <b> is no markup"
    page.tab.locator("#work-remove").click()
    page.tab.wait_for_function("() => document.body.dataset.view === 'home'")
    assert page.fake.clips == {}


def test_too_large_a_file_is_not_even_sent(page: Page) -> None:
    page.choose("huge.mp4", bytes(MAX_BYTES + 1))
    assert page.text("#message") == "huge.mp4 is too large: 3 MB, and this server takes clips up to 3 MB."
    assert page.tab.locator("#clips li").count() == 0
    assert page.fake.clips == {}


def test_refusal_of_the_server_is_told_where_the_page_did_not_know(browser: Any, fake: FakeServer, clip: bytes) -> None:
    fake.told_max_bytes = 10 * MAX_BYTES
    context = browser.new_context()
    page = Page(context.new_page(), fake, clip)
    page.choose("huge.mp4", bytes(MAX_BYTES + 1))
    page.tab.wait_for_function("() => document.getElementById('work').classList.contains('failed')")
    assert page.text("#work-step") == "Too large, says the server."
    context.close()


def test_empty_file_is_refused(page: Page) -> None:
    page.choose("empty.mp4", b"")
    assert page.text("#message") == "empty.mp4 is empty."


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_names_are_shown_as_text(page: Page, name: str) -> None:
    page.open(name)
    told = page.fake.clips["clip1"].name
    assert page.tab.locator("h1").text_content() == told
    assert page.tab.locator("#clips .name").text_content() == told
    assert page.tab.locator("#facts dd").first.text_content() == told
    assert page.tab.locator("img, h1 *, #clips .name *").count() == 0


def test_removed_clip_is_deleted_on_the_server_and_the_next_one_is_opened(page: Page) -> None:
    page.open("one.mp4")
    page.choose("two-people.mp4")
    page.tab.wait_for_function("() => document.querySelector('h1').textContent === 'two-people.mp4'")
    page.tab.get_by_role("button", name="Remove two-people.mp4").click()
    page.tab.wait_for_function("() => document.querySelector('h1').textContent === 'one.mp4'")
    assert [clip.name for clip in page.fake.clips.values()] == ["one.mp4"]


def test_second_tab_shows_the_same_clips(page: Page) -> None:
    page.open("shared.mp4")
    other = Page(page.tab.context.new_page(), page.fake, page.clip)
    other.tab.locator("#clips .name", has_text="shared.mp4").click()
    other.tab.locator("#player").wait_for()
    other.check_quiet()


def test_downloads_are_the_servers_own_files(page: Page, tmp_path: Path) -> None:
    page.open("numbered.mp4")
    with page.tab.expect_download() as waiting:
        page.tab.locator("#get-csv").click()
    waiting.value.save_as(tmp_path / "trace.csv")
    assert (tmp_path / "trace.csv").read_text().startswith("frame,time,person")
    assert page.tab.locator("#get-report").get_attribute("href") == "/api/clips/clip1/report.html"


def test_nothing_of_a_clip_is_kept_in_the_browser(page: Page) -> None:
    page.open("numbered.mp4")
    page.tab.locator("#theme").click()
    kept = page.tab.evaluate("async () => [Object.keys(localStorage), (await indexedDB.databases()).length]")
    assert kept == [["vatrace-theme"], 0]


def test_server_that_is_gone_is_said(page: Page) -> None:
    page.tab.route("**/api/clips", lambda route: route.abort())
    page.choose("numbered.mp4")
    page.tab.wait_for_function("() => document.getElementById('work').classList.contains('failed')")
    assert page.text("#work-step") == "The upload broke off: the server did not take it, or is gone."
    page.complaints.clear()  # the browser's own words on the request that failed
