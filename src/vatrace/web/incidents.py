"""An error of ours in a few words that may be shown or logged: what kind it is, and where; never what it says.

Messages of errors may hold what a person sent, such as the name of a clip.
"""

from __future__ import annotations

from pathlib import Path


def where(error: BaseException) -> str:
    """Kind and place of an error, without its message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{place}"
