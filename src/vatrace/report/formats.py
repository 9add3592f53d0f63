"""The files that a trace can be written as, by name, beside the table that it always is.

| name | file | what is in it |
|---|---|---|
| `csv` | `.csv` | a row a frame and person (`vatrace.report.export`) |
| `parquet` | `.parquet` | the same columns, nulls where something is missing, the sidecar as metadata |
| `json` | `.trace.json` | the same columns as arrays, with the sidecar (`.json` alone is the sidecar's name) |
| `eaf` | `.eaf` | ELAN: tiers of intervals of about-constant value, of the means of seconds, and of what is missing |
| `textgrid` | `.TextGrid` | Praat: the same tiers, the means of seconds as points |
| `vtt` | `.vtt` | WebVTT: the means of every second, for players |
| `overlay` | `.overlay.mp4` | the clip with the curves drawn below the picture, its times and sound kept |
| `html` | `.html` | a page that plays the clip beside its curves, works offline |
| `png`, `svg` | `.trace.png`, `.trace.svg` | a figure for a paper: a line a person, the gates of the main one |

`csv`, `parquet` and `json` have the container's times. The others are for players and have a player's, which differ
only for MPEG streams that begin elsewhere than at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vatrace import files
from vatrace.errors import DatasetError, NothingFound
from vatrace.extras import absent, install_line
from vatrace.report import ours
from vatrace.report.export import TracedPerson, clip_csv_text, is_trace_csv
from vatrace.report.tiers import on_players_clock

OnFrames = Callable[[int], object]


@dataclass(frozen=True, kw_only=True)
class TracedClip:
    """What a file can be made of.

    Args:
        people: everybody in the clip, the main person first; times are the container's.
        video: the clip; None where it is not at hand, or has no picture and is not to be linked.
        facts: the sidecar's content.
        on_frames: told how many more pictures are done, by formats that go over the film.
    """

    people: tuple[TracedPerson, ...]
    video: Path | None
    facts: Mapping[str, Any]  # Any: whatever json can write
    on_frames: OnFrames | None = None

    def for_players(self) -> tuple[TracedPerson, ...]:
        """The people with a player's times."""
        from vatrace.media.redraw import player_start_seconds

        start_seconds = 0.0 if self.video is None else player_start_seconds(self.video)
        return tuple(on_players_clock(self.people, start_seconds)) if start_seconds else self.people


Write = Callable[[Path, TracedClip], None]


@dataclass(frozen=True)
class Writer:
    """One kind of file.

    Args:
        suffix: what follows the clip's name.
        write: commits the file.
        packages: what has to be importable.
        needs_video: whether there is no such file without the clip.
        is_ours: tells a file that we wrote from somebody else's.
    """

    suffix: str
    write: Write
    packages: tuple[str, ...] = ()
    needs_video: bool = False
    is_ours: ours.IsOurs = field(kw_only=True)


def write_formats(
    people: Sequence[TracedPerson],
    stem: Path,
    formats: Sequence[str],
    *,
    video: Path | None,
    facts: Mapping[str, Any],  # Any: whatever json can write
    on_frames: OnFrames | None = None,
) -> list[Path]:
    """Write the traces of a clip as files of several kinds.

    Args:
        people: everybody in the clip, the main person first.
        stem: folder and name of the files; each format adds its suffix.
        formats: names out of `FORMATS`.
        video: the clip; None where it is not at hand.
        facts: what made the traces, as in the sidecar.
        on_frames: told how many more pictures of an overlay are done.

    Returns:
        The files in the order of `formats`.

    Raises:
        ValueError: there is no format of a name.
        NothingFound: a package is not installed, or the clip is needed and not there.
        MediaError: the clip is needed and cannot be used.
        DatasetError: there is nobody or no frame, or a file of somebody else would be overwritten.
    """
    check_formats(formats)
    check_targets(stem, formats)
    if not people or not len(people[0].trace):
        raise DatasetError(f"the trace of {stem.name} has no frame, so there is nothing to write.")
    without = [name for name in formats if FORMATS[name].needs_video]
    if without and video is None:
        raise NothingFound(f"{' and '.join(without)} of {stem.name} cannot be made without the clip; say where it is.")
    clip = TracedClip(people=tuple(people), video=video, facts=facts, on_frames=on_frames)
    paths = [path_of(stem, name) for name in formats]
    for name, path in zip(formats, paths, strict=True):
        FORMATS[name].write(path, clip)
    return paths


def path_of(stem: Path, name: str) -> Path:
    """The file that a format of a name writes."""
    return stem.with_name(stem.name + FORMATS[name].suffix)


def check_targets(stem: Path, formats: Sequence[str]) -> None:
    """Find out before the work whether a file is in the way.

    Args:
        stem: as for `write_formats`.
        formats: as there.

    Raises:
        DatasetError: a file is there that vatrace did not write.
    """
    for name in formats:
        ours.refuse_to_overwrite(path_of(stem, name), FORMATS[name].is_ours)


def check_formats(formats: Sequence[str]) -> None:
    """Find out before the work whether every format can be written.

    Args:
        formats: names out of `FORMATS`.

    Raises:
        ValueError: there is no format of a name.
        NothingFound: a package is not installed.
    """
    for name in formats:
        if name not in FORMATS:
            raise ValueError(f"there is no format {name!r}; there are {', '.join(FORMATS)}.")
        missing = absent(FORMATS[name].packages)
        if missing:
            raise NothingFound(
                f"the format {name} needs {', '.join(missing)}; install it with: {install_line(missing)}"
            )


def _csv(path: Path, clip: TracedClip) -> None:
    files.write_text(path, clip_csv_text(clip.people))


def _parquet(path: Path, clip: TracedClip) -> None:
    from vatrace.report.columns import write_trace_parquet

    write_trace_parquet(path, clip.people, clip.facts)


def _json(path: Path, clip: TracedClip) -> None:
    from vatrace.report.columns import write_trace_json

    write_trace_json(path, clip.people, clip.facts)


def _eaf(path: Path, clip: TracedClip) -> None:
    from vatrace.report.annotation import write_elan

    write_elan(path, clip.for_players(), clip.facts, video=clip.video)


def _textgrid(path: Path, clip: TracedClip) -> None:
    from vatrace.report.annotation import write_textgrid

    write_textgrid(path, clip.for_players())


def _vtt(path: Path, clip: TracedClip) -> None:
    from vatrace.report.annotation import write_webvtt

    write_webvtt(path, clip.for_players(), clip.facts)


def _overlay(path: Path, clip: TracedClip) -> None:
    from vatrace.report.overlay import write_overlay

    assert clip.video is not None, "write_formats asked for the clip"
    write_overlay(path, clip.people, clip.video, on_frames=clip.on_frames)


def _html(path: Path, clip: TracedClip) -> None:
    from vatrace.report.clip_page import write_clip_page

    write_clip_page(path, clip.people, clip.facts, video=clip.video)


def _is_our_elan(path: Path) -> bool:
    from vatrace.report.annotation import check_elan

    check_elan(path)
    return True


def _is_our_textgrid(path: Path) -> bool:
    from vatrace.report.annotation import check_textgrid

    check_textgrid(path)
    return True


def _figure(path: Path, clip: TracedClip) -> None:
    from vatrace.report.annotation import plain_line
    from vatrace.report.basis import NOTE
    from vatrace.report.figures import save_figure, trace_figure

    main, *others = clip.for_players()
    name = plain_line(clip.facts.get("clip") or path.name.removesuffix(f".trace{path.suffix}"))
    save_figure(trace_figure(main.trace, person=main.person, others=others, title=name, note=NOTE), path)


FORMATS: Mapping[str, Writer] = {
    "csv": Writer(".csv", _csv, is_ours=is_trace_csv),
    "parquet": Writer(".parquet", _parquet, ("pyarrow",), is_ours=ours.is_parquet),
    "json": Writer(".trace.json", _json, is_ours=ours.is_trace_json),
    "eaf": Writer(".eaf", _eaf, ("pympi",), is_ours=_is_our_elan),
    "textgrid": Writer(".TextGrid", _textgrid, ("praatio",), is_ours=_is_our_textgrid),
    "vtt": Writer(".vtt", _vtt, ("webvtt",), is_ours=ours.is_webvtt),
    "overlay": Writer(".overlay.mp4", _overlay, needs_video=True, is_ours=ours.is_film),
    "html": Writer(".html", _html, is_ours=ours.is_page),
    "png": Writer(".trace.png", _figure, is_ours=ours.is_png),
    "svg": Writer(".trace.svg", _figure, is_ours=ours.is_svg),
}
