"""Find every face of a film for `faces.people`: linked through its frames, with cuts and looks.

Where a film has frames to spare, faces are looked for in some of them only: at least every `every_seconds`, in the
first and the last frame, and on both sides of a cut. In between, a face that is there before and after is taken to have
moved evenly. The frames themselves are all looked at later: only where the face lies in them is interpolated.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.faces.detection import Detection, Frame
from vatrace.faces.linking import Linker, Tracklet
from vatrace.faces.looks import looks_of
from vatrace.faces.tracking import Detector, TimedFrame, batches
from vatrace.streams import BoolArray, TimeArray

CUT_CHANGE = 0.1  # mean change of a small picture from one frame to the next, of full scale; GRID's speakers reach .005
LOOKS_EVERY_SECONDS = 0.5
_SMALL = (32, 18)  # width and height of the picture in which cuts are found
_SLACK_SECONDS = 1e-6


@dataclass(eq=False)
class Piece:
    """A tracklet from one cut to the next.

    Args:
        tracklet: what it is part of.
        first: frame it begins with.
        stop: frame before which it ends.
        shot: number of the stretch between cuts that it is in.
        looks: `[LOOKS_DIM]`, summed over some of its frames.
    """

    tracklet: Tracklet
    first: int
    stop: int
    shot: int
    looks: NDArray[np.float32]


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
    for batch in batches(frames):
        watcher.look(batch, detector, every_seconds)
    return watcher.seen()


@dataclass(eq=False)
class _Watcher:
    linker: Linker = field(default_factory=Linker)
    times: array[float] = field(default_factory=lambda: array("d"))
    was_looked_at: bytearray = field(default_factory=bytearray)
    pieces: dict[Tracklet, list[Piece]] = field(default_factory=dict)
    sampled_seconds: dict[Tracklet, float] = field(default_factory=dict)  # of pieces that may still grow
    shot: int = 0
    last_small: NDArray[np.uint8] | None = None

    def look(self, batch: Sequence[TimedFrame], detector: Detector, every_seconds: float) -> None:
        """Go through the next frames."""
        cuts = self._cuts(batch)
        chosen = _chosen([frame.time_seconds for frame in batch], cuts, every_seconds)
        found = dict(zip(chosen, detector.detect([batch[place].pixels for place in chosen]), strict=True))
        for place, frame in enumerate(batch):
            if cuts[place]:
                self.shot += 1
                self.sampled_seconds.clear()  # what goes on begins a new piece
            if place in found:
                self._link(frame, found[place])
            self.was_looked_at.append(place in found)
            self.times.append(frame.time_seconds)

    def _link(self, frame: TimedFrame, faces: Sequence[Detection]) -> None:
        index = len(self.times)
        for tracklet in self.linker.add(index, frame.time_seconds, faces):
            last = self.sampled_seconds.get(tracklet)
            if last is not None and frame.time_seconds - last < LOOKS_EVERY_SECONDS:
                continue
            values = np.array(tracklet.rows[-15:], np.float32)
            looks = looks_of(frame.pixels, values[:4], values[4:14].reshape(5, 2))
            pieces = self.pieces.setdefault(tracklet, [])
            if last is None:
                pieces.append(Piece(tracklet, index, index + 1, self.shot, looks))
            else:
                pieces[-1].looks += looks
            self.sampled_seconds[tracklet] = frame.time_seconds

    def _cuts(self, batch: Sequence[TimedFrame]) -> list[bool]:
        """Whether each frame begins a new shot."""
        cuts = []
        for frame in batch:
            small = _small(frame.pixels)
            before, self.last_small = self.last_small, small
            change = 0.0 if before is None else float(np.mean(cv2.absdiff(before, small))) / 255
            cuts.append(change > CUT_CHANGE)
        return cuts

    def seen(self) -> SeenFaces:
        times, looked = np.array(self.times, np.float64), np.array(self.was_looked_at, np.bool_)
        tracklets, pieces = [], []
        for tracklet in self.linker.tracklets:
            whole = tracklet if looked.all() else _filled(tracklet, times, looked)
            own = self.pieces[tracklet]
            for piece, following in zip(own, [*own[1:], None], strict=True):
                stop = following.first if following else whole.frames[-1] + 1
                pieces.append(Piece(whole, piece.first, stop, piece.shot, piece.looks))
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
