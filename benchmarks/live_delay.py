"""How long a value of the camera takes: a made camera and microphone in real time against the real server.

    python benchmarks/live_delay.py [--model FOLDER] [--seconds 60] [--fps 30]

A drawn face, 640x480 JPEG at 30 pictures a second, with its voice in blocks of 128 ms, goes to `vatrace live` as a
page would send it. The delay is from when a picture was taken to when its value is back, as the page counts it; of
sound that is what a microphone takes to fill a block. Making the JPEG is the browser's work and not counted.

Prints the delay's median, 95th percentile and maximum, how many pictures were looked at and how many left out, and by
how much delay and memory grew from the first quarter to the last. The bar: under one second, and no growth.
"""

import argparse
import asyncio
import json
import os
import re
import struct
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, Ping, Request, TextMessage

from vatrace.inference import starter_folder
from vatrace.synth.corpus import plan_clip, render_frames

WIDTH, HEIGHT = 640, 480
CLIP_SECONDS = 10.0  # drawn once, and shown again and again
SOUND_BLOCK = 2048
RATE = 16_000
QUALITY = 80


class Camera:
    """Pictures and sound of a drawn clip, by number."""

    def __init__(self, fps: int) -> None:
        clip = plan_clip(2, 1, 0, CLIP_SECONDS, fps=fps)
        self.pictures = [_jpeg(pixels) for pixels in render_frames(clip)]
        self.sound = clip.waveform.astype("<f4")

    def picture(self, number: int, taken: float) -> bytes:
        return struct.pack("<Bd", 1, taken) + self.pictures[number % len(self.pictures)]

    def block(self, number: int, taken: float) -> bytes:
        samples = np.take(self.sound, np.arange(number * SOUND_BLOCK, (number + 1) * SOUND_BLOCK), mode="wrap")
        return struct.pack("<Bd", 2, taken) + samples.tobytes()


def _jpeg(pixels: np.ndarray) -> bytes:
    """A drawn clip is square; a camera's picture has room beside the person."""
    face = cv2.resize(pixels, (HEIGHT, HEIGHT), interpolation=cv2.INTER_LINEAR)
    room = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    room[:, (WIDTH - HEIGHT) // 2 : (WIDTH + HEIGHT) // 2] = face
    return cv2.imencode(".jpg", room[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


class Line:
    """A WebSocket from our side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = WSConnection(ConnectionType.CLIENT)

    @classmethod
    async def open(cls, host: str, cookie: str) -> "Line":
        name, _, port = host.partition(":")
        line = cls(*await asyncio.open_connection(name, int(port)))
        headers = [(b"Origin", f"http://{host}".encode()), (b"Cookie", cookie.encode())]
        line._write(Request(host=host, target="/api/live", extra_headers=headers))
        if not isinstance(first := await anext(line.events()), AcceptConnection):
            raise SystemExit(f"the server refused: {first}")
        return line

    def send(self, message: str | bytes) -> None:
        self._write(TextMessage(message) if isinstance(message, str) else BytesMessage(message))

    def close(self) -> None:
        self._write(CloseConnection(1000))
        self._writer.close()

    async def events(self) -> Any:
        while data := await self._reader.read(65_536):
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                if isinstance(event, Ping):
                    self._write(event.response())
                yield event

    async def told(self) -> Any:
        text = ""
        async for event in self.events():
            if isinstance(event, CloseConnection):
                raise SystemExit(f"the server closed: {event.reason}")
            if isinstance(event, Message):
                text += str(event.data)
                if event.message_finished:
                    yield json.loads(text)
                    text = ""

    def _write(self, event: Any) -> None:
        self._writer.write(self._protocol.send(event))


async def send_pictures(line: Line, camera: Camera, fps: int, began: float, seconds: float) -> int:
    for number in range(round(seconds * fps)):
        await asyncio.sleep(max(0.0, began + number / fps - time.monotonic()))
        line.send(camera.picture(number, time.monotonic()))
    return round(seconds * fps)


async def send_sound(line: Line, camera: Camera, began: float, seconds: float) -> None:
    block_seconds = SOUND_BLOCK / RATE
    for number in range(int(seconds / block_seconds)):
        await asyncio.sleep(max(0.0, began + (number + 1) * block_seconds - time.monotonic()))  # when it is full
        line.send(camera.block(number, began + number * block_seconds))


async def watch(line: Line, camera: Camera, given: argparse.Namespace, server: psutil.Process) -> dict[str, Any]:
    """Be a page for a while; what was told, when, and how much memory the server and its processes held."""
    line.send('{"type": "start", "sample_rate": 16000}')
    told = line.told()
    asked = time.monotonic()
    while "state" in (facts := await anext(told)) and facts["state"] != "ready":
        pass
    if "error" in facts:
        raise SystemExit(facts["error"])
    ready_seconds = time.monotonic() - asked
    began = time.monotonic()
    sending = [
        asyncio.create_task(send_pictures(line, camera, given.fps, began, given.seconds)),
        asyncio.create_task(send_sound(line, camera, began, given.seconds)),
    ]
    rows, memory = [], []
    try:
        async with asyncio.timeout(given.seconds + 3):
            async for facts in told:
                if "error" in facts:
                    raise SystemExit(facts["error"])
                now = time.monotonic()
                rows.append((now - began, now - facts["time"], facts))
                if len(memory) < (now - began):
                    memory.append(sum(each.memory_info().rss for each in [server, *server.children(recursive=True)]))
    except TimeoutError:
        pass
    line.close()
    return {"ready": ready_seconds, "sent": await sending[0], "rows": rows, "memory": memory}


def report(seen: dict[str, Any], given: argparse.Namespace) -> None:
    rows = seen["rows"]
    at, delay = np.array([(when, seconds) for when, seconds, _ in rows]).T
    last = rows[-1][2]
    with_face = np.mean([facts["face"] == 1 for _, _, facts in rows])
    with_voice = np.mean([facts["voice"] == 1 for _, _, facts in rows])
    early, late = (np.median(delay[part]) for part in (at < given.seconds / 4, at > given.seconds * 3 / 4))
    memory = np.array(seen["memory"]) / 1e6
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {given.fps} pictures a second, {given.seconds:.0f} s"
    )
    print(f"ready after {seen['ready']:.1f} s; face in {with_face:.0%}, voice in {with_voice:.0%} of the values")
    print(f"pictures sent {seen['sent']}, looked at {len(rows)} ({len(rows) / given.seconds:.1f} a second)")
    print(f"left out {last['dropped']} of them, as a newer one was there")
    median, high = np.percentile(delay, [50, 95]) * 1e3
    print(f"delay from picture to value: median {median:.0f} ms, 95 % {high:.0f} ms, most {delay.max() * 1e3:.0f} ms")
    print(f"growth from the first quarter to the last: {(late - early) * 1e3:+.0f} ms")
    print(f"memory of server and processes: {memory[len(memory) // 4]:.0f} MB, at the end {memory[-1]:.0f} MB")
    print("under one second" if delay.max() < 1 else "NOT under one second")


def entrance(lines: Iterator[str]) -> tuple[str, str]:
    """Host and token out of the line that the server prints."""
    for line in lines:
        print(line, end="", file=sys.stderr)
        if found := re.search(r"http://([^/]+)/\?token=([\w-]+)", line):
            return found[1], found[2]
    raise SystemExit("the server did not start")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def cookie_of(host: str, token: str) -> str:
    try:
        urllib.request.build_opener(_Stay).open(f"http://{host}/?token={token}")
    except urllib.error.HTTPError as redirect:
        return str(redirect.headers["Set-Cookie"]).partition(";")[0]
    raise SystemExit("the server gave no cookie")


async def measure(host: str, cookie: str, given: argparse.Namespace, server: psutil.Process) -> dict[str, Any]:
    camera = Camera(given.fps)
    return await watch(await Line.open(host, cookie), camera, given, server)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=starter_folder())
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--fps", type=int, default=30)
    given = parser.parse_args()
    command = [sys.executable, "-m", "vatrace", "live", "--model", str(given.model)]
    with psutil.Popen(command, stderr=-1, text=True) as server:
        try:
            host, token = entrance(server.stderr)
            seen = asyncio.run(measure(host, cookie_of(host, token), given, server))
        finally:
            server.terminate()
    report(seen, given)


if __name__ == "__main__":
    main()
