"""Which files a process may reach: Linux's Landlock (docs.kernel.org/userspace-api/landlock.html), from 5.13 on.

It holds for the thread that asks for it and for those it makes, so it is asked for before there is a second one.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_MACHINES = ("x86_64", "aarch64")
_ASK_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

# linux/landlock.h
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1, 2, 4, 8
_REMOVE_FOLDER, _REMOVE_FILE, _MAKE_FOLDER, _MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_TCP = 0b11  # to bind, to connect
_SCOPES = 0b11  # sockets without a file, and signals

READ = _READ_FILE | _READ_FOLDER
# In its own folder it makes files and folders: no devices, pipes, sockets or links to elsewhere.
WRITE = READ | _WRITE_FILE | _REMOVE_FOLDER | _REMOVE_FILE | _MAKE_FOLDER | _MAKE_FILE | _TRUNCATE
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL


def landlock_version() -> int:
    """Version of Landlock in this kernel; 0 where there is none, or it is switched off."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return 0
    return max(0, int(_call(_CREATE_RULESET, None, 0, _ASK_VERSION)))


def allow_files_only(*, read: Iterable[Path], write: Iterable[Path]) -> bool:
    """Forbid every file from now on, but for these; returns whether that was possible.

    What is open stays open. It cannot be undone, and holds for threads that are made later.

    Args:
        read: files and folders with all in them that may be read; what is not there is left out.
        write: folders in which files may be made, changed and removed.
    """
    version = landlock_version()
    if not version or _num_threads() != 1:
        return False
    handled = handled_rights(version)
    attributes = ruleset_attributes(version)
    ruleset = int(_call(_CREATE_RULESET, attributes, len(attributes), 0))
    if ruleset < 0:
        return False
    try:
        allowed = [*((path, READ) for path in read), *((path, WRITE) for path in write)]
        if not all(_allow(ruleset, path, rights & handled) for path, rights in allowed):
            return False
        no_new_rights = ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        return no_new_rights and int(_call(_RESTRICT_SELF, ruleset, 0)) == 0
    finally:
        os.close(ruleset)


def handled_rights(version: int) -> int:
    """All rights over files that a version knows: what is not allowed of them is forbidden."""
    count = 13 + (version >= 2) + (version >= 3) + (version >= 5)  # REFER; TRUNCATE; IOCTL_DEV
    return int((1 << count) - 1)


def ruleset_attributes(version: int) -> bytes:
    """What the kernel is asked to watch, struct landlock_ruleset_attr as a version knows it."""
    words = [handled_rights(version)]
    if version >= 4:
        words.append(_TCP)
    if version >= 6:
        words.append(_SCOPES)
    return struct.pack(f"@{len(words)}Q", *words)


def _allow(ruleset: int, path: Path, rights: int) -> bool:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not there, on this system
        return True
    try:
        rule = struct.pack("=Qi", rights if path.is_dir() else rights & _OF_A_FILE, opened)
        return int(_call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)) == 0
    finally:
        os.close(opened)


def _num_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _call(number: int, *arguments: int | bytes | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    answer: int = libc.syscall(ctypes.c_long(number), *given)
    return answer
