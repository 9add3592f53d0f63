"""Table IV, "Only Audio" and "Only Visual"; Table III's rows are the latter. The fusion is left out (paper, IV-D).

visual or audio -> z-score -> TCN -> transformer encoder -> linear -> valence, arousal
"""

from __future__ import annotations

from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor, nn

from vatrace.models.prediction import Prediction
from vatrace.nn.encoder import FrameEncoder
from vatrace.nn.standardise import Standardise
from vatrace.nn.tcn import TemporalConvNet, TemporalConvNetEach

Modality = Literal["visual", "audio"]


class SingleNetwork(nn.Module):
    """Features of one modality to valence and arousal, frame by frame. The other one is taken and not looked at.

    Args:
        modality: which one it looks at.
        visual_scale: z-scores of the visual features.
        audio_scale: z-scores of all acoustic features side by side.
        tcn: the modality's features to `dim` values a frame.
        encoder: a transformer encoder over `dim` values.
        head: `dim` values to valence and arousal.
    """

    def __init__(
        self,
        modality: Modality,
        *,
        visual_scale: Standardise,
        audio_scale: Standardise,
        tcn: TemporalConvNet | TemporalConvNetEach,
        encoder: FrameEncoder,
        head: nn.Linear,
    ) -> None:
        super().__init__()
        self.modality = modality
        self.visual_scale = visual_scale
        self.audio_scale = audio_scale
        self.tcn = tcn
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
        if self.modality == "visual":
            stream, valid = self.visual_scale(visual), visual_valid
        else:
            stream, valid = self.audio_scale(audio), audio_valid
        encoded = self.encoder(self.tcn(stream, valid), valid)
        return Prediction(values=self.head(encoded), gate_weights=None)
