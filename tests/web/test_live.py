"""The live route, driven as a server drives it, with a stand-in for the process that looks; and that process itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest

pytest.importorskip("starlette")
from starlette.websockets import WebSocket

from tests.inference.test_missing_modality import SMALL, make_model
from tests.web.live_stub import BAD_LINES, FORK_SECONDS
from vatrace.config import ModelConfig
from vatrace.features.visual import encoder_from_timm
from vatrace.inference.choice import ModelChoice
from vatrace.inference.live import LiveValue
from vatrace.synth.corpus import plan_clip, render_frames
from vatrace.web import live as live_module
from vatrace.web.limits import Limits
from vatrace.web.live import BUSY, ENDED, VALUE_NAMES, Live, live_command
from vatrace.web.live_wire import PICTURE, SOUND, Message, jpeg_size, parse_message
from vatrace.web.live_worker import answer, decode_picture, value_json

START = '{"type": "start", "sample_rate": 16000}'
RATE = 16_000
PATIENCE_SECONDS = 60.0  # for a loaded machine; nothing here takes a tenth of it

Script = Callable[["Page"], Awaitable[None]]


def jpeg(pixels: np.ndarray | None = None, *parameters: int) -> bytes:
    given = np.full((48, 64, 3), 90, np.uint8) if pixels is None else pixels
    return cv2.imencode(".jpg", given[:, :, ::-1], [*parameters])[1].tobytes()


def picture(time_seconds: float, data: bytes | None = None) -> bytes:
    return struct.pack("<Bd", 1, time_seconds) + (jpeg() if data is None else data)


def sound(time_seconds: float, num_samples: int = 1_600) -> bytes:
    return struct.pack("<Bd", 2, time_seconds) + np.zeros(num_samples, "<f4").tobytes()


class Page:
    """The other end of a connection, without a network between."""

    def __init__(self) -> None:
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed: tuple[int, str] | None = None
        self._sent.put_nowait({"type": "websocket.connect"})

    def websocket(self) -> WebSocket:
        async def send(message: Any) -> None:
            if message["type"] == "websocket.close":
                self.closed = (message["code"], message["reason"])
            elif message["type"] == "websocket.send":
                self._told.put_nowait(json.loads(message["text"]))

        return WebSocket({"type": "websocket", "path": "/api/live", "headers": []}, self._sent.get, send)

    def send(self, message: str | bytes) -> None:
        kind = "text" if isinstance(message, str) else "bytes"
        self._sent.put_nowait({"type": "websocket.receive", kind: message})

    def leave(self) -> None:
        self._sent.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def told(self) -> dict[str, Any]:
        return await self._told.get()

    async def begin(self) -> None:
        self.send(START)
        assert await self.told() == {"state": "loading"}
        assert await self.told() == {"state": "ready"}


def stub(kind: str) -> Live:
    return Live([sys.executable, str(Path(__file__).with_name("live_stub.py")), kind])


def run(server: Live, script: Script) -> Page:
    """Open a connection, act as the page, and wait until the server is done with it."""

    async def both() -> Page:
        page = Page()
        serving = asyncio.create_task(server(page.websocket()))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await script(page)
            await serving
        return page

    return asyncio.run(both())


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# ---- values ------------------------------------------------------------------------------------------------------


def test_each_picture_gets_a_value_with_its_time_after_the_sound_that_came_before_it() -> None:
    told = []

    async def script(page: Page) -> None:
        await page.begin()
        for index in range(5):
            page.send(sound(index * 0.1))
            page.send(picture(10 + index))
            told.append(await page.told())
        page.leave()

    run(stub("quick"), script)
    assert [each["time"] for each in told] == [10, 11, 12, 13, 14]
    assert [each["valence"] for each in told] == [1_600, 3_200, 4_800, 6_400, 8_000]
    assert {each["dropped"] for each in told} == {0}
    assert all(0 <= each["delay"] < PATIENCE_SECONDS for each in told)
    assert not is_running(int(told[0]["face_score"])), "its process ended with the connection"


def test_while_a_picture_is_looked_at_only_the_newest_of_those_that_come_is_kept_and_no_sound_is_lost() -> None:
    told = []

    async def script(page: Page) -> None:
        await page.begin()
        for index in range(20):  # a picture takes 100 ms to look at, and comes every 20 ms
            page.send(sound(index * 0.02, 320))
            page.send(picture(float(index)))
            await asyncio.sleep(0.02)
        while not told or told[-1]["time"] < 19:
            told.append(await page.told())
        page.leave()

    run(stub("slow"), script)
    times = [each["time"] for each in told]
    assert times == sorted(set(times))
    assert len(times) <= 8, "400 ms have room for four, and one is under way at either end"
    assert told[-1]["dropped"] == 20 - len(times)
    assert told[-1]["valence"] == 20 * 320


def test_what_comes_while_the_model_is_loaded_is_not_looked_at_afterwards() -> None:
    async def script(page: Page) -> None:
        page.send(START)
        for index in range(10):
            page.send(picture(float(index)))
            page.send(sound(float(index)))
        await page.told()
        await page.told()
        page.send(picture(100.0))
        told = await page.told()
        assert (told["time"], told["valence"], told["dropped"]) == (100.0, 0, 0)
        page.leave()

    run(stub("quick"), script)


def test_sound_without_pictures_gives_moments_at_its_end() -> None:
    async def script(page: Page) -> None:
        await page.begin()
        for index in range(4):
            page.send(sound(5 + index * 0.1))
        told = await page.told()
        assert told["arousal"] == 3
        assert told["valence"] >= RATE // 4
        assert told["time"] == pytest.approx(5 + told["valence"] / RATE)
        page.leave()

    run(stub("quick"), script)


# ---- what is not taken -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "code", "sentence"),
    [
        ("hello", 1003, "A live connection begins with {"),
        ("[]", 1003, "A live connection begins with {"),
        ("[" * 900, 1003, "A live connection begins with {"),
        ('{"type": "start", "sample_rate": 44100}', 1007, "Sound has to come at 16000 samples a second"),
        (picture(0.0), 1003, "A live connection begins with a line of JSON."),
    ],
)
def test_a_connection_that_begins_otherwise_is_closed_with_a_sentence(
    first: str | bytes, code: int, sentence: str
) -> None:
    async def script(page: Page) -> None:
        page.send(first)
        assert (await page.told())["error"].startswith(sentence)

    page = run(stub("quick"), script)
    assert page.closed is not None
    assert page.closed[0] == code
    assert page.closed[1].startswith(sentence)


@pytest.mark.parametrize(
    ("message", "code", "sentence"),
    [
        (START, 1003, "After the start, a live connection carries pictures and sound alone."),
        (b"", 1003, "A message is a picture (1) or sound (2)"),
        (b"\x01\x00", 1003, "A message is a picture (1) or sound (2)"),
        (b"\x03" + picture(0.0)[1:], 1003, "A message is a picture (1) or sound (2)"),
        (picture(float("nan")), 1007, "A picture or sound has to have a time in seconds."),
        (sound(float("inf")), 1007, "A picture or sound has to have a time in seconds."),
        (picture(0.0, b"\x89PNG\r\n\x1a\n"), 1007, "A picture has to be a JPEG."),
        (picture(0.0, b""), 1007, "A picture has to be a JPEG."),
        (picture(0.0, jpeg() + bytes(2 * 2**20)), 1009, "A picture of 20"),
        (picture(0.0, jpeg(np.zeros((1100, 1920, 3), np.uint8))), 1009, "A picture of 1920 x 1100 pixels is too large"),
        (sound(0.0)[:-1], 1007, "Sound has to be 32-bit floating-point samples."),
        (sound(0.0, 0), 1007, "Sound has to be 32-bit floating-point samples."),
        (sound(0.0, RATE + 1), 1009, "A second of sound is the most for one message."),
    ],
    ids=range(13),
)
def test_a_message_of_a_wrong_kind_or_size_closes_the_connection_with_a_sentence(
    message: str | bytes, code: int, sentence: str
) -> None:
    pids = []

    async def script(page: Page) -> None:
        await page.begin()
        page.send(picture(0.0))
        pids.append(int((await page.told())["face_score"]))
        page.send(message)
        assert (await page.told())["error"].startswith(sentence)

    page = run(stub("quick"), script)
    assert page.closed is not None
    assert page.closed[0] == code
    assert page.closed[1].startswith(sentence)
    assert len(page.closed[1].encode()) <= 123
    assert not is_running(pids[0])


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("crashing", ENDED),
        ("hanging", ENDED),
        ("failing", "A picture that came is damaged."),
    ],
)
def test_a_process_that_crashes_hangs_or_fails_ends_the_connection_with_a_sentence(
    kind: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "ANSWER_SECONDS", 0.5)

    async def script(page: Page) -> None:
        await page.begin()
        page.send(picture(0.0))
        assert await page.told() == {"error": sentence}

    page = run(stub(kind), script)
    assert page.closed == (1011, sentence)


@pytest.mark.parametrize("kind", BAD_LINES)
def test_a_line_that_is_no_value_ends_the_connection_and_the_next_is_served(kind: str) -> None:
    live = stub(kind)

    async def script(page: Page) -> None:
        await page.begin()
        page.send(picture(0.0))
        assert await page.told() == {"error": ENDED}

    for _ in range(2):
        assert run(live, script).closed == (1011, ENDED)


def test_of_a_value_with_odd_parts_only_numbers_reach_the_page() -> None:
    async def script(page: Page) -> None:
        await page.begin()
        page.send(picture(0.0))
        told = await page.told()
        assert {name: told.pop(name) for name in ("time", "dropped")} == {"time": 1.0, "dropped": 0}
        assert told.pop("delay") >= 0
        assert told == dict.fromkeys(VALUE_NAMES[1:])
        page.leave()

    run(stub("odd"), script)


def test_a_value_has_the_names_that_the_worker_gives_it() -> None:
    value = LiveValue(
        time_seconds=0, valence=0, arousal=0, face=True, voice=True, face_score=0, gate_face=0, gate_voice=0
    )
    assert tuple(value_json(value)) == VALUE_NAMES


def test_the_folder_of_the_process_goes_with_the_connection(tmp_path: Path) -> None:
    seen = []

    async def script(page: Page) -> None:
        await page.begin()
        seen.extend(tmp_path.iterdir())
        page.leave()

    run(Live(stub("quick")._command, tmp_path), script)
    assert len(seen) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_left_another_with_its_pipes_is_not_waited_for() -> None:
    """The fork lives longer than the patience of `run`."""
    assert FORK_SECONDS > PATIENCE_SECONDS

    async def script(page: Page) -> None:
        await page.begin()
        page.leave()

    try:
        run(stub("forking"), script)
    finally:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if "live_stub.py" in " ".join(process.cmdline()) and "forking" in process.cmdline():
                    process.kill()


@pytest.mark.parametrize(("kind", "sentence"), [("fatal", "The model looks ahead."), ("babbling", ENDED)])
def test_a_process_that_cannot_load_its_model_says_why(kind: str, sentence: str) -> None:
    async def script(page: Page) -> None:
        page.send(START)
        assert await page.told() == {"state": "loading"}
        assert await page.told() == {"error": sentence}

    assert run(stub(kind), script).closed == (1011, sentence)


def test_a_page_that_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "START_SECONDS", 0.05)
    monkeypatch.setattr(live_module, "IDLE_SECONDS", 0.3)

    async def never(page: Page) -> None:
        assert await page.told() == {"error": "Nothing came for a while, so live was ended."}

    async def no_more(page: Page) -> None:
        page.send(START)
        while "error" not in (told := await page.told()):
            pass
        assert told == {"error": "Nothing came for a while, so live was ended."}

    for script in (never, no_more):
        closed = run(stub("quick"), script).closed
        assert closed is not None
        assert closed[0] == 1000


def test_a_second_page_is_told_that_live_is_on_and_has_its_turn_when_the_first_is_gone() -> None:
    server = stub("quick")

    async def script(page: Page) -> None:
        await page.begin()
        second = Page()
        await server(second.websocket())
        assert second.closed == (1013, BUSY)
        page.send(picture(1.0))
        assert (await page.told())["time"] == 1.0, "the first goes on"
        page.leave()

    run(server, script)
    run(server, _begin_and_leave)


async def _begin_and_leave(page: Page) -> None:
    await page.begin()
    page.leave()


# ---- the process -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_QUALITY, 5), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)],
    ids=["plain", "progressive", "coarse", "restarting"],
)
def test_the_size_that_is_read_from_a_jpeg_is_the_one_that_it_is_decoded_to(parameters: tuple[int, ...]) -> None:
    data = jpeg(np.random.default_rng(0).integers(0, 256, (31, 77, 3), np.uint8), *parameters)
    pixels = decode_picture(data)
    assert pixels is not None
    assert jpeg_size(data) == (77, 31) == pixels.shape[1::-1]


def test_no_beginning_of_a_jpeg_is_taken_for_one_before_its_size_is_there() -> None:
    data = jpeg()
    sizes = [jpeg_size(data[:stop]) for stop in range(len(data))]
    first = next(stop for stop, size in enumerate(sizes) if size)
    assert set(sizes[:first]) == {None}
    assert set(sizes[first:]) == {(64, 48)}


@pytest.mark.parametrize(
    "first", [b"\xff\x01", b"\xff\xd0", b"\xff\xff", b"\xff\xe0\x00\x01", b"\xff\xd9", b"\xff\x02"]
)
def test_a_jpeg_in_which_a_decoder_might_find_another_size_is_none(first: bytes) -> None:
    """After a marker without a length, what stands where that would be is the next marker."""
    small = b"\xff\xe0\x00\x11\xff\xc0\x00\x11\x08\x00\x40\x00\x40\x03\x01\x11\x00\x02\x11\x00"
    assert jpeg_size(b"\xff\xd8" + first + small + jpeg()[2:]) is None


def test_a_picture_is_decoded_to_red_green_blue_whatever_it_says_of_its_orientation() -> None:
    pixels = decode_picture(jpeg(np.full((48, 64, 3), (200, 60, 20), np.uint8)))
    assert pixels is not None
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), (200, 60, 20), atol=4)


class Told:
    """Remembers what was told, and predicts as it is asked to."""

    def __init__(self, value: LiveValue | Exception | None = None) -> None:
        self.lines: list[dict[str, object]] = []
        self.value = value
        self.heard: list[np.ndarray] = []

    def tell(self, **facts: object) -> None:
        self.lines.append(facts)

    def add_sound(self, samples: np.ndarray, time_seconds: float) -> None:
        self.heard.append(samples)

    def add_picture(self, pixels: np.ndarray | None, time_seconds: float) -> LiveValue | None:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def answered(message: Message, value: LiveValue | Exception | None = None) -> Told:
    told = Told(value)
    answer(message, told, told.tell)  # type: ignore[arg-type]  # stands in for a predictor
    return told


def test_a_value_is_told_with_six_decimals_and_nothing_where_there_is_nothing() -> None:
    value = LiveValue(
        time_seconds=12.3456789,
        valence=-0.0000001,
        arousal=None,
        face=True,
        voice=None,
        face_score=0.98765432,
        gate_face=1.0,
        gate_voice=None,
    )
    (line,) = answered(parse_message(picture(0.0)), value).lines
    assert json.dumps(line) == (
        '{"time": 12.345679, "valence": 0.0, "arousal": null, "face": 1, "voice": null, "face_score": 0.987654, '
        '"gate_face": 1.0, "gate_voice": null}'
    )


def test_damaged_pictures_late_ones_and_errors_are_told_and_sound_is_cleaned() -> None:
    broken = jpeg()[:200] + b"\x00" * 20
    assert answered(Message(PICTURE, 0.0, broken[:60])).lines == [{"error": "A picture that came is damaged."}]
    assert answered(Message(PICTURE, 0.0, jpeg())).lines == [{"skipped": True}]
    (line,) = answered(Message(PICTURE, 0.0, jpeg()), KeyError("/where/somebody/lives")).lines
    assert "internal error (KeyError in test_live.py" in str(line["error"])
    assert "somebody" not in str(line["error"])
    samples = np.array([0.5, np.nan, np.inf, -np.inf, 1e9, -1e9], "<f4")
    told = answered(Message(SOUND, 0.0, samples.tobytes()))
    assert told.lines == []
    assert told.heard[0].tolist() == [0.5, 0.0, 0.0, 0.0, 16.0, -16.0]


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return next(render_frames(plan_clip(0, 0, 0, 1.0), size=160))


def test_a_face_and_a_sound_before_the_camera_have_a_value(face: np.ndarray, tmp_path: Path) -> None:
    encoder = encoder_from_timm("test_vit.r160_in1k", random_weights=True)
    causal = ModelConfig(dim=8, tcn_layers=2, encoder_layers=1, encoder_heads=2, feed_forward=8, causal_attention=True)
    server = Live(live_command(ModelChoice(model=make_model(tmp_path / "model", encoder, causal)), Limits()))
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype("<f4")

    async def script(page: Page) -> None:
        await page.begin()
        page.send(struct.pack("<Bd", 2, 4.0) + noise.tobytes())
        page.send(picture(5.0, jpeg(face)))
        told = await page.told()
        assert (told["time"], told["face"], told["voice"]) == (5.0, 1, 1)
        assert abs(told["valence"]) <= 1
        assert told["face_score"] > 0.5
        page.send(picture(5.1))
        told = await page.told()
        assert (told["face"], told["voice"], told["face_score"], told["gate_face"]) == (0, 1, None, 0.0)
        page.leave()

    run(server, script)


def test_a_model_that_looks_ahead_is_refused_on_the_page(tmp_path: Path) -> None:
    encoder = encoder_from_timm("test_vit.r160_in1k", random_weights=True)
    server = Live(live_command(ModelChoice(model=make_model(tmp_path / "model", encoder, SMALL)), Limits()))

    async def script(page: Page) -> None:
        page.send(START)
        await page.told()
        assert "causal_attention off: it looks at what comes after a moment" in (await page.told())["error"]

    page = run(server, script)
    assert page.closed is not None
    assert page.closed[0] == 1011
