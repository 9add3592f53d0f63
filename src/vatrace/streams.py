"""Values that carry their own time and validity.

Everything measured or predicted in a video travels as one of these. `times_seconds` are the container's own timestamps;
nothing here knows a frame rate. `valid` is True where a value may be used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32] | NDArray[np.float64]
TimeArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

Person = Literal["main", "left", "right"]
"""Who of those in a video: the main person, or of two the one on the left or right of the picture."""


@dataclass(frozen=True, kw_only=True)
class FeatureStream:
    """One kind of feature of one person, a row a video frame.

    Args:
        name: the extractor's name, such as `"mfcc"`.
        values: `[frames, dim]`, float32; rows where `valid` is False are zero.
        valid: `[frames]`, False where there was no face or no sound.
        times_seconds: `[frames]`, strictly increasing.

    Raises:
        ValueError: lengths differ or times do not increase.
    """

    name: str
    values: NDArray[np.float32]
    valid: BoolArray
    times_seconds: TimeArray

    def __post_init__(self) -> None:
        frames = len(self.times_seconds)
        if self.values.ndim != 2 or len(self.values) != frames or self.valid.shape != (frames,):
            raise ValueError(
                f"feature stream {self.name!r} needs values [{frames}, dim] and valid [{frames}] for its {frames} "
                f"times, got {self.values.shape} and {self.valid.shape}"
            )
        check_times(self.times_seconds)

    @property
    def dim(self) -> int:
        """Number of values a frame."""
        return int(self.values.shape[1])


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Valence and arousal over time; labels and predictions are both this.

    Args:
        times_seconds: `[frames]`, strictly increasing.
        valence: `[frames]`, unpleasant -1 to pleasant 1.
        arousal: `[frames]`, calm -1 to excited 1.
        valid: `[frames]`, False where there is no value (its numbers are then NaN or meaningless).
        face_valid: `[frames]`, where a face was seen; None for labels.
        voice_valid: `[frames]`, where there was sound; None for labels.
        gate_weights: `[frames, 2, 2]`: modality (visual, audio) by stream (original, attended), each pair summing to 1
            (Eq. 4 of the paper); None where the model has no gate.

    Raises:
        ValueError: lengths differ or times do not increase.
    """

    times_seconds: TimeArray
    valence: FloatArray
    arousal: FloatArray
    valid: BoolArray
    face_valid: BoolArray | None = None
    voice_valid: BoolArray | None = None
    gate_weights: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        frames = len(self.times_seconds)
        for name in ("valence", "arousal", "valid", "face_valid", "voice_valid", "gate_weights"):
            value = getattr(self, name)
            if value is not None and len(value) != frames:
                raise ValueError(f"a trace of {frames} times needs {frames} rows of {name}, got {len(value)}")
        check_times(self.times_seconds)

    def __len__(self) -> int:
        return len(self.times_seconds)

    def cut(self, start: int, stop: int) -> Trace:
        """Frames `start` to `stop` (not included)."""
        part = slice(start, stop)
        return Trace(
            times_seconds=self.times_seconds[part],
            valence=self.valence[part],
            arousal=self.arousal[part],
            valid=self.valid[part],
            face_valid=None if self.face_valid is None else self.face_valid[part],
            voice_valid=None if self.voice_valid is None else self.voice_valid[part],
            gate_weights=None if self.gate_weights is None else self.gate_weights[part],
        )


def check_times(times_seconds: TimeArray) -> None:
    """Raise ValueError unless times are finite and strictly increasing."""
    if not np.isfinite(times_seconds).all():
        raise ValueError("times must be finite")
    steps = np.diff(times_seconds)
    if (steps <= 0).any():
        where = int(np.argmax(steps <= 0))
        raise ValueError(
            f"times must increase, but frame {where + 1} at {times_seconds[where + 1]:.6f} s "
            f"follows frame {where} at {times_seconds[where]:.6f} s"
        )
