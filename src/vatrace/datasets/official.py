"""Aff-Wild2 as a corpus: which annotation belongs to which person, video and folder of crops.

`<name>_left` and `<name>_right` are two people of the video `<name>`; where the one of them has no suffix, it is the
person on the other side. Both share the video's sound and times. What is left or right is so in the picture.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from vatrace.datasets.clips import Clip, Corpus, Split, check_names
from vatrace.datasets.layout import Layout, look_through
from vatrace.datasets.splits import source_of
from vatrace.errors import DatasetError, NothingFound
from vatrace.streams import Person

SIDES: tuple[Person, Person] = ("left", "right")


def open_official(folder: Path) -> Corpus:
    """Read which clips a folder of Aff-Wild2 has.

    Raises:
        NothingFound: it has no annotations in the official layout.
        DatasetError: it has those of two releases, or a clip in two splits.
    """
    if not folder.is_dir():
        raise NothingFound(f"there is no folder {folder}.")
    layout = look_through(folder)
    if layout.unreadable:
        raise DatasetError(
            f"{layout.unreadable[0]} cannot be read, so nobody knows what of the corpus is there; allow it, or take it "
            "away. `vatrace doctor` lists all such places."
        )
    if not layout.annotations:
        raise NothingFound(
            f"no annotations under {folder}: it needs a manifest.csv, or VA_Estimation_Challenge/Train_Set/*.txt as "
            "Aff-Wild2 has it; `vatrace synth` makes a corpus in this layout."
        )
    if len(layout.tasks) > 1:
        raise DatasetError(
            f"{folder} has annotations in {len(layout.tasks)} places ({', '.join(map(str, layout.tasks[:3]))}); "
            "keep those of one release, as their splits differ."
        )
    corpus = corpus_of(layout)
    check_names(corpus.clips)
    return corpus


def corpus_of(layout: Layout) -> Corpus:
    """The clips of what was found in a folder.

    Raises:
        DatasetError: a clip is in two splits.
    """
    known = {name for _, name, _ in layout.annotations}
    unlabelled = [name for name in layout.test_names() if name not in known]
    everybody = known | set(unlabelled)
    clips = [_clip(layout, everybody, name, split, annotation) for split, name, annotation in layout.annotations]
    clips += [_clip(layout, everybody, name, "unlabelled", None) for name in unlabelled]
    return Corpus(folder=layout.folder, clips=tuple(sorted(clips, key=lambda clip: clip.name)))


def _clip(layout: Layout, everybody: Collection[str], name: str, split: Split, annotation: Path | None) -> Clip:
    person, video = person_of(name, everybody, layout.videos)
    crops = layout.crops.get(name, [])
    return Clip(
        name=name,
        split=split,
        source=source_of(name),
        video=layout.videos[video][0] if video in layout.videos else None,
        person=person,
        crops=crops[0] if crops else None,
        annotation=annotation,
    )


def person_of(name: str, everybody: Collection[str], videos: Collection[str]) -> tuple[Person, str]:
    """Who a clip is of, and the name of the video that shows that person.

    Args:
        name: of the clip.
        everybody: names of all clips.
        videos: names of all videos.

    Example:
        >>> everybody = ["7_left", "7_right", "video59", "video59_right", "106", "106-30-720x1280"]
        >>> [person_of(name, everybody, ["7", "video59", "106", "106-30-720x1280"]) for name in everybody]
        ... # doctest: +NORMALIZE_WHITESPACE
        [('left', '7'), ('right', '7'), ('left', 'video59'), ('right', 'video59'), ('main', '106'),
         ('main', '106-30-720x1280')]
    """
    for side in SIDES:
        if name.endswith(f"_{side}") and name not in videos:
            return side, name.removesuffix(f"_{side}")
    others = [side for side in SIDES if f"{name}_{side}" in everybody]
    if len(others) == 1:
        return SIDES[1 - SIDES.index(others[0])], name
    return "main", name
