"""What readers say of a file that is not quite right, such as one cut off: to whoever asks, or into the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from vatrace.errors import shown

logger = logging.getLogger(__name__)

Tell = Callable[[str], None]
"""Takes a sentence about a file, without the file's name."""


def to_log(path: Path) -> Tell:
    """Write sentences about a file into the log."""
    return lambda sentence: logger.warning("%s: %s", shown(path), sentence)


def to_nobody(sentence: str) -> None:
    """For a second reading: all was said at the first."""
