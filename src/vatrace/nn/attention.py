"""Attention of one stream to another: heads, which frames may be read, and a sense of time.

The paper's cross-attention (Eq. 1) compares contents alone: a sound of eight seconds ago weighs as much as that of this
frame. What gives it a sense of time here is ours, off by default, and in this file only.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vatrace.nn.positions import rotary

AttentionTime = Literal["none", "distance", "rotary", "window"]

FIRST_SLOPE_PER_FRAME = 1 / 25  # a frame one second away starts with exp(-1), about a third, of this frame's weight


class TimedAttention(nn.Module):
    """Softmax(Q K^T / sqrt(d)) V over the valid frames, d being the values a head.

    Heads are side by side, without a projection behind them: with one head this is Eq. 1.

    Args:
        heads: attention heads; they share the values of a frame equally.
        time: what the scores know of time. `none`, as in the paper. `distance`: a penalty of softplus(slope) x
            |query - key| frames, one learned slope a head; it starts at 1 in 25 frames, about a second, because a face
            and a voice that belong together are seldom further apart. `rotary`: queries and keys are turned by their
            frame. `window`: only keys within `reach_frames` are read.
        reach_frames: how far a query sees to either side in `window`, 0 or more.
        causal: whether a query reads only its own frame and those before it.
    """

    def __init__(
        self, *, heads: int = 1, time: AttentionTime = "none", reach_frames: int = 50, causal: bool = False
    ) -> None:
        super().__init__()
        self.heads, self.time, self.reach_frames, self.causal = heads, time, reach_frames, causal
        if time == "distance":
            self.slope = nn.Parameter(torch.full((heads,), math.log(math.expm1(FIRST_SLOPE_PER_FRAME))))

    def forward(
        self,
        query: Float[Tensor, "batch frames dim"],
        key: Float[Tensor, "batch frames dim"],
        value: Float[Tensor, "batch frames dim"],
        key_valid: Bool[Tensor, "batch frames"],
    ) -> tuple[Float[Tensor, "batch frames dim"], Bool[Tensor, "batch frames"]]:
        """What each query reads, zero where it may read nothing; and whether there was anything to read."""
        queries, keys, values = (self._split(each) for each in (query, key, value))
        if self.time == "rotary":
            queries, keys = rotary(queries), rotary(keys)
        visible = self._visible(key_valid)  # [batch, frames or 1, frames]
        readable = visible.any(dim=2)  # [batch, frames or 1]
        allowed = (visible | ~readable[:, :, None])[:, None]  # softmax needs a key even where none may be read
        mask = self._penalised(allowed) if self.time == "distance" else allowed
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        attended = attended.transpose(1, 2).flatten(2)  # [batch, frames, dim]
        return attended.masked_fill(~readable[:, :, None], 0.0), readable.expand(key_valid.shape)

    def _split(self, stream: Float[Tensor, "batch frames dim"]) -> Float[Tensor, "batch heads frames part"]:
        batch, frames, dim = stream.shape
        return stream.view(batch, frames, self.heads, dim // self.heads).transpose(1, 2)

    def _visible(self, key_valid: Bool[Tensor, "batch frames"]) -> Bool[Tensor, "batch queries frames"]:
        visible = key_valid[:, None, :]
        if self.time == "window":
            visible = visible & (_frames_ahead(key_valid).abs() <= self.reach_frames)
        if self.causal:
            visible = visible & (_frames_ahead(key_valid) <= 0)
        return visible

    def _penalised(self, allowed: Bool[Tensor, "batch 1 queries frames"]) -> Float[Tensor, "batch heads frames frames"]:
        distance = _frames_ahead(allowed).abs()
        penalty = F.softplus(self.slope)[:, None, None] * distance  # [heads, frames, frames]
        return (-penalty).masked_fill(~allowed, -math.inf)


def _frames_ahead(like: Tensor) -> Int[Tensor, "frames frames"]:
    """How far each key (column) is ahead of each query (row), in frames, for as many as `like` has in its last axis."""
    frames = torch.arange(like.shape[-1], device=like.device)
    return frames[None, :] - frames[:, None]
