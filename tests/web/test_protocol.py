"""What the time limits on requests leave alone."""

from __future__ import annotations

import asyncio

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
