"""A server with the routes of `vatrace serve` and canned traces, for tests of the page alone.

What a clip's trace holds follows from its name: see `TRACES`. An uploaded clip is given back as it came, with ranges.
The live route answers every picture with a value and keeps the head of every message.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import mimetypes
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

import vatrace
from vatrace.web.shelf import display_name

STATIC = Path(vatrace.__file__).parent / "web" / "static"
POLICY = (
    "default-src 'self'; connect-src 'self' ws://{host}; img-src 'self' data: blob:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FPS = 25
NUM_FRAMES = 150
UNEVEN_MS = [int(value) for value in np.cumsum([0, *([20, 30, 95, 40, 25, 60] * 20)])]  # a webcam's frame times
MAX_BYTES = 3 * 2**20
LATE_SECONDS = 20.0
NOBODY = "No face was found in this clip, and no voice was heard."
FULL_SENTENCE = "There are 20 clips here, which is the most; remove one first."
BAD_SENTENCE = "This file is no video: <b>moov</b> atom not found."
REMARK = "Starter model: small, made from acted speech and posed faces. Read its card before you use its values."
_WEBSOCKET_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


def person(number: int, times: np.ndarray, face: np.ndarray, voice: np.ndarray, shift: float) -> dict[str, Any]:
    there = face | voice

    def listed(values: np.ndarray, known: np.ndarray) -> list[float | None]:
        return [round(float(value), 6) if ok else None for value, ok in zip(values, known, strict=True)]

    return {
        "person": number,
        "valence": listed(0.8 * np.sin(times + shift), there),
        "arousal": listed(0.7 * np.cos(0.8 * times + shift), there),
        "face": [int(one) for one in face],
        "voice": [int(one) for one in voice],
        "face_score": listed(np.full(len(times), 0.98), face),
        "gate_face": listed(np.where(face & voice, 0.6 + 0.1 * np.sin(3 * times), face.astype(float)), there),
        "gate_voice": listed(np.where(face & voice, 0.4 - 0.1 * np.sin(3 * times), voice.astype(float)), there),
    }


def trace(name: str, times: np.ndarray, people: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "remark": REMARK,
        "note": "Voice presence is of the whole soundtrack.",
        "warnings": [],
        "times": times.tolist(),
        "people": people,
    }


def one_person(name: str) -> dict[str, Any]:
    """Face away in [2, 3] and [4, 4.5], voice away in [4, 5.5]: nothing at all in [4, 4.5]."""
    times = np.arange(NUM_FRAMES) / FPS
    face = ((times < 2) | (times > 3)) & ((times < 4) | (times > 4.5))
    return trace(name, times, [person(0, times, face, (times < 4) | (times > 5.5), 0.0)])


def two_people(name: str) -> dict[str, Any]:
    times = np.arange(NUM_FRAMES) / FPS
    voice = times < 5
    return trace(name, times, [person(0, times, times < 5.5, voice, 0.0), person(1, times, times > 1, voice, 1.7)])


def late(name: str) -> dict[str, Any]:
    """A clip whose time starts at 20 s; what is played of it starts at 0."""
    whole = one_person(name)
    return {**whole, "times": [LATE_SECONDS + time for time in whole["times"]], "video_start": LATE_SECONDS}


def early(name: str) -> dict[str, Any]:
    """A clip whose time starts half a second before 0."""
    whole = one_person(name)
    return {**whole, "times": [time - 0.5 for time in whole["times"]], "video_start": -0.5}


def faces(name: str) -> dict[str, Any]:
    """Two people with a place each; the second one goes to the right and is not seen in the first second."""
    whole = two_people(name)
    whole["people"][0]["face_box"] = [[0.1, 0.2, 0.3, 0.5] for _ in whole["times"]]
    whole["people"][1]["face_box"] = [
        [0.5 + 0.05 * time, 0.4, 0.7 + 0.05 * time, 0.8] if time > 1 else None for time in whole["times"]
    ]
    return whole


def nothing(name: str) -> dict[str, Any]:
    """Neither a face nor a voice in any frame: all is empty, and a warning says why."""
    times = np.arange(NUM_FRAMES) / FPS
    nowhere = np.zeros(NUM_FRAMES, dtype=bool)
    return {**trace(name, times, [person(0, times, nowhere, nowhere, 0.0)]), "warnings": [NOBODY]}


def uneven(name: str) -> dict[str, Any]:
    times = np.array(UNEVEN_MS) / 1000
    everywhere = np.ones(len(times), dtype=bool)
    return trace(name, times, [person(0, times, everywhere, everywhere, 0.0)])


def silent(name: str) -> dict[str, Any]:
    times = np.arange(NUM_FRAMES) / FPS
    return trace(name, times, [person(0, times, times < 4, np.zeros(NUM_FRAMES, dtype=bool), 0.3)])


def sound_alone(name: str) -> dict[str, Any]:
    """As the starter model reads a sound file: arousal from the voice, and no valence at all."""
    times = np.arange(50) / FPS
    nowhere = np.zeros(50, dtype=bool)
    whole = trace(name, times, [person(0, times, nowhere, ~nowhere, 0.0)])
    whole["people"][0]["valence"] = [None] * 50
    return whole


def two_hours(name: str) -> dict[str, Any]:
    """216,000 frames at rest but for one: a curve drawn by every n-th point would lose it."""
    times = np.arange(216_000) / 30
    everywhere = np.ones(len(times), dtype=bool)
    whole = trace(name, times, [person(0, times, everywhere, everywhere, 0.0)])
    for key in ("valence", "arousal"):
        whole["people"][0][key] = [0.0] * len(times)
    whole["people"][0]["valence"][100_003] = 0.95
    return whole


TRACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "two": two_people,
    "silent": silent,
    "uneven": uneven,
    "sound": sound_alone,
    "long": two_hours,
    "late": late,
    "early": early,
    "faces": faces,
    "nothing": nothing,
}


class Clip:
    """An uploaded clip: worked on for as many looks at the list as it takes."""

    def __init__(self, number: int, name: str, body: bytes) -> None:
        self.expires_in: float | None = None  # seconds; what the server does not say where None
        self.id, self.name, self.body, self.looks = f"clip{number}", name, body, 0
        self.kind = name.partition("-")[0].partition(".")[0]

    def shown(self) -> dict[str, Any]:
        failed = self.kind == "bad" and self.looks > 1
        state = "failed" if failed else ("waiting", "working", "working", "done")[min(3, self.looks)]
        if self.kind == "slow" and state == "done":
            state = "working"
        return {
            "id": self.id,
            "name": self.name,
            "state": state,
            "progress": min(1.0, self.looks / 3) if self.kind != "slow" else 0.42,
            "step": "finding faces" if state == "working" else "",
            "error": BAD_SENTENCE if failed else "",
        } | ({} if self.expires_in is None else {"expires_in": self.expires_in})


class FakeServer:
    """Serves on a free port of 127.0.0.1 until closed."""

    def __init__(self) -> None:
        self.clips: dict[str, Clip] = {}
        self.number = 0
        self.told_max_bytes = MAX_BYTES  # what the page is told; the limit itself stays
        self.is_full = False
        self.live: list[tuple[int, float, bytes, int]] = []  # kind, time, first bytes of the payload, its size
        self.live_start: dict[str, Any] = {}
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, name: str, body: bytes) -> Clip:
        with self.lock:
            self.number += 1
            clip = self.clips[f"clip{self.number}"] = Clip(self.number, name, body)
        return clip


class _Handler(BaseHTTPRequestHandler):
    fake: FakeServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # a tab that is closed
            super().handle()

    def do_GET(self) -> None:
        if self.path == "/api/live":
            self._live()
        elif self.path == "/api/limits":
            limits = {"max_bytes": self.fake.told_max_bytes, "max_seconds": 1800, "max_clips": 20, "keep_seconds": 3600}
            self._json(200, {**limits, "model": "starter", "remark": REMARK})
        elif self.path == "/api/clips":
            shown = [clip.shown() for clip in list(self.fake.clips.values())]
            for clip in list(self.fake.clips.values()):
                clip.looks += 1
            self._json(200, shown)
        elif self.path.startswith("/api/clips/"):
            self._clip(*self.path.removeprefix("/api/clips/").partition("/")[::2])
        else:
            self._static(self.path[1:] or "index.html")

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if length > MAX_BYTES:
            self._json(413, {"error": "Too large, says the server."})
            return
        if self.fake.is_full:
            self._json(429, {"error": FULL_SENTENCE})
            return
        self._json(201, self.fake.take(display_name(self.headers["X-Clip-Name"]), body).shown())

    def do_DELETE(self) -> None:
        gone = self.fake.clips.pop(self.path.rpartition("/")[2], None)
        self._json(200 if gone else 404, {})

    def _clip(self, number: str, part: str) -> None:
        clip = self.fake.clips.get(number)
        if clip is None:
            self._json(404, {"error": "No such clip."})
        elif part == "trace.json":
            self._json(200, TRACES.get(clip.kind, one_person)(clip.name))
        elif part == "trace.csv":
            self._send(200, "text/csv", b"frame,time,person\n1,0.000000,0\n")
        elif part == "report.html":
            self._send(200, "text/html", b"<!doctype html><title>report</title>")
        elif part == "video":
            self._ranged(clip.body)
        else:
            self._json(200, clip.shown())

    def _ranged(self, body: bytes) -> None:
        kind = {b"\x1aE\xdf\xa3": "video/webm", b"RIFF": "audio/wav"}.get(body[:4], "video/mp4")
        asked = self.headers.get("Range")
        if not asked:
            self._send(200, kind, body, {"Accept-Ranges": "bytes"})
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(len(body), int(last) + 1 if last else len(body))
        whole = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
        self._send(206, kind, body[start:stop], whole)

    def _static(self, name: str) -> None:
        path = STATIC / name
        if "/" in name or not path.is_file():
            self._json(404, {})
            return
        self._send(200, mimetypes.guess_type(name)[0] or "text/plain", path.read_bytes())

    def _json(self, status: int, value: object) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: int, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        policy = POLICY.format(host=self.headers["Host"])
        given = {"Content-Type": kind, "Content-Length": str(len(body)), "Content-Security-Policy": policy}
        for name, value in (given | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _live(self) -> None:
        digest = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + _WEBSOCKET_KEY).encode()).digest()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        self.close_connection = True
        while (message := self._message()) is not None:
            self._answer(*message)

    def _message(self) -> tuple[int, bytes] | None:
        head = self.rfile.read(2)
        if len(head) < 2 or head[0] & 15 == 8:
            return None
        length = head[1] & 127
        if length > 125:
            length = int.from_bytes(self.rfile.read(2 if length == 126 else 8), "big")
        key = np.frombuffer(self.rfile.read(4), np.uint8)
        masked = np.frombuffer(self.rfile.read(length), np.uint8)
        return head[0] & 15, (masked ^ np.resize(key, length)).tobytes()

    def _answer(self, opcode: int, body: bytes) -> None:
        if opcode == 1:
            self.fake.live_start = json.loads(body)
            self._tell({"state": "loading"})
            self._tell({"state": "ready"})
            return
        kind, time = body[0], struct.unpack("<d", body[1:9])[0]
        self.fake.live.append((kind, time, body[9:13], len(body) - 9))
        if kind == 1:
            wave = float(np.sin(time))
            value = {"time": time, "valence": 0.6 * wave, "arousal": 0.3, "face": 1, "voice": 0, "face_score": 0.97}
            self._tell({**value, "gate_face": 1.0, "gate_voice": 0.0, "delay": 0.01, "dropped": 0})

    def _tell(self, value: dict[str, Any]) -> None:
        text = json.dumps(value).encode()
        length = bytes([len(text)]) if len(text) < 126 else bytes([126]) + len(text).to_bytes(2, "big")
        self.wfile.write(b"\x81" + length + text)
