import numpy as np
import pytest

from vatrace.streams import FeatureStream, Trace


def test_times_that_do_not_increase_are_refused_with_the_frame() -> None:
    with pytest.raises(ValueError, match=r"frame 2 at 0\.040000 s follows frame 1 at 0\.040000 s"):
        Trace(
            times_seconds=np.array([0.0, 0.04, 0.04]), valence=np.zeros(3), arousal=np.zeros(3), valid=np.ones(3, bool)
        )


def test_rows_that_do_not_match_the_times_are_refused_with_their_number() -> None:
    with pytest.raises(ValueError, match="a trace of 3 times needs 3 rows of arousal, got 2"):
        Trace(times_seconds=np.arange(3.0), valence=np.zeros(3), arousal=np.zeros(2), valid=np.ones(3, bool))
    with pytest.raises(ValueError, match=r"'mfcc' needs values \[3, dim\]"):
        FeatureStream(
            name="mfcc", values=np.zeros((2, 39), np.float32), valid=np.ones(3, bool), times_seconds=np.arange(3.0)
        )


def test_times_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        Trace(times_seconds=np.array([0.0, np.nan]), valence=np.zeros(2), arousal=np.zeros(2), valid=np.ones(2, bool))
