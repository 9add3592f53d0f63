"""Tell the people of a film apart: who is the same person before and after a gap or a cut, who is a person at all.

Unbroken appearances are cut where the film is cut, and each piece is given to a person, the most prominent pieces
first. Two pieces that share a frame are two people. Of the people a piece may be, the one who looks most alike gets it,
if alike enough: within a shot a face that was lost and comes back is another person only if it looks very different;
across a cut the looks must agree better. Whoever agrees with nobody is somebody new.

A person is who is seen long enough (a second, and 5 % of the frames or half a minute), clearly, and not in the
background of others. Person 0 is the main person of `faces.tracking`; the others follow by prominence (score times area
of the face, summed over frames). Numbers belong to one film: nobody is recognised in another one.

Where nobody else is found, person 0 is exactly `tracking.main_person`. Two people who are never seen together, look
alike and are filmed alike can be taken for one, and one person filmed in two very different ways for two.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vatrace.faces.linking import Tracklet, prominence, sizes
from vatrace.faces.looks import LOOKS_DIM, looks_distance
from vatrace.faces.shots import Piece, SeenFaces
from vatrace.faces.tracking import RETURN_MIN_SCORE, RETURN_SIZE_RATIO, FaceTrack, as_track, main_person

MAX_PEOPLE = 8
# Mean looks of half a GRID clip: the same speaker differs by at most .004, two by .04 to .3, half of them by more than
# .1. Drawn faces filmed by two cameras: the same by .002 to .15, two by .05 and more, most by more than .15.
SAME_ACROSS_CUT = 0.15
SAME_WITHIN_SHOT = 0.35
MIN_SECONDS = 1.0
MIN_SHARE = 0.05  # of the film's frames
ENOUGH_SECONDS = 30.0  # whatever the share: nobody in a long film is left out who is seen for so long
MAX_COMPARED = 50  # of a person's pieces, the most prominent ones; more would only take time
BACKGROUND = 0.1  # a face of less than this share of the prominence of the largest beside it is in the background


def find_people(seen: SeenFaces, *, at_most: int = MAX_PEOPLE) -> list[FaceTrack]:
    """Where each person of a film is.

    Args:
        seen: every face of the film.
        at_most: how many people; the least prominent are left out.

    Returns:
        A track each, a row a frame, the main person first. Never empty: in a film without a face, one track that is
        nowhere valid.

    Raises:
        ValueError: `at_most` is below 1.
    """
    if at_most < 1:
        raise ValueError(f"at_most must be 1 or more, got {at_most}")
    main = main_person(seen.tracklets)
    people = _group([_Part.of(piece) for piece in seen.pieces])
    if not people:
        return [as_track(seen.times_seconds, [])]
    first = max(people, key=lambda person: person.prominence_in(main[0]))
    shares = _shares_of_largest(seen, people)
    others = [each for each in people if each is not first and _counts(each, seen, shares)]
    others.sort(key=lambda person: -person.prominence)
    is_one = all(part.piece.tracklet not in main for each in people if each is not first for part in each.parts)
    if is_one and not others:
        return [as_track(seen.times_seconds, main)]
    return [as_track(seen.times_seconds, person.tracklets) for person in [first, *others][:at_most]]


@dataclass(frozen=True, eq=False)
class _Part:
    """What is needed of a piece."""

    piece: Piece
    frames: NDArray[np.int64]
    values: NDArray[np.float32]
    prominence: float
    size_pixels: float
    score: float

    @classmethod
    def of(cls, piece: Piece) -> _Part:
        frames = np.array(piece.tracklet.frames, np.int64)
        rows = slice(*np.searchsorted(frames, [piece.first, piece.stop]))
        values = piece.tracklet.values()[rows]
        return cls(
            piece=piece,
            frames=frames[rows],
            values=values,
            prominence=float(prominence(values[:, :4], values[:, 14]).sum(dtype=np.float64)),
            size_pixels=float(np.median(sizes(values[:, :4]))),
            score=float(values[:, 14].mean()),
        )

    @property
    def tracklet(self) -> Tracklet:
        rows = array("f", self.values.ravel().tobytes())
        return Tracklet(array("q", self.frames.tolist()), rows, self.piece.tracklet.last_seconds)


@dataclass(eq=False)
class _Person:
    parts: list[_Part] = field(default_factory=list)

    @property
    def prominence(self) -> float:
        return sum(part.prominence for part in self.parts)

    @property
    def is_clear(self) -> bool:
        return float(np.average([part.score for part in self.parts], weights=self.lengths)) >= RETURN_MIN_SCORE

    @property
    def lengths(self) -> list[int]:
        return [len(part.frames) for part in self.parts]

    @property
    def frames(self) -> NDArray[np.int64]:
        return np.concatenate([part.frames for part in self.parts])

    @property
    def tracklets(self) -> list[Tracklet]:
        return [part.tracklet for part in self.parts]

    def prominence_in(self, tracklet: Tracklet) -> float:
        return sum(part.prominence for part in self.parts if part.piece.tracklet is tracklet)


def _group(parts: Sequence[_Part]) -> list[_Person]:
    """Give each piece to a person, the most prominent first; unclear ones found nobody, and are nobody."""
    album = _Album(len(parts))
    for part in sorted(parts, key=lambda part: -part.prominence):
        if not album.people or part.score >= RETURN_MIN_SCORE:
            album.add(part)
    return album.people


class _Album:
    """Pieces with whose they are, as columns, so that a film of thousands of cuts is sorted in seconds.

    Args:
        most: pieces that may come.
    """

    def __init__(self, most: int) -> None:
        self.people: list[_Person] = []
        self._parts: list[_Part] = []
        self._first, self._last, self._owner, self._shot = np.zeros((4, most), np.int64)
        self._size = np.zeros(most)
        self._looks = np.zeros((most, LOOKS_DIM), np.float32)
        self._is_shown = np.zeros(most, np.bool_)  # whether later pieces are compared with it

    def add(self, part: _Part) -> None:
        """Give a piece to the one it may be who looks most alike, or to somebody new."""
        differences = self._differences(part)
        differences[self._seen_beside(part)] = np.inf
        number = int(np.argmin(differences)) if len(differences) else 0
        if not len(differences) or differences[number] > 1:
            number = len(self.people)
            self.people.append(_Person())
        person, row = self.people[number], len(self._parts)
        person.parts.append(part)
        self._parts.append(part)
        self._first[row], self._last[row] = part.frames[0], part.frames[-1]
        self._owner[row], self._shot[row] = number, part.piece.shot
        self._size[row], self._looks[row] = part.size_pixels, part.piece.looks
        self._is_shown[row] = len(person.parts) <= MAX_COMPARED

    def _differences(self, part: _Part) -> NDArray[np.float64]:
        """How different a piece looks from each person, 1 being the most that may still be the same one."""
        shown = np.flatnonzero(self._is_shown[: len(self._parts)])
        ratio = np.maximum(self._size[shown], part.size_pixels) / np.minimum(self._size[shown], part.size_pixels)
        is_one_shot = (self._shot[shown] == part.piece.shot) & (ratio <= RETURN_SIZE_RATIO)
        limits = np.where(is_one_shot, SAME_WITHIN_SHOT, SAME_ACROSS_CUT)
        least = np.full(len(self.people), np.inf)
        np.minimum.at(least, self._owner[shown], looks_distance(part.piece.looks, self._looks[shown]) / limits)
        return least

    def _seen_beside(self, part: _Part) -> list[int]:
        """The people who share a frame with a piece."""
        there = slice(0, len(self._parts))
        overlaps = (self._first[there] <= part.frames[-1]) & (self._last[there] >= part.frames[0])
        return [
            int(self._owner[row])
            for row in np.flatnonzero(overlaps)
            if len(np.intersect1d(self._parts[row].frames, part.frames, assume_unique=True))
        ]


def _shares_of_largest(seen: SeenFaces, people: Sequence[_Person]) -> dict[_Person, float]:
    """For each person the usual share of the prominence of the largest face in the same frame."""
    largest = np.zeros(len(seen.times_seconds))
    own = [
        (person.frames, np.concatenate([prominence(part.values[:, :4], part.values[:, 14]) for part in person.parts]))
        for person in people
    ]
    for frames, values in own:
        largest[frames] = np.maximum(largest[frames], values)
    return {
        person: float(np.median(values / largest[frames])) for person, (frames, values) in zip(people, own, strict=True)
    }


def _counts(person: _Person, seen: SeenFaces, shares: dict[_Person, float]) -> bool:
    """Whether somebody is there for long enough, clearly, and not in the background."""
    times = seen.times_seconds
    usual_step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    seconds = len(person.frames) * usual_step
    is_long = seconds >= MIN_SECONDS and (len(person.frames) >= MIN_SHARE * len(times) or seconds >= ENOUGH_SECONDS)
    return is_long and person.is_clear and shares[person] >= BACKGROUND
