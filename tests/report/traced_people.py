"""Two people of a clip whose frames come at uneven times, with everything that may be missing."""

from __future__ import annotations

import numpy as np

from vatrace.report.export import PersonTrace
from vatrace.streams import Trace

STEPS = (0.02, 0.04, 0.1)


def uneven_times(num_frames: int = 100, start: float = 0.0) -> np.ndarray:
    steps = np.random.default_rng(3).choice(STEPS, num_frames - 1)
    return start + np.round(np.concatenate(([0.0], np.cumsum(steps))), 6)


def two_people(times: np.ndarray | None = None) -> list[PersonTrace]:
    times = uneven_times() if times is None else times
    number = np.arange(len(times))
    face, voice = (number < 40) | (number >= 60), number % 50 < 45
    gates = np.stack([np.where(face, 0.625, 0.0), np.where(voice, 0.25, 0.0)], axis=1)
    main = Trace(
        times_seconds=times,
        valence=np.where(face | voice, np.sin(times), -5.0).astype(np.float32),
        arousal=np.where(face | voice, 0.9 * np.cos(2 * times), np.nan).astype(np.float32),
        valid=face | voice,
        face_valid=face,
        voice_valid=voice,
        gate_weights=np.stack([gates, 1 - gates], axis=2).astype(np.float32),
    )
    seen = number >= 30
    other = Trace(
        times_seconds=times,
        valence=np.full(len(times), -0.31),
        arousal=np.full(len(times), 0.7),
        valid=seen,
        face_valid=seen,
        voice_valid=voice,
    )
    score = np.where(face, 0.9, 0.0).astype(np.float32)
    return [PersonTrace(0, main, score), PersonTrace(4, other)]
