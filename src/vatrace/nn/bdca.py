"""Bidirectional dynamic cross-modal attention (BDCA), Eq. 1-6 of the paper (III-D).

Both streams are (batch, frames, dim); the paper writes them as X in R^{d x L}. Eq. 2 adds the two modalities, so they
share one `dim`. A `valid` mask says where a modality was there: its invalid frames are no keys, and where it is
nowhere valid nothing is read from it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F


class CrossAttention(nn.Module):
    """Eq. 1-2: what one modality reads from the other, added to itself.

        A_v = Softmax(Q_v K_a^T / sqrt(d_a)) V_a        (1)
        X_att,v = ReLU(A_v + X_v)                       (2)

    Q_v is `query(original)`, K_a and V_a are `key(other)` and `value(other)`. The projections have no bias, after Eq.
    1, and there is one head, as it is written; the paper gives neither dropout nor normalisation here and we use none.

    Args:
        dim: values a frame of both streams.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)

    def forward(
        self,
        original: Float[Tensor, "batch frames dim"],
        other: Float[Tensor, "batch frames dim"],
        other_valid: Bool[Tensor, "batch frames"],
    ) -> Float[Tensor, "batch frames dim"]:
        """X_att of the original stream: attended to the other one, over all its valid frames."""
        readable = other_valid.any(dim=1)[:, None]  # [batch, 1]
        keys = (other_valid | ~readable)[:, None, :]  # [batch, 1, frames]; softmax needs a key even where none is valid
        attended = F.scaled_dot_product_attention(
            self.query(original), self.key(other), self.value(other), attn_mask=keys
        )
        attended = attended.masked_fill(~readable[:, :, None], 0.0)
        return F.relu(attended + original)


class DynamicGate(nn.Module):
    """Eq. 3-5: weigh the original stream against the attended one, frame by frame.

        W_go = X_att^T W_gl                             (3)
        G = Softmax(W_go / T) over its K = 2 columns    (4)
        X_att,g = ReLU(X (x) G_0 + X_att (x) G_1)       (5)

    W_gl is `weight`, [dim, 2], without bias; T is `temperature`. At .5 it sharpens the softmax, though the text says
    that it smooths. Column 0 weighs the original stream and column 1 the attended one, as Eq. 5 has it. The weight
    starts at zero (ours), so that training begins at one half each.

    Args:
        dim: values a frame.
        temperature: T, above 0.
    """

    def __init__(self, dim: int, *, temperature: float = 0.5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(dim, 2))
        self.temperature = temperature

    def forward(
        self, original: Float[Tensor, "batch frames dim"], attended: Float[Tensor, "batch frames dim"]
    ) -> tuple[Float[Tensor, "batch frames dim"], Float[Tensor, "batch frames 2"]]:
        """The gated stream, and the weights (original, attended) of each frame, which sum to 1."""
        gate_weights = torch.softmax(attended @ self.weight / self.temperature, dim=-1)
        gated = F.relu(original * gate_weights[..., :1] + attended * gate_weights[..., 1:])
        return gated, gate_weights


class Fused(NamedTuple):
    """Both streams as one, and how each was weighed.

    `stream` is `[batch, frames, 2 dim]`; `gate_weights` is `[batch, frames, modality, 2]` with the modalities visual
    and audio and the weights (original, attended).
    """

    stream: Tensor
    gate_weights: Tensor


class BidirectionalDynamicCrossModalAttention(nn.Module):
    """Eq. 6: VDAA and ADVA, each gated, side by side.

        X_fused = [X_att,gv; X_att,ga]                  (6)

    VDAA (visual-driven audio attention) is `visual_from_audio`: the query's modality comes first. ADVA is
    `audio_from_visual`.

    Args:
        dim: values a frame of each stream.
        temperature: T of Eq. 4.
    """

    def __init__(self, dim: int, *, temperature: float = 0.5) -> None:
        super().__init__()
        self.visual_from_audio = CrossAttention(dim)
        self.audio_from_visual = CrossAttention(dim)
        self.visual_gate = DynamicGate(dim, temperature=temperature)
        self.audio_gate = DynamicGate(dim, temperature=temperature)

    def forward(
        self,
        visual: Float[Tensor, "batch frames dim"],
        audio: Float[Tensor, "batch frames dim"],
        visual_valid: Bool[Tensor, "batch frames"],
        audio_valid: Bool[Tensor, "batch frames"],
    ) -> Fused:
        """Fuse both streams, frame by frame."""
        visual_attended = self.visual_from_audio(visual, audio, audio_valid)
        audio_attended = self.audio_from_visual(audio, visual, visual_valid)
        visual_gated, visual_weights = self.visual_gate(visual, visual_attended)
        audio_gated, audio_weights = self.audio_gate(audio, audio_attended)
        return Fused(
            stream=torch.cat([visual_gated, audio_gated], dim=-1),
            gate_weights=torch.stack([visual_weights, audio_weights], dim=2),
        )
