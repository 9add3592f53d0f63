"""The one source of randomness: keyed by (seed, epoch, step) and purpose, so that a resumed run is the same run."""

from __future__ import annotations

import zlib

import numpy as np
import torch


def generator(seed: int, *key: int | str) -> np.random.Generator:
    """A numpy generator for this seed and key."""
    return np.random.default_rng([seed, *(_number(part) for part in key)])


def seed_torch(seed: int, *key: int | str) -> None:
    """Start torch's own generator (dropout, augmentation) at a state for this seed and key."""
    torch.manual_seed(int(generator(seed, *key).integers(2**63)))


def permutation(length: int, seed: int, epoch: int) -> list[int]:
    """The order in which an epoch goes through `length` items."""
    return [int(index) for index in generator(seed, "order", epoch).permutation(length)]


def _number(part: int | str) -> int:
    return zlib.crc32(part.encode()) if isinstance(part, str) else part
