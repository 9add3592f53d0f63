"""Folds (paper, IV-C): who is learned from, who chooses the epoch, and who is scored.

Fold 0 is the corpus's own split. Where the corpus has a labelled test split, that is scored; Aff-Wild2 has none, and
its validation split is scored. Folds 1 to 5 divide training and validation split into parts of which each is scored
once; a test split is never in them. There are two ways to divide:

- `group5`: five parts of whole sources, seeded, so that nobody is learned from and scored;
- `sucv`: for comparison with older systems. The training split in order of name is cut into five, the validation split
  is the sixth part, and fold k scores the k-th part from the end. Parts of one source can come into two roles: `leaks`
  says which.

The paper, like every system of its field, chooses the epoch by the very clips it is scored on, which is optimistic.
Here the two sets are apart unless `selection="scored"` is asked for. All of it depends on names and seed alone, never
on the order in which a file system lists them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vatrace.errors import DatasetError

NUM_PARTS = 5  # paper, Table I: folds 1-5 are a five-fold cross-validation
SELECTION_SHARE = 1 / 6  # of the training clips, where the corpus leaves no split of its own to choose the epoch by

AFFWILD2_CLIPS = {"train": 356, "validation": 76, "test": 0}  # annotation files of the ABAW-8 release

Selection = Literal["apart", "scored"]
Scheme = Literal["group5", "sucv"]

_PERSON = re.compile(r"_(left|right)$")
_PART_OF_SOURCE = (
    re.compile(r"(\d+-\d+-\d+x\d+)-\d+"),  # 122-60-1920x1080-3
    re.compile(r"(video\d+)_\d+"),  # video45_7
    re.compile(r"(s\d{3,})-\d+"),  # s012-3, the procedural corpus: clips of one subject
)


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Names of clips in their three roles, each in order of name.

    Args:
        number: 0 is the corpus's own split, 1 to 5 are the cross-validation.
        scored_name: what the scored set is called: "test", "validation" or "part3".
        train: to learn from.
        selection: to choose the epoch by.
        scored: to be scored.
        selection_is_scored: whether the epoch is chosen by the scored clips themselves, which is optimistic.
    """

    number: int
    scored_name: str
    train: tuple[str, ...]
    selection: tuple[str, ...]
    scored: tuple[str, ...]
    selection_is_scored: bool


def source_of(clip: str) -> str:
    """Name of the video that a clip is a part or a person of.

    Two clips of one source show the same people in the same place, so they must have the same role.

    Args:
        clip: name of a clip, as its annotation file is called.

    Returns:
        The name without `_left` or `_right` and without its part number.

    Example:
        >>> [source_of(name) for name in ("122-60-1920x1080-2_left", "video45_7", "s012-3", "28-30")]
        ['122-60-1920x1080', 'video45', 's012', '28-30']
    """
    name = _PERSON.sub("", clip)
    for pattern in _PART_OF_SOURCE:
        found = pattern.fullmatch(name)
        if found:
            return found.group(1)
    return name


def fold(
    splits: Mapping[str, Sequence[str]],
    number: int,
    *,
    seed: int = 0,
    selection: Selection = "apart",
    scheme: Scheme = "group5",
    exclude: Collection[str] = (),
    sources: Mapping[str, str] | None = None,
) -> Fold:
    """One fold of a corpus.

    Args:
        splits: names of the clips of "train", "validation" and "test".
        number: 0 to 5.
        seed: of the division.
        selection: "apart" chooses the epoch by clips that are neither learned from nor scored; "scored" by the scored
            ones, as the paper does.
        scheme: how folds 1 to 5 divide.
        exclude: clips whose labels the encoder was tuned on. They have no role, and no other clip of the same source
            is scored or chosen by.
        sources: of each clip; those that the names tell if None.

    Raises:
        DatasetError: somebody's role is left without a clip.
    """
    if number not in range(NUM_PARTS + 1):
        raise DatasetError(f"there are folds 0 to {NUM_PARTS}, got {number}.")
    if scheme not in ("group5", "sucv"):
        raise DatasetError(f"folds are divided as group5 or sucv, got {scheme!r}.")
    of = _Sources(sources or {})
    if number == 0:
        made = _official(splits, of, seed, selection)
    elif scheme == "sucv":
        made = _rolled(splits, number, selection)
    else:
        made = _cross_validation(splits, of, number, seed, selection)
    left = _without(made, frozenset(exclude), of)
    if not (left.train and left.selection and left.scored):
        raise DatasetError(_why_empty(made, left, exclude))
    return left


def leaks(fold: Fold, sources: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Sources of which clips are learned from, and others are scored or choose the epoch, in order of name.

    Args:
        fold: to look at.
        sources: of each clip; those that the names tell if None.
    """
    of = _Sources(sources or {})
    held_out = {of[clip] for clip in (*fold.selection, *fold.scored)}
    return tuple(sorted(held_out & {of[clip] for clip in fold.train}))


class _Sources:
    """The source of any clip: as it was given, or as its name tells."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def __getitem__(self, clip: str) -> str:
        return self._given.get(clip) or source_of(clip)


def tuning_clips(
    splits: Mapping[str, Sequence[str]], share: float, seed: int = 0, sources: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Clips of the training split to set aside for tuning the encoder (paper, III-B: "excluded from later training").

    Args:
        splits: names of the clips of each split.
        share: of the training clips, above 0 and below 1; whole sources are taken until there are so many.
        seed: of the choice.
        sources: of each clip; those that the names tell if None.

    Returns:
        Names in order.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share of the training clips to tune on must be above 0 and below 1, got {share}.")
    return _set_aside(splits["train"], _Sources(sources or {}), share, seed, "tune")


def is_affwild2(splits: Mapping[str, Sequence[str]]) -> bool:
    """Whether a corpus has as many labelled clips in each split as Aff-Wild2, the data of the paper."""
    return {name: len(splits.get(name, ())) for name in AFFWILD2_CLIPS} == AFFWILD2_CLIPS


def _official(splits: Mapping[str, Sequence[str]], of: _Sources, seed: int, selection: Selection) -> Fold:
    train = tuple(sorted(splits["train"]))
    scored_name = "test" if splits.get("test") else "validation"
    scored = tuple(sorted(splits[scored_name]))
    if selection == "scored":
        chosen = scored
    elif scored_name == "test":
        chosen = tuple(sorted(splits["validation"]))
    else:
        chosen = _set_aside(train, of, SELECTION_SHARE, seed, "select")
        train = _minus(train, chosen)
    return Fold(
        number=0,
        scored_name=scored_name,
        train=train,
        selection=chosen,
        scored=scored,
        selection_is_scored=selection == "scored",
    )


def _rolled(splits: Mapping[str, Sequence[str]], number: int, selection: Selection) -> Fold:
    """Six parts, rolled: fold 1 scores the last fifth of the training split, fold 5 the first."""
    train = tuple(sorted(splits["train"]))
    size = len(train) // NUM_PARTS
    parts = [train[at * size : (at + 1) * size if at + 1 < NUM_PARTS else None] for at in range(NUM_PARTS)]
    order = [*parts, tuple(sorted(splits["validation"]))]
    order = order[-number:] + order[:-number]
    scored = order[-1]
    chosen = scored if selection == "scored" else order[-2]
    return Fold(
        number=number,
        scored_name=f"sucv{number}",
        train=_minus(tuple(sorted(clip for part in order for clip in part)), (*scored, *chosen)),
        selection=chosen,
        scored=scored,
        selection_is_scored=selection == "scored",
    )


def _cross_validation(
    splits: Mapping[str, Sequence[str]], of: _Sources, number: int, seed: int, selection: Selection
) -> Fold:
    pool = tuple(sorted([*splits["train"], *splits["validation"]]))
    parts = _balanced_parts(pool, of, seed)
    scored = parts[number - 1]
    chosen = scored if selection == "scored" else parts[number % NUM_PARTS]
    return Fold(
        number=number,
        scored_name=f"part{number}",
        train=_minus(pool, (*scored, *chosen)),
        selection=chosen,
        scored=scored,
        selection_is_scored=selection == "scored",
    )


def _balanced_parts(clips: Iterable[str], of: _Sources, seed: int) -> list[tuple[str, ...]]:
    """Five parts of whole sources: the largest sources first, each to the part with the fewest clips so far."""
    groups = _shuffled_sources(clips, of, seed, "parts")
    parts: list[list[str]] = [[] for _ in range(NUM_PARTS)]
    for group in sorted(groups, key=len, reverse=True):  # stable: equal sizes stay shuffled
        min(parts, key=len).extend(group)
    return [tuple(sorted(part)) for part in parts]


def _set_aside(clips: Sequence[str], of: _Sources, share: float, seed: int, purpose: str) -> tuple[str, ...]:
    taken: list[str] = []
    for group in _shuffled_sources(clips, of, seed, purpose):
        if len(taken) >= share * len(clips):
            break
        taken.extend(group)
    return tuple(sorted(taken))


def _shuffled_sources(clips: Iterable[str], of: _Sources, seed: int, purpose: str) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for clip in sorted(clips):
        groups.setdefault(of[clip], []).append(clip)
    random = np.random.default_rng([seed, *purpose.encode()])
    names = sorted(groups)
    return [groups[names[index]] for index in random.permutation(len(names))]


def _minus(clips: Sequence[str], taken: Collection[str]) -> tuple[str, ...]:
    gone = set(taken)
    return tuple(clip for clip in clips if clip not in gone)


def _without(made: Fold, exclude: frozenset[str], of: _Sources) -> Fold:
    sources = {of[clip] for clip in exclude}
    return Fold(
        number=made.number,
        scored_name=made.scored_name,
        train=_minus(made.train, exclude),
        selection=tuple(clip for clip in made.selection if of[clip] not in sources),
        scored=tuple(clip for clip in made.scored if of[clip] not in sources),
        selection_is_scored=made.selection_is_scored,
    )


def _why_empty(made: Fold, left: Fold, exclude: Collection[str]) -> str:
    roles = {"to learn from": left.train, "to choose the epoch by": left.selection, "to score": left.scored}
    empty = " and ".join(role for role, clips in roles.items() if not clips)
    shared = sorted({*made.train, *made.selection, *made.scored} & set(exclude))
    if shared:
        return (
            f"the visual encoder was tuned on {len(shared)} of these clips ({', '.join(shared[:3])}), and without them "
            f"nothing is left {empty}; take another encoder, or one that was tuned on fewer clips."
        )
    if made.number == 0 and not made.scored:
        return (
            "no clip of this corpus has the split validation or test, so there is nothing to score; give some clips "
            f"one, or take a fold from 1 to {NUM_PARTS}, which are made of the training clips: --fold 1."
        )
    if made.number == 0 and not made.selection and made.scored_name == "test":
        return (
            "no clip of this corpus has the split validation, to choose the epoch by; give some clips that, or take a "
            f"fold from 1 to {NUM_PARTS}, which are made of the training clips: --fold 1."
        )
    return f"fold {made.number} of this corpus has no clip {empty}: it has too few clips or sources."
