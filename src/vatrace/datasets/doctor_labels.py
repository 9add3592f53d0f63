"""What the annotations of a data set hold, and what is odd about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vatrace.config import WindowConfig
from vatrace.datasets.affwild2 import read_rows
from vatrace.datasets.clips import LABELLED_SPLITS, Clip
from vatrace.datasets.findings import Case, Finding, found
from vatrace.errors import VatraceError
from vatrace.streams import BoolArray


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What the annotation of a clip holds.

    Args:
        clip: whose they are.
        valid: `[rows]`, True where a row is labelled.
        is_a_row_a_frame: whether row i belongs to frame i of the video; else the labels have times of their own.
        constant: which of valence and arousal never change, such as `"valence is always 0.1"`; empty where both do.
        problem: why the annotation cannot be read; empty where it can.
    """

    clip: Clip
    valid: BoolArray
    is_a_row_a_frame: bool = True
    constant: str = ""
    problem: str = ""


def read_labels(clip: Clip) -> Labels | None:
    """Labels in time of a clip; None where it has none, or one value for all of it."""
    if clip.annotation is None:
        return None
    try:
        if clip.has_own_times:
            trace = clip.annotated()
            values = np.stack([trace.valence, trace.arousal], axis=1)
        else:
            values = read_rows(clip.annotation)
        is_a_row_a_frame = not clip.has_own_times
    except (VatraceError, OSError) as error:
        problem = str(error).replace(str(clip.annotation), clip.annotation.name)
        return Labels(clip=clip, valid=np.zeros(0, np.bool_), problem=problem)
    valid = np.isfinite(values[:, 0]) & np.isfinite(values[:, 1])
    labelled = values[valid]
    constant = [
        f"{name} is always {labelled[0, column]:g}"
        for column, name in enumerate(("valence", "arousal"))
        if len(labelled) > 1 and (labelled[:, column] == labelled[0, column]).all()
    ]
    return Labels(clip=clip, valid=valid, is_a_row_a_frame=is_a_row_a_frame, constant=", ".join(constant))


def label_findings(labels: Mapping[str, Labels]) -> list[Finding]:
    """What is odd about annotations.

    Args:
        labels: by clip.
    """
    readable = {name: each for name, each in labels.items() if not each.problem}
    window_frames = WindowConfig().window_frames
    return [
        *found("annotation-unreadable", [Case(n, each.problem) for n, each in labels.items() if each.problem]),
        *found(
            "unlabelled-rows",
            [
                Case(n, f"{gaps:,} of {len(each.valid):,} rows", gaps)
                for n, each in readable.items()
                if (gaps := int((~each.valid).sum())) and each.valid.any()
            ],
            unit="rows",
        ),
        *found(
            "nothing-labelled",
            [Case(n, f"{len(each.valid):,} rows") for n, each in readable.items() if not each.valid.any()],
        ),
        *found("constant-annotation", [Case(n, each.constant) for n, each in readable.items() if each.constant]),
        *found(
            "short-clips",
            [
                Case(n, f"{len(each.valid)} rows, a window has {window_frames}", len(each.valid))
                for n, each in readable.items()
                if each.is_a_row_a_frame and 0 < len(each.valid) < window_frames
            ],
        ),
    ]


def split_findings(clips: Sequence[Clip]) -> list[Finding]:
    """Sources of which clips are in more than one labelled split."""
    splits: dict[str, dict[str, list[str]]] = {}
    for clip in clips:
        if clip.split in LABELLED_SPLITS:
            splits.setdefault(clip.source, {}).setdefault(clip.split, []).append(clip.name)
    return found(
        "source-in-two-splits",
        [
            Case(source, "; ".join(f"{split}: {', '.join(names[:3])}" for split, names in parts.items()))
            for source, parts in splits.items()
            if len(parts) > 1
        ],
    )
