"""`vatrace export`: other files of traces that are there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vatrace.errors import DatasetError, NothingFound, VatraceError, shown, where
from vatrace.files import sha256_of
from vatrace.recipes.inputs import VIDEO_SUFFIXES
from vatrace.recipes.watch import SILENCE, BatchResult, Watch


def export(
    traces: Sequence[str],
    *,
    formats: str,
    videos: Path | None = None,
    out: Path | None = None,
    watch: Watch = SILENCE,
) -> BatchResult:
    """Write traces that `vatrace predict` made as files for other programs, without reading the clips again.

    Formats: parquet and json (the columns of the table, null where something is missing), eaf (ELAN) and textgrid
    (Praat): tiers with intervals of about-constant value and its mean, with means of every second, and with missing
    face or voice; vtt (WebVTT): the mean of every second; overlay: the clip with the curves drawn below the picture;
    html: a page that plays the clip beside its curves; png and svg: a figure for a paper. The sidecar beside a trace
    goes with it. The clip itself is needed for overlay, and used for html and eaf where it is at hand. An eaf or
    TextGrid with somebody's own tiers is never overwritten.

    Example: vatrace export results --formats eaf,html --videos recordings

    Args:
        traces: tables that `vatrace predict` wrote, or folders of them.
        formats: names with commas between them, such as eaf,vtt.
        videos: the clip, or the folder in which the clips are; without it they are looked for beside the traces.
        out: folder to write; without it, beside each trace.
    """
    from vatrace.report.formats import check_formats

    wanted = [name.strip().lower() for name in formats.split(",") if name.strip()]
    if not wanted:
        raise ValueError("--formats names no format; give some with commas between them, such as eaf,vtt.")
    check_formats(wanted)
    done: list[Path] = []
    failed: list[tuple[str, VatraceError | OSError]] = []
    for path in _tables(traces):
        try:
            done.extend(_export_trace(path, wanted, videos, out or path.parent, watch))
        except (VatraceError, OSError) as error:
            failed.append((str(path), error))
        except Exception as error:  # whatever a library does not expect; the other traces have their chance
            failed.append((str(path), VatraceError(f"{path} could not be worked on: internal error ({where(error)}).")))
    return BatchResult(tuple(done), tuple(failed))


def _tables(names: Sequence[str]) -> list[Path]:
    """Traces named one by one, and of folders every table that is one."""
    from vatrace.report.export import is_trace_csv

    found: dict[Path, None] = {}
    for path in map(Path, names):
        tables = [path]
        if path.is_dir():
            tables = sorted(each for each in path.glob("*.csv") if each.is_file() and is_trace_csv(each))
            if not tables:
                raise NothingFound(f"the folder {path} holds no trace; `vatrace predict` writes them.")
        found |= dict.fromkeys(tables)
    return list(found)


def _export_trace(path: Path, formats: Sequence[str], videos: Path | None, out: Path, watch: Watch) -> list[Path]:
    from vatrace.media.video import probe
    from vatrace.report.export import read_clip_csv
    from vatrace.report.formats import path_of, write_formats

    if not path.is_file():
        raise NothingFound(f"no such file: {path}.")
    people = read_clip_csv(path)
    facts = _facts(path)
    video = _checked_clip(path, facts, videos, formats, watch)
    wanted = [name for name in formats if path_of(out / path.stem, name).resolve() != path.resolve()]
    if "overlay" in wanted and video is not None and not probe(video).has_video:
        watch.say(f"{shown(video)}: has no picture to draw curves into, so there is no overlay of it.")
        wanted.remove("overlay")
    frames = len(people[0].trace) if people and "overlay" in wanted else 0
    with watch.track(path.stem, frames) as advance:
        return write_formats(people, out / path.stem, wanted, video=video, facts=facts, on_frames=advance)


def _facts(path: Path) -> dict[str, Any]:  # Any: JSON
    """What the sidecar says; nothing where there is none."""
    sidecar = path.with_suffix(".json")
    if not sidecar.is_file():
        return {}
    try:
        facts = json.loads(sidecar.read_text("utf-8"))
    except ValueError as error:
        raise DatasetError(f"{sidecar} is no sidecar of a trace: {error}.") from error
    if not isinstance(facts, dict):
        raise DatasetError(f"{sidecar} is no sidecar of a trace; move it away.")
    return facts


def _clip_of(path: Path, facts: Mapping[str, Any], videos: Path | None) -> Path | None:
    """The clip of a trace: the named file, or one of the name that the sidecar says, or of the trace's own name."""
    if videos is not None and not videos.exists():
        raise NothingFound(f"no such file or folder: {videos}.")
    if videos is not None and not videos.is_dir():
        return videos
    folder = videos or path.parent
    told = Path(str(facts.get("clip") or "")).name  # a name alone: a sidecar cannot lead anywhere else
    guesses = [folder / told] if told else [folder / f"{path.stem}{suffix}" for suffix in sorted(VIDEO_SUFFIXES)]
    return next((each for each in guesses if each.is_file()), None)


def _checked_clip(
    path: Path, facts: Mapping[str, Any], videos: Path | None, formats: Sequence[str], watch: Watch
) -> Path | None:
    """The clip of a trace, which has to be the one that was read where a file shows it."""
    from vatrace.report.formats import FORMATS

    video = _clip_of(path, facts, videos)
    needing = " and ".join(name for name in formats if FORMATS[name].needs_video)
    if video is None and needing:
        raise NothingFound(f"{needing} of {path} cannot be made without the clip: {_absent(path, facts, videos)}.")
    if video is None and "html" in formats:
        watch.say(f"{shown(path)}: its page plays no clip: {_absent(path, facts, videos)}.")
    if video is not None and (needing or "html" in formats):
        _check_is_the_clip(video, facts)
    return video


def _absent(path: Path, facts: Mapping[str, Any], videos: Path | None) -> str:
    told = Path(str(facts.get("clip") or "")).name or f"a clip called {path.stem}"
    return f"{told} is not in {videos or path.parent}; name it, or its folder, with --videos"


def _check_is_the_clip(video: Path, facts: Mapping[str, Any]) -> None:
    told = facts.get("clip_sha256")
    if told and told != sha256_of(video):
        raise DatasetError(f"{video} is not the file that this trace was made of; name the right one with --videos.")
