"""A server on this machine that gives what it was told to, well or badly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """What to give for a path: `content` under a `Content-Length` of `declared`, or a redirect."""

    content: bytes = b""
    declared: int | None = None
    redirect: str = ""


@dataclass
class LocalServer:
    url: str
    answers: dict[str, Answer]
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(answers: dict[str, Answer]) -> Iterator[LocalServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            local.asked.append(self.path)
            answer = answers.get(self.path)
            if answer is None:
                self.send_error(404)
            elif answer.redirect:
                self.send_response(302)
                self.send_header("Location", answer.redirect)
                self.end_headers()
            else:
                self.send_response(200)
                if answer.declared is not None:
                    self.send_header("Content-Length", str(answer.declared))
                self.end_headers()
                try:
                    self.wfile.write(answer.content)
                except ConnectionError:  # who asked has seen enough
                    self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        local = LocalServer(f"http://127.0.0.1:{server.server_port}", answers)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield local
        finally:
            server.shutdown()
            thread.join()
