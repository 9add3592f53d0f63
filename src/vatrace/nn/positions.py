"""Fixed positions: sinusoids for frames in time and patches in a picture (Vaswani et al. 2017), and rotary ones."""

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


def rotary(stream: Float[Tensor, "batch heads frames dim"]) -> Float[Tensor, "batch heads frames dim"]:
    """Turn each pair of values by an angle that grows with the frame (RoPE, Su et al. 2021, arXiv 2104.09864).

    Lengths stay. The product of a query and a key that are both turned depends on their distance in frames and no
    longer on where in the window they are.

    Args:
        stream: queries or keys; dim is even.
    """
    angles = _angles(torch.arange(stream.shape[2], dtype=torch.float32, device=stream.device), stream.shape[3])
    cos, sin = angles.cos().to(stream.dtype), angles.sin().to(stream.dtype)
    first, second = stream[..., 0::2], stream[..., 1::2]
    return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1).flatten(3)  # [.., frames, dim]


def _encode(positions: Float[Tensor, " frames"], dim: int) -> Float[Tensor, "frames dim"]:
    angles = _angles(positions, dim)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)  # [positions, dim]


def _angles(positions: Float[Tensor, " frames"], dim: int) -> Float[Tensor, "frames half"]:
    if dim % 2:
        raise ValueError(f"dim must be even for sinusoidal and rotary positions, got {dim}.")
    frequencies = torch.exp(torch.arange(0, dim, 2, device=positions.device) * (-math.log(10000.0) / dim))
    return positions[:, None] * frequencies[None, :]
