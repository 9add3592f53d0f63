"""eGeMAPS: the 23 low-level descriptors of eGeMAPSv01b, every 10 ms, by openSMILE (paper, III-C).

Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and Affective Computing",
IEEE Transactions on Affective Computing 7(2), 2016. Version v01b has 23 descriptors, as the paper says; v02 has 25, and
the 88 often met are statistics over a recording.

openSMILE is not installed with vatrace because its licence is research-only.

**Time.** Row `r` starts at 10 ms × r. Loudness, spectrum and formants come from 20 ms windows (centre 10 ms later),
pitch and what is measured with it from 60 ms windows (centre 30 ms later). openSMILE puts both in one row, and so do
we; the row's time is the middle of the two, which is wrong by 10 ms for either: a quarter of a video frame.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from vatrace.errors import FeatureError
from vatrace.extras import install_line

EGEMAPS_DIM = 23
SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 160  # 10 ms
LONGEST_WINDOW_SAMPLES = 960  # 60 ms, for pitch; openSMILE gives nothing for shorter sound
CENTRE_SECONDS = 0.02  # between the centres of the 20 ms and the 60 ms windows
PIECE_ROWS = 12_000  # 120 s at a time: openSMILE keeps what it is given, 2.3 GB for an hour
# 3 s on either side of a piece, so that seams do not show: pitch tracking looks 0.4 s around itself, and periods
# (jitter, shimmer) are followed from the start of a voiced stretch; a tone held for longer moves those two slightly.
MARGIN_ROWS = 300
LARGEST_SAMPLE = 32_767 / 32_768  # openSMILE's reader multiplies by 32768 and wraps around above this

_log = logging.getLogger(__name__)


def egemaps(
    samples: Float32[np.ndarray, " samples"],
) -> tuple[Float32[np.ndarray, "rows 23"], Float64[np.ndarray, " rows"]]:
    """Compute the 23 descriptors of a whole recording.

    Where there is no voice, openSMILE itself gives 0 for pitch and what rests on it (and -201 dB for the amplitudes of
    formants); a value that is not finite is set to that same 0, and how many is logged.

    Args:
        samples: mono sound in [-1, 1] at 16 kHz; louder samples are clipped.

    Returns:
        The descriptors, named by `egemaps_names`, and the centre of each row in seconds after the first sample. Sound
        shorter than 60 ms has no rows.

    Raises:
        FeatureError: openSMILE is not installed.
    """
    smile = _smile()
    pieces = [_extract(smile, samples, first) for first in range(0, _num_rows(len(samples)), PIECE_ROWS)]
    values = np.concatenate([np.empty((0, EGEMAPS_DIM), dtype=np.float32), *pieces])
    finite = np.isfinite(values)
    if not finite.all():
        _log.warning("openSMILE gave %d values that are not finite; they are set to 0", int((~finite).sum()))
    return np.where(finite, values, np.float32(0.0)), np.arange(
        len(values)
    ) * HOP_SAMPLES / SAMPLE_RATE_HZ + CENTRE_SECONDS


def egemaps_names() -> list[str]:
    """Names of the 23 columns, as openSMILE spells them.

    Raises:
        FeatureError: openSMILE is not installed.
    """
    return list(_smile().feature_names)


def egemaps_version() -> str:
    """Feature set and version of the openSMILE package that computes it.

    Raises:
        FeatureError: openSMILE is not installed.
    """
    return f"v01b-opensmile-{_opensmile().__version__}"


def _num_rows(num_samples: int) -> int:
    """Rows openSMILE makes of that many samples: one a whole 60 ms window, and one more from its smoothing."""
    return 0 if num_samples < LONGEST_WINDOW_SAMPLES else 2 + (num_samples - LONGEST_WINDOW_SAMPLES) // HOP_SAMPLES


def _extract(smile: Any, samples: np.ndarray, first_row: int) -> Float32[np.ndarray, "rows 23"]:
    """`PIECE_ROWS` rows from `first_row` on, computed with a margin on both sides (Any: openSMILE is untyped)."""
    margin = min(first_row, MARGIN_ROWS)
    start = (first_row - margin) * HOP_SAMPLES
    stop = (first_row + PIECE_ROWS + MARGIN_ROWS) * HOP_SAMPLES
    piece = samples[start:stop].clip(-1.0, LARGEST_SAMPLE)
    values: np.ndarray = smile(piece, SAMPLE_RATE_HZ)[0].T  # [rows, 23]
    return values[margin : margin + PIECE_ROWS]


@cache
def _smile() -> Any:  # Any: openSMILE is untyped
    opensmile = _opensmile()
    _log.warning(
        "eGeMAPS is computed by openSMILE (audEERING), whose licence allows research and private use only; "
        "this reaches models that are made with its features."
    )
    with warnings.catch_warnings():
        # opensmile calls v01b deprecated in favour of v02, which has 25 descriptors and is not what the paper used.
        warnings.filterwarnings("ignore", message="Feature set '.*eGeMAPSv01b' is deprecated", category=UserWarning)
        return opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv01b,
            feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
        )


def _opensmile() -> Any:  # Any: openSMILE is untyped
    try:
        return importlib.import_module("opensmile")
    except ImportError as error:
        raise FeatureError(f"eGeMAPS needs openSMILE, which is not installed: {install_line(['opensmile'])}") from error
