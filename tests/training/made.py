"""Labelled clips with planted answers, written as real features files."""

from pathlib import Path

import numpy as np

from vatrace.datasets.windows import LabelledClip
from vatrace.features.store import ClipFeatures, open_features, save_features
from vatrace.streams import FeatureStream, Trace

VISUAL_DIM, MFCC_DIM = 6, 4
IDENTITIES = {"visual": "visual:made", "mfcc": "mfcc:made"}


def make_clip(
    folder: Path, name: str, seed: int, frames: int = 200, identities: dict[str, str] | None = None
) -> LabelledClip:
    """A clip whose valence shows in the visual stream and whose arousal shows in the acoustic one, with some noise."""
    random = np.random.default_rng(seed)
    times = np.arange(frames) / 25.0
    phases = random.uniform(0, 2 * np.pi, 2)
    valence, arousal = (0.7 * np.sin(times * rate + phase) for rate, phase in zip((1.1, 1.7), phases, strict=True))
    visual = 0.3 * random.normal(size=(frames, VISUAL_DIM)) + 2 * valence[:, None] + 5
    audio = 0.3 * random.normal(size=(frames, MFCC_DIM)) - 3 * arousal[:, None]
    visual_valid = np.ones(frames, bool)
    visual_valid[frames // 2 : frames // 2 + 10] = False
    features = ClipFeatures(
        clip=name,
        times_seconds=times,
        streams={
            "visual": stream("visual", visual * visual_valid[:, None], visual_valid, times),
            "mfcc": stream("mfcc", audio, np.ones(frames, bool), times),
        },
        identities=identities or IDENTITIES,
        face_score=visual_valid.astype(np.float32),
        source_sha256="0" * 64,
    )
    save_features(folder / f"{name}.safetensors", features)
    label = Trace(times_seconds=times, valence=valence, arousal=arousal, valid=np.ones(frames, bool))
    return LabelledClip(open_features(folder / f"{name}.safetensors"), label)


def stream(name: str, values: np.ndarray, valid: np.ndarray, times: np.ndarray) -> FeatureStream:
    return FeatureStream(name=name, values=values.astype(np.float32), valid=valid, times_seconds=times)
