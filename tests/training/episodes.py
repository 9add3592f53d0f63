"""Made-up features with planted episodes: stretches in which a channel says nothing, though it looks as always."""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from tests.training.made import IDENTITIES, stream
from vatrace.datasets.windows import LabelledClip
from vatrace.features.store import ClipFeatures, open_features, save_features
from vatrace.streams import Trace

DIM, FRAMES, EPISODE_FRAMES = 8, 150, 40
NOISE = {"visual": 0.6, "mfcc": 0.6}


def clip_with_episodes(folder: Path, seed: int) -> tuple[LabelledClip, dict[str, np.ndarray]]:
    """A clip, and which frames of each channel are noise; every frame of both channels is valid."""
    random = np.random.default_rng(seed)
    latent = np.tanh(0.9 * gaussian_filter1d(random.standard_normal((FRAMES + 100, 2)), 8, axis=0)[50:-50] * 5)
    times = np.arange(FRAMES) / 25.0
    streams, noisy = {}, {}
    for number, (name, noise) in enumerate(NOISE.items()):
        mixing = np.random.default_rng(number).standard_normal((2, DIM))  # the same in every clip
        values = latent @ mixing + noise * random.standard_normal((FRAMES, DIM))
        noisy[name] = np.zeros(FRAMES, bool)
        start = int(random.integers(0, FRAMES - EPISODE_FRAMES))
        noisy[name][start : start + EPISODE_FRAMES] = True
        values[noisy[name]] = 1.6 * random.standard_normal((EPISODE_FRAMES, DIM))
        streams[name] = stream(name, values, np.ones(FRAMES, bool), times)
    path = folder / f"episodes{seed}.safetensors"
    features = ClipFeatures(
        clip=path.stem,
        times_seconds=times,
        streams=streams,
        identities=IDENTITIES,
        face_score=np.ones(FRAMES, np.float32),
        source_sha256="0" * 64,
    )
    save_features(path, features)
    label = Trace(times_seconds=times, valence=latent[:, 0], arousal=latent[:, 1], valid=np.ones(FRAMES, bool))
    return LabelledClip(open_features(path), label), noisy
