"""HTTP for which nobody waits for ever, as uvicorn does: for a request to come, and for an answer to be read."""

from __future__ import annotations

import asyncio
import socket

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LINGER_SECONDS = 5.0
WRITE_SECONDS = 60.0
MOST_CONNECTIONS = 192
# The system takes this much of an answer for a connection. It says that something was read only once a good part is,
# and of the megabytes that it takes by itself, a slow reader needs long for that.
SEND_BUFFER_BYTES = 2**18


def impatient_protocol(
    header_seconds: float,
    *,
    linger_seconds: float = LINGER_SECONDS,
    write_seconds: float = WRITE_SECONDS,
    most_connections: int = MOST_CONNECTIONS,
) -> type[H11Protocol]:
    """Give uvicorn's HTTP/1.1 with limits on the time that a request may take where no application watches it.

    Args:
        header_seconds: from the connection, or from the first byte of a further request, to the end of its head.
        linger_seconds: from an answer that came before the body was there, to the end of the body. What comes is
            thrown away; but if the connection was closed at once, a browser would show no answer at all.
        write_seconds: a connection that takes nothing of an answer for so long is closed.
        most_connections: of more than these, those that ask nothing make room, the longest silent first. It is less
            than uvicorn's own limit, beyond which it refuses everybody, also the page.
    """

    class Impatient(H11Protocol):
        _timer: asyncio.TimerHandle | None = None
        _is_upgraded = False  # to a WebSocket, which another protocol has from then on
        _write_timer: asyncio.TimerHandle | None = None
        _num_unread = 0
        _heard = 0.0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
            super().connection_made(transport)
            taken = transport.get_extra_info("socket")
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            self._heard = self.loop.time()
            self._close_in(header_seconds)
            self._make_room()

        def connection_lost(self, exc: Exception | None) -> None:
            self._do_not_close()
            self._do_not_abort()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._num_unread = self.transport.get_write_buffer_size()
            self._look_again()

        def resume_writing(self) -> None:
            self._do_not_abort()
            super().resume_writing()

        def data_received(self, data: bytes) -> None:
            self._heard = self.loop.time()
            super().data_received(data)
            if not self.is_idle:
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

        def _make_room(self) -> None:
            excess = len(self.connections) - most_connections
            if excess <= 0:
                return
            idle = [each for each in self.connections if isinstance(each, Impatient) and each.is_idle and each != self]
            for each in sorted(idle, key=lambda each: each._heard)[:excess]:
                self.connections.discard(each)  # it is one less at once, and not when the system has closed it
                each.transport.abort()

        @property
        def is_idle(self) -> bool:
            return getattr(self.cycle, "response_complete", True)  # there is no cycle before the first request

        def _look_again(self) -> None:
            self._do_not_abort()
            self._write_timer = self.loop.call_later(write_seconds, self._abort_unless_read)

        def _abort_unless_read(self) -> None:
            before, self._num_unread = self._num_unread, self.transport.get_write_buffer_size()
            if self._num_unread < before:
                self._look_again()
            else:
                self.transport.abort()

        def _do_not_abort(self) -> None:
            if self._write_timer is not None:
                self._write_timer.cancel()
                self._write_timer = None

        def _do_not_close(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Impatient
