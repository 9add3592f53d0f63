"""vatrace: a valence-arousal trace of a video, frame by frame, with what each value rests on.

    import vatrace

    trace = vatrace.predict("clip.mp4")

`vatrace.api` has it in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vatrace.api import Predictor, Trace, predict

__version__ = "0.1.0"
__all__ = ["Predictor", "Trace", "__version__", "predict"]


def __getattr__(name: str) -> Any:  # Any: whatever the name stands for
    """Load what is asked for when it is asked for: `vatrace --help` must not wait for torch."""
    if name in ("Predictor", "Trace", "predict"):
        from vatrace import api

        return getattr(api, name)
    raise AttributeError(f"module 'vatrace' has no attribute {name!r}")
