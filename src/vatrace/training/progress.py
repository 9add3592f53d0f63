"""What a training loop tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step is done: `done` of `total` steps of the whole run, and what is worth showing (`loss`, `ccc`)."""

    done: int
    total: int
    shown: dict[str, float] = field(default_factory=dict)


OnStep = Callable[[Step], None]


def silent(_: Step) -> None:
    """Nobody watches."""
