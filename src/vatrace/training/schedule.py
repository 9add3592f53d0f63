"""Learning rates as plain functions of the epoch, counted in fractions: nothing to save, nothing to resume."""

from __future__ import annotations

import math


def warmup_then_restarts(
    epoch: float,
    *,
    lr_start: float,
    lr_peak: float,
    warmup_epochs: float,
    restart_epochs: float,
    restart_factor: int,
) -> float:
    """Linear warm-up, then cosine annealing with warm restarts (paper, IV-C; Loshchilov and Hutter 2017).

    The paper warms up from 3e-5 to 5e-3 and then uses CosineAnnealingWarmRestarts, without saying the unit of its
    period. Here all lengths are epochs, and the rate moves with every step.

    Args:
        epoch: epochs done, with fractions, from 0.
        lr_start: rate at the start.
        lr_peak: rate after the warm-up, and at each restart.
        warmup_epochs: epochs of warm-up.
        restart_epochs: epochs of the first cosine.
        restart_factor: how many times longer each cosine is than the one before, 1 or more.

    Returns:
        The learning rate.
    """
    if epoch < warmup_epochs:
        return lr_start + (lr_peak - lr_start) * epoch / warmup_epochs
    since, period = epoch - warmup_epochs, restart_epochs
    while since >= period:
        since, period = since - period, period * restart_factor
    return lr_peak * 0.5 * (1 + math.cos(math.pi * since / period))


def warmup_then_cosine(epoch: float, *, lr_peak: float, warmup_epochs: float, epochs: int) -> float:
    """Linear warm-up from zero, then one cosine to zero (He et al. 2022, for pre-training and fine-tuning)."""
    if epoch < warmup_epochs:
        return lr_peak * epoch / warmup_epochs
    share = min(1.0, (epoch - warmup_epochs) / max(epochs - warmup_epochs, 1e-9))
    return lr_peak * 0.5 * (1 + math.cos(math.pi * share))
