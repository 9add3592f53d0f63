"""One self-contained page on one clip: it plays beside its trace, works offline, and asks nothing of any network.

The page is `assets/page.html` with the style, the script, plotly's own bundle, the clip and the data put in. What comes
from outside (names, notes, facts) is escaped; the data are JSON in a script element that is never run; and the page's
content security policy runs only the two scripts written here, known by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from plotly.offline import get_plotlyjs

from vatrace import files
from vatrace.errors import MediaError
from vatrace.report.export import PersonTrace, TracedPerson
from vatrace.report.page_data import page_data
from vatrace.report.spans import Shade
from vatrace.report.summary import second_rows, summary_sentence
from vatrace.report.tiers import person_name
from vatrace.streams import Trace

MAX_CLIP_BYTES = 256 * 2**20  # base64 of more makes a page that browsers refuse or choke on
CLIP_TYPES = {
    **{".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"},
    **{".wav": "audio/wav", ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".ogg": "audio/ogg", ".flac": "audio/flac"},
}

_TILES = {
    "mean_ccc": "mean CCC",
    "valence_ccc": "valence CCC",
    "arousal_ccc": "arousal CCC",
    "split": "split",
    "seed": "seed",
    "subjects": "subjects",
    "num_subjects": "subjects",
    "frames": "frames",
    "num_frames": "frames",
}


def write_report(
    path: Path,
    *,
    video: Path | None,
    video_suffix: str | None = None,
    trace: Trace,
    person: int = 0,
    others: Sequence[TracedPerson] = (),
    truth: Trace | None = None,
    episodes: Sequence[Shade] = (),
    scores: Mapping[str, object],
    title: str,
    lead: str,
    notes: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> None:
    """Commit the page of one clip.

    Args:
        path: where the HTML file shall be.
        video: the clip itself, put into the page, a film or sound alone; None for a page whose cursor runs on a
            silent clock.
        video_suffix: under which browsers play it, where it is not its own.
        trace: the prediction; of the main person, where there are several.
        person: whose that is, the number in the CSV.
        others: everybody else, at the same times. Each has a dashed curve, and a list chooses whose trace the rest of
            the page is about.
        truth: the annotation, if there is one; its own times need not be the trace's.
        episodes: where a channel says little, shaded in the panel of its gate.
        scores: `mean_ccc`, `valence_ccc`, `arousal_ccc`, `split`, `seed`, `subjects` and `frames` become tiles, any
            other key is listed below. None reads "not measured".
        title: the page's heading, such as the clip's name.
        lead: a sentence below it.
        notes: what a reader must know; the first is set above the player.
        facts: what made the trace, by name, listed below the player.

    Raises:
        MediaError: the clip is larger than a page can hold, or of a kind browsers do not play.
        ValueError: somebody's times are not those of the main person.
    """
    if any(not np.array_equal(each.trace.times_seconds, trace.times_seconds) for each in others):
        raise ValueError("a page has one clock: the people of a clip need traces with the same times")
    main = PersonTrace(person, trace)
    clip = _clip(video, video_suffix)
    files.write_text(path, _page(clip, main, others, truth, episodes, scores, title, lead, notes, facts or {}))


def _page(
    clip: str,
    main: TracedPerson,
    others: Sequence[TracedPerson],
    truth: Trace | None,
    episodes: Sequence[Shade],
    scores: Mapping[str, object],
    title: str,
    lead: str,
    notes: Sequence[str],
    facts: Mapping[str, str],
) -> str:
    plotly, script = get_plotlyjs(), _asset("page.js")
    further = {key: _score_text(value) for key, value in scores.items() if key not in _TILES}
    parts = {
        "policy": _policy(plotly, script),
        "style": _asset("page.css"),
        "title": _text(title),
        "lead": _text(lead),
        "tiles": _tiles(scores),
        "caution": f'<p class="caution" role="note">{_text(notes[0])}</p>' if notes else "",
        "clip": clip,
        "summary": _text(_summary(main, others, truth)),
        "ring": "" if truth is None else ". Ring and dashes: the truth",
        "notes": _notes(notes),
        "facts": _facts({**facts, **further}),
        "table": _tables(main, others, truth),
        "data": script_json(page_data(main, others, truth, episodes)),
        "plotly": plotly,
        "script": script,
    }
    # One pass, so that a placeholder's look-alike inside a part stays what it is.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _asset("page.html"))


def script_json(value: Any) -> str:  # Any: whatever json can write
    """Give a value as JSON that cannot end, or open, an element of the page it stands in."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(*scripts: str) -> str:
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "media-src data: blob:; connect-src data:; base-uri 'none'; form-action 'none'"
    )


def _clip(video: Path | None, suffix: str | None) -> str:
    if video is None:
        return "<p>The clip itself is not part of this page. Time runs without it.</p>"
    media_type = CLIP_TYPES.get(suffix or video.suffix.lower())
    if media_type is None:
        raise MediaError(
            f"{video.name} cannot be put into a page: browsers play {', '.join(CLIP_TYPES)}.",
            hint="Convert it, or write the page without the clip.",
            code="not-playable",
        )
    size_bytes = video.stat().st_size
    if size_bytes > MAX_CLIP_BYTES:
        raise MediaError(
            f"{video.name} has {size_bytes / 2**20:.0f} MiB, and a page holds at most {MAX_CLIP_BYTES // 2**20}.",
            hint="Write the page without the clip.",
            code="too-large",
        )
    content = base64.b64encode(video.read_bytes()).decode("ascii")
    kind = media_type.partition("/")[0]
    return (
        f'<{kind} controls playsinline preload="auto" aria-label="The clip" src="data:{media_type};base64,{content}">'
        f"</{kind}>{'<p>Sound alone, without a picture.</p>' if kind == 'audio' else ''}"
        '<p id="unplayable" hidden>This browser cannot play the clip. Time runs without it.</p>'
    )


def _tiles(scores: Mapping[str, object]) -> str:
    shown = [key for key in _TILES if key in scores]
    if not shown:
        return ""
    tiles = (
        f'<div class="tile{" main" if key == "mean_ccc" else ""}">'
        f"<dt>{_TILES[key]}</dt><dd>{_text(_score_text(scores[key]))}</dd></div>"
        for key in shown
    )
    return f'<dl class="tiles" aria-label="Scores">{"".join(tiles)}</dl>'


def _score_text(value: object) -> str:
    match value:
        case None:
            return "not measured"
        case bool() | str():
            return str(value)
        case float():
            return f"{value:.3f}" if np.isfinite(value) else "not measured"
        case int():
            return f"{value:,}" if value >= 10_000 else str(value)
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def _notes(notes: Sequence[str]) -> str:
    rest = notes[1:]
    if not rest:
        return ""
    items = "".join(f"<li>{_text(note)}</li>" for note in rest)
    return f'<div class="card"><h2>Notes</h2><ul>{items}</ul></div>'


def _facts(facts: Mapping[str, str]) -> str:
    if not facts:
        return ""
    items = "".join(f"<dt>{_text(name)}</dt><dd>{_text(fact)}</dd>" for name, fact in facts.items())
    return f'<div class="card facts"><h2>How it was made</h2><dl>{items}</dl></div>'


def _summary(main: TracedPerson, others: Sequence[TracedPerson], truth: Trace | None) -> str:
    of_main = summary_sentence(main.trace, truth)
    if not others:
        return of_main
    further = (f"{person_name(other.person)}: {summary_sentence(other.trace, None)}" for other in others)
    return " ".join([f"{person_name(main.person)}: {of_main}", *further])


def _tables(main: TracedPerson, others: Sequence[TracedPerson], truth: Trace | None) -> str:
    if not others:
        return _table(main.trace, truth)
    further = (_table(other.trace, None, person_name(other.person)) for other in others)
    return "".join([_table(main.trace, truth, person_name(main.person)), *further])


def _table(trace: Trace, truth: Trace | None, caption: str = "") -> str:
    header, *rows = second_rows(trace, truth)
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in header)
    body = "".join(
        f'<tr><th scope="row">{_text(first)}</th>{"".join(f"<td>{_text(field)}</td>" for field in rest)}</tr>'
        for first, *rest in rows
    )
    title = f"<caption>{_text(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(text: object) -> str:
    # A file name may hold bytes that are no text; they become question marks instead of an error.
    return escape(str(text).encode("utf-8", "replace").decode("utf-8"))


def _asset(name: str) -> str:
    return (resources.files("vatrace.report") / "assets" / name).read_text(encoding="utf-8")
