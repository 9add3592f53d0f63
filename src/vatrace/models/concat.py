"""Table IV, "Concat w/o BDCA": the paper's model with both streams side by side in place of their fusion.

visual, audio -> z-score -> TCN each -> [X_v; X_a] -> transformer encoder -> linear -> valence, arousal
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vatrace.models.prediction import Prediction
from vatrace.nn.encoder import FrameEncoder
from vatrace.nn.standardise import Standardise
from vatrace.nn.tcn import TemporalConvNet, TemporalConvNetEach


class ConcatNetwork(nn.Module):
    """Features of both modalities to valence and arousal, with no attention between them.

    Args:
        visual_scale: z-scores of the visual features.
        audio_scale: z-scores of all acoustic features side by side.
        visual_tcn: visual features to `dim` values a frame.
        audio_tcn: acoustic features to `dim` values a frame.
        encoder: a transformer encoder over 2 x `dim` values.
        head: 2 x `dim` values to valence and arousal.
    """

    def __init__(
        self,
        *,
        visual_scale: Standardise,
        audio_scale: Standardise,
        visual_tcn: TemporalConvNet,
        audio_tcn: TemporalConvNet | TemporalConvNetEach,
        encoder: FrameEncoder,
        head: nn.Linear,
    ) -> None:
        super().__init__()
        self.visual_scale = visual_scale
        self.audio_scale = audio_scale
        self.visual_tcn = visual_tcn
        self.audio_tcn = audio_tcn
        self.encoder = encoder
        self.head = head

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
        encoded = self.encoder(torch.cat([visual, audio], dim=-1), visual_valid | audio_valid)
        return Prediction(values=self.head(encoded), gate_weights=None)
