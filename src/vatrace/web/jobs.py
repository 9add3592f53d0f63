"""Clips wait in a queue for one of a few processes that read them.

Those are warm: the model is loaded once. One that crashes, hangs or takes too long is ended and replaced, its clip
fails with a sentence, and the next clip goes on. What a worker says is read as plain JSON and believed no further than
the progress bar.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vatrace.errors import ModelError, where
from vatrace.inference.choice import ModelChoice
from vatrace.web.child import BadTalk, Child, child_variables, number, sentence
from vatrace.web.confine import MISSING
from vatrace.web.limits import Limits
from vatrace.web.orders import describe_run
from vatrace.web.shelf import Clip, Shelf

logger = logging.getLogger(__name__)

READY_SECONDS = 300.0
_SWEEP_SECONDS = 30.0
_PROCESSOR_TIME_IS_OVER = getattr(signal, "SIGXCPU", 0)

CRASHED = "The process that read this clip ended unexpectedly. The file may be damaged; convert it, or try another."
TOO_SLOW = "Reading this clip took longer than its length allows, so it was stopped. The file may be damaged."


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What a worker said when it had loaded the model.

    Args:
        remark: what is to be known of the model.
        missing: parts of `confine.MISSING` that this system cannot take from the worker.
    """

    remark: str
    missing: tuple[str, ...]


class Workshop:
    """The queue and its workers.

    Args:
        shelf: where the clips are.
        command: starts a worker; `worker_command` gives it.
    """

    def __init__(self, shelf: Shelf, command: Sequence[str]) -> None:
        self.shelf = shelf
        self._limits = shelf.limits
        self._command = command
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._hands: list[_Hand] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> ModelFacts:
        """Start the workers and wait until the model is loaded.

        Raises:
            ModelError: it cannot be loaded.
        """
        first = _Hand(self._command, self.shelf.folder, self._limits.clips_per_worker)
        facts = await first.begin()
        self._hands = [
            first,
            *(
                _Hand(self._command, self.shelf.folder, self._limits.clips_per_worker)
                for _ in range(self._limits.workers - 1)
            ),
        ]
        self._tasks = [asyncio.create_task(self._serve(hand)) for hand in self._hands]
        self._tasks.append(asyncio.create_task(self._sweep()))
        return facts

    def submit(self, clip: Clip) -> None:
        """Put a clip in the queue."""
        self._queue.put_nowait(clip.id)

    def remove(self, clip_id: str) -> bool:
        """Delete a clip, also while it is worked on; returns whether there was one."""
        was_there = self.shelf.remove(clip_id)
        for hand in self._hands:
            if hand.clip_id == clip_id:
                hand.end()
        return was_there

    async def stop(self) -> None:
        """End the workers and whatever they do."""
        for hand in self._hands:
            hand.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(hand.ended() for hand in self._hands))

    async def _serve(self, hand: _Hand) -> None:
        while True:
            clip = self.shelf.get(await self._queue.get())
            if clip is None:  # removed while it waited
                continue
            hand.clip_id = clip.id
            self.shelf.update(clip.id, step="starting")
            try:
                error = await self._make(hand, clip)
            except Exception as fault:  # of ours: the next clip has its chance, with a fresh process
                logger.error("internal error: %s", where(fault))  # its message may hold what a person sent
                hand.end()
                error = CRASHED
            if error:
                self.shelf.update(clip.id, state="failed", error=error)
            else:
                self.shelf.update(clip.id, state="done", progress=1.0)
            if self.shelf.get(clip.id) is None and clip.folder.exists():  # a result came after it was removed
                self.shelf.discard(clip.folder)

    async def _make(self, hand: _Hand, clip: Clip) -> str:
        """Have a clip made; returns why it failed, or ""."""
        try:
            if not hand.is_fit:
                await hand.end_and_begin()
            async with asyncio.timeout(self._limits.work_seconds(None)) as deadline:
                return await self._follow(hand, clip, deadline)
        except TimeoutError:
            hand.end()
            return TOO_SLOW
        except (BadTalk, ModelError, OSError):
            return TOO_SLOW if await hand.ended() == -_PROCESSOR_TIME_IS_OVER else CRASHED

    async def _follow(self, hand: _Hand, clip: Clip, deadline: asyncio.Timeout) -> str:
        began = asyncio.get_running_loop().time()
        hand.give(clip)
        while True:
            async with asyncio.timeout(self._limits.silence_seconds):
                told = await hand.hear()
            if "error" in told:
                if not (error := sentence(told["error"])):
                    raise BadTalk
                hand.clip_id = ""
                return error
            if told.get("done") is True:
                hand.clip_id = ""
                return ""
            if (seconds := number(told.get("seconds"))) is not None and seconds >= 0:
                deadline.reschedule(began + self._limits.work_seconds(min(seconds, self._limits.max_seconds)))
            share = min(1.0, max(0.0, number(told.get("progress")) or 0.0))
            self.shelf.update(clip.id, progress=share, step=sentence(told.get("step")))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, self._limits.keep_seconds / 2))
            for clip in self.shelf.expired():
                self.remove(clip.id)


def _missing(told: object) -> tuple[str, ...]:
    """What a worker could not be kept from: everything, unless it says otherwise."""
    said = told if isinstance(told, list) else MISSING
    return tuple(part for part in MISSING if part in said)


def worker_command(choice: ModelChoice, limits: Limits) -> Sequence[str]:
    """What starts a worker."""
    told = json.dumps(describe_run(choice, limits))
    # -P: no module is imported from the folder it runs in
    return (sys.executable, "-P", "-m", "vatrace.web.worker", told)


class _Hand:
    """One place for a worker: the process that has it now, and the clip it is at."""

    def __init__(self, command: Sequence[str], folder: Path, most_clips: int) -> None:
        self._command = command
        self._folder = folder
        self._most_clips = most_clips
        self._child: Child | None = None
        self._num_clips = 0
        self.clip_id = ""

    @property
    def is_fit(self) -> bool:
        """Whether there is a process that can take a clip."""
        return self._child is not None and self._child.is_alive and self._num_clips < self._most_clips

    async def begin(self) -> ModelFacts:
        """Start a process and wait until it has loaded the model."""
        environment = child_variables(self._folder)
        self._child = await Child.start(self._command, folder=self._folder, environment=environment)
        self._num_clips = 0
        try:
            async with asyncio.timeout(READY_SECONDS):
                told = await self.hear()
        except (TimeoutError, BadTalk):
            told = {"fatal": "The process that reads clips did not start; does `vatrace predict` work?"}
        except BaseException:  # stopped while it loads
            self.end()
            raise
        if "fatal" in told:
            await self.ended()
            raise ModelError(sentence(told["fatal"]))
        return ModelFacts(remark=sentence(told.get("remark")), missing=_missing(told.get("missing")))

    async def end_and_begin(self) -> None:
        """Start a fresh process in place of the one there is."""
        await self.ended()
        await self.begin()

    def give(self, clip: Clip) -> None:
        """Hand a clip to the process."""
        if self._child is None:
            raise BadTalk
        self.clip_id = clip.id
        self._num_clips += 1
        task = {"folder": str(clip.folder.absolute()), "name": clip.name}
        self._child.say(json.dumps(task).encode("ascii") + b"\n")

    async def hear(self) -> Mapping[str, Any]:
        """The next thing the process says."""
        if self._child is None:
            raise BadTalk
        return await self._child.hear()

    def end(self) -> None:
        """End the process at once, if there is one."""
        self.clip_id = ""
        if self._child is not None:
            self._child.end()

    async def ended(self) -> int | None:
        """End the process and wait until it is gone; returns what it ended with."""
        self.end()
        return None if self._child is None else await self._child.ended()
