"""Everything vatrace raises on purpose.

    VatraceError
    ├── MediaError       a file that is no video, is broken, or asks for more than the guard allows
    ├── NothingFound     what was asked for is not there: no such path, no clip in a folder, no model
    ├── FeatureError     features that are missing, damaged, or do not fit the model
    ├── ModelError       a model folder or checkpoint that cannot be used
    ├── DatasetError     annotations or splits that contradict themselves
    └── TrainingError    a training that cannot go on

A message says what was given, what was expected and what to do. It holds names as they are; whoever puts it on a
terminal or in a log escapes it with `shown`.
"""

from pathlib import Path


def shown(text: object) -> str:
    """A name or a message in one line: whatever could move the cursor, hide itself or begin a line is escaped."""
    line = str(text)
    return line if line.isprintable() else repr(line)[1:-1]


def where(error: BaseException) -> str:
    """Kind and place of an error of ours, without its message, which may hold what a person sent."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{place}"


class VatraceError(Exception):
    """Base of every error a caller may want to catch."""


class MediaError(VatraceError):
    """A media file that cannot be read safely.

    Args:
        message: what was given and what is wrong with it.
        hint: what to do about it; shown after the message.
        code: short machine-readable kind, such as `"not-media"`, `"no-video"`, `"too-large"`.
    """

    def __init__(self, message: str, *, hint: str = "", code: str = "media") -> None:
        super().__init__(f"{message} {hint}".rstrip())
        self.hint = hint
        self.code = code


class NothingFound(VatraceError):  # noqa: N818  (reads as the sentence it stands for)
    """What was asked for does not exist."""


class FeatureError(VatraceError):
    """Features that are missing, damaged, or do not fit what they are used for."""


class ModelError(VatraceError):
    """A model folder or checkpoint that cannot be used."""


class DatasetError(VatraceError):
    """Annotations or splits that contradict themselves."""


class TrainingError(VatraceError):
    """A training that cannot go on, such as one whose loss is no number any more."""
