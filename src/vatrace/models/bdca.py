"""The paper's temporal model: a TCN a modality, BDCA, a transformer encoder, a linear head (paper, III-A, Fig. 1).

    visual, audio -> z-score -> TCN each -> BDCA (Eq. 1-6) -> transformer encoder -> linear -> valence, arousal

The paper leaves the encoder's size open. Ours: sinusoidal positions, 2 pre-norm layers of 4 heads, feed-forward 512,
dropout .1. The audio features are z-scored and concatenated before one TCN. The output is linear; it is clipped to
[-1, 1] only when predicting.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vatrace.nn.bdca import BidirectionalDynamicCrossModalAttention
from vatrace.nn.positions import sinusoidal_positions
from vatrace.nn.tcn import TemporalConvNet


class Prediction(NamedTuple):
    """`values` [batch, frames, 2] (valence first) and `gate_weights` [batch, frames, modality, 2] or None."""

    values: Tensor
    gate_weights: Tensor | None


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


class BdcaNetwork(nn.Module):
    """Features of both modalities to valence and arousal, frame by frame.

    Args:
        visual_dim: values a frame of the visual encoder.
        audio_dim: values a frame of all acoustic features side by side.
        dim: values a frame and modality inside.
        tcn_layers: blocks of each TCN.
        tcn_kernel: kernel of each TCN, in frames.
        causal: whether the TCNs look only back.
        temperature: T of the gate (Eq. 4).
        encoder_layers: layers of the transformer encoder.
        encoder_heads: its attention heads.
        feed_forward: its feed-forward width.
        dropout: of TCNs and encoder, in training.
    """

    def __init__(
        self,
        visual_dim: int,
        audio_dim: int,
        *,
        dim: int,
        tcn_layers: int,
        tcn_kernel: int,
        causal: bool,
        temperature: float,
        encoder_layers: int,
        encoder_heads: int,
        feed_forward: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.visual_scale = Standardise(visual_dim)
        self.audio_scale = Standardise(audio_dim)
        self.visual_tcn = TemporalConvNet(
            visual_dim, dim, layers=tcn_layers, kernel=tcn_kernel, causal=causal, dropout=dropout
        )
        self.audio_tcn = TemporalConvNet(
            audio_dim, dim, layers=tcn_layers, kernel=tcn_kernel, causal=causal, dropout=dropout
        )
        self.fusion = BidirectionalDynamicCrossModalAttention(dim, temperature=temperature)
        layer = nn.TransformerEncoderLayer(
            2 * dim, encoder_heads, feed_forward, dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(
            layer, encoder_layers, norm=nn.LayerNorm(2 * dim), enable_nested_tensor=False
        )
        self.head = nn.Linear(2 * dim, 2)

    def forward(
        self,
        visual: Float[Tensor, "batch frames visual_dim"],
        audio: Float[Tensor, "batch frames audio_dim"],
        visual_valid: Bool[Tensor, "batch frames"],
        audio_valid: Bool[Tensor, "batch frames"],
    ) -> Prediction:
        """Valence and arousal of every frame; what stands in invalid frames changes nothing."""
        visual = self.visual_tcn(self.visual_scale(visual), visual_valid)
        audio = self.audio_tcn(self.audio_scale(audio), audio_valid)
        fused = self.fusion(visual, audio, visual_valid, audio_valid)
        positions = sinusoidal_positions(fused.stream.shape[1], fused.stream.shape[2], fused.stream.device)
        encoded = self.encoder(fused.stream + positions, src_key_padding_mask=_ignored(visual_valid | audio_valid))
        return Prediction(values=self.head(encoded), gate_weights=fused.gate_weights)


def _ignored(either_valid: Bool[Tensor, "batch frames"]) -> Bool[Tensor, "batch frames"]:
    """Frames with neither face nor sound; none where a whole window has neither, as attention needs a key."""
    return ~either_valid & either_valid.any(dim=1, keepdim=True)
