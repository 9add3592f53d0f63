"""What the process that reads clips cannot do, even if a broken file took it over.

On Linux it may open no socket, start no program and no further process, and signal none; where the kernel has Landlock
(5.13, `vatrace.web.landlock`) it reads only what it is made of, writes only into its run folder, and looks into no
other process. Memory, processor time and the size of files are limited; it dumps no core, which would hold faces; and
it ends with the server. Elsewhere what there is of this is used, and the server says what is not. What always holds
is that the server watches it and ends it.
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
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38  # linux/prctl.h
_SECCOMP_MODE_FILTER = 2
_LOAD_WORD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _JUMP_IF_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # bpf_common.h
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16  # offsets in linux/seccomp.h's seccomp_data
_ALLOW, _REFUSE, _UNKNOWN = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_CLONE_THREAD = 0x10000  # linux/sched.h
_X32_CALLS = 0x40000000  # on x86-64, the same calls under other numbers begin here


@dataclass(frozen=True, kw_only=True)
class _Calls:
    """Numbers of a machine's system calls.

    Args:
        architecture: how the kernel names it to a filter.
        refused: those that are never wanted.
        clone: makes a thread, which is allowed, or a process.
    """

    architecture: int
    refused: tuple[int, ...]
    clone: int


_CLONE3 = 435  # everywhere; what it is to make lies in memory, where a filter cannot look
# socket, socketpair, connect, bind, execve, execveat; ptrace, process_vm_readv, process_vm_writev; kill, tkill, tgkill,
# rt_sigqueueinfo, rt_tgsigqueueinfo; unshare, setns, mount, chroot, bpf, userfaultfd, perf_event_open,
# open_by_handle_at, add_key, request_key, keyctl; then, everywhere the same, io_uring_setup (which opens sockets by
# another way), pidfd_open, pidfd_getfd, pidfd_send_signal. fork and vfork are calls of x86 alone.
_EVERYWHERE = (425, 434, 438, 424)
_CALLS = {
    "x86_64": _Calls(
        architecture=0xC000003E,
        refused=(
            *(41, 53, 42, 49, 59, 322, 101, 310, 311, 62, 200, 234, 129, 297),
            *(272, 308, 165, 161, 321, 323, 298, 304, 248, 249, 250, 57, 58),
            *_EVERYWHERE,
        ),
        clone=56,
    ),
    "aarch64": _Calls(
        architecture=0xC00000B7,
        refused=(
            *(198, 199, 203, 200, 221, 281, 117, 270, 271, 129, 130, 131, 138, 240),
            *(97, 268, 40, 51, 280, 282, 241, 265, 217, 218, 219),
            *_EVERYWHERE,
        ),
        clone=220,
    ),
}


def hide_memory() -> None:
    """Let no other process of the same person look into this one's memory, and dump none of it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def forbid_sockets_and_programs() -> bool:
    """Refuse those calls from now on, in this process and its threads to come; returns whether that was possible.

    Further processes, signals and what looks into other processes are refused with them.
    """
    known = _CALLS.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return False
    program = _filter(known)
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


def _filter(calls: _Calls) -> bytes:
    """Instructions for the kernel: refuse calls of another architecture and those listed, allow the rest."""
    steps: list[tuple[int, int, int, int]] = [
        (_LOAD_WORD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 1, 0, calls.architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD_WORD, 0, 0, _NUMBER_AT),
    ]
    if calls is _CALLS["x86_64"]:
        steps += [(_JUMP_IF_AT_LEAST, 0, 1, _X32_CALLS), (_RETURN, 0, 0, _REFUSE)]
    for call in calls.refused:
        steps += [(_JUMP_IF_EQUAL, 0, 1, call), (_RETURN, 0, 0, _REFUSE)]
    steps += [(_JUMP_IF_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _UNKNOWN)]  # the C library falls back on clone then
    steps += [
        (_JUMP_IF_EQUAL, 0, 3, calls.clone),
        (_LOAD_WORD, 0, 0, _FIRST_ARGUMENT_AT),
        (_JUMP_IF_SET, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _REFUSE),
    ]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
