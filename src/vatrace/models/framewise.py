"""Table IV, "Baseline": one linear layer on the visual features of each frame, with no sense of time.

The challenge's baseline is a ResNet-50 with a linear layer, frame by frame. Here the features come from any encoder, a
ResNet-50 for that row, and the layer is trained on them.
"""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn

from vatrace.models.prediction import Prediction
from vatrace.nn.standardise import Standardise


class FramewiseNetwork(nn.Module):
    """Visual features to valence and arousal, each frame on its own. Audio is taken and not looked at.

    Args:
        visual_scale: z-scores of the visual features.
        audio_scale: z-scores of all acoustic features side by side.
        head: visual features to valence and arousal.
    """

    def __init__(self, *, visual_scale: Standardise, audio_scale: Standardise, head: nn.Linear) -> None:
        super().__init__()
        self.visual_scale = visual_scale
        self.audio_scale = audio_scale
        self.head = head

    def forward(
        self,
        visual: Float[Tensor, "batch frames visual_dim"],
        audio: Float[Tensor, "batch frames audio_dim"],
        visual_valid: Bool[Tensor, "batch frames"],
        audio_valid: Bool[Tensor, "batch frames"],
    ) -> Prediction:
        """Valence and arousal of every frame; a frame without a face gets what the mean face would (the bias)."""
        stream = self.visual_scale(visual).masked_fill(~visual_valid[:, :, None], 0.0)
        return Prediction(values=self.head(stream), gate_weights=None)
