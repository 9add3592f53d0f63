"""A process of ours that reads what strangers sent, and so is believed nothing.

It says lines of JSON. Whatever else it says, however long, deep or odd, is an error of one kind; what it says in words
is cleaned before anybody sees it. It is ended with all that it started, and nothing of it is waited for then: whoever
holds its pipes may do so for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process, SubprocessStreamProtocol
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vatrace.web.confine import bare_variables
from vatrace.web.shelf import visible

MAX_LINE_BYTES = 2**16
MAX_SENTENCE = 600  # characters of what it says that are shown


class BadTalk(Exception):  # noqa: N818  (it is what happened)
    """A process ended, or said what none of ours says."""


class Child:
    """A process that was started; see `start`."""

    def __init__(self, process: Process, transport: asyncio.SubprocessTransport) -> None:
        self._process = process
        self._transport = transport
        self._is_over = False  # known at once, while the system takes a moment to say that a killed process is gone

    @classmethod
    async def start(cls, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Child:
        """Start a process.

        Args:
            command: program and arguments.
            folder: it works in.
            environment: its variables.
        """
        loop = asyncio.get_running_loop()
        # What `asyncio.create_subprocess_exec` does; but that keeps the transport, which can let go of the pipes.
        transport, protocol = await loop.subprocess_exec(
            lambda: _Protocol(limit=MAX_LINE_BYTES, loop=loop),
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # decoders print what a file says, such as names
            cwd=folder,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the server, which then ends it
        )
        return cls(Process(transport, protocol, loop), transport)

    @property
    def is_alive(self) -> bool:
        """Whether it is there and was not ended."""
        return self._process.returncode is None and not self._is_over

    def say(self, data: bytes) -> None:
        """Give it something to read."""
        assert self._process.stdin is not None, "a pipe"
        self._process.stdin.write(data)

    async def drain(self) -> None:
        """Wait until it has read most of what it was given.

        Raises:
            OSError: it is gone.
        """
        assert self._process.stdin is not None, "a pipe"
        await self._process.stdin.drain()

    async def hear(self) -> dict[str, Any]:
        """The next line that it says; what is in it is for `sentence` and `number`.

        Raises:
            BadTalk: there is none any more, or it is no object of JSON.
        """
        assert self._process.stdout is not None, "a pipe"
        try:
            told = json.loads(await self._process.stdout.readline())
        # no JSON, an endless line or number; brackets within brackets
        except (ValueError, RecursionError, MemoryError) as error:
            raise BadTalk from error
        if not isinstance(told, dict):
            raise BadTalk
        return told

    def end(self) -> None:
        """End it at once with whatever it started, and let go of its pipes, which somebody may hold all the same."""
        if self._is_over:
            return
        self._is_over = True
        if hasattr(os, "killpg"):
            _kill_group(self._process.pid)
        else:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._process.stdin is not None and not self._process.stdin.transport.is_closing():
            self._process.stdin.transport.abort()
        if (pipe := self._transport.get_pipe_transport(1)) is not None:
            pipe.close()

    async def ended(self) -> int | None:
        """End it if it was not ended, and wait until it is gone; returns what it ended with."""
        self.end()
        return await self._process.wait()


class _Protocol(SubprocessStreamProtocol):
    """What it started ends with it, so that nobody goes on holding its pipes."""

    _pid = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.SubprocessTransport), "made for one"
        self._pid = transport.get_pid() or 0

    def process_exited(self) -> None:
        if self._pid and hasattr(os, "killpg"):
            _kill_group(self._pid)
        super().process_exited()


def _kill_group(process: int) -> None:
    # Its number cannot go to somebody else while anything it started is there; and where nothing is, numbers come
    # around again only after many thousand other processes.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)


def sentence(told: object) -> str:
    """What a process said in words, fit to be shown: one line, not too long, nothing invisible; "" if it is none."""
    return visible(told[:MAX_SENTENCE]) if isinstance(told, str) else ""


def number(told: object) -> float | None:
    """What a process said, if it is a finite number."""
    if not isinstance(told, int | float):
        return None
    try:
        value = float(told)
    except OverflowError:  # JSON has no largest number
        return None
    return value if math.isfinite(value) else None


def child_variables(folder: Path) -> dict[str, str]:
    """Those of ours that it needs, with every folder for modules absolute.

    Args:
        folder: for what libraries leave behind.
    """
    modules = [str(Path(path).absolute()) for path in sys.path if path]
    return {
        **bare_variables(os.environ),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),  # as in `recipes.predict`
        "PYTHONPATH": os.pathsep.join(modules),
        "TMPDIR": str(folder),
    }
