"""What is not installed with vatrace itself, and how to say so.

vatrace is on no package index, so what is missing is named by its packages and not by an extra.
"""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Sequence

# Packages that are called otherwise than what is imported of them.
_PACKAGES = {"pympi": "pympi-ling", "webvtt": "webvtt-py"}


def absent(modules: Sequence[str]) -> tuple[str, ...]:
    """Those of some modules that are not installed; nothing is imported.

    Example:
        >>> absent(["json", "no_such_module"])
        ('no_such_module',)
    """
    return tuple(name for name in modules if importlib.util.find_spec(name) is None)


def install_line(modules: Sequence[str], *options: str) -> str:
    """The command that installs modules for the very Python that is running, whatever `pip` is on the path.

    Args:
        modules: what is imported, or the name of a package, with its version or without.
        options: of pip.
    """
    packages = [_PACKAGES.get(name, name) for name in modules]
    return shlex.join([sys.executable, "-m", "pip", "install", *options, *packages])
