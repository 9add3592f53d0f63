"""What the process that reads clips cannot do, tried in a process of its own."""

from __future__ import annotations

import os
import platform
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from vatrace.web.calls import AARCH64, REFUSED_CALLS, X86_64, call_filter
from vatrace.web.confine import bare_variables
from vatrace.web.landlock import handled_rights, landlock_version, ruleset_attributes

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="the system has other means"
)
needs_landlock = pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock, or it is switched off")

# `victim` is what started this one and hides its memory.
CONFINED = """
import ctypes, fcntl, os, resource, signal, socket, subprocess, sys, threading
from pathlib import Path
from vatrace.web.confine import *
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
own, outside, victim = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
missing = confine(read=[], write=[own], private=outside)
assert "calls" not in missing
call = ctypes.CDLL(None, use_errno=True).syscall
def refused(what, *arguments):
    try: what(*arguments)
    except PermissionError: return True
    except OSError as error: return error.errno == 1
    return False
def refused_call(*arguments):
    return call(*arguments) == -1 and ctypes.get_errno() == 1
"""

# As the server: it hides itself, and starts somebody.
VICTIM = """
import os, subprocess, sys
from vatrace.web.confine import hide_memory
hide_memory()
secret = "told to nobody"
script, own, outside = sys.argv[1:]
done = subprocess.run([sys.executable, "-c", script, own, outside, str(os.getpid())], cwd=own)
sys.exit(done.returncode)
"""


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Its own folder, and one of the person's with a file."""
    own, outside = tmp_path / "own", tmp_path / "outside"
    own.mkdir()
    outside.mkdir()
    (own / "clip").write_text("a clip")
    (outside / "letter").write_text("a letter")
    return own, outside


def run_confined(script: str, places: tuple[Path, Path]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", VICTIM, CONFINED + script, *map(str, places)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def confined(script: str, places: tuple[Path, Path]) -> str:
    done = run_confined(script, places)
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
        "os.fork",
        "os.forkpty",
        "os.posix_spawn, '/bin/true', ['true'], {}",
        "os.kill, victim, 0",
        "os.kill, victim, signal.SIGTERM",
        "os.kill, -1, 0",
        "os.kill, 0, 0",
        "os.killpg, os.getpgid(victim), 0",
        "os.pidfd_open, victim",
        "resource.prlimit, victim, resource.RLIMIT_NOFILE, (1, 1)",
        "fcntl.fcntl, 0, fcntl.F_SETOWN, victim",
        "fcntl.fcntl, 0, 10, signal.SIGKILL",  # F_SETSIG
        "open, f'/proc/{victim}/mem', 'rb'",
        "open, f'/proc/{victim}/environ', 'rb'",
        "os.listdir, f'/proc/{victim}/fd'",
    ],
)
def test_it_reaches_nobody_starts_nothing_and_looks_into_nobody(attempt: str, places: tuple[Path, Path]) -> None:
    assert confined(f"print(refused({attempt}))", places) == "True"


@pytest.mark.parametrize(
    "call",
    [
        "{ptrace}, 16, victim, 0, 0",
        "{process_vm_readv}, victim, 0, 0, 0, 0, 0",
        "{unshare}, 0x10000000",
        "{setns}, 0, 0",
        "{mount}, 0, 0, 0, 0, 0",
        "{bpf}, 0, 0, 0",
        "{io_uring_setup}, 1, 0",
        "{userfaultfd}, 0",
        "{perf_event_open}, 0, 0, 0, 0, 0",
        "{keyctl}, 0, 0, 0, 0, 0",
        "{pidfd_send_signal}, 0, 0, 0, 0",
        "{shmat}, 0, 0, 0",
        "{sched_setaffinity}, victim, 0, 0",
        "{setpriority}, 0, victim, 19",
        "{inotify_init1}, 0",
        "{clone}, 17, 0, 0, 0, 0",  # SIGCHLD: a process
        "{clone}, 0x10000 | 0x10000000, 0, 0, 0, 0",  # a thread as somebody else
    ],
)
def test_these_calls_are_refused(call: str, places: tuple[Path, Path]) -> None:
    which = 0 if platform.machine() == X86_64 else 1
    numbers = {name: numbers[which] for name, numbers in REFUSED_CALLS.items()} | {"clone": (56, 220)[which]}
    assert confined(f"print(refused_call({call.format(**numbers)}))", places) == "True"


def test_those_calls_are_not_refused_to_others() -> None:
    """Else the tests above would pass on a machine that refuses them to everybody."""
    assert os.kill(os.getppid(), 0) is None  # type: ignore[func-returns-value]
    child = os.fork()
    if child == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_that_holds_for_its_threads_too_which_it_can_make(places: tuple[Path, Path]) -> None:
    script = """
answers = []
def attempt():
    answers.extend([refused(socket.socket), refused(os.fork), refused(os.kill, victim, 0)])
    if "files" not in missing: answers.append(refused((outside / "letter").read_text))
thread = threading.Thread(target=attempt)
thread.start(); thread.join()
print(set(answers))
"""
    assert confined(script, places) == "{True}"


def test_it_can_still_end_itself_with_a_signal(places: tuple[Path, Path]) -> None:
    """As the C library does where it finds memory damaged; the one that started it is told."""
    assert run_confined("os.kill(os.getpid(), signal.SIGTERM)", places).returncode in (-signal.SIGTERM, 256 - 15)
    assert run_confined("os.abort()", places).returncode in (-signal.SIGABRT, 256 - 6)


def test_it_is_nobodys_administrator_and_dumps_no_core(places: tuple[Path, Path]) -> None:
    script = """
print(*[line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm"))])
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))  # PR_GET_DUMPABLE
"""
    held, dumpable = confined(script, places).splitlines()
    assert dumpable == "0"
    most = 0b100 if landlock_version() else 0  # to read, where Landlock says what
    assert all(int(each, 16) & ~most == 0 for each in held.split())


@needs_landlock
@pytest.mark.parametrize(
    "attempt",
    [
        "(outside / 'letter').read_text",
        "(outside / 'letter').write_text, 'x'",
        "(outside / 'new').write_text, 'x'",
        "(outside / 'letter').unlink",
        "(outside / 'new').mkdir",
        "os.listdir, outside",
        "os.truncate, outside / 'letter', 0",
        "os.chmod, outside / 'letter', 0o666",
        "os.chmod, outside, 0o777",
        "os.chown, outside / 'letter', os.getuid(), os.getgid()",
        "os.utime, outside / 'letter'",
        "os.setxattr, outside / 'letter', 'user.a', b'1'",
        "os.rename, own / 'clip', outside / 'clip'",
        "os.link, own / 'clip', outside / 'clip'",
        "os.link, outside / 'letter', own / 'letter'",
        "os.symlink, outside / 'letter', own / 'letter'",
        "os.mkfifo, own / 'pipe'",
        "open, '/etc/passwd'",
        "open, '/proc/self/root/etc/passwd'",
        "os.listdir, '/'",
        "os.listdir, '/proc'",
        "open, '/dev/tty'",
        "(Path('/tmp') / 'vatrace-was-here').write_text, 'x'",
        "open, '/proc/self/mem', 'r+b'",
    ],
)
def test_it_reads_and_writes_nothing_of_the_person(attempt: str, places: tuple[Path, Path]) -> None:
    script = f"""
try: {attempt.split(", ")[0]}({", ".join(attempt.split(", ")[1:])}); print("went through")
except OSError as error: print(error.errno in (1, 13, 18, 30))
"""
    assert confined(script, places) == "True"
    assert (places[1] / "letter").read_text() == "a letter"
    assert [path.name for path in places[1].iterdir()] == ["letter"]


@needs_landlock
def test_a_folder_of_the_person_does_not_become_readable_by_being_one_for_modules(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{modules}{os.pathsep}{places[1]}")
    script = "assert str(outside) in sys.path; print(refused((outside / 'letter').read_text))"
    assert confined(script, places) == "True"


def test_in_its_own_folder_it_works_as_before(places: tuple[Path, Path]) -> None:
    script = """
(own / "a").write_text("b")
os.link(own / "a", own / "c")
os.replace(own / "a", own / "d")
(own / "folder").mkdir()
with (own / "c").open("r+") as file: file.truncate(0)
print((own / "clip").read_text(), sorted(os.listdir(own)), len(Path(os.__file__).read_text()) > 1000)
"""
    assert confined(script, places) == "a clip ['c', 'clip', 'd', 'folder'] True"


@needs_landlock
def test_what_it_may_read_it_may_not_write_and_a_way_through_its_own_folder_leads_nowhere(
    places: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "read").mkdir()
    (tmp_path / "read" / "model").write_text("model")
    allowed = CONFINED.replace("read=[]", "read=[own.parent / 'read']")
    script = """
model = own.parent / "read" / "model"
print(model.read_text(), bool(os.listdir("/proc/self")), __import__("colorsys").__name__)
print(*[refused(*each) for each in (
    (model.write_text, "x"), (model.unlink,), ((own / "../outside/letter").read_text,), (os.listdir, "/home"))])
"""
    command = [sys.executable, "-c", VICTIM, allowed + script, *map(str, places)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() == ["model True colorsys", "True True True True"], done.stderr
    assert (tmp_path / "read" / "model").read_text() == "model"


def test_what_is_missing_is_said(places: tuple[Path, Path]) -> None:
    assert confined("print(missing)", places) == str(() if landlock_version() else ("files",))
    # A second thread would not be confined, so it is no confinement.
    late = CONFINED.replace(
        "missing =", "threading.Thread(target=threading.Event().wait, daemon=True).start()\nmissing ="
    )
    command = [sys.executable, "-c", late + "print(missing)", *map(str, places), str(os.getpid())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('files',)"


@pytest.mark.parametrize(
    ("version", "num_rights", "num_bytes"), [(1, 13, 8), (2, 14, 8), (3, 15, 8), (4, 15, 16), (5, 16, 16), (6, 16, 24)]
)
def test_each_version_of_landlock_is_asked_for_what_it_knows(version: int, num_rights: int, num_bytes: int) -> None:
    """Numbers of linux/landlock.h as it was in 5.13, 5.19, 6.2, 6.7, 6.10 and 6.12."""
    assert handled_rights(version) == 2**num_rights - 1
    assert len(ruleset_attributes(version)) == num_bytes
    assert struct.unpack_from("@Q", ruleset_attributes(version)) == (2**num_rights - 1,)


NEWER_THAN_HEADERS = 452  # calls since Linux 6.6, which headers of before do not have
HEADERS = {
    X86_64: Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    AARCH64: Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_those_of_the_systems_headers(machine: str) -> None:
    if not HEADERS[machine].is_file():
        pytest.skip("no headers of Linux here")
    words = [line.split() for line in HEADERS[machine].read_text().splitlines() if line.startswith("#define __NR")]
    known = {each[1].partition("_")[2].partition("_")[2].removeprefix("NR_"): each[2] for each in words}
    which = 0 if machine == X86_64 else 1
    for name, numbers in REFUSED_CALLS.items():
        found = known.get(name, "")
        found = known.get(found.removeprefix("__")) or found or None  # one name may stand for another
        if found is None and min(number or 0 for number in numbers) >= NEWER_THAN_HEADERS:
            continue
        assert found == (None if numbers[which] is None else str(numbers[which])), name


# Commands: duplicate, flags, lock; then own, signal, own (of a thread): these send signals.
FCNTL = {0: 0x7FFF0000, 4: 0x7FFF0000, 6: 0x7FFF0000, 8: 0x50001, 10: 0x50001, 15: 0x50001}


@pytest.mark.parametrize(("machine", "mark"), [(X86_64, 0xC000003E), (AARCH64, 0xC00000B7)])
def test_a_filter_answers_as_the_kernel_would_run_it(machine: str, mark: int) -> None:
    program = call_filter(machine, 77)
    which = 0 if machine == X86_64 else 1
    allow, refuse, not_there = 0x7FFF0000, 0x50001, 0x50026
    kill, tgkill, clone, clone3, prlimit = ((62, 129), (234, 131), (56, 220), (435, 435), (302, 261))
    read, futex, fcntl = (0, 63), (202, 98), (72, 25)
    asked = [
        (mark, read[which], 0, allow),
        (mark, futex[which], 0, allow),
        (mark ^ 1, read[which], 0, refuse),
        (mark, kill[which], 77, allow),
        (mark, kill[which], 1, refuse),
        (mark, kill[which], 0, refuse),
        (mark, tgkill[which], 77, allow),
        (mark, tgkill[which], 78, refuse),
        (mark, prlimit[which], 0, allow),
        (mark, prlimit[which], 77, refuse),
        (mark, clone3[which], 0, not_there),
        *((mark, fcntl[which], 3 | command << 64, answer) for command, answer in FCNTL.items()),
        (mark, clone[which], 0x3D0F00, allow),  # what pthread_create asks for
        (mark, clone[which], 17, refuse),
        (mark, clone[which], 0x3D0F00 | 0x20000, refuse),
        *((mark, numbers[which] or 0, 0, refuse) for numbers in REFUSED_CALLS.values() if numbers[which] is not None),
    ]
    if machine == X86_64:
        asked.append((mark, 0x40000000, 0, refuse))
    for architecture, call, argument, answer in asked:
        assert (
            filtered(program, struct.pack("=IIQ", call, architecture, 0) + argument.to_bytes(16, "little")) == answer
        ), (call, argument)


def filtered(program: bytes, data: bytes) -> int:
    """What a filter says of a call: the few instructions of classic BPF that are used, carried out one by one."""
    word, place = 0, 0
    steps = list(struct.iter_unpack("=HBBI", program))
    while True:
        code, if_so, if_not, constant = steps[place]
        place += 1
        match code:
            case 0x20:
                (word,) = struct.unpack_from("=I", data, constant)
            case 0x54:
                word &= constant
            case 0x15:
                place += if_so if word == constant else if_not
            case 0x35:
                place += if_so if word >= constant else if_not
            case 0x06:
                return int(constant)
            case _:
                raise AssertionError(f"no instruction {code:#x}")


def test_keys_and_passwords_in_variables_are_not_handed_on() -> None:
    given = {"PATH": "a", "LC_ALL": "C", "OMP_NUM_THREADS": "1", "AWS_SECRET_ACCESS_KEY": "x", "HF_TOKEN": "y"}
    assert bare_variables(given) == {"PATH": "a", "LC_ALL": "C", "OMP_NUM_THREADS": "1"}


def test_memory_and_files_beyond_the_limit_are_errors_and_not_the_end_of_the_machine(
    places: tuple[Path, Path],
) -> None:
    script = """
limit_memory_and_files(200_000_000, 1_000_000)
small = bytearray(100_000_000)
try: bytearray(200_000_000)
except MemoryError: print("memory")
try:
    with open(own / "a", "wb") as file: file.write(bytes(2_000_000))
except OSError: print("file")
"""
    assert confined(script, places).split() == ["memory", "file"]


def test_processor_time_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from vatrace.web.confine import *; limit_processor_time(0.5)\nwhile True: pass"],
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


def test_both_processes_are_confined_before_they_have_a_second_thread() -> None:
    """Landlock holds for the thread that asks and those it makes: numpy's, made before, would be free."""
    for module in ("worker", "live_worker"):
        script = f"import vatrace.web.{module}, os; print(os.listdir('/proc/self/task').__len__())"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "1", module


@needs_landlock
def test_a_model_whose_files_are_linked_to_from_its_folder_can_be_read(tmp_path: Path) -> None:
    """As the caches of some hubs have them: the folder holds links, and the files lie beside it."""
    folder, elsewhere = tmp_path / "model", tmp_path / "blobs"
    folder.mkdir()
    elsewhere.mkdir()
    (elsewhere / "one").write_text("weights")
    (elsewhere / "other").write_text("of another model")
    (folder / "weights").symlink_to(elsewhere / "one")
    script = """
import sys
from pathlib import Path
from vatrace.inference.choice import ModelChoice
from vatrace.web.confine import confine
folder = Path(sys.argv[1])
confine(read=ModelChoice(model=folder).files(), write=[], private=folder.parent)
print((folder / "weights").read_text())
(folder.parent / "blobs" / "other").read_text()
"""
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False)
    assert done.stdout == "weights\n"
    assert "PermissionError" in done.stderr
