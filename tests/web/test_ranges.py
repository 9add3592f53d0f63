from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.web.serving import Serving
from vatrace.web.ranges import CHUNK_BYTES, MEDIA_TYPES, media_response


@pytest.fixture(scope="module")
def played(server: Serving, clip: Path) -> Iterator[tuple[Serving, str, bytes]]:
    """A clip that is done: the server, where it is played, and its bytes."""
    clip_id = server.send(clip).json["id"]
    assert server.wait_for(clip_id)["state"] == "done"
    (run_folder,) = server.files.iterdir()
    content = (run_folder / clip_id / "play.mp4").read_bytes()
    yield server, f"/api/clips/{clip_id}/video", content
    server.remove_all()


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-", slice(0, None)),
        ("bytes=0-0", slice(0, 1)),
        ("bytes=100-199", slice(100, 200)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-50", slice(-50, None)),
        ("bytes=-999999999", slice(0, None)),
        ("bytes=100-999999999", slice(100, None)),
    ],
)
def test_a_range_gives_exactly_these_bytes(asked: str, part: slice, played: tuple[Serving, str, bytes]) -> None:
    server, path, content = played
    answer = server.ask("GET", path, headers={"Range": asked})
    first, stop, _ = part.indices(len(content))
    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes {first}-{stop - 1}/{len(content)}"
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.body == content[part]


@pytest.mark.parametrize(
    "asked", [None, "bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=٣-٤"]
)
def test_without_a_range_that_makes_sense_the_whole_comes(
    asked: str | None, played: tuple[Serving, str, bytes]
) -> None:
    server, path, content = played
    headers = {} if asked is None else {"Range": asked.encode("utf-8").decode("latin-1")}
    answer = server.ask("GET", path, headers=headers)
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=99999999-999999999", "bytes=-0"])
def test_a_range_beyond_the_end_says_where_the_end_is(asked: str, played: tuple[Serving, str, bytes]) -> None:
    server, path, content = played
    answer = server.ask("GET", path, headers={"Range": asked})
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(content)}"


def test_ten_thousand_ranges_are_not_worked_through(played: tuple[Serving, str, bytes]) -> None:
    server, path, content = played
    many = "bytes=" + ",".join("0-1" for _ in range(3000))  # 12 kB; a head of 16 kB is the most
    assert server.ask("GET", path, headers={"Range": many}).body == content


def test_only_a_head_is_sent_where_a_head_is_asked_for(played: tuple[Serving, str, bytes]) -> None:
    server, path, _ = played
    answer = server.ask("HEAD", path, headers={"Range": "bytes=10-19"})
    assert (answer.status, answer.headers["content-length"], answer.body) == (206, "10", b"")


def test_gigabytes_are_read_a_megabyte_at_a_time(tmp_path: Path) -> None:
    """Eight gigabytes of nothing, of which a slow reader takes the first."""
    path = tmp_path / "play.mp4"
    with path.open("wb") as file:
        file.truncate(8 * 2**30)

    async def answer(request: Request) -> Response:
        return media_response(request, path)

    sizes: list[int] = []

    async def read_some() -> None:
        app = Starlette(routes=[Route("/video", answer)])
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/video",
            "query_string": b"",
            "headers": [(b"range", b"bytes=0-")],
        }

        async def receive() -> dict[str, object]:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])  # type: ignore[call-overload]
                assert headers[b"content-length"] == str(8 * 2**30).encode()
            else:
                sizes.append(len(message["body"]))  # type: ignore[arg-type]
                if len(sizes) == 200:
                    raise ConnectionError

        with pytest.raises(BaseException):  # noqa: B017, PT011  (the reader that goes, in whatever wrapping)
            await app(scope, receive, send)

    before = psutil.Process().memory_info().rss
    asyncio.run(read_some())
    assert set(sizes) == {CHUNK_BYTES}
    assert psutil.Process().memory_info().rss - before < 10 * 2**20


def test_a_file_is_served_as_what_the_list_says_and_never_as_a_page() -> None:
    assert all(kind.startswith(("video/", "audio/")) for kind in MEDIA_TYPES.values())
