"""VGGish embeddings, one a video frame (paper, III-C; network in `vatrace.nn.vggish`).

The patch of a frame is the 0.96 s of sound *around* it (96 windows of 25 ms, 10 ms apart), cut to the sample. It sees
0.48 s of the future (0.4875 s, with the last window's own length): an embedding cannot be had live without that delay.
Beyond the ends of the sound there is silence. Other systems let the patch begin at the frame; the paper does not say.

The log-mel spectrogram is that of Google's `vggish_input.py`: periodic Hann window, 512-point magnitude spectrum, 64
HTK mel bands from 125 to 7500 Hz, log(x + 0.01), in float64.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64

from vatrace.errors import ModelError
from vatrace.features.mfcc import FFT_SAMPLES, HOP_SAMPLES, SAMPLE_RATE_HZ, WINDOW_SAMPLES, mel_filterbank
from vatrace.features.weights import VGGISH, refuse_unless_known
from vatrace.nn.vggish import EMBEDDING_DIM, NUM_BANDS, NUM_ROWS, Vggish

VGGISH_DIM = EMBEDDING_DIM
PATCH_SAMPLES = (NUM_ROWS - 1) * HOP_SAMPLES + WINDOW_SAMPLES  # 0.975 s
PATCH_PLACE = "centred"  # of a patch about its frame; part of what the features are, so of their identity
LOWEST_HZ, HIGHEST_HZ = 125.0, 7_500.0
LOG_OFFSET = 0.01


def vggish_embeddings(
    samples: Float32[np.ndarray, " samples"],
    start_seconds: float,
    times_seconds: Float64[np.ndarray, " frames"],
    network: Vggish,
    batch: int = 32,
) -> Float32[np.ndarray, "frames 128"]:
    """Embed the sound around each time.

    Args:
        samples: mono sound in [-1, 1] at 16 kHz.
        start_seconds: time of the first sample on the container's clock.
        times_seconds: times on that clock.
        network: runs on the device it is on, in evaluation mode.
        batch: patches a pass; 32 need about 150 MB beside the network's 288 MB.

    Returns:
        One embedding a time, none negative.
    """
    device = next(network.parameters()).device
    values = np.empty((len(times_seconds), VGGISH_DIM), dtype=np.float32)
    network.eval()
    with torch.inference_mode():
        for first in range(0, len(times_seconds), batch):
            times = times_seconds[first : first + batch]
            patches = centred_patches(samples, start_seconds, times).astype(np.float32)
            embedded = network(torch.from_numpy(patches).unsqueeze(1).to(device))
            values[first : first + batch] = embedded.cpu().numpy()
    return values


def centred_patches(
    samples: Float32[np.ndarray, " samples"], start_seconds: float, times_seconds: Float64[np.ndarray, " frames"]
) -> Float64[np.ndarray, "frames 96 64"]:
    """Log-mel patches whose middle is each time, silence beyond the ends of the sound."""
    middles = np.rint((times_seconds - start_seconds) * SAMPLE_RATE_HZ).astype(np.int64)
    return log_mel(_cut(samples, middles - PATCH_SAMPLES // 2))


def log_mel(samples: Float[np.ndarray, "*batch samples"]) -> Float64[np.ndarray, "*batch rows 64"]:
    """Log-mel spectrogram, a row every 10 ms, starting with the first sample.

    Args:
        samples: mono sound in [-1, 1] at 16 kHz; time is the last axis.

    Returns:
        log(mel + 0.01); no rows for sound shorter than 25 ms.
    """
    if samples.shape[-1] < WINDOW_SAMPLES:
        return np.empty((*samples.shape[:-1], 0, NUM_BANDS))
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES, axis=-1)[..., ::HOP_SAMPLES, :]
    periodic_hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)
    magnitude = np.abs(np.fft.rfft(frames * periodic_hann, FFT_SAMPLES))
    values: np.ndarray = np.log(magnitude @ mel_filterbank(NUM_BANDS, LOWEST_HZ, HIGHEST_HZ) + LOG_OFFSET)
    return values


def load_vggish(path: Path, *, expected_sha256_prefix: str | None = VGGISH.sha256_prefix) -> Vggish:
    """Load a checkpoint in the layout of torchvggish.

    Args:
        path: `vggish-10086976.pth`, as released, which is there.
        expected_sha256_prefix: what the file's sha256 must begin with; None accepts any file.

    Returns:
        The network on the CPU, frozen, in evaluation mode.

    Raises:
        ModelError: another hash, not a checkpoint, or other tensors than VGGish has.
    """
    if expected_sha256_prefix is not None:
        refuse_unless_known(VGGISH, path, expected_sha256_prefix)
    with torch.device("meta"):  # no memory and no random numbers for weights that are replaced at once
        network = Vggish()
    state = _read(path)
    _check_layout(path, state, network.state_dict())
    network.load_state_dict(state, assign=True)
    return network.float().requires_grad_(False).eval()


def _cut(samples: np.ndarray, first: Int64[np.ndarray, " frames"]) -> Float64[np.ndarray, "frames 15600"]:
    """Stretches of one patch's length from each `first` on, zeros where there are no samples."""
    where = first[:, None] + np.arange(PATCH_SAMPLES)
    inside = (where >= 0) & (where < len(samples))
    cut = np.zeros(where.shape)
    cut[inside] = samples[where[inside]]
    return cut


def _read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint; never runs code from it."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise ModelError(f"{path} is not a checkpoint that can be loaded safely: {error}") from error
    if not isinstance(state, dict):
        raise ModelError(f"{path} holds a {type(state).__name__}, expected a state dict in the layout of torchvggish.")
    return state


def _check_layout(path: Path, found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    problems = list(_differences(found, expected))
    if problems:
        raise ModelError(f"{path} does not hold VGGish: {'; '.join(problems)}.")


def _differences(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> Iterator[str]:
    missing, unexpected = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing:
        yield f"missing {', '.join(missing)}"
    if unexpected:
        yield f"unexpected {', '.join(unexpected)}"
    for name in sorted(expected.keys() & found.keys()):
        if found[name].shape != expected[name].shape:
            yield f"{name} is {tuple(found[name].shape)}, expected {tuple(expected[name].shape)}"
