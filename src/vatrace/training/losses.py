"""The loss.

1 - the mean CCC of valence and arousal over the valid frames of a batch (Eq. 7-8; the paper names no loss, all
relatives train so).
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vatrace.metrics import ccc_from_moments

EPSILON = 1e-6  # in the denominator: a batch whose labels and predictions are all constant gives a loss of 1 and no NaN


def ccc_loss(
    prediction: Float[Tensor, "*batch 2"], truth: Float[Tensor, "*batch 2"], valid: Bool[Tensor, "*batch"]
) -> Float[Tensor, ""]:
    """1 - (CCC_valence + CCC_arousal) / 2, over all valid frames of the batch taken together.

    Args:
        prediction: valence and arousal.
        truth: valence and arousal; what stands in invalid frames is not looked at.
        valid: which frames count.

    Returns:
        From 0 (perfect) to 2; exactly 1 with no gradient where no frame counts.
    """
    x, y = prediction[valid], truth[valid]  # [counted, 2]
    if not len(x):
        return prediction.sum() * 0 + 1
    mean_x, mean_y = x.mean(dim=0), y.mean(dim=0)
    dx, dy = x - mean_x, y - mean_y
    ccc = ccc_from_moments(mean_x, mean_y, (dx * dx).mean(dim=0), (dy * dy).mean(dim=0), (dx * dy).mean(dim=0), EPSILON)
    return 1 - ccc.mean()


def mse_loss(
    prediction: Float[Tensor, "*batch 2"], truth: Float[Tensor, "*batch 2"], valid: Bool[Tensor, "*batch"]
) -> Float[Tensor, ""]:
    """Mean squared error over the valid frames; 0 where there is none."""
    error = torch.where(valid[..., None], prediction - truth, torch.zeros_like(prediction))
    return (error * error).sum() / (2 * valid.sum()).clamp(min=1)
