"""The videos of the corpus with every quirk of Aff-Wild2's release: who is in them, and what is odd about each.

The quirks are facts on the release of the 6th to 8th ABAW challenge: names, rates, rows and gaps. No content of it is
here; names only have its pattern. Spans are shares of a clip's frames or rows, from 0 to 1, so that the table holds for
any length.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from vatrace.synth.corpus import PICTURE_SIZE

Split = Literal["train", "validation", "test", "none"]
Span = tuple[float, float]

NTSC, DOUBLE_NTSC = Fraction(30_000, 1001), Fraction(60_000, 1001)
FIRST_CROPS, LATER_CROPS = "cropped_aligned", "cropped_aligned_new_50_vids"


@dataclass(frozen=True, kw_only=True)
class Person:
    """One clip: a person in a video, with labels and crops.

    Args:
        clip: its name.
        subject: number of the drawn person.
        take: number of the clip among the subject's.
        extra_rows: labels less decodable frames.
        unlabelled: rows that are not labelled.
        decimals: of the labels.
        has_expressions: whether there are labels of the expression task too.
        unnamed: rows without an expression.
        crops: folder of the aligned crops; None for a clip without any.
        no_crops: frames without a crop, though the face is seen.
        has_extra_crop: whether there is a crop of the frame after the last that can be decoded.
        has_unaligned: whether there are also crops that are not aligned, in a folder of their own.
        away: frames in which the person has left the picture.
    """

    clip: str
    subject: int
    take: int = 0
    extra_rows: int = 0
    unlabelled: tuple[Span, ...] = ()
    decimals: int = 5
    has_expressions: bool = False
    unnamed: tuple[Span, ...] = ()
    crops: str | None = FIRST_CROPS
    no_crops: tuple[Span, ...] = ()
    has_extra_crop: bool = False
    has_unaligned: bool = False
    away: Span | None = None


@dataclass(frozen=True, kw_only=True)
class Video:
    """One video file.

    Args:
        path: below the corpus.
        split: of its people; "none" for a video that nobody labelled.
        people: one or two, from left to right.
        fps: frames a second; None for uneven times.
        length: relative to the other videos.
        sound: whether it begins with the picture, late, or not at all.
        sample_rate_hz: of the sound.
        width: of the picture with one person, pixels.
        close_up: of one of two people: who, and when.
    """

    path: str
    split: Split
    people: tuple[Person, ...]
    fps: Fraction | None = Fraction(30)
    length: float = 1.0
    sound: Literal["whole", "late", "none"] = "whole"
    sample_rate_hz: int = 44_100
    width: int = PICTURE_SIZE
    close_up: tuple[int, Span] | None = None


VIDEOS = (
    # train
    Video(
        path="batch1/46-30-484x360.mp4",
        split="train",
        fps=NTSC,
        people=(
            Person(clip="46-30-484x360_left", subject=0, unlabelled=((0.4, 0.6),), has_expressions=True),
            Person(clip="46-30-484x360_right", subject=1, extra_rows=1, away=(0.3, 0.8), decimals=4),
        ),
    ),
    Video(
        path="batch1/10-60-1280x720.mp4",
        split="train",
        people=(
            Person(clip="10-60-1280x720", subject=2, extra_rows=1, has_expressions=True),
            Person(
                clip="10-60-1280x720_right",
                subject=3,
                extra_rows=1,
                unlabelled=((0.0, 0.3), (0.85, 0.9)),
                has_expressions=True,
            ),
        ),
    ),
    Video(
        path="batch1/106.avi",
        split="train",
        fps=Fraction(25),
        sample_rate_hz=16_000,
        people=(
            Person(
                clip="106",
                subject=4,
                extra_rows=1,
                no_crops=((0.2, 0.2), (0.5, 0.5), (0.7, 0.7)),
                has_expressions=True,
                unnamed=((0.9, 1.0),),
            ),
        ),
    ),
    Video(
        path="batch1/106-30-720x1280.mp4",
        split="train",
        fps=Fraction(24),
        width=144,
        people=(Person(clip="106-30-720x1280", subject=5, has_unaligned=True),),
    ),
    Video(
        path="batch1/122-60-1920x1080-1.mp4",
        split="train",
        fps=DOUBLE_NTSC,
        length=1.3,
        sample_rate_hz=48_000,
        people=(Person(clip="122-60-1920x1080-1", subject=6, extra_rows=1, has_extra_crop=True, no_crops=((0, 0.1),)),),
    ),
    Video(
        path="batch1/122-60-1920x1080-2.mp4",
        split="train",
        people=(Person(clip="122-60-1920x1080-2", subject=6, take=1, decimals=2),),
    ),
    Video(
        path="batch2/video45_1.mp4",
        split="train",
        fps=Fraction(25),
        people=(Person(clip="video45_1", subject=7, extra_rows=2),),
    ),
    Video(
        path="batch2/video45_2.avi",
        split="train",
        fps=Fraction(12),
        sample_rate_hz=16_000,
        people=(Person(clip="video45_2", subject=7, take=1),),
    ),
    Video(
        path="new_vids/video86_2.mp4",
        split="train",
        fps=None,
        people=(Person(clip="video86_2", subject=8, extra_rows=1, crops=LATER_CROPS, no_crops=((0.3, 0.7),)),),
    ),
    Video(
        path="batch1/86-24-1920x1080.mp4",
        split="train",
        fps=Fraction(24),
        people=(
            Person(
                clip="86-24-1920x1080",
                subject=9,
                unlabelled=((0.8, 1.0),),
                decimals=15,
                has_expressions=True,
                unnamed=((0.0, 0.1), (0.85, 0.9)),
            ),
        ),
    ),
    Video(
        path="batch1/28-30-1280x720.MP4",
        split="train",
        sound="none",
        people=(Person(clip="28-30-1280x720", subject=10, decimals=1, has_unaligned=True),),
    ),
    Video(
        path="batch1/7.mp4",
        split="train",
        fps=Fraction(25),
        sound="late",
        people=(Person(clip="7", subject=11, extra_rows=-7, decimals=3),),
    ),
    Video(path="batch1/131.mp4", split="train", people=(Person(clip="131", subject=12, extra_rows=1, crops=None),)),
    # validation
    Video(
        path="batch2/video59.mp4",
        split="validation",
        fps=Fraction(25),
        close_up=(0, (0.5, 0.75)),
        people=(
            Person(clip="video59", subject=13, extra_rows=1, has_expressions=True),
            Person(clip="video59_right", subject=14, extra_rows=1, unlabelled=((0.0, 0.05), (0.3, 0.5))),
        ),
    ),
    Video(
        path="new_vids/video76.mp4",
        split="validation",
        people=(
            Person(
                clip="video76",
                subject=15,
                extra_rows=2,
                unlabelled=((0.5, 0.6), (0.95, 1.0)),
                crops=LATER_CROPS,
                has_expressions=True,
            ),
        ),
    ),
    Video(
        path="batch1/21-24-1920x1080.avi",
        split="validation",
        fps=Fraction(6),
        sample_rate_hz=16_000,
        people=(Person(clip="21-24-1920x1080", subject=16, extra_rows=1, has_expressions=True),),
    ),
    # test: in no order of names
    Video(
        path="batch2/video2.mp4",
        split="test",
        fps=Fraction(25),
        people=(
            Person(clip="video2_left", subject=17, no_crops=((0.6, 0.8),)),
            Person(clip="video2", subject=18, extra_rows=1),
        ),
    ),
    Video(
        path="batch1/30-30-1920x1080.mp4",
        split="test",
        people=(
            Person(clip="30-30-1920x1080_left", subject=19, extra_rows=1),
            Person(clip="30-30-1920x1080_right", subject=20, away=(0.2, 0.6)),
        ),
    ),
    Video(
        path="new_vids/video9.avi",
        split="test",
        fps=Fraction(25),
        sample_rate_hz=16_000,
        people=(Person(clip="video9", subject=21, extra_rows=1, crops=LATER_CROPS, no_crops=((0.0, 0.2),)),),
    ),
    Video(path="batch1/3.mp4", split="test", people=(Person(clip="3", subject=22, extra_rows=2),)),
    # nobody labelled this one
    Video(path="batch2/999.mp4", split="none", length=0.5, people=(Person(clip="999", subject=23, crops=None),)),
)
ORPHAN_CROPS = "998"  # a folder of crops whose clip has no labels and no video
