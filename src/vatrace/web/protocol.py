"""HTTP whose requests have to arrive in time: uvicorn waits for the head of a request, and for its end, for ever."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LINGER_SECONDS = 5.0


def impatient_protocol(header_seconds: float, linger_seconds: float = LINGER_SECONDS) -> type[H11Protocol]:
    """Give uvicorn's HTTP/1.1 with limits on the time that a request may take where no application watches it.

    Args:
        header_seconds: from the connection, or from the first byte of a further request, to the end of its head.
        linger_seconds: from an answer that came before the body was there, to the end of the body. What comes is
            thrown away; but if the connection was closed at once, a browser would show no answer at all.
    """

    class Impatient(H11Protocol):
        _timer: asyncio.TimerHandle | None = None
        _is_upgraded = False  # to a WebSocket, which another protocol has from then on

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
            super().connection_made(transport)
            self._close_in(header_seconds)

        def connection_lost(self, exc: Exception | None) -> None:
            self._do_not_close()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if getattr(self.cycle, "response_complete", None) is False:  # there is no cycle before the first request
                self._do_not_close()
            elif self._timer is None and not self._is_upgraded and not self.transport.is_closing():
                self._close_in(header_seconds)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.conn.their_state is h11.SEND_BODY and self._timer is None:
                self._close_in(linger_seconds)

        def handle_websocket_upgrade(self, event: h11.Request) -> None:
            self._do_not_close()
            self._is_upgraded = True
            super().handle_websocket_upgrade(event)

        def _close_in(self, seconds: float) -> None:
            self._timer = self.loop.call_later(seconds, self.transport.close)

        def _do_not_close(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Impatient
