"""Rows of labels, frames of videos and pictures of faces set against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatrace.datasets.clips import Clip
from vatrace.datasets.doctor_labels import Labels
from vatrace.datasets.doctor_videos import VideoFacts
from vatrace.datasets.findings import Case, Finding, found
from vatrace.streams import BoolArray

USUAL_DIFFERENCE = 2  # rows: labels are often one, seldom two more than the frames that can be decoded


def row_findings(
    clips: Sequence[Clip], labels: Mapping[str, Labels], template: Mapping[str, int], videos: Mapping[Path, VideoFacts]
) -> list[Finding]:
    """Where labels or the template have other rows than the video has frames.

    Args:
        clips: of the data set.
        labels: by clip.
        template: rows of each clip in the template of a submission.
        videos: what is known of each video.
    """
    usual: list[Case] = []
    more: list[Case] = []
    fewer: list[Case] = []
    template_usual: list[Case] = []
    template_other: list[Case] = []
    for clip in clips:
        frames = _num_frames(clip, videos)
        if frames is None:
            continue
        rows = _rows(labels.get(clip.name))
        if rows is not None and rows != frames:
            where = usual if _is_usual(rows, frames) else more if rows > frames else fewer
            where.append(_difference(clip, rows, frames))
        rows = template.get(clip.name)
        if rows is not None and rows != frames:
            where = template_usual if _is_usual(rows, frames) else template_other
            where.append(_difference(clip, rows, frames))
    return [
        *found("rows-beyond-video", more, unit="rows"),
        *found("frames-beyond-rows", fewer, unit="frames"),
        *found("off-by-one-or-two", usual),
        *found("template-rows", template_other, unit="rows"),
        *found("template-off-by-one-or-two", template_usual),
    ]


def crop_findings(
    clips: Sequence[Clip],
    crops: Mapping[str, NDArray[np.int64]],
    labels: Mapping[str, Labels],
    template: Mapping[str, int],
    videos: Mapping[Path, VideoFacts],
) -> list[Finding]:
    """Where face pictures are missing or too many.

    Args:
        clips: of the data set.
        crops: frames that have a picture, by clip; the first is 0.
        labels: by clip.
        template: rows of each clip in the template of a submission.
        videos: what is known of each video.
    """
    gaps, beyond_rows, beyond_video = [], [], []
    for clip in clips:
        frames = crops.get(clip.name, np.zeros(0, np.int64))
        if not len(frames):
            continue
        label, num_frames = labels.get(clip.name), _num_frames(clip, videos)
        rows = _rows(label) if label is not None else template.get(clip.name)
        if label is not None and rows is not None:
            gaps += _gap(clip.name, frames, label.valid[:num_frames])  # a row beyond the last frame is no frame
        beyond_rows += _beyond(clip.name, frames, rows, "rows")
        beyond_video += _beyond(clip.name, frames, num_frames, "frames")
    without = [Case(clip.name, clip.split) for clip in clips if not len(crops.get(clip.name, ()))]
    return [
        *found("crops-missing", without if any(clip.crops for clip in clips) else []),
        *found("frames-without-crop", gaps, unit="frames"),
        *found("crops-beyond-rows", beyond_rows, unit="pictures"),
        *found("crops-beyond-video", beyond_video, unit="pictures"),
    ]


def _num_frames(clip: Clip, videos: Mapping[Path, VideoFacts]) -> int | None:
    return videos[clip.video].num_frames if clip.video is not None and clip.video in videos else None


def _rows(labels: Labels | None) -> int | None:
    if labels is None or labels.problem or not labels.is_a_row_a_frame:
        return None
    return len(labels.valid)


def _is_usual(rows: int, frames: int) -> bool:
    return abs(rows - frames) <= USUAL_DIFFERENCE


def _difference(clip: Clip, rows: int, frames: int) -> Case:
    return Case(clip.name, f"{rows:,} rows, {frames:,} frames", abs(rows - frames))


def _gap(clip: str, frames: NDArray[np.int64], labelled: BoolArray) -> list[Case]:
    has_crop = np.zeros(len(labelled), np.bool_)
    has_crop[frames[frames < len(labelled)]] = True
    gap = int((labelled & ~has_crop).sum())
    return [Case(clip, f"{gap:,} of {int(labelled.sum()):,} labelled frames", gap)] if gap else []


def _beyond(clip: str, frames: NDArray[np.int64], end: int | None, unit: str) -> list[Case]:
    number = 0 if end is None else int((frames >= end).sum())
    return [Case(clip, f"{number:,} of {len(frames):,} pictures, {end:,} {unit}", number)] if number else []
