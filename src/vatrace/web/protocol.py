"""HTTP whose requests have to arrive in time: uvicorn waits for the head of a request for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient_protocol(header_seconds: float) -> type[H11Protocol]:
    """Give uvicorn's HTTP/1.1 with a limit on the time that a head may take.

    Args:
        header_seconds: from the connection, or from the first byte of a further request, to the end of its head.
    """

    class Impatient(H11Protocol):
        _head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
            super().connection_made(transport)
            self._expect_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_is_there()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if getattr(self.cycle, "response_complete", None) is False:  # there is no cycle before the first request
                self._head_is_there()
            elif self._head_timer is None and not self.transport.is_closing():
                self._expect_head()

        def handle_websocket_upgrade(self, event: object) -> None:
            self._head_is_there()
            super().handle_websocket_upgrade(event)  # type: ignore[arg-type]  # h11's event, passed on

        def _expect_head(self) -> None:
            self._head_timer = self.loop.call_later(header_seconds, self.transport.close)

        def _head_is_there(self) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

    return Impatient
