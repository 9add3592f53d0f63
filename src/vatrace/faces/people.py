"""Tell the people of a film apart: who is the same person before and after a gap or a cut, who is a person at all.

Unbroken appearances are cut where a face's looks change at a cut of the film, and each piece is given to a person, the
most prominent pieces first. Two pieces that share a frame are two people. Of the people a piece may be, the one who
looks most alike gets it, if alike enough: what counts is the most similar pair of looks of the two, so that a head that
turns away now and then is known by the moments when it does not. Within a shot a face that was lost and comes back is
another person only if it looks very different; across a cut the looks must agree better. Whoever agrees with nobody is
somebody new.

A person is who is seen long enough (a second, and 5 % of the frames or half a minute), clearly, and not in the
background of others. Person 0 is the main person of `faces.tracking`; the others follow by prominence (score times area
of the face, summed over frames). Numbers belong to one film: nobody is recognised in another one.

Where nobody else is found, person 0 is exactly `tracking.main_person`. Where looks do not settle it, people are rather
parted than joined: one person filmed from the front and from the side, or in two very different lights, can become two.
Two who look alike and are never seen together can still be taken for one.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vatrace.faces.linking import Tracklet, prominence, sizes
from vatrace.faces.looks import LOOKS_DIM, looks_distance
from vatrace.faces.shots import SAME_FACE, Piece, SeenFaces
from vatrace.faces.tracking import RETURN_MIN_SCORE, RETURN_SIZE_RATIO, FaceTrack, as_track, main_person
from vatrace.streams import TimeArray

MAX_PEOPLE = 8
# Within a shot, for who was away for 1.5 s or more: 30 drawn people of 20 to 60 s come back with at most .05, mostly
# below .03 (synth seeds 3, 5 and 6); GRID's speakers are further apart than .06.
SAME_WITHIN_SHOT = 0.06
SAME_IF_BRIEF = 0.3  # within a shot, of what is seen too briefly to be a person of its own: a turn, a hand before it
MIN_SECONDS = 1.0
MIN_SHARE = 0.05  # of the film's frames
ENOUGH_SECONDS = 30.0  # whatever the share: nobody in a long film is left out who is seen for so long
MAX_COMPARED = 50  # of a person's pieces, the most prominent ones; more would only take time
BACKGROUND = 0.1  # a face of less than this share of the prominence of the largest beside it is in the background


@dataclass(frozen=True, eq=False)
class People:
    """The people of a film.

    Args:
        tracks: one each, a row a frame, the main person first. Never empty: in a film without a face, one track that is
            nowhere valid.
        num_left_out: how many more there are, less prominent.
    """

    tracks: Sequence[FaceTrack]
    num_left_out: int = 0


def find_people(seen: SeenFaces, *, at_most: int = MAX_PEOPLE) -> People:
    """Where each person of a film is.

    Args:
        seen: every face of the film.
        at_most: how many people; the least prominent are left out.

    Raises:
        ValueError: `at_most` is below 1.
    """
    if at_most < 1:
        raise ValueError(f"at_most must be 1 or more, got {at_most}")
    main = main_person(seen.tracklets)
    people = _group([_Part.of(piece) for piece in seen.pieces], seen.times_seconds)
    if not people:
        return People([as_track(seen.times_seconds, [])])
    first = max(people, key=lambda person: person.prominence_in(main[0]))
    shares = _shares_of_largest(seen, people)
    others = [each for each in people if each is not first and _counts(each, seen, shares)]
    others.sort(key=lambda person: -person.prominence)
    is_one = all(part.piece.tracklet not in main for each in people if each is not first for part in each.parts)
    if is_one and not others:
        return People([as_track(seen.times_seconds, main)])
    shown = [first, *others][:at_most]
    tracks = [as_track(seen.times_seconds, person.tracklets) for person in shown]
    return People(tracks, num_left_out=1 + len(others) - len(shown))


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
        # Copies: a view would keep the whole tracklet for each of its pieces.
        frames = np.array(piece.tracklet.frames, np.int64)
        rows = slice(*np.searchsorted(frames, [piece.first, piece.stop]))
        frames, values = frames[rows].copy(), piece.tracklet.values()[rows].copy()
        return cls(
            piece=piece,
            frames=frames,
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


def _group(parts: Sequence[_Part], times_seconds: TimeArray) -> list[_Person]:
    """Give each piece to a person, the most prominent first; unclear ones found nobody, and are nobody."""
    album = _Album(parts, times_seconds)
    for part in sorted(parts, key=lambda part: -part.prominence):
        if not album.people or part.score >= RETURN_MIN_SCORE:
            album.add(part)
    return album.people


class _Album:
    """Pieces with whose they are, as columns, so that a film of thousands of cuts is sorted in seconds.

    Args:
        may_come: the pieces.
        times_seconds: `[frames]`, of the film.
    """

    def __init__(self, may_come: Sequence[_Part], times_seconds: TimeArray) -> None:
        most, most_looks = len(may_come), sum(len(part.piece.looks) for part in may_come)
        self.people: list[_Person] = []
        self._times = times_seconds
        self._parts: list[_Part] = []
        self._first, self._last, self._owner, self._shot, self._last_shot = np.zeros((5, most), np.int64)
        self._size = np.zeros(most)
        self._num_looks = 0  # of the pieces that later ones are compared with
        self._looks = np.zeros((most_looks, LOOKS_DIM), np.float32)
        self._looks_row = np.zeros(most_looks, np.int64)  # which piece each is of

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
        self._owner[row], self._size[row] = number, part.size_pixels
        self._shot[row], self._last_shot[row] = part.piece.shot, part.piece.last_shot
        if len(person.parts) <= MAX_COMPARED:
            new = slice(self._num_looks, self._num_looks + len(part.piece.looks))
            self._looks[new], self._looks_row[new] = part.piece.looks, row
            self._num_looks = new.stop

    def _differences(self, part: _Part) -> NDArray[np.float64]:
        """How different a piece looks from each person, 1 being the most that may still be the same one."""
        least = np.full(len(self.people), np.inf)
        if not least.size:
            return least
        rows = self._looks_row[: self._num_looks]
        ratio = np.maximum(self._size, part.size_pixels) / np.maximum(np.minimum(self._size, part.size_pixels), 1e-6)
        is_one_shot = (self._shot <= part.piece.last_shot) & (self._last_shot >= part.piece.shot)
        is_brief = self._times[part.frames[-1]] - self._times[part.frames[0]] < MIN_SECONDS
        within = SAME_IF_BRIEF if is_brief else SAME_WITHIN_SHOT
        limits = np.where(is_one_shot & (ratio <= RETURN_SIZE_RATIO), within, SAME_FACE)
        distances = looks_distance(self._looks[: self._num_looks], np.stack(part.piece.looks)).min(axis=1)
        np.minimum.at(least, self._owner[rows], distances / limits[rows])
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
