"""What the process that reads clips cannot do, tried in a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="the system has other means"
)

CONFINED = """
import os, socket, subprocess, ctypes, sys
from vatrace.web.confine import *
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
assert forbid_sockets_and_programs()
def refused(what, *arguments):
    try: what(*arguments)
    except PermissionError: return True
    except OSError as error: return error.errno == 1
    return False
"""


def confined(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", CONFINED + script], capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket",
        "socket.socket, socket.AF_INET6, socket.SOCK_DGRAM",
        "socket.socket, socket.AF_UNIX",
        "socket.socketpair",
        "subprocess.run, ['/bin/true']",
        "os.execv, '/bin/true', ['true']",
    ],
)
def test_it_opens_no_socket_and_starts_no_program(attempt: str) -> None:
    assert confined(f"print(refused({attempt}))") == "True"


def test_that_holds_for_its_threads_too() -> None:
    script = """
import threading
answers = []
thread = threading.Thread(target=lambda: answers.append(refused(socket.socket)))
thread.start(); thread.join()
print(answers)
"""
    assert confined(script) == "[True]"


def test_files_are_read_and_written_as_before(tmp_path: Path) -> None:
    assert (
        confined(f"open({str(tmp_path / 'a')!r}, 'w').write('b'); print(open({str(tmp_path / 'a')!r}).read())") == "b"
    )


def test_memory_and_files_beyond_the_limit_are_errors_and_not_the_end_of_the_machine(tmp_path: Path) -> None:
    script = f"""
limit_memory_and_files(200_000_000, 1_000_000)
small = bytearray(100_000_000)
try: bytearray(200_000_000)
except MemoryError: print("memory")
try:
    with open({str(tmp_path / "a")!r}, "wb") as file: file.write(bytes(2_000_000))
except OSError: print("file")
"""
    assert confined(script).split() == ["memory", "file"]


def test_processor_time_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONFINED + "limit_processor_time(0.5)\nwhile True: pass"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -24, "SIGXCPU"


def test_it_does_not_outlive_the_process_that_started_it() -> None:
    script = (
        "import os; from vatrace.web.confine import end_with_parent; end_with_parent(os.getppid() + 1); print('on')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.parametrize(
    "attempt",
    ["os.fork", "os.kill, os.getppid(), 0", "os.kill, os.getpid(), 0", "os.pidfd_open, os.getppid()", "unshare"],
)
def test_it_starts_no_process_and_signals_none(attempt: str) -> None:
    script = """
def unshare():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000): raise OSError(ctypes.get_errno(), "unshare")
"""
    assert confined(f"{script}\nprint(refused({attempt}))") == "True"


KEPT = """
import os, sys
from pathlib import Path
from vatrace.web.landlock import keep_to_folders
mine, other, read = map(Path, sys.argv[1:])
if not keep_to_folders(read=[read], write=[mine]): print("no Landlock"); sys.exit()
def tried(what):
    try: what()
    except PermissionError: return "refused"
    return "done"
parent = os.getppid()
print(tried(lambda: (mine / "new").write_text("a")), tried(lambda: (mine / "new").rename(mine / "newer")),
      tried(lambda: os.link(mine / "newer", mine / "link")), tried(lambda: (read / "model").read_text()),
      tried(lambda: __import__("colorsys")), tried(lambda: os.listdir("/proc/self")))
print(tried(lambda: (other / "secret").read_text()), tried(lambda: (other / "new").write_text("a")),
      tried(lambda: (read / "model").write_text("a")), tried(lambda: open(f"/proc/{parent}/environ").read()),
      tried(lambda: open(f"/proc/{parent}/mem", "rb").read(1)), tried(lambda: os.listdir("/home")),
      tried(lambda: Path("/etc/passwd").read_text()), tried(lambda: (mine / "../other/secret").read_text()))
"""


def test_it_reads_what_it_is_made_of_writes_in_its_folder_and_looks_nowhere_else(tmp_path: Path) -> None:
    mine, other, read = (tmp_path / name for name in ("mine", "other", "read"))
    for folder in (mine, other, read):
        folder.mkdir()
    (other / "secret").write_text("secret")
    (read / "model").write_text("model")
    done = subprocess.run(
        [sys.executable, "-P", "-c", KEPT, mine, other, read], capture_output=True, text=True, check=False
    )
    if done.stdout.strip() == "no Landlock":
        pytest.skip("this kernel has no Landlock")
    assert done.stdout.splitlines() == [" ".join(["done"] * 6), " ".join(["refused"] * 8)], done.stderr
