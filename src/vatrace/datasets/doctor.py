"""The truth about a data set as it lies on a disk: what is there, and what is odd about it.

`look` finds the parts by name, `examine` reads annotations, lists folders of pictures and puts them side by side with
what `look_at_video` says of each video. No picture is opened and nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vatrace.datasets.clips import LABELLED_SPLITS, Clip, Split
from vatrace.datasets.doctor_labels import Labels, label_findings, read_labels, split_findings
from vatrace.datasets.doctor_names import name_findings, people_findings, shared_videos
from vatrace.datasets.doctor_rows import crop_findings, row_findings
from vatrace.datasets.doctor_videos import VideoFacts, video_findings
from vatrace.datasets.findings import SEVERITIES, Case, Finding, found
from vatrace.datasets.known import KNOWN_COUNTS, RELEASE
from vatrace.datasets.layout import Layout, look_through
from vatrace.datasets.manifest import MANIFEST, open_manifest
from vatrace.datasets.official import corpus_of
from vatrace.errors import DatasetError, NothingFound
from vatrace.features.crops import crop_frames

OnClip = Callable[[], None]
"""Told when a clip has been gone through."""


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """The parts of a data set.

    Args:
        folder: where it is.
        layout: what lies where; None for a corpus with a manifest.
        clips: those that can be told apart, in order of name.
        template: rows of each clip in the template of a submission.
        findings: what was found on the way.
    """

    folder: Path
    layout: Layout | None
    clips: tuple[Clip, ...] = ()
    template: Mapping[str, int]
    findings: tuple[Finding, ...] = ()

    @property
    def videos(self) -> list[Path]:
        """Every video, in order of path."""
        paths = {clip.video for clip in self.clips if clip.video is not None}
        if self.layout is not None:
            paths.update(path for each in self.layout.videos.values() for path in each)
        return sorted(paths)


@dataclass(frozen=True)
class Count:
    """How many of a thing are here.

    Args:
        group: of things, such as `"train"`.
        thing: such as `"rows"`.
        here: the number.
        known: how many the known release has; None where that is unknown, or the data are others.
    """

    group: str
    thing: str
    here: int
    known: int | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What is there, and what is odd about it.

    Args:
        counts: of things, in groups.
        findings: errors first, then warnings, then notes.
    """

    counts: tuple[Count, ...]
    findings: tuple[Finding, ...]

    def number_of(self, severity: str) -> int:
        """How many kinds of finding are so bad."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def passed(self) -> bool:
        """Whether there is no error."""
        return not self.number_of("error")

    def as_json(self) -> dict[str, Any]:  # Any: numbers and words, as JSON has them
        """The same for programs, with every case."""
        findings = [
            {
                "kind": each.kind,
                "severity": each.severity,
                "title": each.title,
                "count": len(each.cases),
                "summary": each.summary,
                "remedy": each.remedy,
                "cases": [asdict(case) for case in each.cases],
            }
            for each in self.findings
        ]
        return {"passed": self.passed, "counts": [asdict(count) for count in self.counts], "findings": findings}


def look(folder: Path) -> Holdings:
    """Find the parts of a data set, by their names.

    Args:
        folder: of Aff-Wild2 as it was unpacked, however much of it, or one with a `manifest.csv`.

    Raises:
        NothingFound: there is no such folder, or nothing of a data set in it.
    """
    if not folder.is_dir():
        raise NothingFound(f"there is no folder {folder}.")
    if (folder / MANIFEST).is_file():
        return _with_manifest(folder)
    layout = look_through(folder)
    if not (_has_parts(layout) or layout.unreadable):
        raise NothingFound(
            f"nothing of a data set under {folder}: no annotations, no videos, no folders of %05d.jpg, no {MANIFEST}."
        )
    tidy, findings = _without_contradictions(layout)
    places = [Case(path.relative_to(folder).as_posix()) for path in layout.unreadable]
    return Holdings(
        folder=folder,
        layout=tidy,
        clips=corpus_of(tidy).clips,
        template=tidy.template_rows(),
        findings=(*found("unreadable-places", places), *findings),
    )


def examine(
    holdings: Holdings, videos: Sequence[VideoFacts], *, is_known: bool, on_clip: OnClip = lambda: None
) -> Diagnosis:
    """Look at everything but the videos, and put it all side by side.

    Args:
        holdings: from `look`.
        videos: what is known of each of `holdings.videos`.
        is_known: whether this should be Aff-Wild2, so that its counts are known.
        on_clip: told when a clip has been gone through.
    """
    clips, template, layout = holdings.clips, holdings.template, holdings.layout
    labels: dict[str, Labels] = {}
    crops: dict[str, NDArray[np.int64]] = {}
    for clip in clips:
        label = read_labels(clip)
        if label is not None:
            labels[clip.name] = label
        if clip.crops is not None:
            crops[clip.name] = crop_frames(clip.crops)
        on_clip()
    by_path = {each.path: each for each in videos}
    known = KNOWN_COUNTS if is_known else {}
    counts = tuple(
        Count(group, thing, here, known.get((group, thing)))
        for group, thing, here in _counts(holdings, labels, crops, videos)
    )
    findings = [
        *holdings.findings,
        *_differing(counts),
        *label_findings(labels),
        *split_findings(clips),
        *(name_findings(layout, clips, template) if layout is not None else ()),
        *people_findings(clips),
        *row_findings(clips, labels, template, by_path),
        *crop_findings(clips, crops, labels, template, by_path),
        *video_findings(videos, {clip.video for clip in clips if clip.video is not None}, holdings.folder),
    ]
    return Diagnosis(
        counts=counts, findings=tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))
    )


def _with_manifest(folder: Path) -> Holdings:
    try:
        clips = open_manifest(folder).clips
    except DatasetError as error:
        wrong = found("manifest", [Case(MANIFEST, str(error).replace(f"{folder / MANIFEST}, ", ""))])
        return Holdings(folder=folder, layout=None, template={}, findings=tuple(wrong))
    return Holdings(folder=folder, layout=None, clips=clips, template={})


def _has_parts(layout: Layout) -> bool:
    parts = (layout.annotations, layout.videos, layout.crops, layout.unaligned, layout.test_lists, layout.templates)
    return any(parts)


def _without_contradictions(layout: Layout) -> tuple[Layout, list[Finding]]:
    """The layout with one annotation a clip, and what had to be left out."""
    if not layout.annotations:
        return layout, found("no-annotations", [Case("VA_Estimation_Challenge", "not under this folder")])
    places = layout.tasks
    of_first = [each for each in layout.annotations if each[2].parent.parent == places[0]]
    by_name: dict[str, list[tuple[Split, str, Path]]] = {}
    for each in of_first:
        by_name.setdefault(each[1], []).append(each)
    findings = [
        *found(
            "two-releases", [Case(place.relative_to(layout.folder).as_posix()) for place in places if len(places) > 1]
        ),
        *found(
            "two-splits",
            [Case(name, ", ".join(each[0] for each in same)) for name, same in by_name.items() if len(same) > 1],
        ),
    ]
    return replace(layout, annotations=[same[0] for same in by_name.values()]), findings


def _differing(counts: Sequence[Count]) -> list[Finding]:
    return found(
        "counts-differ",
        [
            Case(f"{count.group}, {count.thing}", f"{count.here:,} here, {count.known:,} in {RELEASE}")
            for count in counts
            if count.known is not None and count.here != count.known
        ],
    )


def _counts(
    holdings: Holdings,
    labels: Mapping[str, Labels],
    crops: Mapping[str, NDArray[np.int64]],
    videos: Sequence[VideoFacts],
) -> Iterator[tuple[str, str, int]]:
    clips, layout = holdings.clips, holdings.layout
    for split in LABELLED_SPLITS:
        of_split = [clip for clip in clips if clip.split == split]
        if of_split or split != "test":  # Aff-Wild2 has no labelled test split
            yield from _label_counts(split, of_split, labels)
    if layout is None:
        yield "unlabelled", "clips", sum(clip.split == "unlabelled" for clip in clips)
    else:
        yield "challenge test set", "clips", len(layout.test_names())
        yield "challenge test set", "rows of the template", sum(holdings.template.values())
        yield "expressions", "annotations", len(layout.expressions)
    yield "videos", "files", len(videos)
    yield "videos", "with sound", sum(each.info is not None and each.info.has_audio for each in videos)
    yield "aligned crops", "clips", sum(map(bool, map(len, crops.values())))
    yield "aligned crops", "pictures", sum(map(len, crops.values()))
    if layout is not None:
        yield "other crops", "clips", len(layout.unaligned)
    yield "people", "videos of two people", len(shared_videos(clips))
    yield "people", "sources", len({clip.source for clip in clips})


def _label_counts(split: str, clips: Sequence[Clip], labels: Mapping[str, Labels]) -> Iterator[tuple[str, str, int]]:
    valid = [labels[clip.name].valid for clip in clips if clip.name in labels]
    rows, labelled = sum(map(len, valid)), sum(int(each.sum()) for each in valid)
    yield split, "annotations", len(valid)
    yield split, "rows", rows
    yield split, "labelled", labelled
    yield split, "unlabelled", rows - labelled
    if len(valid) < len(clips):
        yield split, "clips with one label", len(clips) - len(valid)
