"""Which calls to Linux a process may make no more: a filter for seccomp, as instructions for the kernel."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38  # linux/prctl.h
_SECCOMP_MODE_FILTER = 2
_LOAD_WORD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06  # linux/bpf_common.h
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT, _SECOND_ARGUMENT_AT = (
    0,
    4,
    16,
    24,
)  # offsets in linux/seccomp.h's seccomp_data, lower half
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_NOT_THERE = 0x00050000 | errno.ENOSYS
_X32_CALLS = 0x40000000  # on x86-64, the same calls under other numbers begin here
_NEW_THREAD, _NEW_NAMESPACES = 0x00010000, 0x7E020000  # linux/sched.h: CLONE_THREAD; CLONE_NEWNS to CLONE_NEWNET

X86_64, AARCH64 = "x86_64", "aarch64"
_ARCHITECTURES = {X86_64: 0xC000003E, AARCH64: 0xC00000B7}  # linux/audit.h

# Numbers on x86-64 (asm/unistd_64.h) and on 64-bit ARM (asm-generic/unistd.h); None where there is no such call.
REFUSED_CALLS: dict[str, tuple[int | None, int | None]] = {
    # to reach other machines, or other processes by way of them
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "io_uring_setup": (425, 425),  # does all of the above, and opens files, by another way
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # to start a program, or another process, which could stay when this one is ended
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    # to look into another process, or to disturb it
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    # to be somewhere else, where other rules hold
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "open_by_handle_at": (304, 265),
    # to share memory with another process, or to slow it down
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "setpriority": (141, 140),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
    # to change what Landlock does not cover: whose a file is, who may read it, its times and marks; and to watch files
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "truncate": (76, 45),  # Landlock knows of it from Linux 6.2 on
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    # large parts of the kernel that nothing here needs, and that were often broken
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
}
# Refused unless their first argument is this process, or one value.
_ONLY_TO_ITSELF: dict[str, tuple[int, int]] = {"kill": (62, 129), "tgkill": (234, 131)}
_PRLIMIT = (302, 261)  # of process 0, which is itself
_FCNTL = (72, 25)
# F_SETOWN, F_SETSIG, F_SETOWN_EX (asm-generic/fcntl.h): a file that sends signals when it is ready
_SIGNALLING = (8, 10, 15)
_CLONE = (56, 220)  # makes threads, and processes
_CLONE3 = (435, 435)  # has its arguments where a filter cannot see them; the C library then takes clone

_Step = tuple[int, int, int, int]


def refuse_calls() -> bool:
    """Refuse these calls from now on, in this process and its threads to come; returns whether that was possible.

    Threads can be made as before. Signals can be sent to this process alone.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        return False
    program = call_filter(machine, os.getpid())
    code = ctypes.create_string_buffer(program)
    description = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, description, 0, 0) == 0)


def call_filter(machine: str, process: int) -> bytes:
    """Instructions for the kernel: refuse calls of another architecture and those listed, allow the rest.

    Args:
        machine: `X86_64` or `AARCH64`.
        process: number of the process that may get signals.

    Returns:
        Instructions of eight bytes each, struct sock_filter of linux/filter.h.
    """
    which = 0 if machine == X86_64 else 1
    steps: list[_Step] = [
        (_LOAD_WORD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD_WORD, 0, 0, _NUMBER_AT),
    ]
    if machine == X86_64:
        steps += [(_JUMP_IF_AT_LEAST, 0, 1, _X32_CALLS), (_RETURN, 0, 0, _REFUSE)]
    for numbers in REFUSED_CALLS.values():
        if (number := numbers[which]) is not None:
            steps += [(_JUMP_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    steps += [(_JUMP_IF_EQUAL, 0, 1, _CLONE3[which]), (_RETURN, 0, 0, _NOT_THERE)]
    for numbers in _ONLY_TO_ITSELF.values():
        steps += _only_if(numbers[which], [], process)
    steps += _unless_second(_FCNTL[which], _SIGNALLING)
    steps += _only_if(_PRLIMIT[which], [], 0)
    steps += _only_if(_CLONE[which], [(_AND, 0, 0, _NEW_THREAD | _NEW_NAMESPACES)], _NEW_THREAD)
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _only_if(call: int, before: list[_Step], wanted: int) -> list[_Step]:
    """Refuse a call unless its first argument, after some steps, is what is wanted."""
    inside = [
        (_LOAD_WORD, 0, 0, _FIRST_ARGUMENT_AT),
        *before,
        (_JUMP_IF_EQUAL, 1, 0, wanted),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return [(_JUMP_IF_EQUAL, 0, len(inside), call), *inside]


def _unless_second(call: int, refused: tuple[int, ...]) -> list[_Step]:
    """Refuse a call where its second argument is one of some."""
    inside = [(_LOAD_WORD, 0, 0, _SECOND_ARGUMENT_AT)]
    for value in refused:
        inside += [(_JUMP_IF_EQUAL, 0, 1, value), (_RETURN, 0, 0, _REFUSE)]
    inside.append((_RETURN, 0, 0, _ALLOW))
    return [(_JUMP_IF_EQUAL, 0, len(inside), call), *inside]
