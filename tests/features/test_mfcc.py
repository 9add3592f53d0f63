from pathlib import Path

import numpy as np
import pytest

import vatrace.features.mfcc
from tests.reference.mfcc import HOP, WINDOW, cepstrum, slope
from vatrace.features.mfcc import mfcc, num_rows

OPENSMILE_CONFIG = Path(vatrace.features.mfcc.__file__).with_name("mfcc39.conf")


def _voice(num_samples: int, seed: int = 0) -> np.ndarray:
    """A gliding harmonic tone with noise, loud and then nearly silent, on 16-bit steps as openSMILE reads them."""
    random = np.random.default_rng(seed)
    time = np.arange(num_samples) / 16000
    phase = 2 * np.pi * np.cumsum(150 + 60 * np.sin(2 * np.pi * 1.3 * time)) / 16000
    sound = sum(np.sin(k * phase) / k for k in range(1, 20)) * 0.1 + 0.01 * random.standard_normal(num_samples)
    sound[num_samples // 2 :] *= 0.01
    return (np.round(sound * 32768) / 32768).astype(np.float32)


def test_coefficients_equal_the_htk_book_computed_one_number_at_a_time():
    samples = _voice(WINDOW + 6 * HOP)
    values, _ = mfcc(samples)
    tracks = np.array([cepstrum(samples[row * HOP : row * HOP + WINDOW]) for row in range(7)])
    deltas = np.array([[slope(list(track), row) for track in tracks.T] for row in range(7)])
    accelerations = np.array([[slope(list(track), row) for track in deltas.T] for row in range(7)])
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, np.hstack([tracks, deltas, accelerations]), rtol=2e-6, atol=2e-6)


def test_every_column_equals_opensmile_with_the_same_settings():
    opensmile = pytest.importorskip("opensmile")
    samples = _voice(16079)
    smile = opensmile.Smile(feature_set=str(OPENSMILE_CONFIG), feature_level="lld")
    theirs = smile(samples, 16000)[0].T
    ours, centres = mfcc(samples)
    assert ours.shape == theirs.shape == (98, 39)
    # openSMILE ends a regression of a regression its own way in the last two rows.
    ours, theirs = ours[:-2], theirs[:-2]
    # It computes in float32; c0 is about 100 here.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=3e-4)
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(ours.T, theirs.T, strict=True)]
    assert min(correlations) > 0.999999
    starts = smile.process_signal(samples, 16000).index.get_level_values("start").total_seconds()
    np.testing.assert_allclose(centres, np.asarray(starts) + 0.0125, atol=1e-9)


def test_sound_computed_in_pieces_equals_sound_computed_at_once(monkeypatch):
    samples = _voice(WINDOW + 40 * HOP + 7)
    whole, _ = mfcc(samples)
    monkeypatch.setattr(vatrace.features.mfcc, "CHUNK_ROWS", 7)
    np.testing.assert_array_equal(mfcc(samples)[0], whole)


def test_digital_silence_gives_zeros_by_the_floor_under_the_bands():
    np.testing.assert_allclose(mfcc(np.zeros(1600, dtype=np.float32))[0], 0.0, atol=1e-12)


def test_doubling_the_amplitude_moves_only_the_first_coefficient():
    # Log power grows by 2 log 2 in each of 26 bands; the cosine transform sums that into c0, times sqrt(2 / 26).
    random = np.random.default_rng(1)
    samples = (0.05 * random.standard_normal(1600)).astype(np.float32)
    difference = mfcc(2 * samples)[0] - mfcc(samples)[0]
    np.testing.assert_allclose(difference[:, 0], np.sqrt(2 / 26) * 26 * 2 * np.log(2), rtol=1e-5)
    np.testing.assert_allclose(difference[:, 1:], 0.0, atol=1e-4)


@pytest.mark.parametrize(("num_samples", "rows"), [(0, 0), (1, 0), (399, 0), (400, 1), (559, 1), (560, 2), (16000, 98)])
def test_rows_are_the_whole_windows_in_the_sound(num_samples, rows):
    values, centres = mfcc(np.zeros(num_samples, dtype=np.float32))
    assert values.shape == (rows, 39)
    assert centres.shape == (rows,)
    assert num_rows(num_samples) == rows


def test_another_sample_rate_is_refused():
    with pytest.raises(ValueError, match="16000 Hz, got 44100 Hz; resample"):
        mfcc(np.zeros(1000, dtype=np.float32), 44100)
