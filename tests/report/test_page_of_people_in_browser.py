"""Several people in the page of a clip, in a real Chromium. Skipped where there is none."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.report.test_page_in_browser import CHROMIUM, FLAGS
from tests.report.traced_people import two_people
from vatrace.report.page import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra: pip install 'vatrace[browser]'")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on PATH")


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("people") / "p.html"
    main, other = two_people()
    write_report(path, video=None, trace=main.trace, others=[other], scores={}, title="t", lead="l")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        tab = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        tab.complaints = []
        tab.on("console", lambda message: tab.complaints.append(message.text))
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.goto(path.as_uri())
        tab.wait_for_function("() => document.querySelectorAll('#curves .scatterlayer path.js-line').length > 0")
        yield tab
        chromium.close()


def go_to_the_end(tab: Any) -> None:
    tab.focus("#timeline")
    tab.keyboard.press("End")


def test_the_list_chooses_whose_numbers_are_shown(tab: Any) -> None:
    go_to_the_end(tab)
    assert tab.locator("#who option").all_text_contents() == ["P0, the main person", "P4"]
    tab.select_option("#who", "1")
    assert tab.text_content("#read-valence") == "−0.31"
    assert tab.text_content("#read-arousal") == "+0.70"
    assert tab.locator("#others span:visible").all_text_contents() == ["P0, the main person"]
    tab.select_option("#who", "0")
    assert tab.text_content("#read-valence") != "−0.31"
    assert tab.complaints == []


def test_everybody_has_a_curve_in_both_panels_and_only_the_chosen_one_is_solid(tab: Any) -> None:
    dashes = tab.evaluate(
        "() => [...document.querySelectorAll('#curves .scatterlayer path.js-line')]"
        ".map((one) => (one.style.strokeDasharray || '').replace('none', ''))"
    )
    assert sum(bool(each) for each in dashes) == 2, "valence and arousal of person 4"
    assert len(dashes) >= 6, "and valence, arousal and two gates of person 0"
    assert tab.complaints == []
