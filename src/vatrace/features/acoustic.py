"""The acoustic extractors: what a name such as `"mfcc"` stands for (paper, III-C).

Each takes the sound of a video and the video's frame times and gives one row of features a frame, with its validity:
True where the frame's time is covered by sound that is not digitally silent. Invalid rows are zero. Values are raw,
neither scaled nor standardised; that is done with the training set's statistics, which the model keeps.

    name       dim   what
    mfcc        39   c0..c12 and two derivatives; numpy
    egemaps     23   pitch, loudness, voice quality, formants; openSMILE, research-only
    vggish     128   embedding of the 0.96 s around the frame; needs Google's weights
    prosody     36   how something is said: pitch, voice quality, timbre and rhythm of 3 s of speech; numpy; valid where
                     somebody is heard to speak
    vggish_pca 128   the same after Google's PCA, clipped to 8 bits; needs its parameters, too
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Float64

from vatrace.errors import FeatureError
from vatrace.features.egemaps import EGEMAPS_DIM, egemaps, egemaps_version
from vatrace.features.mfcc import MFCC_DIM, SAMPLE_RATE_HZ, mfcc, num_rows, row_centres
from vatrace.features.prosody import PROSODY_DIM, prosody, prosody_of_blocks
from vatrace.features.sync import to_frame_clock

if TYPE_CHECKING:
    from vatrace.features.vggish_pca import PcaParameters
    from vatrace.nn.vggish import Vggish

ACOUSTIC_NAMES = ("mfcc", "egemaps", "vggish", "vggish_pca", "prosody")
SILENCE_RMS = 1e-4  # -80 dB of full scale: three steps of a 16-bit sample, below the noise of any open microphone
CHUNK_ROWS = 16_384  # 164 s of sound at a time

Rows = tuple[Float32[np.ndarray, "rows dim"], Float64[np.ndarray, " rows"]]
Frames = tuple[Float32[np.ndarray, "frames dim"], Bool[np.ndarray, " frames"]]


@dataclass(frozen=True, kw_only=True)
class AcousticExtractor:
    """One kind of acoustic feature.

    Args:
        name: one of `ACOUSTIC_NAMES`.
        dim: number of values a frame.
        version: changes whenever the values would; stored with the features.
        extract: from mono float32 samples in [-1, 1] at 16 kHz, the time of the first sample on the container's clock
            in seconds, and the video's frame times `[frames]` on that clock, to values `[frames, dim]` (float32, zero
            where invalid) and valid `[frames]`.
        extract_blocks: the same of sound that comes a stretch at a time, in bounded memory: from stretches of samples
            that follow each other without a gap, each with the time of its first sample, and the frame times; gives
            what `extract` gives. None where an extractor needs the sound as a whole.
    """

    name: str
    dim: int
    version: str
    extract: Callable[[np.ndarray, float, np.ndarray], Frames]
    extract_blocks: Callable[[Iterable[tuple[np.ndarray, float]], np.ndarray], Frames] | None = None


def acoustic_extractor(name: str, *, weights: Path | None = None) -> AcousticExtractor:
    """Look up an extractor by name, ready to run.

    Args:
        name: one of `ACOUSTIC_NAMES`.
        weights: path of `vggish-10086976.pth`; without it VGGish's files are looked for in vatrace's cache folder. The
            PCA parameters are looked for beside it first. Other extractors need none.

    Raises:
        FeatureError: there is no such extractor, or openSMILE is missing for eGeMAPS.
        ModelError: VGGish's files are not there, or cannot be used.
    """
    if name == "mfcc":
        return AcousticExtractor(name=name, dim=MFCC_DIM, version="1", extract=_averaged(mfcc))
    if name == "egemaps":
        return AcousticExtractor(name=name, dim=EGEMAPS_DIM, version=egemaps_version(), extract=_averaged(egemaps))
    if name == "prosody":
        return AcousticExtractor(
            name=name, dim=PROSODY_DIM, version="2", extract=prosody, extract_blocks=prosody_of_blocks
        )
    if name in ("vggish", "vggish_pca"):
        return _vggish_from(weights, with_pca=name == "vggish_pca")
    raise FeatureError(f"there are no acoustic features called {name!r}; choose one of {', '.join(ACOUSTIC_NAMES)}.")


def vggish_extractor(network: Vggish, *, version: str, pca: PcaParameters | None = None) -> AcousticExtractor:
    """VGGish with a network that is already loaded.

    Args:
        network: the network, on the device it shall run on.
        version: what tells its weights from others.
        pca: parameters of the post-processing; None leaves the embeddings raw.
    """
    from vatrace.features.vggish import PATCH_PLACE, VGGISH_DIM, vggish_embeddings  # torch takes seconds to import
    from vatrace.features.vggish_pca import post_process

    def extract(samples: np.ndarray, start_seconds: float, times_seconds: np.ndarray) -> Frames:
        valid = audible_frames(samples, start_seconds, times_seconds)
        values = np.zeros((len(times_seconds), VGGISH_DIM), dtype=np.float32)
        embeddings = vggish_embeddings(samples, start_seconds, times_seconds[valid], network)
        values[valid] = embeddings if pca is None else post_process(embeddings, pca)
        return values, valid

    name = "vggish" if pca is None else "vggish_pca"
    return AcousticExtractor(name=name, dim=VGGISH_DIM, version=f"{version}-{PATCH_PLACE}", extract=extract)


def audible_frames(
    samples: Float32[np.ndarray, " samples"], start_seconds: float, times_seconds: Float64[np.ndarray, " frames"]
) -> Bool[np.ndarray, " frames"]:
    """Whether there is sound, and not digital silence, at each frame's time."""
    centres = row_centres(num_rows(len(samples)))
    audible = audible_rows(samples, centres)
    nothing = np.empty((len(centres), 0), dtype=np.float32)
    return to_frame_clock(nothing, centres + start_seconds, audible, times_seconds)[1]


def audible_rows(
    samples: Float32[np.ndarray, " samples"],
    centres_seconds: Float64[np.ndarray, " rows"],
    window_seconds: float = 0.025,
) -> Bool[np.ndarray, " rows"]:
    """Whether the sound around each row is more than digital silence, as a muted microphone gives.

    Args:
        samples: mono sound in [-1, 1] at 16 kHz.
        centres_seconds: centres of the rows in seconds after the first sample, increasing.
        window_seconds: how much sound around a centre is looked at.

    Returns:
        False where the root mean square over that window is below -80 dB of full scale, or there are no samples.
    """
    middles = np.rint(centres_seconds * SAMPLE_RATE_HZ).astype(np.int64)
    half = max(1, round(window_seconds * SAMPLE_RATE_HZ / 2))
    first, stop = (np.clip(middles + offset, 0, len(samples)) for offset in (-half, half))
    audible = np.zeros(len(middles), dtype=bool)
    for row in range(0, len(middles), CHUNK_ROWS):
        rows = slice(row, row + CHUNK_ROWS)
        audible[rows] = _mean_squares(samples, first[rows], stop[rows]) >= SILENCE_RMS**2
    return audible


def _mean_squares(samples: np.ndarray, first: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Mean square of samples[first:stop] for each pair, 0 where that is empty."""
    start = int(first[0])
    running = np.cumsum(np.square(samples[start : int(stop[-1])], dtype=np.float64))
    running = np.append(0.0, running)
    means: np.ndarray = (running[stop - start] - running[first - start]) / np.maximum(stop - first, 1)
    return means


def _averaged(compute: Callable[[np.ndarray], Rows]) -> Callable[[np.ndarray, float, np.ndarray], Frames]:
    """Make an extractor of a function that gives 10 ms rows: audible rows, averaged over each frame."""

    def extract(samples: np.ndarray, start_seconds: float, times_seconds: np.ndarray) -> Frames:
        values, centres = compute(samples)
        return to_frame_clock(values, centres + start_seconds, audible_rows(samples, centres), times_seconds)

    return extract


def _vggish_from(weights: Path | None, *, with_pca: bool) -> AcousticExtractor:
    from vatrace.features.weights import VGGISH, VGGISH_PCA, find_weights

    path = find_weights(VGGISH, weights)
    beside = path.with_name(VGGISH_PCA.file)
    pca_path = find_weights(VGGISH_PCA, beside if beside.is_file() else None) if with_pca else None

    from vatrace.features.vggish import load_vggish  # torch takes seconds to import; what is missing is said before
    from vatrace.features.vggish_pca import load_pca

    version = f"1-{VGGISH.sha256_prefix}"
    if pca_path is None:
        return vggish_extractor(load_vggish(path), version=version)
    return vggish_extractor(load_vggish(path), version=f"{version}-{VGGISH_PCA.sha256_prefix}", pca=load_pca(pca_path))
