"""What the process that reads clips cannot do, even if a broken file took it over.

On Linux it may open no socket, start no program, and look into no other process; memory, processor time and the size of
files are limited; it dumps no core, which would hold faces; and it ends with the server. Elsewhere what there is of
this is used. What always holds is that the server watches it and ends it.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import platform
import signal
import struct
import sys
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38  # linux/prctl.h
_SECCOMP_MODE_FILTER = 2
_LOAD_WORD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4  # offsets in linux/seccomp.h's seccomp_data
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_X32_CALLS = 0x40000000  # on x86-64, the same calls under other numbers begin here

# Architecture, and the numbers of the calls that are refused: socket, socketpair, connect, bind, execve, execveat,
# ptrace, process_vm_readv, process_vm_writev, io_uring_setup (which opens sockets by another way), pidfd_getfd.
_REFUSED_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 42, 49, 59, 322, 101, 310, 311, 425, 438)),
    "aarch64": (0xC00000B7, (198, 199, 203, 200, 221, 281, 117, 270, 271, 425, 438)),
}


def forbid_sockets_and_programs() -> bool:
    """Refuse those calls from now on, in this process and its threads to come; returns whether that was possible."""
    known = _REFUSED_CALLS.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return False
    program = _filter(*known)
    code = ctypes.create_string_buffer(program)
    description = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, description, 0, 0) == 0)


def end_with_parent(parent: int) -> None:
    """End this process when its parent ends.

    Args:
        parent: the process id it should have; another one means that the parent has gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if hasattr(os, "getppid") and os.getppid() != parent:
        os._exit(1)


def limit_memory_and_files(memory_bytes: int, file_bytes: int) -> None:
    """Limit what is taken from now on.

    Args:
        memory_bytes: address space beyond what this process has already.
        file_bytes: the largest file it may write.
    """
    if sys.platform == "win32":
        return
    import resource

    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, file_bytes)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + memory_bytes)


def limit_processor_time(seconds: float) -> None:
    """Let this process compute so many seconds more; then the system ends it."""
    if sys.platform == "win32":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    end = math.ceil(usage.ru_utime + usage.ru_stime + seconds)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (end if hard == resource.RLIM_INFINITY else min(end, hard), hard))


def _lower(which: int, value: int) -> None:
    import resource

    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _filter(architecture: int, calls: tuple[int, ...]) -> bytes:
    """Instructions for the kernel: refuse calls of another architecture and those listed, allow the rest."""
    steps: list[tuple[int, int, int, int]] = [
        (_LOAD_WORD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD_WORD, 0, 0, _NUMBER_AT),
    ]
    if architecture == _REFUSED_CALLS["x86_64"][0]:
        steps += [(_JUMP_IF_AT_LEAST, 0, 1, _X32_CALLS), (_RETURN, 0, 0, _REFUSE)]
    for call in calls:
        steps += [(_JUMP_IF_EQUAL, 0, 1, call), (_RETURN, 0, 0, _REFUSE)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
