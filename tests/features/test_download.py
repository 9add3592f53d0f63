import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.features.server import Answer, LocalServer, serving
from vatrace.errors import ModelError
from vatrace.features import download as module
from vatrace.features.download import download, git_blob_of

CONTENT = bytes(range(256)) * 5000  # 1.28 MB: several pieces
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of these tests speaks http, and no proxy stands before it."""
    monkeypatch.setattr(module, "ALLOWED_SCHEMES", ("http",))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[LocalServer]:
    answers = {
        "/good": Answer(CONTENT, len(CONTENT)),
        "/unsized": Answer(CONTENT),
        "/wrong": Answer(b"x" + CONTENT[1:], len(CONTENT)),
        "/broken": Answer(CONTENT[: len(CONTENT) // 2], len(CONTENT)),
        "/moved": Answer(redirect="/good"),
        "/elsewhere": Answer(redirect="https://example.org/good"),
        "/inside": Answer(redirect="file:///etc/hostname"),
    }
    with serving(answers) as local:
        yield local


def fetch(server: LocalServer, name: str, path: Path, max_bytes: int = 10**7) -> None:
    download(f"{server.url}/{name}", path, sha256_prefix=HASH[:8], max_bytes=max_bytes)


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("name", ["good", "unsized", "moved"])
def test_the_known_file_is_kept_and_nothing_else_is_left(server: LocalServer, tmp_path: Path, name: str) -> None:
    told: list[int] = []
    download(f"{server.url}/{name}", tmp_path / "w.pth", sha256_prefix=HASH[:8], max_bytes=10**7, on_bytes=told.append)
    assert (tmp_path / "w.pth").read_bytes() == CONTENT
    assert left_in(tmp_path) == ["w.pth"]
    assert sum(told) == len(CONTENT)
    assert len(told) > 1


def test_a_file_kept_in_git_is_known_by_its_name_there(server: LocalServer, tmp_path: Path) -> None:
    blob = hashlib.sha1(f"blob {len(CONTENT)}\0".encode() + CONTENT).hexdigest()
    for name in ("good", "unsized"):
        download(f"{server.url}/{name}", tmp_path / name, git_blob=blob, max_bytes=10**7)
        assert (tmp_path / name).read_bytes() == CONTENT
    with pytest.raises(ModelError, match=rf"its git blob is [0-9a-f]{{40}}, expected {blob}; it was not kept"):
        download(f"{server.url}/wrong", tmp_path / "wrong", git_blob=blob, max_bytes=10**7)
    assert sorted(left_in(tmp_path)) == ["good", "unsized"]


@pytest.mark.parametrize("hashes", [{}, {"sha256_prefix": "12", "git_blob": "34"}])
def test_nothing_is_fetched_without_one_hash(server: LocalServer, tmp_path: Path, hashes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="one of sha256_prefix and git_blob is needed"):
        download(f"{server.url}/good", tmp_path / "w", max_bytes=10**7, **hashes)
    assert (server.asked, left_in(tmp_path)) == ([], [])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong", r"another file than the known one: its sha256 is [0-9a-f]{64}, expected " + HASH[:8]),
        ("broken", r"ended after 640000 of 1280000 bytes; run the same command again"),
        ("missing", r"could not be fetched \(HTTP Error 404"),
    ],
)
def test_what_is_not_the_whole_known_file_leaves_nothing(
    server: LocalServer, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        fetch(server, name, tmp_path / "w.pth")
    assert left_in(tmp_path) == []


def test_a_failed_download_leaves_the_file_that_was_there(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"from before")
    with pytest.raises(ModelError):
        fetch(server, "wrong", tmp_path / "w.pth")
    assert (tmp_path / "w.pth").read_bytes() == b"from before"
    fetch(server, "good", tmp_path / "w.pth")
    assert (tmp_path / "w.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["good", "unsized"])
def test_a_file_that_is_too_large_is_refused_whether_or_not_its_size_is_told(
    server: LocalServer, tmp_path: Path, name: str
) -> None:
    told: list[int] = []
    with pytest.raises(ModelError, match=r"larger \(\d+ bytes or more\) than the known file can be \(1000000\)"):
        download(
            f"{server.url}/{name}", tmp_path / "w.pth", sha256_prefix=HASH[:8], max_bytes=10**6, on_bytes=told.append
        )
    assert left_in(tmp_path) == []
    assert sum(told) <= (0 if name == "good" else 10**6), "no more is read than needs be"


def test_ctrl_c_in_the_middle_leaves_nothing_and_the_next_try_succeeds(server: LocalServer, tmp_path: Path) -> None:
    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(f"{server.url}/good", tmp_path / "w", sha256_prefix=HASH[:8], max_bytes=10**7, on_bytes=interrupt)
    assert left_in(tmp_path) == []
    fetch(server, "good", tmp_path / "w")
    assert left_in(tmp_path) == ["w"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("elsewhere", "https://example.org/good is not fetched: only http is"),
        ("inside", "Redirection to url 'file:///etc/hostname' is not allowed"),
    ],
)
def test_a_redirect_to_another_scheme_is_not_followed(
    server: LocalServer, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        fetch(server, name, tmp_path / "w.pth")
    assert left_in(tmp_path) == []


def test_by_default_only_https_is_asked_for(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    with pytest.raises(ModelError, match="only https is, not http"):
        fetch(server, "good", tmp_path / "w.pth")
    assert server.asked == []
    assert left_in(tmp_path) == []


def test_no_server_at_all_is_a_sentence(tmp_path: Path) -> None:
    with serving({}) as gone:
        pass
    with pytest.raises(ModelError, match=r"could not be fetched .*refused.* check the connection"):
        fetch(gone, "good", tmp_path / "w.pth")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "blob"),
    [  # as `git hash-object` gives them
        (b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
        (b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"),
    ],
)
def test_a_file_has_the_name_that_git_gives_it(tmp_path: Path, content: bytes, blob: str) -> None:
    (tmp_path / "a").write_bytes(content)
    assert git_blob_of(tmp_path / "a") == blob
