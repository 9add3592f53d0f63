"""Landlock: which files a process and its threads to come may touch (linux/landlock.h; kernel 5.13).

Whoever is kept in this way can also neither look into, nor trace, a process that is not (kernel documentation, "Ptrace
restrictions"), and from version 6 of the interface on signal none.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every machine
_ASK_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_BITS_OF_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # access rights known; later versions know as many as 5
_SCOPES, _SCOPED_VERSION = 3, 6  # abstract sockets and signals

SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/null")
ABOUT_THE_MACHINE = (
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys"),
    *("/sys/devices/system", "/sys/fs/cgroup"),
)


def keep_to_folders(*, read: Iterable[Path], write: Iterable[Path]) -> bool:
    """Allow only these files from now on, to this thread and those it starts; returns whether that was possible.

    Args:
        read: files and folders that may be read, beside the interpreter's own and the system's libraries.
        write: folders in which everything may be done.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    rights = (1 << _BITS_OF_VERSION.get(version, 16)) - 1
    attributes = struct.pack("=QQQ", rights, 0, _SCOPES if version >= _SCOPED_VERSION else 0)
    size = 24 if version >= _SCOPED_VERSION else 8
    ruleset = libc.syscall(_CREATE_RULESET, attributes, size, 0)
    if ruleset < 0:
        return False
    try:
        interpreter = {sys.prefix, sys.base_prefix, *sys.path}
        for path in (*map(Path, sorted(interpreter)), *map(Path, (*SYSTEM, *ABOUT_THE_MACHINE)), *read):
            _allow(libc, ruleset, path, _READ & rights)
        _allow(libc, ruleset, Path(os.devnull), (_READ_FILE | _WRITE_FILE) & rights)
        for path in write:
            _allow(libc, ruleset, path, rights & ~_EXECUTE)
        is_set = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        return is_set and bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    """Add a rule; a path that is not there needs none."""
    if not path.exists():
        return
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        granted = rights if path.is_dir() else rights & _OF_FILES
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", granted, place), 0)
    finally:
        os.close(place)
