"""The page of a clip of somebody's own: `vatrace.report.page`, with what the sidecar says in words."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vatrace.errors import MediaError
from vatrace.media.opener import open_media
from vatrace.media.playable import playable_suffix, write_copy
from vatrace.media.redraw import player_start_seconds
from vatrace.report.basis import NOTE
from vatrace.report.export import TracedPerson
from vatrace.report.page import MAX_CLIP_BYTES, write_report
from vatrace.report.tiers import on_players_clock

LEAD = "Valence and arousal, frame by frame, with what each value rests on."
# A copy is encoded while somebody waits, and its sound is held in memory, about 4 MB a minute.
MAX_COPY_SECONDS = 1800.0

_SHOWN = {
    "clip": "Clip",
    "clip_sha256": "sha256 of the clip",
    "model_folder": "Model",
    "model": "Model id",
    "vatrace": "vatrace",
}


@dataclass(frozen=True)
class _Player:
    """What plays in a page.

    Args:
        path: the clip or a copy of it; None where time runs without it.
        suffix: under which browsers play that.
        start_seconds: the container's time that is 0 for whoever plays it.
        remark: what a reader has to know of it.
    """

    path: Path | None
    suffix: str | None = None
    start_seconds: float = 0.0
    remark: str = ""


def write_clip_page(
    path: Path, people: Sequence[TracedPerson], facts: Mapping[str, Any], *, video: Path | None
) -> None:
    """Commit the page of a clip.

    Args:
        path: where the HTML file shall be.
        people: everybody in the clip, the main person first, with the container's times.
        facts: the sidecar's content; its warnings and the model's remark become notes.
        video: the clip, with or without pictures. It is put into the page as it is where browsers play it, and else as
            a small copy of at most half an hour; a note says where a page cannot hold it.
    """
    with tempfile.TemporaryDirectory() as folder:
        times = people[0].trace.times_seconds
        player = _Player(None) if video is None else _player_of(video, float(times[-1] - times[0]), Path(folder))
        main, *others = on_players_clock(people, player.start_seconds)
        warnings = facts.get("warnings")
        notes = [str(facts.get("model_remark") or ""), *(warnings if isinstance(warnings, list | tuple) else ())]
        write_report(
            path,
            video=player.path,
            video_suffix=player.suffix,
            trace=main.trace,
            person=main.person,
            others=others,
            scores={},
            title=str(facts.get("clip") or path.stem),
            lead=LEAD,
            notes=[NOTE, *filter(None, map(str, notes)), *filter(None, [player.remark])],
            facts={word: str(facts[name]) for name, word in _SHOWN.items() if facts.get(name)},
        )


def _player_of(video: Path, seconds: float, folder: Path) -> _Player:
    """The clip where browsers play it, else a copy in `folder`, else neither and the reason."""
    start_seconds = player_start_seconds(video)
    suffix = playable_suffix(video)
    if suffix is not None and video.stat().st_size <= MAX_CLIP_BYTES:
        return _Player(video, suffix, start_seconds)
    if seconds > MAX_COPY_SECONDS:
        why = f"it needs a copy, which is made of clips of at most {MAX_COPY_SECONDS / 60:.0f} minutes."
        return _Player(None, start_seconds=start_seconds, remark=f"{video.name} is not in this page: {why}")
    copy = folder / "copy.mp4"
    try:
        shift = write_copy(video, copy)
    except MediaError as error:
        return _Player(None, start_seconds=start_seconds, remark=f"{video.name} is not in this page: {error}")
    if copy.stat().st_size > MAX_CLIP_BYTES:
        why = f"a page holds at most {MAX_CLIP_BYTES >> 20} MiB."
        return _Player(None, start_seconds=start_seconds, remark=f"{video.name} is not in this page: {why}")
    with open_media(copy) as media:
        suffix = ".m4a" if media.video is None else ".mp4"
    return _Player(
        copy, suffix, shift, f"What plays in this page is a small copy of {video.name}, with the same times."
    )
