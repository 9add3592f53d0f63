"""Fixed sinusoidal positions (Vaswani et al. 2017), for frames in time and for patches in a picture."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def sinusoidal_positions(
    num_positions: int, dim: int, device: torch.device | None = None
) -> Float[Tensor, "frames dim"]:
    """Sines in the even places, cosines in the odd ones, at wavelengths from 2 pi to 10000 x 2 pi positions.

    Args:
        num_positions: how many positions.
        dim: values a position, even.
        device: where to make them.
    """
    return _encode(torch.arange(num_positions, dtype=torch.float32, device=device), dim)


def sinusoidal_grid(rows: int, columns: int, dim: int) -> Float[Tensor, "patches dim"]:
    """Positions of patches in reading order: half of the values say the row, half the column (He et al. 2022).

    Args:
        rows: patches from top to bottom.
        columns: patches from left to right.
        dim: values a patch, a multiple of 4.
    """
    row = torch.arange(rows, dtype=torch.float32).repeat_interleave(columns)
    column = torch.arange(columns, dtype=torch.float32).repeat(rows)
    return torch.cat([_encode(row, dim // 2), _encode(column, dim // 2)], dim=1)


def _encode(positions: Float[Tensor, " frames"], dim: int) -> Float[Tensor, "frames dim"]:
    if dim % 2:
        raise ValueError(f"dim must be even for sinusoidal positions, got {dim}.")
    frequencies = torch.exp(torch.arange(0, dim, 2, device=positions.device) * (-math.log(10000.0) / dim))
    angles = positions[:, None] * frequencies[None, :]
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)  # [positions, dim]
