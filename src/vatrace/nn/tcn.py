"""Temporal convolutional network (paper, III-A: "four-layer TCNs are used to model intra-modal temporal dependencies").

The paper gives four layers and 128 values a frame. Kernel 5, dilations 1-2-4-8, weight normalisation, dropout .1 and
causality are ours, after the systems it inherits from (Bai et al. 2018). Inside this file tensors are (batch, dim,
frames).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm


class TemporalConvNet(nn.Module):
    """A stack of dilated residual convolutions over time.

    Args:
        input_dim: values a frame that come in.
        dim: values a frame that go out.
        layers: residual blocks; block i has dilation 2^i and two convolutions.
        kernel: frames a convolution sees at once.
        causal: True looks only back, so that the network can run live; False looks as far ahead as back.
        dropout: share of values dropped after each convolution in training.
    """

    def __init__(
        self, input_dim: int, dim: int, *, layers: int = 4, kernel: int = 5, causal: bool = True, dropout: float = 0.1
    ) -> None:
        super().__init__()
        if not causal and kernel % 2 == 0:
            raise ValueError(f"a non-causal network needs an odd kernel to stay centred, got {kernel}.")
        self.blocks = nn.ModuleList(
            _ResidualBlock(input_dim if layer == 0 else dim, dim, kernel, 2**layer, causal, dropout)
            for layer in range(layers)
        )
        self.receptive_field_frames = 1 + 2 * (kernel - 1) * (2**layers - 1)

    def forward(
        self, stream: Float[Tensor, "batch frames input_dim"], valid: Bool[Tensor, "batch frames"]
    ) -> Float[Tensor, "batch frames dim"]:
        """Encode a stream; what stands in invalid frames is taken as zero and cannot reach any output."""
        hidden = stream.masked_fill(~valid[:, :, None], 0.0).transpose(1, 2)  # [batch, input_dim, frames]
        ended = (
            ~valid.flip(1).cummax(dim=1).values.flip(1)[:, None, :]
        )  # after the last valid frame: padding, or as good
        for block in self.blocks:
            hidden = block(hidden, ended)
        return hidden.transpose(1, 2)


class TemporalConvNetEach(nn.Module):
    """A network a feature set, then a linear layer to one stream (ours; the paper does not say how it joins them).

    Args:
        networks: one a feature set.
        input_dims: values a frame of each feature set, in the order in which they stand side by side.
        dim: values a frame that each network gives, and that go out.
    """

    def __init__(self, networks: Sequence[TemporalConvNet], input_dims: Sequence[int], dim: int) -> None:
        super().__init__()
        self.input_dims = list(input_dims)
        self.networks = nn.ModuleList(networks)
        self.join = nn.Linear(len(networks) * dim, dim)

    def forward(
        self, stream: Float[Tensor, "batch frames input_dim"], valid: Bool[Tensor, "batch frames"]
    ) -> Float[Tensor, "batch frames dim"]:
        """Encode each feature set on its own and join them, frame by frame."""
        parts = torch.split(stream, self.input_dims, dim=-1)
        encoded = [network(part, valid) for network, part in zip(self.networks, parts, strict=True)]
        joined: Tensor = self.join(torch.cat(encoded, dim=-1))
        return joined


class _ResidualBlock(nn.Module):
    def __init__(self, input_dim: int, dim: int, kernel: int, dilation: int, causal: bool, dropout: float) -> None:
        super().__init__()
        reach = (kernel - 1) * dilation
        self.padding = (reach, 0) if causal else (reach // 2, reach // 2)
        self.first = weight_norm(_initialised(nn.Conv1d(input_dim, dim, kernel, dilation=dilation)))
        self.second = weight_norm(_initialised(nn.Conv1d(dim, dim, kernel, dilation=dilation)))
        self.skip = nn.Identity() if input_dim == dim else nn.Conv1d(input_dim, dim, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden: Float[Tensor, "batch input_dim frames"], ended: Bool[Tensor, "batch 1 frames"]
    ) -> Float[Tensor, "batch dim frames"]:
        out = hidden
        for convolution in (self.first, self.second):
            if self.padding[1]:  # a network that looks ahead must find after the end what it finds beyond the tensor
                out, hidden = out.masked_fill(ended, 0.0), hidden.masked_fill(ended, 0.0)
            out = self.dropout(F.leaky_relu(convolution(F.pad(out, self.padding))))
        return F.leaky_relu(out + self.skip(hidden))


def _initialised(convolution: nn.Conv1d) -> nn.Conv1d:
    # Before weight_norm wraps it: setting .weight afterwards has no effect, a bug that the field has inherited.
    nn.init.xavier_uniform_(convolution.weight, gain=math.sqrt(2))
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution
