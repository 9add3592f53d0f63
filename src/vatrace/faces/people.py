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
from vatrace.faces.looks import looks_distance
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

    def shares_a_frame_with(self, part: _Part) -> bool:
        return any(
            own.frames[0] <= part.frames[-1]
            and own.frames[-1] >= part.frames[0]
            and len(np.intersect1d(own.frames, part.frames, assume_unique=True))
            for own in self.parts
        )

    def difference(self, part: _Part) -> float:
        """How different a piece looks from this person, 1 being the most that may still be the same one."""
        distances = looks_distance(part.piece.looks, np.stack([own.piece.looks for own in self.parts]))
        limits = [self._limit(own, part) for own in self.parts]
        return float(np.min(distances / limits))

    @staticmethod
    def _limit(own: _Part, part: _Part) -> float:
        ratio = max(own.size_pixels, part.size_pixels) / min(own.size_pixels, part.size_pixels)
        is_one_shot = own.piece.shot == part.piece.shot and ratio <= RETURN_SIZE_RATIO
        return SAME_WITHIN_SHOT if is_one_shot else SAME_ACROSS_CUT


def _group(parts: Sequence[_Part]) -> list[_Person]:
    """Give each piece to a person, the most prominent first; unclear ones found nobody, and are nobody."""
    people: list[_Person] = []
    for part in sorted(parts, key=lambda part: -part.prominence):
        if people and part.score < RETURN_MIN_SCORE:
            continue
        differences = [np.inf if person.shares_a_frame_with(part) else person.difference(part) for person in people]
        if differences and min(differences) <= 1:
            people[int(np.argmin(differences))].parts.append(part)
        else:
            people.append(_Person([part]))
    return people


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
