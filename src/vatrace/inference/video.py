"""A video to its trace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vatrace.faces.detection import FaceDetector
from vatrace.faces.people import MAX_PEOPLE
from vatrace.features.acoustic import acoustic_extractor
from vatrace.features.extract import FeaturePipeline, OnFrames
from vatrace.features.store import ClipFeatures
from vatrace.features.visual import load_encoder
from vatrace.inference.predictor import Predictor
from vatrace.models.checkpoint import ENCODER_FOLDER
from vatrace.streams import Trace

# For a late model alone: any other was trained on faces found in every frame, and sees the same when it predicts.
DETECT_EVERY_SECONDS = 0.085  # every second frame of a film of 25, every fifth of one of 60


@dataclass(frozen=True)
class PersonResult:
    """The trace of one person of a video.

    Args:
        person: number in the video; the main one is 0.
        trace: valence and arousal of every frame.
        features: what it was made from.
    """

    person: int
    trace: Trace
    features: ClipFeatures

    @property
    def face_score(self) -> NDArray[np.float32]:
        """`[frames]`, the detector's score from 0 to 1, 0 where no face was found."""
        return self.features.face_score

    @property
    def face_boxes(self) -> NDArray[np.float32] | None:
        """`[frames, 4]`, the face's left, top, right and bottom as shares of the picture; NaN where there is none."""
        return self.features.face_boxes


@dataclass(frozen=True)
class VideoResult:
    """Everybody in a video.

    Args:
        people: the main person first; never empty.

    Raises:
        ValueError: there is nobody.
    """

    people: tuple[PersonResult, ...]

    def __post_init__(self) -> None:
        if not self.people:
            raise ValueError("a result has at least one person, got none")

    @property
    def trace(self) -> Trace:
        """Of the main person."""
        return self.people[0].trace

    @property
    def features(self) -> ClipFeatures:
        """Of the main person."""
        return self.people[0].features


@dataclass(frozen=True)
class VideoPredictor:
    """A model with the features it needs: takes a path, gives a trace."""

    pipeline: FeaturePipeline
    predictor: Predictor

    @classmethod
    def from_folder(cls, folder: Path, *, vggish_weights: Path | None = None) -> VideoPredictor:
        """Load a model folder with its encoder.

        Args:
            folder: the model folder.
            vggish_weights: the file vggish-10086976.pth, for a model that takes VGGish features; None takes the one in
                vatrace's cache folder.

        Raises:
            NothingFound: there is no model, or no encoder with it.
            ModelError: one of them is damaged, or VGGish's weights are needed and not there.
        """
        predictor = Predictor.from_folder(folder)
        visual = load_encoder(folder / ENCODER_FOLDER)
        is_late = predictor.model.model.fusion == "late"
        if is_late:  # its depthwise convolutions take a third of the time this way; others keep their last bit
            visual.network.to(memory_format=torch.channels_last)
        pipeline = FeaturePipeline(
            detector=FaceDetector(),
            visual=visual,
            acoustic=[acoustic_extractor(name, weights=vggish_weights) for name in predictor.model.features.acoustic],
            detect_every_seconds=DETECT_EVERY_SECONDS if is_late else 0.0,
        )
        return cls(pipeline, predictor)

    def predict(self, path: Path, *, people: int = MAX_PEOPLE, on_frames: OnFrames | None = None) -> VideoResult:
        """The traces of the people in a video, or of the voice in a file of sound alone.

        Args:
            path: a video or sound file.
            people: at most so many, 1 or more.
            on_frames: told about progress.

        Raises:
            NothingFound: no such file.
            MediaError: it is neither, or cannot be read safely.
        """
        everybody = self.pipeline.extract_everybody(path, at_most=people, on_frames=on_frames)
        traces = [self.predictor.trace(features) for features in everybody]
        return VideoResult(tuple(map(PersonResult, range(len(traces)), traces, everybody)))
