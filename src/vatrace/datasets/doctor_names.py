"""Which parts of a data set belong together by name, and which are left over.

Names are compared whole. Where there is none of that name, one that differs only in case, spaces, `-` and `_`, or in
how an accent is coded is suggested, and never taken.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vatrace.datasets.clips import Clip
from vatrace.datasets.findings import Case, Finding, found
from vatrace.datasets.layout import Layout
from vatrace.datasets.official import person_of


def name_findings(layout: Layout, clips: Sequence[Clip], template: Mapping[str, int]) -> list[Finding]:
    """What has no counterpart, or more than one.

    Args:
        layout: what lies where.
        clips: of the data set.
        template: rows of each clip in the template of a submission.
    """
    return [
        *_missing_videos(layout, clips),
        *_left_over(layout, clips),
        *_twice(layout),
        *_test_list(layout, template),
        *found(
            "unaligned-crops",
            [Case(name, f"in {_places(paths, layout.folder)}") for name, paths in layout.unaligned.items()],
        ),
    ]


def people_findings(clips: Sequence[Clip]) -> list[Finding]:
    """Videos that more than one clip shows."""
    return found("two-people", [Case(video.name, ", ".join(names)) for video, names in shared_videos(clips).items()])


def shared_videos(clips: Sequence[Clip]) -> dict[Path, list[str]]:
    """Names of the clips of each video that has more than one."""
    names: dict[Path, list[str]] = {}
    for clip in clips:
        if clip.video is not None:
            names.setdefault(clip.video, []).append(clip.name)
    return {video: each for video, each in names.items() if len(each) > 1}


def _missing_videos(layout: Layout, clips: Sequence[Clip]) -> list[Finding]:
    near = _by_likeness(layout.videos)
    everybody = {clip.name for clip in clips}
    labelled: list[Case] = []
    unlabelled: list[Case] = []
    for clip in clips:
        if clip.video is None:
            _, wanted = person_of(clip.name, everybody, layout.videos)
            alike = [layout.videos[name][0].name for name in near.get(_likeness(wanted), ())]
            hint = f"; {', '.join(alike)} is alike" if alike else ""
            nothing = "" if clip.crops else ", nor crops"
            case = Case(clip.name, f"no video named {wanted}{nothing}{hint}")
            (unlabelled if clip.split == "unlabelled" else labelled).append(case)
    return [*found("video-missing", labelled), *found("test-video-missing", unlabelled)]


def _left_over(layout: Layout, clips: Sequence[Clip]) -> list[Finding]:
    if not clips:  # then everything is left over, which is said already
        return []
    used = {clip.video.stem for clip in clips if clip.video is not None}
    known = {clip.name for clip in clips}
    near = _by_likeness(known)
    return [
        *found(
            "unused-videos",
            [
                Case(name, _shown_place(paths[0], layout.folder))
                for name, paths in layout.videos.items()
                if name not in used
            ],
        ),
        *found(
            "unused-crops",
            [
                Case(name, f"{', '.join(alike)} is alike" if (alike := near.get(_likeness(name), [])) else "")
                for name in layout.crops
                if name not in known
            ],
        ),
    ]


def _twice(layout: Layout) -> list[Finding]:
    lists = [each for each in (layout.test_lists, layout.templates) if len(each) > 1]
    return [
        *found(
            "two-videos",
            [Case(n, _places(paths, layout.folder)) for n, paths in layout.videos.items() if len(paths) > 1],
        ),
        *found(
            "two-crop-folders",
            [Case(n, _places(paths, layout.folder)) for n, paths in layout.crops.items() if len(paths) > 1],
        ),
        *found("two-lists", [Case(each[0].name, _places(each, layout.folder)) for each in lists]),
    ]


def _test_list(layout: Layout, template: Mapping[str, int]) -> list[Finding]:
    labelled = {name: split for split, name, _ in layout.annotations}
    names = layout.test_names()
    clashes = [Case(name, labelled[name]) for name in names if name in labelled]
    untidy: list[Case] = []
    one_sided: list[Case] = []
    if layout.test_lists:
        lines = layout.test_lists[0].read_text("utf-8-sig", errors="replace").splitlines()
        seen: set[str] = set()
        for number, line in enumerate(lines, start=1):
            why = _untidy(line, seen)
            untidy += [Case(f"line {number}", f"{line!r}: {why}")] if why else []
            seen.add(line.strip())
        one_sided = [Case(name, "not in the template") for name in names if template and name not in template]
        one_sided += [Case(name, "not in the test list") for name in template if name not in seen]
    return [
        *found("test-clip-labelled", clashes),
        *found("test-list-untidy", untidy),
        *found("test-list-and-template", one_sided),
    ]


def _untidy(line: str, seen: Iterable[str]) -> str:
    if not line.strip():
        return "empty"
    if line != line.strip():
        return "spaces around it"
    return "there before" if line in seen else ""


def _by_likeness(names: Iterable[str]) -> dict[str, list[str]]:
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_likeness(name), []).append(name)
    return alike


def _likeness(name: str) -> str:
    return "".join(unicodedata.normalize("NFC", name).casefold().split()).replace("-", "_")


def _places(paths: Sequence[Path], folder: Path) -> str:
    return ", ".join(_shown_place(path, folder) for path in paths)


def _shown_place(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
