"""A trace while it happens: pictures and sound go in as they come, each picture's value comes out at once.

The value of a picture is what `Predictor.trace` says of the last frame of a clip that ends there, a window long at
most. So nothing after the picture is used, smoothing reaches only back, and live, command line and page share the one
function from features to a trace. What is kept is the last window of features and some seconds of sound, however long
it goes on. Nothing is waited for: whoever gives pictures faster than they are worked on has to leave some out
(`vatrace.web.live` does).

Only models that look back are taken. One that attends to the frames after a moment learned what it says of that moment
with them; cut off at each picture in turn it would say something else than of the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatrace.faces.alignment import align_face
from vatrace.faces.following import FaceFollower
from vatrace.features.extract import VISUAL
from vatrace.features.store import ClipFeatures
from vatrace.inference.choice import refuse_unless_causal
from vatrace.inference.live_sound import LiveSound
from vatrace.inference.video import VideoPredictor
from vatrace.report.basis import telling_gates
from vatrace.streams import FeatureStream

NAME = "live"


@dataclass(frozen=True, kw_only=True)
class LiveValue:
    """What is said of one moment.

    Args:
        time_seconds: of the picture, on the clock of whoever gave it.
        valence: unpleasant -1 to pleasant 1; None where there is nothing to base a value on.
        arousal: calm -1 to excited 1; None as valence.
        face: whether there was a face; None for a model that does not look.
        voice: whether there was a voice; None for a model that does not listen.
        face_score: the detector's score, 0 to 1; None where no face was found.
        gate_face: how far the face rests on itself, 0 to 1; None where the model has no gate, or there is no value.
        gate_voice: the same of the voice.
    """

    time_seconds: float
    valence: float | None
    arousal: float | None
    face: bool | None
    voice: bool | None
    face_score: float | None
    gate_face: float | None
    gate_voice: float | None


class LivePredictor:
    """Follows the main person in front of a camera.

    Args:
        video: a model with the features it needs; several of these may share it, one after the other.

    Raises:
        ModelError: the model looks ahead.
    """

    def __init__(self, video: VideoPredictor) -> None:
        refuse_unless_causal(video.predictor.model.model)
        self._pipeline, self._predictor = video.pipeline, video.predictor
        self._follower = FaceFollower()
        self._sound = LiveSound(video.pipeline.acoustic)
        self._rows: deque[_Row] = deque(maxlen=video.predictor.model.window.window_frames)

    @property
    def sound_end_seconds(self) -> float | None:
        """Up to when there is sound; None before there was any."""
        return self._sound.end_seconds

    def add_sound(self, samples: NDArray[np.float32], time_seconds: float) -> None:
        """Take a block of sound; blocks come in order, and before the picture that they go with.

        Args:
            samples: `[samples]`, mono in [-1, 1] at 16 kHz.
            time_seconds: when the first of them sounded, on one clock with the pictures.

        Raises:
            ValueError: other samples, or no finite time.
        """
        if samples.dtype != np.float32 or samples.ndim != 1 or not np.isfinite(samples).all():
            raise ValueError(f"sound must be finite float32 [samples], got {samples.dtype} {list(samples.shape)}.")
        _check_time(time_seconds)
        self._sound.add(samples, time_seconds)

    def add_picture(self, pixels: NDArray[np.uint8] | None, time_seconds: float) -> LiveValue | None:
        """Take a picture and say what it shows, on top of what there was before.

        Args:
            pixels: `[height, width, 3]` uint8 RGB; None for a moment without a picture, as with the camera off.
            time_seconds: when it was taken, on one clock with the sound.

        Returns:
            The value; None for a picture that is not after the last one, which is dropped.

        Raises:
            ValueError: other pixels, or no finite time.
        """
        _check_time(time_seconds)
        last = self._rows[-1].time_seconds if self._rows else None
        if last is not None and time_seconds <= last:
            return None
        visual, score = self._face(pixels, time_seconds)
        streams = {
            VISUAL: visual,
            **self._sound.rows(time_seconds, None if last is None else time_seconds - last),
        }
        self._rows.append(_Row(time_seconds, score, streams))
        return self._value()

    def _face(self, pixels: NDArray[np.uint8] | None, time_seconds: float) -> tuple[_Values, float]:
        """Features of the main person's face and its score; zeros where there is none."""
        nothing = (np.zeros(self._pipeline.visual.dim, np.float32), False)
        if pixels is None:
            return nothing, 0.0
        (faces,) = self._pipeline.detector.detect([pixels])
        face = self._follower.follow(faces, time_seconds)
        if face is None:
            return nothing, 0.0
        (described,) = self._pipeline.visual.encode([align_face(pixels, face.landmarks)])
        return (described, True), face.score

    def _value(self) -> LiveValue:
        trace = self._predictor.trace(self._features())
        gates = telling_gates(trace)
        row = self._rows[-1]
        return LiveValue(
            time_seconds=row.time_seconds,
            valence=_number(trace.valence[-1]),
            arousal=_number(trace.arousal[-1]),
            face=None if trace.face_valid is None else bool(trace.face_valid[-1]),
            voice=None if trace.voice_valid is None else bool(trace.voice_valid[-1]),
            face_score=row.face_score if row.streams[VISUAL][1] else None,
            gate_face=None if gates is None else _number(gates[-1, 0]),
            gate_voice=None if gates is None else _number(gates[-1, 1]),
        )

    def _features(self) -> ClipFeatures:
        """What is remembered, as features of a clip that ends now."""
        times = np.array([row.time_seconds for row in self._rows], np.float64)
        return ClipFeatures(
            clip=NAME,
            times_seconds=times,
            streams={
                name: FeatureStream(
                    name=name,
                    values=np.stack([row.streams[name][0] for row in self._rows]),
                    valid=np.array([row.streams[name][1] for row in self._rows], np.bool_),
                    times_seconds=times,
                )
                for name in self._rows[-1].streams
            },
            identities=self._pipeline.identities,
            face_score=np.array([row.face_score for row in self._rows], np.float32),
            source_sha256="",
        )


_Values = tuple[NDArray[np.float32], bool]  # a row of features, and whether it may be used


@dataclass(frozen=True)
class _Row:
    """What is remembered of a picture."""

    time_seconds: float
    face_score: float
    streams: Mapping[str, _Values]


def _check_time(time_seconds: float) -> None:
    if not np.isfinite(time_seconds):
        raise ValueError(f"a time must be a finite number of seconds, got {time_seconds}.")


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
