"""VGGish's post-processing: PCA with whitening, clipped and cut to 8 bits, as in Google's `vggish_postprocess.py`.

AudioSet's and YouTube-8M's published embeddings went through it. It is off by default, as in the systems that the paper
is compared with, which take the raw 128 values; it has a name of its own, `vggish_pca`, so that the two are never mixed
up. Google cuts the fraction off; torchvggish rounds, which gives one more now and then. We do as Google.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from numpy._core.multiarray import _reconstruct  # what pickled arrays name; numpy has no public way to say it

from vatrace.errors import ModelError
from vatrace.features.weights import VGGISH_PCA, refuse_unless_known
from vatrace.nn.vggish import EMBEDDING_DIM

LOWEST, HIGHEST = -2.0, 2.0
LARGEST_BYTE = 255.0
EIGEN_VECTORS, MEANS = "pca_eigen_vectors", "pca_means"

# The released file holds plain arrays of numbers instead of tensors. Nothing else may be made of it: an array of
# objects is refused, and so is any other function.
_ARRAYS_ONLY: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_reconstruct, "numpy.core.multiarray._reconstruct"),  # as numpy 1 wrote it
    (_reconstruct, "numpy._core.multiarray._reconstruct"),
    np.ndarray,
    np.dtype,
    np.dtypes.Float32DType,
    np.dtypes.Float64DType,
]


@dataclass(frozen=True)
class PcaParameters:
    """What `post_process` needs.

    Args:
        eigen_vectors: a row for each component, scaled so that components have unit variance.
        means: what is taken off the embedding first.
    """

    eigen_vectors: Float64[np.ndarray, "128 128"]
    means: Float64[np.ndarray, " 128"]


def post_process(
    embeddings: Float32[np.ndarray, "frames 128"], parameters: PcaParameters
) -> Float32[np.ndarray, "frames 128"]:
    """Turn raw embeddings into those of AudioSet's release.

    Args:
        embeddings: raw, none negative.
        parameters: Google's.

    Returns:
        Whole numbers from 0 to 255: 0 and 255 lie two standard deviations from the mean of a component.
    """
    components = (embeddings.astype(np.float64) - parameters.means) @ parameters.eigen_vectors.T
    scale = LARGEST_BYTE / (HIGHEST - LOWEST)
    bytes_ = np.floor((np.clip(components, LOWEST, HIGHEST) - LOWEST) * scale)
    values: np.ndarray = bytes_.astype(np.float32)
    return values


def load_pca(path: Path, *, expected_sha256_prefix: str = VGGISH_PCA.sha256_prefix) -> PcaParameters:
    """Load the parameters in the layout of torchvggish.

    Args:
        path: `vggish_pca_params-970ea276.pth`, as released, which is there.
        expected_sha256_prefix: what the file's sha256 must begin with.

    Raises:
        ModelError: another hash, not a checkpoint, or not these two arrays.
    """
    refuse_unless_known(VGGISH_PCA, path, expected_sha256_prefix)
    try:
        with torch.serialization.safe_globals(_ARRAYS_ONLY):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be loaded safely: {error}") from error
    return PcaParameters(
        eigen_vectors=_array(path, state, EIGEN_VECTORS, (EMBEDDING_DIM, EMBEDDING_DIM)),
        means=_array(path, state, MEANS, (EMBEDDING_DIM,)),
    )


def _array(path: Path, state: object, name: str, shape: tuple[int, ...]) -> Float[np.ndarray, ...]:
    found = state.get(name) if isinstance(state, Mapping) else None
    if not isinstance(found, np.ndarray | torch.Tensor):
        raise ModelError(f"{path} does not hold the PCA of VGGish: there is no {name} in it.")
    values = np.asarray(found, dtype=np.float64)
    if values.size != np.prod(shape):
        raise ModelError(f"{path} does not hold the PCA of VGGish: {name} is {values.shape}, expected {shape}.")
    return values.reshape(shape)  # the means are released as a column
