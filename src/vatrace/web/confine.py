"""What the process that reads clips cannot do, even if a broken file took it over.

On Linux it opens no socket, starts no program and no other process, sends signals to itself alone, and has no power of
root (`calls`); it reads only the model, the programs' own folders and its clips, and writes only among its
clips (`landlock`); neither it nor the server can be looked into; memory, processor time and the size of files are
limited; it dumps no core, which would hold faces; and it ends with the server. Of this there is what the system has:
`confine` says what is missing, and the server tells. What always holds is that the server watches it and ends it.
"""

from __future__ import annotations

import ctypes
import math
import os
import platform
import signal
import struct
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

from vatrace.web.calls import refuse_calls
from vatrace.web.landlock import allow_files_only

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4  # linux/prctl.h
_CAPGET_CAPSET = {"x86_64": (125, 126), "aarch64": (90, 91)}
_CAP_DAC_READ_SEARCH = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h

CALLS, FILES = "calls", "files"
# What a process can do where a part is missing, as the server says it.
MISSING = {
    CALLS: "open sockets, start programs and send signals",
    FILES: "read and change your other files",
}

# What Python and the libraries read of the system, beside their own folders.
_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
)
_KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "WINDIR",
    "USERPROFILE",
)
_KEPT_BEGINNINGS = (
    "LC_",
    "LD_LIBRARY",
    "DYLD_LIBRARY",
    "PYTHON",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "KMP_",
    "GOMP_",
    "ORT_",
    "TORCH",
    "CUDA_",
    "XDG_CACHE",
    "VATRACE_",
    "COV_",
    "COVERAGE_",
)


def confine(*, read: Iterable[Path], write: Iterable[Path], private: Path) -> tuple[str, ...]:
    """Take from this process what it does not need; to be called before it has a second thread.

    Args:
        read: files and folders it needs beside Python, the libraries and the system.
        write: folders it writes in.
        private: a folder that is not for reading, nor is what holds it, though modules may be looked for there.

    Returns:
        The parts of `MISSING` that this system cannot take from it.
    """
    hide_memory()
    missing = []
    if not allow_files_only(read=(*_own_folders(private), *read), write=(*write, Path(os.devnull))):
        missing.append(FILES)
    # Root may serve a model that is somebody else's. Reading it is its right as root alone, and does no harm where
    # Landlock says what may be read.
    _drop_capabilities(0 if FILES in missing else _CAP_DAC_READ_SEARCH)
    if not refuse_calls():
        missing.append(CALLS)
    return tuple(missing)


def hide_memory() -> None:
    """Let no other process of this person look into this one, nor into its variables; nor does it dump a core."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def bare_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Those that Python and the libraries go by; others may hold keys and passwords."""
    return {
        name: value
        for name, value in variables.items()
        if name.upper() in _KEPT_VARIABLES or name.upper().startswith(_KEPT_BEGINNINGS)
    }


def _drop_capabilities(kept: int) -> None:
    """Be an ordinary person, also where root runs the server; but for the rights that are kept, if they are there."""
    calls = _CAPGET_CAPSET.get(platform.machine())
    if sys.platform != "linux" or calls is None:
        return
    libc = ctypes.CDLL(None)
    header, held = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), ctypes.create_string_buffer(24)
    if libc.syscall(ctypes.c_long(calls[0]), header, held) == 0:
        permitted = struct.unpack_from("=I", held.raw, 4)[0] & kept  # effective, permitted, inheritable; and the upper
        libc.syscall(ctypes.c_long(calls[1]), header, struct.pack("=6I", permitted, permitted, 0, 0, 0, 0))


def _own_folders(private: Path) -> list[Path]:
    """Folders of Python, of the libraries, and of what they read of the system.

    Modules lie wherever `sys.path` says. But the person's folders do not become readable by being in it, as the one
    that they are in is with `python -m vatrace`.
    """
    listed = [Path(path) for path in (*sys.path, *os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep))]
    kept = (Path("~").expanduser(), private)
    modules = [path for path in listed if path.is_absolute() and not any(each.is_relative_to(path) for each in kept)]
    prefixes = [Path(path) for path in (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values())]
    return [Path(__file__).parents[1], *modules, *prefixes, *(Path(path) for path in _SYSTEM)]


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
