"""Labelled clips, their windows, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from vatrace.config import WindowConfig
from vatrace.features.extract import VISUAL
from vatrace.features.store import ClipFeatures, FeatureFile
from vatrace.streams import TimeArray, Trace
from vatrace.windows import Window, windows_in_time


@dataclass(frozen=True)
class LabelledClip:
    """Features of a clip on disk, and its labels on the same clock; there may be labels beyond the last frame.

    `source` is shared by clips that show the same people; "" where nobody knows.
    """

    features: FeatureFile
    label: Trace
    source: str = ""

    def __post_init__(self) -> None:
        if self.features.num_frames > len(self.label):
            raise ValueError(
                f"{self.features.clip}: {self.features.num_frames} frames of features, {len(self.label)} of labels."
            )

    @property
    def times_seconds(self) -> TimeArray:
        """`[frames]`, of the features."""
        return self.label.times_seconds[: self.features.num_frames]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Windows side by side, as the model takes them; short ones are padded with invalid frames at the end."""

    visual: Float[Tensor, "batch frames visual_dim"]
    audio: Float[Tensor, "batch frames audio_dim"]
    visual_valid: Bool[Tensor, "batch frames"]
    audio_valid: Bool[Tensor, "batch frames"]
    label: Float[Tensor, "batch frames 2"]
    label_valid: Bool[Tensor, "batch frames"]


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """Both modalities of a stretch of frames, acoustic streams side by side; valid where all of them are."""

    visual: NDArray[np.float32]
    audio: NDArray[np.float32]
    visual_valid: NDArray[np.bool_]
    audio_valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.visual)


def model_input(features: ClipFeatures, acoustic: Sequence[str]) -> ModelInput:
    """Put the streams together as a model takes them.

    Args:
        features: of one clip or a stretch of it.
        acoustic: names of the acoustic streams, in order.
    """
    streams = [features.streams[name] for name in acoustic]
    return ModelInput(
        visual=features.streams[VISUAL].values,
        audio=np.concatenate([stream.values for stream in streams], axis=1),
        visual_valid=features.streams[VISUAL].valid,
        audio_valid=np.logical_and.reduce([stream.valid for stream in streams]),
    )


def stack(inputs: Sequence[ModelInput], labels: Sequence[Trace] | None = None) -> Batch:
    """Pad to the longest and stack; without labels, no frame is labelled."""
    longest = max(len(each) for each in inputs)
    marks = [_label_array(label) for label in labels] if labels is not None else []
    size = (len(inputs), longest)
    return Batch(
        visual=_padded([each.visual for each in inputs], longest),
        audio=_padded([each.audio for each in inputs], longest),
        visual_valid=_padded([each.visual_valid for each in inputs], longest),
        audio_valid=_padded([each.audio_valid for each in inputs], longest),
        label=_padded(marks, longest) if marks else torch.zeros(*size, 2),
        label_valid=_padded([each.valid for each in labels or ()], longest)
        if marks
        else torch.zeros(size, dtype=torch.bool),
    )


class WindowDataset:
    """All windows of some labelled clips, read from disk when asked for.

    Args:
        clips: the clips.
        window: how to cut them.
        acoustic: names of the acoustic streams, in order.
    """

    def __init__(self, clips: Sequence[LabelledClip], window: WindowConfig, acoustic: Sequence[str]) -> None:
        self.clips = tuple(clips)
        self.acoustic = tuple(acoustic)
        self.items: list[tuple[int, Window]] = [
            (index, piece)
            for index, clip in enumerate(self.clips)
            for piece in windows_in_time(clip.times_seconds, window.window_frames, window.stride_frames)
            if clip.label.valid[piece.start : piece.stop].any()
        ]

    def __len__(self) -> int:
        return len(self.items)

    def batch(self, indices: Sequence[int]) -> Batch:
        """The windows with these indices as one batch."""
        inputs, labels = [], []
        for index in indices:
            clip_index, piece = self.items[index]
            clip = self.clips[clip_index]
            inputs.append(model_input(clip.features.read(piece.start, piece.stop), self.acoustic))
            labels.append(clip.label.cut(piece.start, piece.stop))
        return stack(inputs, labels)


def _label_array(label: Trace) -> NDArray[np.float32]:
    values = np.stack([label.valence, label.arousal], axis=1).astype(np.float32)
    values[~label.valid] = 0
    return values


def _padded(rows: Sequence[NDArray[np.float32]] | Sequence[NDArray[np.bool_]], longest: int) -> Tensor:
    out = torch.zeros((len(rows), longest, *rows[0].shape[1:]), dtype=torch.from_numpy(rows[0][:0]).dtype)
    for at, row in enumerate(rows):
        out[at, : len(row)] = torch.from_numpy(np.ascontiguousarray(row))
    return out
