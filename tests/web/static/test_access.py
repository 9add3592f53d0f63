"""The whole of the page by keyboard and for a screen reader."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.static.conftest import Page
from tests.web.static.fake_server import FPS, FakeServer

FOCUSED = "() => document.activeElement.id || document.activeElement.className"


def tab_to(page: Page, wanted: str, most: int = 60) -> list[str]:
    """Press Tab until something has the focus; what had it on the way."""
    way: list[str] = []
    for _ in range(most):
        page.press("Tab")
        way.append(page.tab.evaluate(FOCUSED))
        if way[-1] == wanted:
            return way
    raise AssertionError(f"{wanted} is not reached by Tab, only {way}")


def serious(page: Page) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    found = axe.Axe().run(page.tab).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, fake: FakeServer, clip: bytes, theme: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme, bypass_csp=True)
    page = Page(context.new_page(), fake, clip)
    assert serious(page) == [], "the first view"
    page.open("two-people.mp4")
    page.press("m", "[")
    page.tab.locator("#table summary").click()
    assert serious(page) == [], "a clip"
    page.press("?")
    assert serious(page) == [], "the sheet of keys"
    page.press("Escape")
    page.choose("bad.mp4")
    page.tab.wait_for_function("() => document.querySelector('li[data-state=failed]')")
    page.tab.locator(".open").last.click()
    assert serious(page) == [], "a clip that failed"
    page.tab.locator("#go-live").click()
    assert serious(page) == [], "live"
    context.close()


def test_a_clip_is_chosen_looked_through_marked_and_fetched_without_a_mouse(page: Page) -> None:
    clip = {"name": "numbered.mp4", "mimeType": "video/mp4", "buffer": page.clip}
    page.tab.on("filechooser", lambda chooser: chooser.set_files(clip))
    tab_to(page, "choose")
    page.press("Enter")
    page.tab.locator("#player").wait_for()
    way = tab_to(page, "timeline")
    assert way.index("play") < way.index("forth") < way.index("mark") < way.index("timeline")
    page.press("ArrowRight", "ArrowRight")
    assert page.cursor == pytest.approx(2 / FPS)
    page.press("[", "Shift+ArrowRight", "]", "m", "End")
    assert page.text("#stretch-title") == "0:00.1 to 0:01.1"
    tab_to(page, "get-csv")
    with page.tab.expect_download():
        page.press("Enter")


def test_skip_link_leads_to_the_player(page: Page) -> None:
    page.open("numbered.mp4")
    page.tab.reload()
    page.tab.locator("#clips .open").click()
    page.tab.locator("#player").wait_for()
    page.tab.evaluate("document.activeElement.blur()")
    page.tab.locator(".skip").focus()
    page.press("Enter")
    assert page.tab.evaluate("document.activeElement.id") == "player"


def test_every_control_has_a_name(numbered: Page) -> None:
    nameless = numbered.tab.locator("button, input:not([type=file]), select, a").evaluate_all(
        """all => all
          .filter((one) => !(one.ariaLabel || one.textContent || (one.labels || [])[0]?.textContent || "").trim())
          .map((one) => one.outerHTML)"""
    )
    assert nameless == []


def test_speech_is_rare_while_the_clip_plays_and_comes_once_it_rests(numbered: Page) -> None:
    numbered.press("Home")
    numbered.tab.wait_for_function("() => document.getElementById('spoken').textContent.startsWith('0:00.0')")
    numbered.tab.evaluate("""() => {
      window.told = 0;
      new MutationObserver(() => { window.told += 1; }).observe(document.getElementById("spoken"), { childList: true });
    }""")
    numbered.press("k")
    numbered.tab.wait_for_function("() => Number(document.getElementById('cursor').dataset.time) > 1.2")
    assert numbered.tab.evaluate("window.told") <= 1
    numbered.press("k")
    told = numbered.tab.evaluate("window.told")
    numbered.tab.wait_for_function("(before) => window.told === before + 1", arg=told)
    assert numbered.tab.locator("#spoken").text_content() == numbered.described


def test_the_slider_names_a_moment_once_a_second_while_playing_and_at_once_at_rest(numbered: Page) -> None:
    numbered.press("Home")
    numbered.tab.wait_for_function("() => document.getElementById('timeline').ariaValueNow === '0.000'")
    numbered.tab.evaluate("""() => {
      window.named = [];
      new MutationObserver(() => window.named.push(performance.now()))
        .observe(document.getElementById("timeline"), { attributeFilter: ["aria-valuenow", "aria-valuetext"] });
    }""")
    numbered.press("k")
    numbered.tab.wait_for_function("() => Number(document.getElementById('cursor').dataset.time) > 2.4")
    named = numbered.tab.evaluate("window.named")
    assert 2 <= len(named) <= 5, named
    numbered.press("k")
    at_rest = "() => Math.abs(document.getElementById('timeline').ariaValueNow - "
    numbered.tab.wait_for_function(at_rest + "document.getElementById('cursor').dataset.time) < 0.001")
    before = len(numbered.tab.evaluate("window.named"))
    numbered.press(".")
    numbered.settle()
    assert len(numbered.tab.evaluate("window.named")) > before
    assert float(numbered.tab.locator("#timeline").get_attribute("aria-valuenow")) == pytest.approx(
        numbered.cursor, abs=0.001
    )


def test_focus_stays_on_a_clip_while_another_comes_along(page: Page) -> None:
    page.open("one.mp4")
    page.tab.locator("#clips .open").first.focus()
    page.choose("slow.mp4")
    page.tab.locator("#clips .state", has_text="working").wait_for()
    assert page.tab.evaluate("document.activeElement.querySelector('.name').textContent") == "one.mp4"
