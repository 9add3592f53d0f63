"""Clips wait in a queue for one of a few processes that read them.

Those are warm: the model is loaded once. One that crashes, hangs or takes too long is ended and replaced, its clip
fails with a sentence, and the next clip goes on. What a worker says is read as plain JSON and believed no further than
the progress bar.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vatrace.errors import ModelError
from vatrace.inference.choice import ModelChoice
from vatrace.web.limits import Limits
from vatrace.web.shelf import Clip, Shelf
from vatrace.web.worker import describe_run

MAX_SENTENCE = 600  # characters of what a worker says that are shown
READY_SECONDS = 300.0
_SWEEP_SECONDS = 30.0
_PROCESSOR_TIME_IS_OVER = getattr(signal, "SIGXCPU", 0)

CRASHED = "The process that read this clip ended unexpectedly. The file may be damaged; convert it, or try another."
TOO_SLOW = "Reading this clip took longer than its length allows, so it was stopped. The file may be damaged."


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What a worker said of the model it loaded, of what it cannot do, and whether it is kept to its own files."""

    remark: str
    is_confined: bool
    is_kept: bool


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
            error = await self._make(hand, clip)
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
        except Exception:  # whatever it says: a worker may be in the hands of a file
            hand.end()
            return TOO_SLOW if await hand.ended() == -_PROCESSOR_TIME_IS_OVER else CRASHED

    async def _follow(self, hand: _Hand, clip: Clip, deadline: asyncio.Timeout) -> str:
        began = asyncio.get_running_loop().time()
        hand.give(clip)
        while True:
            async with asyncio.timeout(self._limits.silence_seconds):
                told = await hand.hear()
            if "error" in told or told.get("done") is True:
                hand.clip_id = ""
                return "" if "error" not in told else _sentence(told["error"]) or CRASHED
            if (seconds := _number(told.get("seconds"))) is not None:
                deadline.reschedule(began + self._limits.work_seconds(min(seconds, self._limits.max_seconds)))
            share = min(1.0, _number(told.get("progress")) or 0.0)
            self.shelf.update(clip.id, progress=share, step=_sentence(told.get("step", "")))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, self._limits.keep_seconds / 2))
            for clip in self.shelf.expired():
                self.remove(clip.id)


def _number(told: object) -> float | None:
    """What a worker said, if it is a number of 0 or more."""
    if not isinstance(told, int | float):
        return None
    try:
        number = float(told)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _sentence(told: object) -> str:
    """What a worker said, as text that can be sent on: at most so long, and no half characters."""
    return str(told)[:MAX_SENTENCE].encode("utf-8", "replace").decode("utf-8")


def worker_command(choice: ModelChoice, limits: Limits) -> Sequence[str]:
    """What starts a worker."""
    told = json.dumps(describe_run(choice, limits))
    # -P: no module is imported from the folder it runs in
    return (sys.executable, "-P", "-m", "vatrace.web.worker", told)


class _Crashed(Exception):  # noqa: N818  (it is what happened)
    """A worker ended, or said what no worker says."""


class _Hand:
    """One place for a worker: the process that has it now, and the clip it is at."""

    def __init__(self, command: Sequence[str], folder: Path, most_clips: int) -> None:
        self._command = command
        self._folder = folder
        self._most_clips = most_clips
        self._process: Process | None = None
        self._num_clips = 0
        self._is_over = False  # known at once, while the system takes a moment to say that a killed process is gone
        self.clip_id = ""

    @property
    def is_fit(self) -> bool:
        """Whether there is a process that can take a clip."""
        is_alive = self._process is not None and self._process.returncode is None and not self._is_over
        return is_alive and self._num_clips < self._most_clips

    async def begin(self) -> ModelFacts:
        """Start a process and wait until it has loaded the model."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # decoders print what a file says, such as names
            cwd=self._folder,
            env=environment_in(self._folder),
            start_new_session=True,  # Ctrl-C is for the server, which then ends us
        )
        self._num_clips, self._is_over = 0, False
        try:
            async with asyncio.timeout(READY_SECONDS):
                told = await self.hear()
        except (TimeoutError, _Crashed):
            told = {"fatal": "The process that reads clips did not start; does `vatrace predict` work?"}
        except BaseException:  # stopped while it loads
            self.end()
            raise
        if "fatal" in told:
            self.end()
            await self.ended()
            raise ModelError(_sentence(told["fatal"]))
        return ModelFacts(
            remark=_sentence(told.get("remark", "")),
            is_confined=told.get("is_confined") is True,
            is_kept=told.get("is_kept") is True,
        )

    async def end_and_begin(self) -> None:
        """Start a fresh process in place of the one there is."""
        self.end()
        await self.ended()
        await self.begin()

    def give(self, clip: Clip) -> None:
        """Hand a clip to the process."""
        if self._process is None or self._process.stdin is None:
            raise _Crashed
        self.clip_id = clip.id
        self._num_clips += 1
        task = {"folder": str(clip.folder.absolute()), "name": clip.name}
        self._process.stdin.write(json.dumps(task).encode("ascii") + b"\n")

    async def hear(self) -> Mapping[str, Any]:
        """The next thing the process says."""
        if self._process is None or self._process.stdout is None:
            raise _Crashed
        try:
            told = json.loads(await self._process.stdout.readline())
        except (ValueError, RecursionError) as error:  # nothing, no JSON, an endless line, or a tower of brackets
            raise _Crashed from error
        if not isinstance(told, dict):
            raise _Crashed
        return told

    def end(self) -> None:
        """End the process at once, if there is one."""
        self.clip_id, self._is_over = "", True
        if self._process is not None and self._process.returncode is None:
            end_session(self._process)

    async def ended(self) -> int | None:
        """Wait until a process that was ended is gone; returns what it ended with."""
        if self._process is None:
            return None
        close_pipes(self._process)
        return await self._process.wait()


def end_session(process: Process) -> None:
    """End a process that leads a session of its own, and whatever it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def close_pipes(process: Process) -> None:
    """Let go of what a process that was ended still said; somebody it started might hold the other end for ever."""
    if process.stdin is not None:
        process.stdin.close()
    transport = getattr(process, "_transport", None)  # asyncio has no public way to close all pipes
    if transport is not None:
        transport.close()


def environment_in(folder: Path) -> dict[str, str]:
    """Ours, with every folder for modules absolute; what libraries leave behind goes the way of the clips."""
    paths = [str(Path(path).absolute()) for path in sys.path if path]
    waits = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}  # as in `recipes.predict`
    return {**os.environ, **waits, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(folder)}
