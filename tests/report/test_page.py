import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from vatrace.errors import MediaError
from vatrace.report.page import MAX_CLIP_BYTES, script_json, write_report
from vatrace.report.spans import Shade
from vatrace.streams import Trace

HOSTILE = "</script><script>alert('x')</script> \u2028 & {{data}} \udcff"
LINKING = {"src", "href", "action", "poster", "data", "srcset", "formaction"}


class Page(HTMLParser):
    """Gathers what a page links to, its scripts, and its visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text: list[str] = []
        self._within: tuple[str, dict[str, str | None]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in LINKING]
        if tag in ("script", "style"):
            self._within = (tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._within = None

    def handle_data(self, data: str) -> None:
        if self._within is None:
            self.text.append(data)
        elif self._within[0] == "script":
            self.scripts.append((self._within[1], data))


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def short_trace() -> Trace:
    gates = np.array([[[0.7, 0.3], [0.4, 0.6]]] * 3, dtype=np.float32)
    return Trace(
        times_seconds=np.array([0.0, 0.04, 0.1]),
        valence=np.array([0.1234567, -5.0, 0.3]),
        arousal=np.array([-0.1, np.nan, -0.3]),
        valid=np.array([True, False, True]),
        face_valid=np.array([True, False, True]),
        voice_valid=np.array([True, False, True]),
        gate_weights=gates,
    )


def test_page_asks_nothing_of_a_network(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"not really a clip")
    write_report(tmp_path / "page.html", video=clip, trace=short_trace(), scores={}, title="t", lead="l")
    page = read(tmp_path / "page.html")
    assert page.links
    assert all(link.startswith("data:") for link in page.links)
    assert "data:video/mp4;base64,bm90IHJlYWxseSBhIGNsaXA=" in page.links
    assert not re.search(r"@import|url\(", (tmp_path / "page.html").read_text(encoding="utf-8").split("</style>")[0])


def test_page_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(tmp_path / name, video=None, trace=short_trace(), scores={"seed": 1}, title="t", lead="l")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_words_from_outside_stay_words(tmp_path: Path) -> None:
    write_report(
        tmp_path / "page.html",
        video=None,
        trace=short_trace(),
        episodes=[Shade("face", HOSTILE, 0.0, 0.05)],
        scores={"split": HOSTILE, "other": HOSTILE},
        title=HOSTILE,
        lead=HOSTILE,
        notes=[HOSTILE, HOSTILE],
        facts={HOSTILE: HOSTILE},
    )
    page = read(tmp_path / "page.html")
    kinds = [attributes.get("type") for attributes, _ in page.scripts]
    assert kinds == ["application/json", None, None], "only our own scripts"
    assert json.loads(page.scripts[0][1])["episodes"][0]["kind"] == HOSTILE
    shown = "".join(page.text)
    # title twice, lead, two notes, a tile, a further score, a fact's name and value
    assert shown.count(HOSTILE.replace("\udcff", "?")) == 9


def test_embedded_data_equals_the_trace(tmp_path: Path) -> None:
    truth = Trace(
        times_seconds=np.array([0.02]), valence=np.array([1.0]), arousal=np.array([-1.0]), valid=np.array([True])
    )
    episode = Shade("voice", "muted", 0.04, 0.09)
    write_report(
        tmp_path / "p.html",
        video=None,
        trace=short_trace(),
        truth=truth,
        episodes=[episode],
        scores={},
        title="",
        lead="",
    )
    assert json.loads(read(tmp_path / "p.html").scripts[0][1]) == {
        "person": 0,
        "trace": {
            "time": [0.0, 0.04, 0.1],
            "valence": [0.123457, None, 0.3],
            "arousal": [-0.1, None, -0.3],
            "face": [1, 0, 1],
            "voice": [1, 0, 1],
            "gate_face": [0.7, None, 0.7],
            "gate_voice": [0.4, None, 0.4],
        },
        "others": [],
        "truth": {"time": [0.02], "valence": [1.0], "arousal": [-1.0]},
        "episodes": [{"channel": "voice", "kind": "muted", "start": 0.04, "end": 0.09}],
        "missing": [{"kind": "neither face nor voice", "start": 0.04, "end": 0.1}],
        "end": 0.15,
    }


def test_a_clip_without_a_voice_says_what_its_values_rest_on(tmp_path: Path) -> None:
    silent = replace(short_trace(), voice_valid=np.zeros(3, dtype=bool))
    write_report(tmp_path / "p.html", video=None, trace=silent, scores={}, title="", lead="")
    page = read(tmp_path / "p.html")
    data = json.loads(page.scripts[0][1])
    assert data["trace"]["voice"] == [0, 0, 0]
    assert [span["kind"] for span in data["missing"]] == ["no voice", "neither face nor voice", "no voice"]
    assert "Values rest on the face alone in 67% of the frames, no value in 33%." in "".join(page.text)


def test_scores_are_tiles_and_what_was_not_measured_says_so(tmp_path: Path) -> None:
    scores = {"valence_ccc": 0.61234, "arousal_ccc": None, "mean_ccc": float("nan"), "seed": 7, "num_frames": 12345}
    write_report(tmp_path / "p.html", video=None, trace=short_trace(), scores=scores, title="", lead="")
    tiles = re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", (tmp_path / "p.html").read_text(encoding="utf-8"))
    assert tiles == [
        ("mean CCC", "not measured"),
        ("valence CCC", "0.612"),
        ("arousal CCC", "not measured"),
        ("seed", "7"),
        ("frames", "12,345"),
    ]


def test_first_note_stands_above_the_player(tmp_path: Path) -> None:
    notes = ["drawn faces: no evidence about people"]
    write_report(tmp_path / "p.html", video=None, trace=short_trace(), scores={}, title="", lead="", notes=notes)
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert text.index(f'role="note">{notes[0]}') < text.index('id="player"')


@pytest.mark.parametrize("num_frames", [0, 1])
def test_trace_of_no_frame_or_one_has_a_page(tmp_path: Path, num_frames: int) -> None:
    times = np.zeros(num_frames)
    trace = Trace(times_seconds=times, valence=times, arousal=times, valid=times == 0)
    write_report(tmp_path / "p.html", video=None, trace=trace, scores={}, title="", lead="")
    assert json.loads(read(tmp_path / "p.html").scripts[0][1])["end"] == pytest.approx(0.04 * num_frames)


def test_json_for_a_script_cannot_open_or_close_an_element() -> None:
    text = script_json({"a": "<!--<script>&"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"a": "<!--<script>&"}


def test_clip_no_browser_plays_or_no_page_holds_is_refused_and_leaves_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("clip.mpg", "clip.mp4"):
        (tmp_path / name).write_bytes(b"12345")
    page = tmp_path / "page.html"
    with pytest.raises(MediaError, match=r"clip\.mpg cannot be put into a page.*Convert it"):
        write_report(page, video=tmp_path / "clip.mpg", trace=short_trace(), scores={}, title="", lead="")
    assert MAX_CLIP_BYTES > 5
    monkeypatch.setattr("vatrace.report.page.MAX_CLIP_BYTES", 4)
    with pytest.raises(MediaError, match=r"clip\.mp4 has .* Write the page without the clip"):
        write_report(page, video=tmp_path / "clip.mp4", trace=short_trace(), scores={}, title="", lead="")
    assert not page.exists()
