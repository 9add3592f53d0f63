"""Picture, cursor and keys go together: what is seen is the frame that the cursor stands on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.web.static.conftest import SEEN, Page
from tests.web.static.fake_server import FPS, LATE_SECONDS, NUM_FRAMES, UNEVEN_MS

END = NUM_FRAMES / FPS


def seen_and_cursor(page: Page, times: list[float] | None = None) -> tuple[int, int]:
    """Number of the frame that is seen, and of the one at the cursor."""
    seen, at = page.tab.evaluate(SEEN)
    known = np.arange(NUM_FRAMES) / FPS if times is None else np.array(times)
    return seen, int(np.abs(known - at).argmin())


@pytest.mark.parametrize("seconds", [0.02, 4.37, 1.5, 5.99])
def test_click_seeks_both_ways_to_the_frame_that_is_then_seen(numbered: Page, seconds: float) -> None:
    numbered.click_at(seconds)
    seen, cursor = seen_and_cursor(numbered)
    assert seen == cursor
    assert abs(cursor - seconds * FPS) <= 1


def test_drag_seeks(numbered: Page) -> None:
    box = numbered.tab.locator("#timeline").bounding_box()
    numbered.tab.mouse.move(box["x"] + 5, box["y"] + 50)
    numbered.tab.mouse.down()
    for share in (0.2, 0.4, 0.5):
        numbered.tab.mouse.move(box["x"] + share * box["width"], box["y"] + 50)
    numbered.tab.mouse.up()
    numbered.settle()
    seen, cursor = seen_and_cursor(numbered)
    assert seen == cursor
    assert abs(cursor - NUM_FRAMES / 2) <= 1


def test_cursor_follows_the_playing_clip_within_a_frame(numbered: Page) -> None:
    numbered.click_at(0.1)
    numbered.press("k")
    pairs = []
    for _ in range(8):
        numbered.tab.wait_for_timeout(100)
        pairs.append(seen_and_cursor(numbered))
    numbered.press("k")
    assert pairs[-1][0] > pairs[0][0], "it plays"
    # The picture can be a frame ahead of the callback that announces it.
    assert sorted(abs(seen - cursor) for seen, cursor in pairs)[-2] <= 1


def test_uneven_frame_times_are_followed_frame_by_frame(page: Page, uneven_clip: bytes) -> None:
    page.open("uneven.mp4", uneven_clip)
    times = [time / 1000 for time in UNEVEN_MS]
    page.click_at(2.0, end=times[-1] + 0.04)
    begin = seen_and_cursor(page, times)
    assert begin[0] == begin[1]
    for step in range(1, 5):
        page.press(".")
        page.settle()
        assert seen_and_cursor(page, times) == (begin[0] + step, begin[0] + step)


def test_frame_keys_move_by_exactly_one_frame(numbered: Page) -> None:
    numbered.click_at(1.0)
    begin = numbered.cursor
    for key, frames in ((".", 1), ("ArrowRight", 2), (",", 1), ("ArrowLeft", 0), ("Shift+ArrowRight", FPS)):
        numbered.press(key)
        assert numbered.cursor == pytest.approx(begin + frames / FPS), key
    numbered.press("End")
    assert numbered.cursor == pytest.approx((NUM_FRAMES - 1) / FPS)
    numbered.press("Home")
    assert numbered.cursor == 0


def test_buttons_do_what_the_keys_do(numbered: Page) -> None:
    numbered.click_at(1.0)
    begin = numbered.cursor
    numbered.tab.locator("#forth").click()
    assert numbered.cursor == pytest.approx(begin + 1 / FPS)
    numbered.tab.locator("#back").click()
    assert numbered.cursor == pytest.approx(begin)


def test_l_doubles_the_speed_and_j_leads_the_clip_back(numbered: Page) -> None:
    numbered.click_at(4.0)
    numbered.press("l", "l")
    assert numbered.text("#rate") == "2×"
    numbered.press("k")
    numbered.click_at(4.0)
    numbered.press("j")
    assert numbered.text("#rate") == "−1×"
    numbered.tab.wait_for_function("() => Number(document.getElementById('cursor').dataset.time) < 3.6")
    numbered.press("k")
    assert numbered.tab.locator("#play").get_attribute("aria-label") == "Play"
    numbered.settle()
    seen, cursor = seen_and_cursor(numbered)
    assert abs(seen - cursor) <= 1
    numbered.press("l", "k")  # an ordinary speed again
    assert numbered.text("#rate") == "1×"


def test_clip_whose_time_starts_late_is_in_step_and_can_be_sought(page: Page) -> None:
    page.open("late.mp4")
    assert page.described.startswith("0:20.000, ")
    times = [LATE_SECONDS + index / FPS for index in range(NUM_FRAMES)]
    page.click_at(2.0)
    assert page.cursor == pytest.approx(22.0, abs=1.5 / FPS)
    assert len(set(seen_and_cursor(page, times))) == 1
    page.press(".", ".")
    page.settle()
    seen, cursor = seen_and_cursor(page, times)
    assert seen == cursor == round(page.cursor * FPS) - 20 * FPS
    page.press("k")
    page.tab.wait_for_timeout(700)
    page.press("k")
    page.settle()
    assert 22.3 < page.cursor < 24
    seen, cursor = seen_and_cursor(page, times)
    assert abs(seen - cursor) <= 1
    page.press("j")
    page.tab.wait_for_function("() => Number(document.getElementById('cursor').dataset.time) < 22")
    page.press("k")
    assert page.cursor > 20.5


def test_clip_whose_time_starts_before_0_is_in_step_and_says_so(page: Page) -> None:
    page.open("early.mp4")
    assert page.described.startswith("−0:00.500, ")
    page.click_at(0.2)
    assert page.described.startswith("−0:00.3")
    assert len(set(seen_and_cursor(page, [-0.5 + index / FPS for index in range(NUM_FRAMES)]))) == 1


def test_a_seek_while_the_clip_goes_backwards_is_where_it_goes_on_from(numbered: Page) -> None:
    numbered.click_at(2.0)
    numbered.press("j")
    numbered.tab.wait_for_function("() => Number(document.getElementById('cursor').dataset.time) < 1.8")
    box = numbered.tab.locator("#timeline").bounding_box()
    numbered.tab.mouse.click(box["x"] + box["width"] * 5 / END, box["y"] + 40)  # it never settles while it is led back
    assert numbered.text("#rate") == "−1×"
    numbered.tab.wait_for_timeout(200)
    after = numbered.cursor
    assert 2 < after < 5
    numbered.press("ArrowRight")
    numbered.tab.wait_for_timeout(50)
    assert numbered.cursor > after, "a second on, less what ran meanwhile"
    numbered.press("k")


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_loop_comes_round_backwards_too(numbered: Page, start: float) -> None:
    numbered.click_at(start)
    numbered.press("[")
    first = numbered.cursor
    numbered.click_at(start + 0.6)
    numbered.press("]")
    last = numbered.cursor
    numbered.press("Shift+L", "j")
    visited = []
    for _ in range(20):
        numbered.tab.wait_for_timeout(80)
        visited.append(numbered.cursor)
    assert numbered.tab.locator("#play").get_attribute("aria-label") == "Pause", "it still goes"
    numbered.press("k", "\\")
    assert min(visited) >= first - 1.5 / FPS
    assert max(visited) <= last + 1.5 / FPS
    assert any(after > before for before, after in pairwise(visited)), "it came round"


def test_speed_of_l_ends_with_the_playing_and_a_chosen_speed_stays(numbered: Page) -> None:
    numbered.click_at(0.5)
    numbered.press("l", "l", "l")
    assert numbered.text("#rate") == "4×"
    numbered.press("Space")
    assert numbered.text("#rate") == "1×"
    numbered.press("Home", "Space")
    assert numbered.tab.evaluate("document.getElementById('video').playbackRate") == 1
    numbered.press("Space", ">", "Space", "Space")
    assert numbered.text("#rate") == "1.25×"
    numbered.press("<")


def test_frames_can_be_told_apart_by_their_time_while_nothing_plays(numbered: Page) -> None:
    numbered.press("Home", ".", ".")
    assert numbered.text("#now") == numbered.text("#read-time") == "0:00.080"
    assert numbered.described.startswith("0:00.080, valence")
    assert numbered.tab.locator("#timeline").get_attribute("aria-valuenow") == "0.080"
    numbered.press("k")
    numbered.tab.wait_for_function("() => /^0:0\\d\\.\\d$/.test(document.getElementById('now').textContent)")
    numbered.press("k")
    assert len(numbered.text("#now")) == len("0:00.080")


def test_keys_act_on_the_clip_that_a_click_has_opened(page: Page) -> None:
    clip = {"name": "numbered.mp4", "mimeType": "video/mp4", "buffer": page.clip}
    choosers = []
    page.tab.on("filechooser", lambda chooser: (choosers.append(chooser), chooser.set_files(clip)))
    page.tab.locator("#choose").click()
    page.tab.wait_for_function("() => document.getElementById('video').readyState >= 3")
    page.press(".", ".")
    assert page.cursor == pytest.approx(2 / FPS)
    page.press("Space")
    page.tab.wait_for_function("() => !document.getElementById('video').paused")
    page.press("Space")
    assert len(choosers) == 1, "Space is no second press of the button"
    page.tab.locator("#clips .open").click()
    page.press("Home", ".")
    assert page.cursor == pytest.approx(1 / FPS)


def test_focus_that_has_gone_elsewhere_is_not_taken_by_a_clip_that_is_ready(page: Page) -> None:
    page.choose("slow.mp4")
    page.tab.locator("#theme").focus()
    page.tab.locator("#clips li[data-state=working]").wait_for()
    next(iter(page.fake.clips.values())).kind = "numbered"
    page.tab.locator("#player").wait_for()
    page.tab.wait_for_timeout(100)
    assert page.tab.evaluate("document.activeElement.id") == "theme"


def test_speed_keys_go_through_the_listed_speeds(numbered: Page) -> None:
    numbered.press("Home", ">")
    assert numbered.text("#rate") == "1.25×"
    numbered.press("<", "<")
    assert numbered.text("#rate") == "0.75×"
    numbered.press(">")
    assert numbered.tab.evaluate("document.getElementById('video').playbackRate") == 1


def test_loop_stays_between_the_brackets(numbered: Page) -> None:
    numbered.click_at(1.0)
    numbered.press("[")
    first = numbered.cursor
    numbered.click_at(1.6)
    numbered.press("]")
    last = numbered.cursor
    numbered.press("Shift+L", "Home", "k")
    assert numbered.tab.locator("#loop").get_attribute("aria-pressed") == "true"
    numbered.tab.wait_for_function(f"() => Number(document.getElementById('cursor').dataset.time) > {last - 0.1}")
    visited = []
    for _ in range(12):
        numbered.tab.wait_for_timeout(80)
        visited.append(numbered.cursor)
    numbered.press("k", "\\")
    assert min(visited) >= first - 1.5 / FPS
    assert max(visited) <= last + 1.5 / FPS
    assert any(after < before for before, after in pairwise(visited)), "it came round"
    assert numbered.tab.locator("#loop").get_attribute("aria-pressed") == "false"


def test_keys_with_modifiers_in_fields_in_dialogs_or_switched_off_are_not_ours(numbered: Page) -> None:
    numbered.click_at(1.0)
    begin = numbered.cursor
    numbered.press("Control+End", "?")
    assert numbered.tab.locator("#sheet").is_visible()
    numbered.press("End")
    numbered.tab.locator("#keys-on").uncheck()
    numbered.press("Escape", "End", "m")
    assert numbered.cursor == begin
    assert numbered.tab.locator("#markers li").count() == 0
    numbered.press("?")
    numbered.tab.locator("#keys-on").check()
    numbered.press("Escape")
    numbered.tab.locator("#mark").click()
    numbered.tab.locator("#markers input").fill("")
    numbered.tab.locator("#markers input").type("k l , End")
    assert numbered.cursor == begin
    assert numbered.tab.evaluate("document.getElementById('video').paused")
    numbered.tab.get_by_role("button", name="Remove marker M1").click()


@pytest.mark.parametrize("held", [{"ctrlKey": True, "altKey": True}, {"altKey": True}])
def test_brackets_typed_with_altgr_or_option_are_brackets(numbered: Page, held: dict[str, bool]) -> None:
    """As on German, French or Nordic keyboards; Windows tells AltGr as Ctrl and Alt."""
    for seconds, key in ((1.0, "["), (1.6, "]")):
        numbered.click_at(seconds)
        numbered.tab.evaluate(
            "(key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { ...key, bubbles: true }))",
            {"key": key, **held},
        )
    assert numbered.tab.locator("#loop").is_enabled()
    numbered.press("\\")


def test_keys_act_after_a_person_was_chosen_with_the_mouse(page: Page) -> None:
    page.open("two-people.mp4")
    page.tab.locator("input[name=person]").nth(1).check()
    page.press("m", "[")
    assert page.tab.locator("#markers li").count() == 1
    page.press("ArrowLeft")  # which is the list's own
    assert page.tab.locator("input[name=person]").nth(0).is_checked()


def test_zoom_narrows_what_is_in_view_around_the_cursor_and_fit_shows_all(numbered: Page) -> None:
    numbered.click_at(3.0)
    numbered.press("+", "+", "+")
    assert numbered.tab.locator("#overview").is_visible()
    box = numbered.tab.locator("#timeline").bounding_box()
    wide = END / 1.6**3
    numbered.tab.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 40)
    # The cursor stood in the middle and kept its place, so three quarters of the view are a quarter of it further on.
    assert numbered.cursor == pytest.approx(3.0 + wide / 4, abs=1.5 / FPS)
    numbered.press("0")
    assert numbered.tab.locator("#overview").is_hidden()


def test_clip_that_no_browser_plays_keeps_its_trace_on_a_silent_clock(page: Page) -> None:
    page.choose("numbered.mp4", b"no clip at all")
    page.tab.locator("#player").wait_for()
    page.tab.wait_for_function("() => document.getElementById('video').hidden")
    assert page.text("#no-picture").startswith("The browser cannot play this clip")
    page.click_at(1.0)
    page.press("k")
    page.tab.wait_for_function("() => Number(document.getElementById('cursor').dataset.time) > 1.4")
    page.press("k")
    assert page.tab.locator("#play").get_attribute("aria-label") == "Play"
    page.complaints.clear()  # the browser's own words on the clip
