"""A linear read-out of each channel, joined by how far each can be relied on: what the starter model is.

    visual -> z-score -> linear -> v_f, a_f                          audio -> z-score -> linear -> v_v, a_v
    both there:  joint[face] * face + joint[voice] * voice + joint_bias
    one there:   alone[channel] * channel

z-scores are cut at +-3, so that no feature of an odd recording can carry a value away. `joint` and `alone` are numbers
an output, such as the regression of what raters say of sight and sound together on what they say of each. Nothing looks
at other frames. Where the only channel there has no say in an output, because its number in `alone` is exactly zero,
that output has no value (NaN): no estimate is not an estimate of the middle.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vatrace.models.prediction import Prediction
from vatrace.nn.standardise import Standardise

Z_LIMIT = 3.0
_OUTPUTS = 2


class LateNetwork(nn.Module):
    """Each channel to valence and arousal on its own, then joined.

    The gate weights that come out say whose value it is: `gate_weights[..., 0, 0]` is the face's share of the weights
    in `joint`, valence and arousal together, `gate_weights[..., 1, 0]` the voice's, and each stands beside the other's;
    1 and 0 where one of them is missing.

    Args:
        visual_scale: z-scores of the visual features.
        audio_scale: z-scores of all acoustic features side by side.
        face: visual features to valence and arousal.
        voice: acoustic features to valence and arousal.
    """

    def __init__(
        self, *, visual_scale: Standardise, audio_scale: Standardise, face: nn.Linear, voice: nn.Linear
    ) -> None:
        super().__init__()
        self.visual_scale = visual_scale
        self.audio_scale = audio_scale
        self.face = face
        self.voice = voice
        self.joint = nn.Parameter(torch.full((2, _OUTPUTS), 0.5))  # [channel, output], the face first
        self.joint_bias = nn.Parameter(torch.zeros(_OUTPUTS))
        self.alone = nn.Parameter(torch.ones(2, _OUTPUTS))

    def forward(
        self,
        visual: Float[Tensor, "batch frames visual_dim"],
        audio: Float[Tensor, "batch frames audio_dim"],
        visual_valid: Bool[Tensor, "batch frames"],
        audio_valid: Bool[Tensor, "batch frames"],
    ) -> Prediction:
        """Valence and arousal of every frame; a frame with neither channel gets zero."""
        face = self.face(_scaled(self.visual_scale, visual, visual_valid))
        voice = self.voice(_scaled(self.audio_scale, audio, audio_valid))
        sees, hears = visual_valid[:, :, None], audio_valid[:, :, None]  # [batch, frames, 1]
        both = self.joint[0] * face + self.joint[1] * voice + self.joint_bias
        values = torch.where(sees & hears, both, torch.where(sees, _offered(self.alone[0], face), 0.0))
        values = torch.where(hears & ~sees, _offered(self.alone[1], voice), values)
        return Prediction(values=values, gate_weights=self._shares(visual_valid, audio_valid))

    def _shares(
        self, visual_valid: Bool[Tensor, "batch frames"], audio_valid: Bool[Tensor, "batch frames"]
    ) -> Float[Tensor, "batch frames 2 2"]:
        said = self.joint.detach().abs().sum(dim=1)
        share = said[0] / said.sum().clamp_min(torch.finfo(said.dtype).tiny)
        face = torch.where(visual_valid == audio_valid, share, visual_valid.to(said.dtype))
        visual = torch.stack([face, 1 - face], dim=-1)
        return torch.stack([visual, visual.flip(-1)], dim=-2)


def _scaled(scale: Standardise, stream: Tensor, valid: Tensor) -> Tensor:
    scaled: Tensor = scale(stream).clamp(-Z_LIMIT, Z_LIMIT)
    return scaled.masked_fill(~valid[:, :, None], 0.0)


def _offered(slopes: Tensor, values: Tensor) -> Tensor:
    """One channel's values, NaN in an output in which it has no say."""
    return torch.where(slopes == 0, torch.nan, slopes * values)
