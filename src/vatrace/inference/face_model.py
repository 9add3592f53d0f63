"""The starter model with its face read by another network."""

from __future__ import annotations

from dataclasses import replace

import torch

from vatrace.features.extract import VISUAL
from vatrace.features.face_model import FaceModel
from vatrace.inference.predictor import Predictor
from vatrace.inference.video import VideoPredictor
from vatrace.models.build import build_model
from vatrace.models.checkpoint import SavedModel
from vatrace.models.late import LateNetwork

_VALENCE_AROUSAL = 2


def with_face_model(starter: VideoPredictor, face: FaceModel) -> VideoPredictor:
    """A late model whose face's valence and arousal are those of `face`, as they are.

    The voice, and how the two are joined, stay those of the model: `joint` and `alone` are ratios between what raters
    say of a face, of a voice and of both, and hold for whatever gives the face's values.

    Args:
        starter: a predictor with a late model; it is left as it is.
        face: gives valence and arousal.

    Raises:
        ValueError: the model is not a late one.
    """
    saved = starter.predictor.model
    if not isinstance(saved.network, LateNetwork):
        raise ValueError(f"another face network can be put into a model of the fusion late, got {saved.model.fusion}.")
    spec = replace(
        saved.features,
        visual_dim=_VALENCE_AROUSAL,
        identities=dict(saved.features.identities) | {VISUAL: face.encoder.identity},
    )
    remark = (
        f"Starter model with its face read by {face.name}; voice and joining as in its card, vatrace/starter/CARD.md, "
        "and what they are worth together was not measured"
    )
    joined = replace(
        saved,
        network=_with_values_as_they_are(saved),
        features=spec,
        provenance=dict(saved.provenance) | {"remark": remark},
    )
    return VideoPredictor(replace(starter.pipeline, visual=face.encoder), Predictor(joined))


def _with_values_as_they_are(saved: SavedModel) -> LateNetwork:
    """The network with a face that is passed on: mean 0, deviation 1, identity, no bias."""
    network = build_model(saved.model, visual_dim=_VALENCE_AROUSAL, audio_dims=saved.features.audio_dims)
    if not isinstance(network, LateNetwork):
        raise AssertionError("fusion late builds a LateNetwork")
    kept = {
        name: value
        for name, value in saved.network.state_dict().items()
        if not name.startswith(("visual_scale.", "face."))
    }
    network.load_state_dict(network.state_dict() | kept)
    with torch.no_grad():
        network.face.weight.copy_(torch.eye(_VALENCE_AROUSAL))
        network.face.bias.zero_()
    return network.eval()
