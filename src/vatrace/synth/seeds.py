"""Where the corpus gets its chance from: one generator a (seed, subject, clip, purpose).

Every stream is independent of all others, so a clip is the same whichever process makes it and whatever was made
before.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream of chance is for. Values are part of the corpus: changing one changes every clip."""

    LOOKS = 1
    TRUTH = 2
    RATERS = 3
    EPISODES = 4
    SPEECH = 5
    VOICE = 6
    MOTION = 7
    CAMERA = 8


def generator(seed: int, subject: int, clip: int, purpose: Purpose) -> np.random.Generator:
    """The generator of one purpose in one clip.

    Args:
        seed: of the corpus, 0 or more.
        subject: number of the subject, 0 or more.
        clip: number of the clip among the subject's; 0 for what all clips of a subject share.
        purpose: what the numbers are for.
    """
    # Always four words: SeedSequence pads short keys with zeros, so that keys of different lengths could coincide.
    return np.random.default_rng(np.random.SeedSequence((seed, subject, clip, int(purpose))))
