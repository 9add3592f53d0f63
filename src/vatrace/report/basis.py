"""What each value of a trace rests on: face and voice, one of them, or nothing.

"The face alone" is said of a frame: there was a face in it and no voice. A model with cross-attention may still read
the voice of other moments in the same window.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vatrace.streams import BoolArray, Trace

# Said wherever traces are shown.
MAKER = "vatrace"  # in files that have a place for who made them
NOTE = "Expressed affect as raters would mark it, not what a person feels; not for judging people."
BOTH, FACE_ONLY, VOICE_ONLY, NEITHER = "both", "face_only", "voice_only", "neither"

_WORDS = {
    BOTH: "on face and voice in",
    FACE_ONLY: "on the face alone in",
    VOICE_ONLY: "on the voice alone in",
    NEITHER: "no value in",
}
_OWN = 0  # stream axis of Trace.gate_weights: a channel's own stream, and what it reads from the other


def rests_on(trace: Trace) -> dict[str, BoolArray]:
    """Sort the frames of a trace by what their values rest on.

    Args:
        trace: a prediction. A channel whose validity is None is one that its model does not take.

    Returns:
        `both`, `face_only`, `voice_only` and `neither`, each `[frames]`; every frame is in exactly one, and in
        `neither` where it has no value. Empty for a trace that says nothing of its channels, as an annotation does.
    """
    if trace.face_valid is None and trace.voice_valid is None:
        return {}
    nowhere = np.zeros(len(trace), dtype=np.bool_)
    face = trace.valid & (nowhere if trace.face_valid is None else trace.face_valid)
    voice = trace.valid & (nowhere if trace.voice_valid is None else trace.voice_valid)
    return {BOTH: face & voice, FACE_ONLY: face & ~voice, VOICE_ONLY: voice & ~face, NEITHER: ~face & ~voice}


def basis_shares(trace: Trace) -> dict[str, float]:
    """Share of the frames that rest on `both`, `face_only`, `voice_only` and `neither`; they sum to 1."""
    return {kind: float(frames.mean()) for kind, frames in rests_on(trace).items() if len(trace)}


def basis_words(trace: Trace) -> str:
    """Say those shares, such as "on face and voice in 80% of the frames, on the face alone in 20%"; "" if unknown."""
    parts = [f"{_WORDS[kind]} {share:.0%}" for kind, share in basis_shares(trace).items() if share > 0]
    return ", ".join([f"{parts[0]} of the frames", *parts[1:]]) if parts else ""


def telling_gates(trace: Trace) -> NDArray[np.float64] | None:
    """The weights of face and voice, where there is a value.

    In a late model, such as the starter, they are the shares of the two in the value (`vatrace.models.late`). In BDCA a
    gate weighs a channel's own stream against what it reads from the other one (Eq. 4 of the paper). Where its own
    channel is missing it is 0, and where nothing can be read from the other it is 1 (`vatrace.nn.bdca`). A frame
    without a value has weights, too, and they say nothing.

    Args:
        trace: a prediction.

    Returns:
        `[frames, 2]`, face and voice, from 0 to 1, NaN where there is no value; None where the model has no gate.
    """
    if trace.gate_weights is None:
        return None
    own = trace.gate_weights[:, :, _OWN].astype(np.float64)  # [frames, 2]
    gates: NDArray[np.float64] = np.where(trace.valid[:, None], own, np.nan)
    return gates
