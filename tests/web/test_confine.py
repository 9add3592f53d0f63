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
