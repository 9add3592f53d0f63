"""What the limits on requests and answers end, and what they leave alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("uvicorn")
import uvicorn
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Message, Request, TextMessage

from vatrace.web.protocol import impatient_protocol

HEADER_SECONDS = 0.2


async def echo(scope: dict, receive, send) -> None:  # type: ignore[no-untyped-def]  # ASGI
    await receive()
    await send({"type": "websocket.accept"})
    while (told := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": told["text"]})


async def answers_over(seconds: float) -> list[str]:
    """What a WebSocket gives back, that is open for much longer than a request may take to come."""
    config = uvicorn.Config(
        echo, port=0, http=impatient_protocol(HEADER_SECONDS), ws="wsproto", lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    protocol = WSConnection(ConnectionType.CLIENT)

    async def say(event: Request | TextMessage) -> AcceptConnection | Message:
        writer.write(protocol.send(event))
        while True:
            data = await asyncio.wait_for(reader.read(65_536), 10)
            if not data:
                raise ConnectionError("the server closed the connection")
            protocol.receive_data(data)
            for told in protocol.events():
                assert isinstance(told, AcceptConnection | Message)
                return told

    answers = []
    try:
        await say(Request(host=f"127.0.0.1:{port}", target="/"))
        for number in range(round(seconds / HEADER_SECONDS) * 2):
            await asyncio.sleep(HEADER_SECONDS / 2)
            answer = await say(TextMessage(str(number)))
            assert isinstance(answer, Message)
            answers.append(str(answer.data))
    finally:
        writer.close()
        server.should_exit = True
        await serving
    return answers


def test_a_websocket_may_stay_open_for_longer_than_the_head_of_a_request() -> None:
    assert asyncio.run(answers_over(4 * HEADER_SECONDS)) == [str(number) for number in range(8)]


BODY_BYTES = 16 * 2**20  # more than the system keeps of an answer that nobody reads


async def long_answer(scope: dict, receive, send) -> None:  # type: ignore[no-untyped-def]  # ASGI
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % BODY_BYTES)]})
    for number in range(16):
        await send({"type": "http.response.body", "body": bytes(2**20), "more_body": number < 15})


@contextlib.asynccontextmanager
async def answering(app: Any, **limits: float) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    """A server in this process, and its port."""
    config = uvicorn.Config(
        app,
        port=0,
        http=impatient_protocol(20.0, **limits),  # type: ignore[arg-type]
        lifespan="off",
        log_level="critical",
        limit_concurrency=12,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def asked(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    return reader, writer


def test_an_answer_that_nobody_reads_is_ended() -> None:
    async def script() -> None:
        async with answering(long_answer, write_seconds=0.2) as (server, port):
            connections = [await asked(port) for _ in range(6)]
            async with asyncio.timeout(10):
                while len(server.server_state.connections) < 6:
                    await asyncio.sleep(0.01)
                while server.server_state.connections:
                    await asyncio.sleep(0.01)
            for _, writer in connections:
                writer.transport.abort()

    asyncio.run(script())


def test_an_answer_that_is_read_slowly_comes_whole() -> None:
    """Each pause is shorter than the limit, and all together are several times as long."""

    async def script() -> int:
        async with answering(long_answer, write_seconds=0.5) as (_, port):
            reader, writer = await asked(port)
            await reader.readuntil(b"\r\n\r\n")
            num_bytes, num_pauses = 0, 0
            while num_bytes < BODY_BYTES and (chunk := await reader.read(2**16)):
                num_bytes += len(chunk)
                if num_bytes >= (num_pauses + 1) * 2**20:
                    num_pauses += 1
                    await asyncio.sleep(0.1)
            writer.close()
            return num_bytes

    assert asyncio.run(script()) == BODY_BYTES


async def short_answer(scope: dict, receive, send) -> None:  # type: ignore[no-untyped-def]  # ASGI
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def test_connections_that_ask_nothing_make_room_for_those_that_do() -> None:
    async def script() -> None:
        async with answering(short_answer, most_connections=8) as (server, port):
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(30)]
            for _ in range(3):
                reader, writer = await asked(port)
                assert await reader.readuntil(b"\r\n") == b"HTTP/1.1 200 OK\r\n"
                assert len(server.server_state.connections) <= 8
                writer.close()
            for _, writer in silent:
                writer.transport.abort()

    asyncio.run(script())


def test_those_that_are_being_answered_are_not_what_makes_room() -> None:
    async def script() -> None:
        async with answering(long_answer, most_connections=4) as (_, port):
            busy = [await asked(port) for _ in range(4)]
            heads = [await reader.readuntil(b"\r\n\r\n") for reader, _ in busy]
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
            for head, (reader, writer) in zip(heads, busy, strict=True):
                assert head.startswith(b"HTTP/1.1 200")
                assert len(await reader.readexactly(BODY_BYTES)) == BODY_BYTES
                writer.close()
            for _, writer in silent:
                writer.transport.abort()

    asyncio.run(script())
