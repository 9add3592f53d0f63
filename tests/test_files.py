import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from vatrace.files import PART_SUFFIX, committed, hash_of, remove_parts, sha256_of, write_json, write_text


def test_a_block_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    write_text(tmp_path / "a.csv", "old")

    def fail() -> None:
        with committed(tmp_path / "a.csv") as part:
            part.write_text("half of the new")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert (tmp_path / "a.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_the_temporary_file_keeps_the_suffix_and_is_hidden(tmp_path: Path) -> None:
    with committed(tmp_path / "clip.mp4") as part:
        part.write_bytes(b"x")
        assert part.suffix == ".mp4"
        assert part.name.startswith(".")
        assert not (tmp_path / "clip.mp4").exists()
    assert (tmp_path / "clip.mp4").read_bytes() == b"x"


def test_file_and_folder_are_flushed_in_the_order_that_survives_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    real_replace = Path.replace

    def fsync(descriptor: int) -> None:
        events.append("flush folder" if os.fstat(descriptor).st_mode & 0o040000 else "flush file")

    def replace(self: Path, target: Path) -> Path:
        events.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    write_text(tmp_path / "a", "x")
    assert events == ["flush file", "rename", "flush folder"]


def test_a_killed_writer_leaves_no_part_that_a_reader_could_take_for_the_file(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys, itertools
        from pathlib import Path
        from vatrace.files import write_bytes
        print("on", flush=True)
        for number in itertools.count():
            write_bytes(Path(sys.argv[1]) / f"{number % 5}.bin", bytes([number % 5]) * 200_000)
    """)
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
        with writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            while not list(tmp_path.glob("[0-9].bin")):
                pass
            writer.send_signal(signal.SIGKILL)
    remove_parts(tmp_path)
    assert list(tmp_path.iterdir())
    for path in tmp_path.iterdir():
        assert path.read_bytes() == bytes([int(path.stem)]) * 200_000


def test_equal_values_give_equal_bytes_and_hashes(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    write_json(tmp_path / "b.json", {"a": "é", "b": 1})
    assert sha256_of(tmp_path / "a.json") == sha256_of(tmp_path / "b.json")
    assert hash_of({"b": 1, "a": "é"}) == hash_of({"a": "é", "b": 1})
    assert hash_of([1]) != hash_of(["1"])


def test_what_another_process_is_writing_is_not_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        part = tmp_path / f".film.{other.pid}{PART_SUFFIX}.mp4"
        part.touch()
        assert remove_parts(tmp_path) == 0
        assert part.exists()
        other.communicate(b"\n")
    assert remove_parts(tmp_path) == 1
    assert not part.exists()
