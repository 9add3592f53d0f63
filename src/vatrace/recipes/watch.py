"""What a recipe tells whoever watches it, and what a batch or a check ends with.

The command line draws bars; a test listens in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from vatrace.errors import VatraceError
from vatrace.training.progress import OnStep


class Advance(Protocol):
    """Told how far something long has come."""

    def __call__(
        self,
        steps: int = 1,
        *,
        done: int | None = None,
        total: int | None = None,
        shown: Mapping[str, float] | None = None,
    ) -> None:
        """So many more `steps` are done, or `done` of `total` in all.

        `shown` are numbers worth showing beside the bar.
        """


class Watch(Protocol):
    """Somebody who watches a recipe."""

    def say(self, text: str) -> None:
        """Take a line that a person wants to read."""

    def track(self, label: str, total: int) -> AbstractContextManager[Advance]:
        """Follow `total` steps of something long."""


class Silence:
    """Nobody watches."""

    def say(self, text: str) -> None:
        """Drop the line."""

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Advance]:
        """Give an `advance` that does nothing."""
        yield _ignore


def _ignore(
    steps: int = 1,
    *,
    done: int | None = None,
    total: int | None = None,
    shown: Mapping[str, float] | None = None,
) -> None:
    """Nobody watches."""


def following(advance: Advance) -> OnStep:
    """Pass on what a training loop tells."""
    return lambda step: advance(done=step.done, total=step.total, shown=step.shown)


SILENCE = Silence()


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch: files made (or already there), and what failed with the reason."""

    done: tuple[Path, ...] = ()
    failed: tuple[tuple[str, VatraceError | OSError], ...] = field(default=())


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Args:
        text: the report, as a person or a program reads it.
        passed: whether what was checked is in order.
        exit_code: what the command ends with.
    """

    text: str
    passed: bool
    exit_code: int = 0
