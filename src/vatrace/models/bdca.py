"""The paper's temporal model: a TCN a modality, BDCA, a transformer encoder, a linear head (paper, III-A, Fig. 1).

    visual, audio -> z-score -> TCN each -> BDCA (Eq. 1-6) -> transformer encoder -> linear -> valence, arousal

The audio features are z-scored and concatenated; by default one TCN takes them all (ours, the paper does not say). The
parts come from `build.py`, which alone knows their sizes.
"""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn

from vatrace.models.prediction import Prediction
from vatrace.nn.bdca import BidirectionalDynamicCrossModalAttention
from vatrace.nn.encoder import FrameEncoder
from vatrace.nn.standardise import Standardise
from vatrace.nn.tcn import TemporalConvNet, TemporalConvNetEach


class BdcaNetwork(nn.Module):
    """Features of both modalities to valence and arousal, frame by frame.

    Args:
        visual_scale: z-scores of the visual features.
        audio_scale: z-scores of all acoustic features side by side.
        visual_tcn: visual features to `dim` values a frame.
        audio_tcn: acoustic features to `dim` values a frame.
        fusion: both streams to one of 2 x `dim` values.
        encoder: the transformer encoder over that.
        head: 2 x `dim` values to valence and arousal.
    """

    def __init__(
        self,
        *,
        visual_scale: Standardise,
        audio_scale: Standardise,
        visual_tcn: TemporalConvNet,
        audio_tcn: TemporalConvNet | TemporalConvNetEach,
        fusion: BidirectionalDynamicCrossModalAttention,
        encoder: FrameEncoder,
        head: nn.Linear,
    ) -> None:
        super().__init__()
        self.visual_scale = visual_scale
        self.audio_scale = audio_scale
        self.visual_tcn = visual_tcn
        self.audio_tcn = audio_tcn
        self.fusion = fusion
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
        fused = self.fusion(visual, audio, visual_valid, audio_valid)
        encoded = self.encoder(fused.stream, visual_valid | audio_valid)
        return Prediction(values=self.head(encoded), gate_weights=fused.gate_weights)
