"""Frames read ahead are the frames, whatever happens on either side."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from vatrace.errors import MediaError
from vatrace.media.ahead import MAX_BYTES, MAX_FRAMES, read_ahead
from vatrace.media.video import VideoFrame


class Film:
    """Frames of which it is known how many were made, and whether the film was closed."""

    def __init__(self, count: int, *, side: int = 4, broken_at: int | None = None) -> None:
        self.count, self.side, self.broken_at = count, side, broken_at
        self.made = 0
        self.is_closed = False

    def frames(self) -> Iterator[VideoFrame]:
        try:
            for index in range(self.count):
                if index == self.broken_at:
                    raise MediaError("the film tore.", code="damaged")
                self.made += 1
                yield VideoFrame(index / 25, np.full((self.side, self.side, 3), index % 256, np.uint8))
        finally:
            self.is_closed = True


def settled(film: Film) -> int:
    """How many frames were made once no more are."""
    before = -1
    while before != film.made:
        before = film.made
        time.sleep(0.2)
    return before


def decoders() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "vatrace-decode"]


def test_all_frames_come_in_order_and_the_film_is_closed() -> None:
    film = Film(200)
    times = [frame.time_seconds for frame in read_ahead(film.frames())]
    assert times == [index / 25 for index in range(200)]
    assert film.is_closed
    assert not decoders()


def test_an_error_comes_after_the_frames_before_it() -> None:
    frames = read_ahead(Film(50, broken_at=7).frames())
    assert [next(frames).time_seconds for _ in range(7)] == [index / 25 for index in range(7)]
    with pytest.raises(MediaError, match="the film tore"):
        next(frames)


def test_only_so_many_frames_are_made_ahead() -> None:
    film = Film(500)
    frames = read_ahead(film.frames())
    next(frames)
    assert settled(film) <= MAX_FRAMES + 2, "one was taken, one is in the hand of the thread"
    frames.close()


def test_only_so_many_bytes_wait_and_a_frame_that_is_larger_waits_alone() -> None:
    side = int((MAX_BYTES / 3 * 0.4) ** 0.5)  # two fit
    film = Film(30, side=side)
    frames = read_ahead(film.frames())
    next(frames)
    assert settled(film) <= 4
    frames.close()
    large = Film(3, side=int((MAX_BYTES / 3 * 1.1) ** 0.5))
    assert len(list(read_ahead(large.frames()))) == 3


def test_who_wants_no_more_leaves_no_thread_and_no_open_film() -> None:
    film = Film(500)
    frames = read_ahead(film.frames())
    next(frames)
    frames.close()
    assert film.is_closed
    assert not decoders()
