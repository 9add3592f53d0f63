"""What every temporal model gives back."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Prediction(NamedTuple):
    """`values` [batch, frames, 2] (valence first) and `gate_weights` [batch, frames, modality, 2] or None.

    The values are linear; they are clipped to [-1, 1] only when predicting. None: the model has no gate.
    """

    values: Tensor
    gate_weights: Tensor | None
