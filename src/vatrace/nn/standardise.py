"""Z-scores by statistics of the training set."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Standardise(nn.Module):
    """Z-score each feature by statistics of the training set, which travel with the weights."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("std", torch.ones(dim))
        self.mean: Tensor
        self.std: Tensor

    def set(self, mean: Float[Tensor, " dim"], std: Float[Tensor, " dim"]) -> None:
        """Take the statistics; a feature that never varies is left at its scale."""
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > 1e-6, std, torch.ones_like(std)))

    def forward(self, stream: Float[Tensor, "batch frames dim"]) -> Float[Tensor, "batch frames dim"]:
        """Values with mean 0 and standard deviation 1 over the training set."""
        return (stream - self.mean) / self.std
