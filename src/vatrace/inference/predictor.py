"""Features to a trace: the one function that validation, evaluation, command line and page share.

Windows, stride and everything about the features come from the model itself. Overlapping windows are averaged, values
are clipped to [-1, 1], and a frame with nothing to rest on has no value: neither face nor sound, or no face for a model
that takes the face alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vatrace.datasets.windows import ModelInput, model_input, stack
from vatrace.errors import FeatureError
from vatrace.features.store import ClipFeatures
from vatrace.models.checkpoint import SavedModel, load_model
from vatrace.streams import Trace
from vatrace.windows import Window, merge_windows, smooth_in_time, windows_in_time

_WINDOWS_AT_ONCE = 16
_ONE_CHANNEL = {"visual": (True, False), "framewise": (True, False), "audio": (False, True)}  # takes face, takes voice


class Predictor:
    """Turns the features of a clip into its trace.

    Args:
        model: a trained model, or one in training.
    """

    def __init__(self, model: SavedModel) -> None:
        self.model = model

    @classmethod
    def from_folder(cls, folder: Path) -> Predictor:
        """Load a model folder."""
        return cls(load_model(folder))

    def trace(self, features: ClipFeatures) -> Trace:
        """Valence and arousal of every frame.

        Raises:
            FeatureError: the features were not made as the model's were.
        """
        self._check(features)
        inputs = model_input(features, self.model.features.acoustic)
        window = self.model.window
        windows = windows_in_time(features.times_seconds, window.window_frames, window.stride_frames)
        values, gates = self._predict(inputs, windows)
        uses_visual, uses_audio = _ONE_CHANNEL.get(self.model.model.fusion, (True, True))
        valid = (inputs.visual_valid & uses_visual) | (inputs.audio_valid & uses_audio)
        merged = merge_windows(windows, values, len(inputs))
        if window.smooth_seconds:
            merged = smooth_in_time(merged, features.times_seconds, window.smooth_seconds, valid)
        valence, arousal = np.clip(merged, -1, 1).T
        return Trace(
            times_seconds=features.times_seconds,
            valence=np.where(valid, valence, np.nan),
            arousal=np.where(valid, arousal, np.nan),
            valid=valid,
            face_valid=inputs.visual_valid if uses_visual else None,
            voice_valid=inputs.audio_valid if uses_audio else None,
            gate_weights=merge_windows(windows, gates, len(inputs)).astype(np.float32) if gates else None,
        )

    @torch.inference_mode()
    def _predict(
        self, inputs: ModelInput, windows: Sequence[Window]
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        network = self.model.network
        device = next(network.parameters()).device
        was_training = network.training
        network.eval()
        values: list[NDArray[np.float32]] = []
        gates: list[NDArray[np.float32]] = []
        for at in range(0, len(windows), _WINDOWS_AT_ONCE):
            batch = stack([_cut(inputs, each) for each in windows[at : at + _WINDOWS_AT_ONCE]])
            streams = (batch.visual, batch.audio, batch.visual_valid, batch.audio_valid)
            prediction = network(*(stream.to(device) for stream in streams))
            values.extend(prediction.values.cpu().numpy())
            if prediction.gate_weights is not None:
                gates.extend(prediction.gate_weights.cpu().numpy())
        network.train(was_training)
        return values, gates

    def _check(self, features: ClipFeatures) -> None:
        for name, identity in self.model.features.identities.items():
            found = features.identities.get(name)
            if found != identity:
                raise FeatureError(
                    f"the model takes {name} features made by {identity}, but those of {features.clip} were made by "
                    f"{found}; extract them with the encoder in the model's folder and the acoustic features it names."
                )


def _cut(inputs: ModelInput, window: Window) -> ModelInput:
    part = slice(window.start, window.stop)
    return ModelInput(
        visual=inputs.visual[part],
        audio=inputs.audio[part],
        visual_valid=inputs.visual_valid[part],
        audio_valid=inputs.audio_valid[part],
    )
