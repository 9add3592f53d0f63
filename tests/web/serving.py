"""A real server process with limits of one's choice, and plain sockets to talk to it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from vatrace.inference.choice import ModelChoice

SCRIPT = """
import json, sys
from vatrace.inference.choice import ModelChoice
from vatrace.web.limits import Limits
from vatrace.web.run import run
told = json.loads(sys.argv[1])
run(ModelChoice.from_json(told["choice"]), host="127.0.0.1", port=0, limits=Limits(**told["limits"]),
    say=lambda text: print(text, file=sys.stderr, flush=True))
"""
START_SECONDS = 60


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Serving:
    """A server that runs.

    Args:
        process: the server's.
        port: it listens on.
        token: of this run.
        files: where its run folder is made.
        log: what it says.
    """

    process: subprocess.Popen[bytes]
    port: int
    token: str
    files: Path
    log: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def cookie(self) -> str:
        return f"vatrace_{self.port}={self.token}"

    def ask(self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] = {}) -> Answer:
        """What the page would ask."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Cookie": self.cookie, **headers})
            return _read(connection.getresponse())
        finally:
            connection.close()

    def send(self, clip: Path | bytes, name: str = "clip.mp4") -> Answer:
        content = clip if isinstance(clip, bytes) else clip.read_bytes()
        return self.ask("PUT", "/api/clips", body=content, headers={"X-Clip-Name": name})

    def clips(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", "/api/clips").json
        return found

    def remove_all(self) -> None:
        for clip in self.clips():
            self.ask("DELETE", f"/api/clips/{clip['id']}")

    def wait_for(self, clip_id: str, seconds: float = 60) -> dict[str, Any]:
        """The clip when it is done or has failed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            clip: dict[str, Any] = self.ask("GET", f"/api/clips/{clip_id}").json
            if clip["state"] in ("done", "failed"):
                return clip
            time.sleep(0.05)
        raise AssertionError(f"the clip is still {clip['state']} after {seconds} s")

    def raw(self, *parts: bytes | float, seconds: float = 10) -> bytes:
        """Send bytes as they are, waiting where a number of seconds stands; everything that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            received = b""
            try:
                for part in parts:
                    if isinstance(part, bytes):
                        connection.sendall(part)
                    else:
                        time.sleep(part)
                while chunk := connection.recv(65536):
                    received += chunk
                    if _is_whole(received):
                        break
            except (ConnectionError, TimeoutError):
                return received
            return received


def status_of(received: bytes) -> int:
    """Status code of a raw answer; 0 where the connection was closed without one."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", received)
    return int(found[1]) if found else 0


@contextmanager
def serving(
    folder: Path, model: Path | ModelChoice, *, before: Callable[[], None] | None = None, **limits: float
) -> Iterator[Serving]:
    """Run a server and end it as Ctrl-C does.

    Args:
        folder: for its files and its log.
        model: model folder, or another choice.
        before: called in its process before it begins.
        **limits: of `Limits`.
    """
    files, log = folder / "files", folder / "log.txt"
    files.mkdir()
    choice = model if isinstance(model, ModelChoice) else ModelChoice(model=model)
    told = json.dumps({"choice": choice.to_json(), "limits": limits})
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, told],
            stdout=out,
            stderr=out,
            env={**os.environ, "TMPDIR": str(files)},
            preexec_fn=before,
        )
    try:
        port, token = _address(process, log)
        yield Serving(process, port, token, files, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def _address(process: subprocess.Popen[bytes], log: Path) -> tuple[int, str]:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", log.read_text())
        if found:
            return int(found[1]), found[2]
        time.sleep(0.05)
    raise AssertionError(f"the server did not start: {log.read_text()}")


def _read(response: HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def _is_whole(received: bytes) -> bool:
    head, separator, body = received.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(separator) and found is not None and len(body) >= int(found[1])
