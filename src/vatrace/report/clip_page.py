"""The page of a clip of somebody's own: `vatrace.report.page`, with what the sidecar says in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vatrace.report.basis import NOTE
from vatrace.report.export import TracedPerson
from vatrace.report.page import CLIP_TYPES, MAX_CLIP_BYTES, write_report

LEAD = "Valence and arousal, frame by frame, with what each value rests on."
LIMITS = f"Browsers play {', '.join(CLIP_TYPES)}, and a page holds at most {MAX_CLIP_BYTES >> 20} MiB."

_SHOWN = {
    "clip": "Clip",
    "clip_sha256": "sha256 of the clip",
    "model_folder": "Model",
    "model": "Model id",
    "vatrace": "vatrace",
}


def write_clip_page(
    path: Path, people: Sequence[TracedPerson], facts: Mapping[str, Any], *, video: Path | None
) -> None:
    """Commit the page of a clip.

    Args:
        path: where the HTML file shall be.
        people: everybody in the clip, the main person first, with a player's times.
        facts: the sidecar's content; its warnings and the model's remark become notes.
        video: the clip, put into the page where a browser can play it and a page can hold it; a note says so where not.
    """
    playable = video if video is not None and _fits(video) else None
    warnings = facts.get("warnings")
    notes = [
        NOTE,
        *filter(None, [str(facts.get("model_remark") or "")]),
        *(map(str, warnings) if isinstance(warnings, list | tuple) else ()),
        *([f"{video.name} is not in this page. {LIMITS}"] if video is not None and playable is None else ()),
    ]
    write_report(
        path,
        video=playable,
        trace=people[0].trace,
        others=people[1:],
        scores={},
        title=str(facts.get("clip") or path.stem),
        lead=LEAD,
        notes=notes,
        facts={word: str(facts[name]) for name, word in _SHOWN.items() if facts.get(name)},
    )


def _fits(video: Path) -> bool:
    return video.suffix.lower() in CLIP_TYPES and video.stat().st_size <= MAX_CLIP_BYTES
