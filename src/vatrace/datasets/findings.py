"""Findings about a data set as plain data: every kind there is, how bad it is, and what will be done about it.

An error keeps clips from being used, or makes two readings of the data possible; somebody has to act. A warning is
handled, but may not be meant. A note is how the data are, and is handled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Kind:
    """A kind of finding.

    Args:
        severity: how bad it is.
        title: what it is, in a few words.
        remedy: what will be done about it, or what to do.
    """

    severity: Severity
    title: str
    remedy: str


@dataclass(frozen=True)
class Case:
    """One thing that a finding is about.

    Args:
        name: of the clip, video, folder or file.
        detail: what is so about it.
        amount: how many rows, frames or pictures it is about; None where that is no question.
    """

    name: str
    detail: str = ""
    amount: int | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of thing that was found.

    Args:
        kind: one of `KINDS`.
        cases: what it was found on, the largest amount first, otherwise in order of name.
        summary: about all cases together; may be empty.
    """

    kind: str
    cases: tuple[Case, ...]
    summary: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return KINDS[self.kind].severity

    @property
    def title(self) -> str:
        """The kind in words."""
        return KINDS[self.kind].title

    @property
    def remedy(self) -> str:
        """What will be done about it, or what to do."""
        return KINDS[self.kind].remedy


def found(kind: str, cases: Iterable[Case], *, unit: str = "", summary: str = "") -> list[Finding]:
    """A finding in a list, or an empty list where there is no case.

    Args:
        kind: one of `KINDS`.
        cases: what it was found on.
        unit: of the cases' amounts, such as `"rows"`; their sum is the summary where there are several.
        summary: about all cases together, where `unit` is not given.
    """
    assert kind in KINDS, f"{kind} needs a severity and a remedy"
    ordered = tuple(sorted(cases, key=lambda case: (-(case.amount or 0), case.name, case.detail)))
    if unit and len(ordered) > 1:
        summary = f"{sum(case.amount or 0 for case in ordered):,} {unit} in all"
    return [Finding(kind=kind, cases=ordered, summary=summary)] if ordered else []


_TIMES = "Frames and sound keep the container's own times; no rate is assumed."
_FIRST = "The first named is used; take the other away if it is the better one."

KINDS: dict[str, Kind] = {
    "no-annotations": Kind(
        "error",
        "no annotations",
        "Nothing can be learned or scored. Unpack VA_Estimation_Challenge with its Train_Set and Validation_Set.",
    ),
    "manifest": Kind("error", "the manifest cannot be used", "Nothing of it is used until the line is put right."),
    "unreadable-places": Kind(
        "error",
        "folders or files that may not be read",
        "The corpus is refused, as nobody knows what is in them. Allow reading, or take them away.",
    ),
    "two-releases": Kind(
        "error",
        "annotations of this task in more than one place",
        "The corpus is refused, as releases differ in their splits. Keep one; below only the first is looked at.",
    ),
    "two-splits": Kind(
        "error",
        "clips in two splits",
        "The corpus is refused, as it would be learned from and scored on the same clip. Remove one annotation.",
    ),
    "annotation-unreadable": Kind(
        "error",
        "annotations that cannot be read",
        "A run that needs such a clip stops with this message. Unpack the file again.",
    ),
    "video-missing": Kind(
        "error",
        "labelled clips without a video",
        "No features can be made of them: times and sound come from the video. It may lie anywhere below this folder, "
        "under exactly that name.",
    ),
    "video-unreadable": Kind(
        "error",
        "videos that cannot be read",
        "Their clips fail when features are made; the others go on. Copy or unpack them again.",
    ),
    "counts-differ": Kind(
        "warning",
        "counts that differ from the known release",
        "What is here is used. Scores can be set beside others' only where the data are the same.",
    ),
    "source-in-two-splits": Kind(
        "warning",
        "sources with clips in two splits",
        "Fold 0 uses the splits as they are; folds 1 to 5 keep the clips of a source together.",
    ),
    "test-video-missing": Kind(
        "warning",
        "clips of the challenge's test set without a video",
        "They cannot be predicted, and a submission without them is refused. Unpack the videos of the test set.",
    ),
    "test-clip-labelled": Kind(
        "warning",
        "clips of the challenge's test set that have labels here",
        "They stay in the split of their annotation, so they may be learned from.",
    ),
    "test-list-untidy": Kind(
        "warning",
        "lines of the test list that are not just a new name",
        "Spaces around a name are cut off, empty lines and repeated names are passed over.",
    ),
    "test-list-and-template": Kind(
        "warning",
        "clips in only one of test list and template",
        "A submission is made of the template's clips, and of no other.",
    ),
    "template-rows": Kind(
        "warning",
        "clips whose template has other rows than the video has frames",
        "Every row of the template is written: those beyond the last frame with its value; further frames are left "
        "out. Where they are many, the template belongs to another video.",
    ),
    "two-lists": Kind("warning", "more than one test list or template", _FIRST),
    "two-videos": Kind("warning", "more than one video of a name", _FIRST),
    "two-crop-folders": Kind("warning", "more than one folder of aligned crops of a clip", _FIRST),
    "crops-missing": Kind(
        "warning",
        "clips without aligned crops",
        "With `--faces official` no frame of them has a face; without it their faces are looked for in the videos.",
    ),
    "rows-beyond-video": Kind(
        "warning",
        "clips with more labels than frames",
        "Rows beyond the last frame are scored with the last value, and not learned from.",
    ),
    "frames-beyond-rows": Kind(
        "warning",
        "clips with more frames than labels",
        "Frames beyond the last row are predicted, and neither learned from nor scored.",
    ),
    "frames-not-decodable": Kind(
        "warning",
        "videos of which other frames decode than the container promises",
        "The decoded ones count. Where there are far fewer, copy or unpack the video again.",
    ),
    "video-damaged": Kind(
        "warning",
        "videos that are damaged",
        "What can be decoded is used, so that rows after the damage may belong to other frames. Unpack them again.",
    ),
    "constant-annotation": Kind(
        "warning",
        "annotations that never change",
        "They are used as they are; alone they have no CCC, together with other clips they do.",
    ),
    "nothing-labelled": Kind(
        "warning", "annotations without a labelled row", "They are neither learned from nor scored."
    ),
    "unused-video-unreadable": Kind(
        "warning", "videos that cannot be read, of no clip", "They are not needed here and let lie."
    ),
    "off-by-one-or-two": Kind(
        "note",
        "clips with one or two labels more or fewer than frames",
        "Usual in this data set. A row beyond the last frame is scored with the last value and not learned from; a "
        "frame beyond the last row is only predicted.",
    ),
    "template-off-by-one-or-two": Kind(
        "note",
        "clips whose template has one or two rows more or fewer than the video has frames",
        "Usual in this data set. A row beyond the last frame is written with its value; further frames are left out.",
    ),
    "unlabelled-rows": Kind(
        "note", "clips with rows that are not labelled", "They keep their place in time; nothing is learned or scored."
    ),
    "short-clips": Kind(
        "note", "clips shorter than a window", "Each is one window, filled up; what is filled up does not count."
    ),
    "frames-without-crop": Kind(
        "note",
        "clips with labelled frames that have no crop",
        "With `--faces official` there is no face in these frames: voice and neighbouring frames remain. They are "
        "scored all the same.",
    ),
    "crops-beyond-rows": Kind(
        "note", "clips with crops beyond the last row", "Those pictures have no label: nothing is learned or scored."
    ),
    "crops-beyond-video": Kind(
        "note", "clips with crops beyond the last frame", "Those pictures are left out, as they have no time."
    ),
    "odd-rate": Kind("note", "videos that do not run at 30 frames a second", _TIMES),
    "name-rate": Kind("note", "videos with another rate than their name says", f"The name is not believed. {_TIMES}"),
    "varying-rate": Kind("note", "videos with a varying rate", _TIMES),
    "silent": Kind("note", "videos without sound", "Their clips rest on the face alone."),
    "late-sound": Kind(
        "note",
        "videos whose sound begins apart from the picture",
        "Both are put together by their times; frames without sound count as such.",
    ),
    "no-picture": Kind(
        "error", "files without pictures", "No features can be made of them: there are no frames to give values to."
    ),
    "two-people": Kind(
        "note",
        "videos of two people",
        "Each gets the face of their side and the sound of both; in folds 1 to 5 they stay together.",
    ),
    "unused-videos": Kind("note", "videos of no clip", "They are let lie."),
    "unused-crops": Kind("note", "folders of aligned crops of no clip", "They are let lie."),
    "unaligned-crops": Kind(
        "note", "clips with crops that are not aligned", "They are let lie; aligned ones are used."
    ),
}
