"""The page and the server of `vatrace serve`, together: the same clip, the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.inference.test_missing_modality import make_video
from tests.media.clips import write_clip
from tests.web.serving import Serving
from tests.web.static.conftest import BIT_PIXELS, SEEN

NUM_FRAMES, FPS = 50, 25


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


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_clip_that_starts_late_is_in_step(browser: Any, server: Serving, tmp_path: Path, suffix: str) -> None:
    rate, start = 16_000, 20.0
    film = write_clip(
        tmp_path / f"late{suffix}",
        times=[start + index / FPS for index in range(NUM_FRAMES)],
        paint=numbered_picture,
        sound=(0.2 * np.sin(np.arange(NUM_FRAMES * rate // FPS) / 14)).astype(np.float32)[None],
        rate=rate,
        audio_start=start,
    )
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"http://{server.host}/?token={server.token}")
    tab.locator("#file").set_input_files(film)
    tab.locator("#player").wait_for(timeout=60_000)
    tab.wait_for_function("() => document.getElementById('video').readyState >= 3")
    for share in (0.1, 0.6, 0.95):
        box = tab.locator("#timeline").bounding_box()
        tab.mouse.click(box["x"] + box["width"] * share, box["y"] + 40)
        tab.wait_for_function("() => !document.getElementById('video').seeking")
        tab.wait_for_timeout(200)
        seen, cursor = tab.evaluate(SEEN)
        assert cursor == pytest.approx(start + share * NUM_FRAMES / FPS, abs=1.5 / FPS)
        assert seen == round((cursor - start) * FPS)
    tab.get_by_role("button", name=f"Remove late{suffix}").click()
    context.close()


def numbered_picture(index: int, _: float) -> np.ndarray:
    """Grey, with the index in eight squares along its top, as the clips of `conftest` have it."""
    image = np.full((128, 128, 3), 128, dtype=np.uint8)
    for bit in range(8):
        image[:BIT_PIXELS, bit * BIT_PIXELS : (bit + 1) * BIT_PIXELS] = 255 * (index >> bit & 1)
    return image


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
