"""Stretches of time in which one channel says little.

Face and voice have their episodes independently of each other. Without them a gate between the two would have nothing
to learn. The kinds, and what they do:

    face    turned   the head is turned far away
            covered  a hand is held before mouth and nose
            blurred  the camera is out of focus
            lost     nobody is in the picture
    voice   silent   nothing is said, and the lips rest
            muted    digital silence, though the lips move
            noise    loud noise over the voice
            music    loud chords over the voice
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FACE_KINDS = ("turned", "covered", "blurred", "lost")
VOICE_KINDS = ("silent", "muted", "noise", "music")
Channel = Literal["face", "voice"]

UNRELIABLE_SHARE = (0.15, 0.25)  # of a clip's time, in each channel
LENGTH_SECONDS = (2.0, 6.0)
MIN_GAP_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A stretch in which one channel is unreliable.

    Args:
        channel: `"face"` or `"voice"`.
        kind: one of `FACE_KINDS` or `VOICE_KINDS`.
        start_seconds: first moment of it, 0 or later.
        end_seconds: first moment after it.
    """

    channel: Channel
    kind: str
    start_seconds: float
    end_seconds: float


def draw_episodes(rng: np.random.Generator, seconds: float) -> tuple[Episode, ...]:
    """Episodes of both channels, in order of time, those of the face first.

    Args:
        rng: source of chance.
        seconds: length of the clip.
    """
    return (*_draw_channel(rng, "face", FACE_KINDS, seconds), *_draw_channel(rng, "voice", VOICE_KINDS, seconds))


def active(
    episodes: tuple[Episode, ...],
    times_seconds: NDArray[np.float64],
    *,
    channel: str | None = None,
    kind: str | None = None,
    margin_seconds: float = 0.0,
) -> NDArray[np.bool_]:
    """Which times lie in an episode.

    Args:
        episodes: of one clip.
        times_seconds: `[times]`.
        channel: only this channel; None for both.
        kind: only this kind; None for all.
        margin_seconds: count this much before and after an episode as part of it.

    Returns:
        `[times]`, True inside an episode.
    """
    inside = np.zeros(len(times_seconds), bool)
    for episode in episodes:
        if channel in (None, episode.channel) and kind in (None, episode.kind):
            inside |= (times_seconds >= episode.start_seconds - margin_seconds) & (
                times_seconds < episode.end_seconds + margin_seconds
            )
    return inside


def _draw_channel(
    rng: np.random.Generator, channel: Channel, kinds: tuple[str, ...], seconds: float
) -> tuple[Episode, ...]:
    """Episodes that fill a random share of the clip, with random gaps before, between and after them."""
    lengths = _draw_lengths(rng, seconds * rng.uniform(*UNRELIABLE_SHARE), seconds)
    gaps = rng.dirichlet(np.ones(len(lengths) + 1))
    free = seconds - lengths.sum() - MIN_GAP_SECONDS * (len(lengths) + 1)
    order = rng.permutation(kinds)  # so that a clip shows different kinds before one comes again
    episodes, now = [], 0.0
    for index, length in enumerate(lengths):
        now += MIN_GAP_SECONDS + float(free * gaps[index])
        end = now + float(length)
        kind = str(order[index % len(order)])
        episodes.append(Episode(channel=channel, kind=kind, start_seconds=round(now, 3), end_seconds=round(end, 3)))
        now = end
    return tuple(episodes)


def _draw_lengths(rng: np.random.Generator, total_seconds: float, seconds: float) -> NDArray[np.float64]:
    """Lengths that sum to about `total_seconds`; none where the clip is too short for one and something beside it."""
    if seconds < 2 * LENGTH_SECONDS[0] + 2 * MIN_GAP_SECONDS:
        return np.zeros(0)
    total_seconds = max(total_seconds, LENGTH_SECONDS[0])
    fewest, most = np.ceil(total_seconds / LENGTH_SECONDS[1]), np.floor(total_seconds / LENGTH_SECONDS[0])
    number = int(rng.integers(int(fewest), int(max(fewest, most)) + 1))
    shares = 0.7 + 0.6 * rng.random(number)
    return np.asarray(np.clip(total_seconds * shares / shares.sum(), *LENGTH_SECONDS))
