"""What becomes of clips: deleted under one's hands, not sent, named by the server, many in the list."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.static.conftest import Page
from tests.web.static.fake_server import FULL_SENTENCE
from vatrace.web.shelf import display_name

QUIET_LOOK_MS = 7000  # the page looks every five seconds while nothing is worked on


def only(page: Page):  # type: ignore[no-untyped-def]  # a clip of the fake server
    return next(iter(page.fake.clips.values()))


def test_clip_that_is_deleted_while_it_is_open_is_told_and_its_markers_can_be_saved(page: Page, tmp_path: Path) -> None:
    page.open("mine.mp4")
    page.click_at(1.0)
    at = page.cursor
    page.press("m")
    page.tab.locator("#markers input").fill("smile")
    page.fake.clips.clear()
    page.tab.locator("#lost").wait_for(timeout=QUIET_LOOK_MS)
    words = page.text("#lost-words")
    assert words.startswith("This clip was deleted: mine.mp4. Clips are deleted after 1 hour, or")
    assert page.tab.locator("#player").is_hidden()
    with page.tab.expect_download() as waiting:
        page.tab.get_by_role("button", name="Save its markers").click()
    waiting.value.save_as(tmp_path / "labels.txt")
    assert (tmp_path / "labels.txt").read_text() == f"{at:.6f}\t{at:.6f}\tsmile\n"
    page.open("next.mp4")
    assert page.tab.locator("#lost").is_hidden()
    assert page.tab.locator("#markers li").count() == 0


def test_clip_with_time_left_was_removed_in_another_window(page: Page) -> None:
    page.open("mine.mp4")
    only(page).expires_in = 3000.0
    page.tab.locator("#expiry").wait_for(timeout=QUIET_LOOK_MS)
    assert page.text("#expiry") == "This clip is deleted in 50 minutes. Download what you want to keep."
    page.fake.clips.clear()
    page.tab.locator("#lost").wait_for(timeout=QUIET_LOOK_MS)
    assert page.text("#lost-words").endswith("It was removed in another window.")
    assert page.tab.locator("#lost-save").is_hidden(), "there were no markers"


def test_clip_that_goes_soon_says_so_in_the_list(page: Page) -> None:
    page.open("mine.mp4")
    assert page.tab.locator("#expiry").is_hidden(), "this server does not say when"
    assert page.text("#clips .state") == "ready"
    only(page).expires_in = 250.0
    page.tab.locator("#clips .state", has_text="ready, deleted in 4 min").wait_for(timeout=QUIET_LOOK_MS)
    assert page.text("#news") == "mine.mp4 is deleted in 4 minutes."


def test_clip_removed_by_ones_own_hand_needs_no_notice(page: Page) -> None:
    page.open("mine.mp4")
    page.tab.get_by_role("button", name="Remove mine.mp4").click()
    page.tab.wait_for_timeout(QUIET_LOOK_MS - 1000)
    assert page.tab.locator("#lost").is_hidden()


def test_server_that_answers_again_is_no_longer_said_to_be_silent(page: Page) -> None:
    page.open("one.mp4")
    page.tab.route("**/api/clips", lambda route: route.abort())
    page.tab.locator("#message", has_text="The server did not answer").wait_for(timeout=QUIET_LOOK_MS)
    page.tab.unroute("**/api/clips")
    page.tab.locator("#message").wait_for(state="hidden", timeout=QUIET_LOOK_MS)
    page.complaints.clear()  # the browser's own words on the request that failed


def test_other_messages_stay_while_the_server_answers(page: Page) -> None:
    page.open("one.mp4")
    page.choose("empty.mp4", b"")
    page.tab.wait_for_timeout(QUIET_LOOK_MS - 1000)
    assert page.text("#message") == "empty.mp4 is empty."


def test_clip_for_which_there_was_no_room_was_not_sent_and_can_be_sent_again(page: Page) -> None:
    page.fake.is_full = True
    page.choose("one.mp4")
    page.tab.wait_for_function("() => document.getElementById('work').classList.contains('failed')")
    assert page.text("#work-title") == "This clip was not sent"
    assert page.text("#work-step") == FULL_SENTENCE
    assert page.text("#clips .state") == "not sent"
    page.fake.is_full = False
    page.tab.get_by_role("button", name="Try again").click()
    page.tab.locator("#player").wait_for()
    assert only(page).body == page.clip
    assert page.tab.locator("#clips li").count() == 1
    page.complaints.clear()  # the browser's own words on the answer


def test_upload_that_broke_off_can_be_sent_again(page: Page) -> None:
    page.tab.route("**/api/clips", lambda route: route.abort() if route.request.method == "PUT" else route.fallback())
    page.choose("one.mp4")
    page.tab.wait_for_function("() => document.getElementById('work').classList.contains('failed')")
    assert page.text("#work-title") == "This clip was not sent"
    page.tab.unroute("**/api/clips")
    page.tab.locator("#work-again").click()
    page.tab.locator("#player").wait_for()
    page.complaints.clear()  # the browser's own words on the request that failed


def test_clip_that_failed_on_the_server_is_not_sent_again(page: Page) -> None:
    page.choose("bad.mp4")
    page.tab.wait_for_function("() => document.getElementById('work').classList.contains('failed')")
    assert page.text("#work-title") == "This clip could not be read"
    assert page.tab.locator("#work-again").is_hidden()


@pytest.mark.parametrize("moment", ["while it is sent", "afterwards"])
def test_name_that_turns_text_around_is_shown_as_the_server_shows_it(page: Page, moment: str) -> None:
    page.fake.is_full = moment == "while it is sent"
    page.choose("a\u202egnp.mp4")
    page.tab.locator("#clips li[data-state=unsent], #clips li[data-state=done]").wait_for()
    shown = page.tab.locator("#clips .name").text_content()
    assert shown == page.tab.locator("h1").text_content() == "a\ufffdgnp.mp4"
    page.complaints.clear()


def test_name_is_the_servers_as_soon_as_the_clip_is_sent(page: Page) -> None:
    """The list, which has it too, does not come."""
    page.tab.route("**/api/clips", lambda route: route.abort() if route.request.method == "GET" else route.continue_())
    page.choose("n" * 210 + ".mp4")
    page.tab.locator("#clips li[data-state=waiting]").wait_for()
    assert page.tab.locator("#clips .name").text_content() == display_name("n" * 210 + ".mp4") != "n" * 210 + ".mp4"
    page.complaints.clear()


def test_chosen_clip_is_in_view_in_a_long_list(page: Page) -> None:
    page.tab.set_viewport_size({"width": 900, "height": 800})
    for n in range(12):
        page.fake.take(f"clip-{n}.mp4", page.clip)
    page.tab.reload()
    page.tab.locator("#clips li").nth(11).wait_for()
    page.choose("last.mp4")
    page.tab.locator("#player").wait_for()
    inside = """() => {
      const row = document.querySelector("li:has([aria-current=true])").getBoundingClientRect();
      const list = document.getElementById("clips").getBoundingClientRect();
      return row.left >= list.left - 1 && row.right <= list.right + 1;
    }"""
    page.tab.wait_for_function(inside)
    assert page.tab.evaluate("document.getElementById('clips').scrollWidth > innerWidth"), "the list is a long one"


def test_skip_link_is_there_only_with_a_player(page: Page) -> None:
    page.press("Tab")
    assert page.tab.evaluate("document.activeElement.className") != "skip"
    page.open("one.mp4")
    assert page.tab.locator(".skip").evaluate("(one) => getComputedStyle(one).display") != "none"
