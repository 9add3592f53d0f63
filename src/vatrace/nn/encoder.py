"""The transformer encoder over frames that follows the fusion (paper, III-A, Fig. 1).

The paper names it and leaves its size open. Ours: sinusoidal positions, pre-norm layers and a last norm; by default 2
layers of 4 heads, feed-forward 512, dropout .1 (`ModelConfig`).
"""

from __future__ import annotations

from copy import deepcopy

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vatrace.nn.positions import sinusoidal_positions


class FrameEncoder(nn.Module):
    """Self-attention over the frames of a window; no frame reads an invalid one.

    Args:
        dim: values a frame.
        layers: how many layers; they start as copies of one another, as those of `torch.nn.TransformerEncoder`.
        heads: attention heads of each; they share `dim` equally.
        feed_forward: width inside each layer.
        dropout: share of values dropped in training.
        causal: whether a frame reads only itself and those before it.
    """

    def __init__(
        self, dim: int, *, layers: int, heads: int, feed_forward: int, dropout: float, causal: bool = False
    ) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(dim, heads, feed_forward, dropout, batch_first=True, norm_first=True)
        self.layers = nn.ModuleList(deepcopy(layer) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        self.heads = heads
        self.causal = causal

    def forward(
        self, stream: Float[Tensor, "batch frames dim"], valid: Bool[Tensor, "batch frames"]
    ) -> Float[Tensor, "batch frames dim"]:
        """Add positions and encode."""
        hidden = stream + sinusoidal_positions(stream.shape[1], stream.shape[2], stream.device)
        hidden_keys = _hidden_keys(valid).repeat_interleave(self.heads, dim=0) if self.causal else None
        ignored = None if self.causal else _ignored(valid)
        for layer in self.layers:
            hidden = layer(hidden, src_mask=hidden_keys, src_key_padding_mask=ignored)
        encoded: Tensor = self.norm(hidden)
        return encoded


def _ignored(valid: Bool[Tensor, "batch frames"]) -> Bool[Tensor, "batch frames"]:
    """Invalid frames; none where a whole window is invalid, as attention needs a key."""
    return ~valid & valid.any(dim=1, keepdim=True)


def _hidden_keys(valid: Bool[Tensor, "batch frames"]) -> Bool[Tensor, "batch frames frames"]:
    """Which keys (columns) a query (row) may not read: the future, and invalid frames other than itself."""
    num_frames = valid.shape[1]
    future = torch.ones(num_frames, num_frames, dtype=torch.bool, device=valid.device).triu(1)
    others = ~torch.eye(num_frames, dtype=torch.bool, device=valid.device)
    return future | (~valid[:, None, :] & others)
