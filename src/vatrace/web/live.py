"""Live: the page sends pictures and sound (`live_wire`), and gets a value for each picture that was looked at.

    {"state": "loading"}       the model is being loaded; what comes by then is not kept
    {"state": "ready"}         from now on pictures are looked at
    {"time": 12.345,           of the picture, as it was sent, or of a moment of sound while no pictures come
     "valence", "arousal",     -1 to 1; null where there is nothing to base a value on
     "face", "voice",          1 where there was one, else 0; null for a model that does not take it
     "face_score", "gate_face", "gate_voice",    0 to 1 or null
     "delay": 0.04,            seconds from its arrival here to its value
     "dropped": 3}             pictures that were left out so far, as a newer one was there
    {"error": "..."}           a sentence; then the connection is closed

Only the newest picture is kept while one is looked at, so the delay does not grow however slow the machine is. One live
connection is served at a time, by a process of its own that ends with it. This file decodes nothing; `guard` has seen
the request before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from vatrace.inference.choice import ModelChoice
from vatrace.web.child import BadTalk, Child, child_variables, number, sentence
from vatrace.web.limits import Limits
from vatrace.web.live_wire import (
    MOMENT,
    PICTURE,
    SAMPLE_RATE_HZ,
    WRONG_TYPE,
    Message,
    WrongMessage,
    check_start,
    parse_message,
)
from vatrace.web.live_worker import LENGTH
from vatrace.web.orders import describe_run

START_SECONDS = 10.0  # for the first message
IDLE_SECONDS = 60.0  # a page that sends nothing for so long has gone
LOADING_SECONDS = 120.0
ANSWER_SECONDS = 10.0  # a process that takes longer over a picture hangs
KEPT_SOUND_SAMPLES = 4 * SAMPLE_RATE_HZ  # waiting while a picture is looked at; older sound is left out
BLOCK_SAMPLES = SAMPLE_RATE_HZ // 4  # sound that is passed on without waiting for a picture
NO_PICTURE_SECONDS = 0.5  # without one, values are given for sound alone

# What a value consists of: see above, and `inference.live.LiveValue`, which is not loaded here.
VALUE_NAMES = ("time", "valence", "arousal", "face", "voice", "face_score", "gate_face", "gate_voice")

MAX_REASON_BYTES = 120  # RFC 6455 allows 123
NORMAL, GONE, SERVER_ERROR, TRY_LATER = 1000, 1006, 1011, 1013

BUSY = "Live is already on in another window; stop it there first."
ENDED = "The process that looks at the camera ended unexpectedly. Start live again."


def live_command(choice: ModelChoice, limits: Limits) -> Sequence[str]:
    """What starts the process behind a live connection.

    Args:
        choice: the model.
        limits: of this run.
    """
    told = json.dumps(describe_run(choice, limits))
    return (sys.executable, "-P", "-m", "vatrace.web.live_worker", told)


class Live:
    """Answers live connections, one at a time.

    Args:
        command: starts the process that looks: see `live_command`.
        folder: of this run, for the folder of that process; None is the system's.
    """

    def __init__(self, command: Sequence[str], folder: Path | None = None) -> None:
        self._command = command
        self._folder = folder
        self._is_on = False

    async def __call__(self, websocket: WebSocket) -> None:
        """Serve a connection from its beginning to its end."""
        await websocket.accept()
        if self._is_on:
            await _close(websocket, _Ended(BUSY, TRY_LATER))
            return
        self._is_on = True
        looker = _Looker(self._command, self._folder)
        try:
            await _serve(websocket, looker)
        except* WebSocketDisconnect:
            pass
        except* WrongMessage as group:
            error = _first(group)
            assert isinstance(error, WrongMessage)
            await _close(websocket, _Ended(error.sentence, error.code))
        except* _Ended as group:
            error = _first(group)
            assert isinstance(error, _Ended)
            await _close(websocket, error)
        finally:
            await looker.end()
            self._is_on = False


async def _serve(websocket: WebSocket, looker: _Looker) -> None:
    inbox = _Inbox()
    await _hear_start(websocket)
    async with asyncio.TaskGroup() as tasks:  # whichever ends, by an error, ends the other
        tasks.create_task(_listen(websocket, inbox))
        tasks.create_task(_answer(websocket, inbox, looker))


async def _hear_start(websocket: WebSocket) -> None:
    message = await _receive(websocket, START_SECONDS)
    if message.get("text") is None:
        raise WrongMessage("A live connection begins with a line of JSON.", WRONG_TYPE)
    check_start(message["text"])


async def _listen(websocket: WebSocket, inbox: _Inbox) -> None:
    """Take messages as they come, so that none waits in a buffer and grows old."""
    while True:
        message = await _receive(websocket, IDLE_SECONDS)
        if message.get("bytes") is None:
            raise WrongMessage("After the start, a live connection carries pictures and sound alone.", WRONG_TYPE)
        inbox.put(parse_message(message["bytes"]))


async def _receive(websocket: WebSocket, seconds: float) -> Mapping[str, Any]:
    try:
        async with asyncio.timeout(seconds):
            message = await websocket.receive()
    except TimeoutError:
        raise _Ended("Nothing came for a while, so live was ended.", NORMAL) from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", NORMAL))
    return message


async def _answer(websocket: WebSocket, inbox: _Inbox, looker: _Looker) -> None:
    await _send(websocket, {"state": "loading"})
    await looker.begin()
    inbox.forget()
    await _send(websocket, {"state": "ready"})
    while True:
        for message, arrived in await inbox.take():
            told = await looker.look(message)
            if told is not None:
                delay = round(time.monotonic() - arrived, 4)
                await _send(websocket, {**told, "delay": delay, "dropped": inbox.num_dropped})


async def _send(websocket: WebSocket, facts: Mapping[str, Any]) -> None:
    try:
        await websocket.send_json(facts)
    except RuntimeError:  # the page has closed the connection, and nobody has told us yet
        raise WebSocketDisconnect(GONE) from None


class _Inbox:
    """What came and was not looked at yet: some sound, and the newest picture."""

    def __init__(self) -> None:
        self.num_dropped = 0
        self._sound: deque[Message] = deque()
        self._num_samples = 0
        self._picture: tuple[Message, float] | None = None
        self._last_picture = -NO_PICTURE_SECONDS
        self._has_news = asyncio.Event()

    def put(self, message: Message) -> None:
        """Keep a message, in place of older ones where there is no room."""
        if message.kind == PICTURE:
            self.num_dropped += self._picture is not None
            self._picture = (message, time.monotonic())
            self._last_picture = time.monotonic()
        else:
            self._sound.append(message)
            self._num_samples += message.num_samples
            while self._num_samples > KEPT_SOUND_SAMPLES:
                self._num_samples -= self._sound.popleft().num_samples
        if self._is_enough():
            self._has_news.set()

    def forget(self) -> None:
        """Start afresh: what came while nobody looked is old."""
        self._sound.clear()
        self._num_samples, self._picture, self.num_dropped = 0, None, 0
        self._has_news.clear()

    async def take(self) -> list[tuple[Message, float]]:
        """Wait for a picture, or some sound; gives what there is, sound first, each with when it arrived."""
        await self._has_news.wait()
        self._has_news.clear()
        now = time.monotonic()
        taken = [(each, now) for each in self._sound]
        if self._picture is not None:
            taken.append(self._picture)
        elif now - self._last_picture > NO_PICTURE_SECONDS and taken:
            last, _ = taken[-1]
            end = last.time_seconds + last.num_samples / SAMPLE_RATE_HZ
            taken.append((Message(MOMENT, end, b""), now))
        self._sound.clear()
        self._num_samples, self._picture = 0, None
        return taken

    def _is_enough(self) -> bool:
        return self._picture is not None or self._num_samples >= BLOCK_SAMPLES


class _Ended(Exception):  # noqa: N818  (it is what happened)
    """Why a connection is closed: a sentence for the person, and a code of RFC 6455."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class _Looker:
    """The process that looks, from the page's side of the pipe."""

    def __init__(self, command: Sequence[str], folder: Path | None) -> None:
        self._command = command
        self._parent = folder
        self._folder: Path | None = None  # libraries want one for what they leave behind; there are no clips in it
        self._child: Child | None = None

    async def begin(self) -> None:
        """Start it and wait until it has loaded the model."""
        self._folder = Path(tempfile.mkdtemp(prefix="live-", dir=self._parent))
        variables = child_variables(self._folder)
        self._child = await Child.start(self._command, folder=self._folder, environment=variables)
        told = await self._hear(LOADING_SECONDS)
        if "fatal" in told:
            raise _Ended(sentence(told["fatal"]) or ENDED, SERVER_ERROR)

    async def look(self, message: Message) -> Mapping[str, float | None] | None:
        """Hand it a message; returns what it says of a picture or a moment, None of sound and of a picture too late."""
        assert self._child is not None, "begun before"
        data = message.packed()
        try:
            self._child.say(LENGTH.pack(len(data)) + data)
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._child.drain()
        except OSError:  # gone; or it does not read: TimeoutError is one of these
            raise _Ended(ENDED, SERVER_ERROR) from None
        if message.kind not in (PICTURE, MOMENT):
            return None
        told = await self._hear(ANSWER_SECONDS)
        if "error" in told:
            raise _Ended(sentence(told["error"]) or ENDED, SERVER_ERROR)
        if "skipped" in told:
            return None
        value = {name: number(told.get(name)) for name in VALUE_NAMES}  # nothing else in the line reaches the page
        if value["time"] is None:
            raise _Ended(ENDED, SERVER_ERROR)
        return value

    async def end(self) -> None:
        """End it at once, if it is there."""
        try:
            if self._child is not None:
                await self._child.ended()
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    async def _hear(self, seconds: float) -> dict[str, Any]:
        """The next line that it says."""
        assert self._child is not None, "begun before"
        try:
            async with asyncio.timeout(seconds):
                return await self._child.hear()
        except (TimeoutError, BadTalk):
            raise _Ended(ENDED, SERVER_ERROR) from None


async def _close(websocket: WebSocket, ended: _Ended) -> None:
    """Say why, as a line and as the reason of the closing, which has room for less."""
    if websocket.application_state != WebSocketState.CONNECTED:
        return
    reason = ended.sentence.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the other side has gone by itself
        await websocket.send_json({"error": ended.sentence})
        await websocket.close(ended.code, reason)


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    """One of the errors of two tasks; the other one is the same, or comes of it."""
    error: BaseException = group.exceptions[0]
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
