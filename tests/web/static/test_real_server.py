"""The page and the server of `vatrace serve`, together: the same clip, the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.inference.test_missing_modality import make_video
from tests.web.serving import Serving

NUM_FRAMES = 50


@pytest.fixture
def film(tmp_path: Path, drawn_face: np.ndarray) -> Path:
    """Two seconds of a drawn face and a tone, with a gap in each."""
    return make_video(
        tmp_path / "film.mkv", drawn_face, no_face=range(10, 15), no_voice=range(13, 20), frames=NUM_FRAMES
    )


def test_clip_goes_in_and_its_curves_and_its_csv_come_out(browser: Any, server: Serving, film: Path) -> None:
    context = browser.new_context(accept_downloads=True)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(f"http://{server.host}/?token={server.token}")
    assert "token" not in tab.url
    tab.locator("#file").set_input_files(film)
    tab.locator("#player").wait_for(timeout=60_000)
    tab.wait_for_function("() => document.getElementById('video').videoWidth > 0")
    tab.locator("#timeline").press("End")
    with tab.expect_download() as waiting:
        tab.locator("#get-csv").click()
    rows = [row.split(",") for row in waiting.value.path().read_text().splitlines()]
    assert len(rows) == 1 + NUM_FRAMES
    assert waiting.value.suggested_filename == "film.csv"
    last = dict(zip(rows[0], rows[-1], strict=True))
    assert float(tab.locator("#cursor").get_attribute("data-time")) == pytest.approx(float(last["time"]))
    shown = float(tab.locator("#read-valence").inner_text().replace("−", "-"))
    assert shown == pytest.approx(float(last["valence"]), abs=0.0051)
    tab.get_by_role("button", name="Remove film.mkv").click()
    tab.wait_for_function("() => document.body.dataset.view === 'home'")
    assert complaints == []
    context.close()


def test_what_is_no_clip_is_refused_in_a_sentence(browser: Any, server: Serving) -> None:
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"http://{server.host}/?token={server.token}")
    tab.locator("#file").set_input_files({"name": "notes.mp4", "mimeType": "video/mp4", "buffer": b"no clip at all"})
    tab.wait_for_function("() => document.getElementById('work').classList.contains('failed')", timeout=60_000)
    assert tab.locator("#work-step").inner_text().startswith("notes.mp4 is not a video or sound file that can be read")
    tab.locator("#work-remove").click()
    tab.wait_for_function("() => document.body.dataset.view === 'home'")
    context.close()
