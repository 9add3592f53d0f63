import logging
import sys

import numpy as np
import pytest

import vatrace.features.egemaps
from vatrace.errors import FeatureError
from vatrace.features.egemaps import egemaps, egemaps_names, egemaps_version

RATE = 16000
PITCH, LOUDNESS = "F0semitoneFrom27.5Hz_sma3nz", "Loudness_sma3"

needs_opensmile = pytest.mark.usefixtures("opensmile")

# Eyben et al. 2016, sections 3.1 and 3.2: 18 descriptors of GeMAPS, and the flux and four MFCC that the extension adds
# (the bandwidths of the second and third formant, also of the extension, appear only in the statistics of v01b).
NAMES_V01B = """
    Loudness alphaRatio hammarbergIndex slope0-500 slope500-1500 spectralFlux mfcc1 mfcc2 mfcc3 mfcc4
    F0semitoneFrom27.5Hz jitterLocal shimmerLocaldB HNRdBACF logRelF0-H1-H2 logRelF0-H1-A3
    F1frequency F1bandwidth F1amplitudeLogRelF0 F2frequency F2amplitudeLogRelF0 F3frequency F3amplitudeLogRelF0
"""


@pytest.fixture
def opensmile():
    return pytest.importorskip("opensmile")


def _tone(seconds: float, pitch_hz: float = 200.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return sum(0.05 / k * np.sin(2 * np.pi * pitch_hz * k * time) for k in range(1, 20)).astype(np.float32)


def _column(values: np.ndarray, name: str) -> np.ndarray:
    return values[:, egemaps_names().index(name)]


@needs_opensmile
def test_the_23_descriptors_are_those_of_version_v01b():
    assert [name.split("_")[0] for name in egemaps_names()] == NAMES_V01B.split()
    assert egemaps_version().startswith("v01b-opensmile-")
    assert egemaps(_tone(0.5))[0].shape[1] == 23


@needs_opensmile
@pytest.mark.parametrize("pitch_hz", [120.0, 200.0])
def test_pitch_of_a_harmonic_tone_is_found_in_semitones_from_27_5_hz(pitch_hz):
    values, _ = egemaps(_tone(1.0, pitch_hz))
    assert np.median(_column(values, PITCH)) == pytest.approx(12 * np.log2(pitch_hz / 27.5), abs=0.1)


@needs_opensmile
def test_row_times_lie_between_the_edges_seen_by_loudness_and_by_pitch():
    """A tone from 1 s to 2 s: loudness sees it 10 ms late and pitch 10 ms early, each on the row's common time."""
    silence = np.zeros(RATE, dtype=np.float32)
    values, centres = egemaps(np.concatenate([silence, _tone(1.0), silence]))
    for name, offset in ((LOUDNESS, 0.01), (PITCH, -0.01)):
        column = _column(values, name)
        inside = centres[column > column.max() / 2]
        assert (inside[0] + inside[-1]) / 2 == pytest.approx(1.5 + offset, abs=0.006)


@needs_opensmile
def test_sound_computed_in_pieces_equals_sound_computed_at_once(monkeypatch):
    """The margin reaches back to where each voiced stretch began, where openSMILE starts to count its periods."""
    pause = np.zeros(3200, dtype=np.float32)
    tone = np.concatenate([_tone(0.6), pause, _tone(0.7, 130.0), pause, _tone(0.5, 170.0), pause, _tone(0.8)])
    samples = tone + np.random.default_rng(0).normal(0, 1e-3, len(tone)).astype(np.float32)
    whole, whole_centres = egemaps(samples)
    monkeypatch.setattr(vatrace.features.egemaps, "PIECE_ROWS", 70)
    monkeypatch.setattr(vatrace.features.egemaps, "MARGIN_ROWS", 110)
    pieces, centres = egemaps(samples)
    np.testing.assert_array_equal(centres, whole_centres)
    np.testing.assert_array_equal(pieces, whole)


@needs_opensmile
@pytest.mark.parametrize(("num_samples", "rows"), [(0, 0), (100, 0), (959, 0), (960, 2), (1120, 3), (RATE, 96)])
def test_sound_shorter_than_a_window_has_no_rows(num_samples, rows):
    values, centres = egemaps(np.zeros(num_samples, dtype=np.float32))
    assert values.shape == (rows, 23)
    assert centres.shape == (rows,)
    assert values.dtype == np.float32


@needs_opensmile
def test_full_scale_sound_does_not_wrap_around():
    loud = np.sign(_tone(0.5))
    nearly = loud * np.float32(0.9999)
    np.testing.assert_allclose(egemaps(loud)[0], egemaps(nearly)[0], rtol=0.02, atol=0.2)


def test_values_that_are_not_finite_become_zero_and_are_counted(monkeypatch, caplog):
    broken = np.ones((23, 2), dtype=np.float32)
    broken[3, 1], broken[4, 0] = np.nan, -np.inf
    monkeypatch.setattr(vatrace.features.egemaps, "_smile", lambda: lambda samples, rate: broken[None])
    values, _ = egemaps(np.zeros(960, dtype=np.float32))
    assert values[1, 3] == values[0, 4] == 0.0
    assert values.sum() == 23 * 2 - 2
    assert "2 values that are not finite" in caplog.text


@needs_opensmile
def test_the_licence_is_said_once(caplog):
    vatrace.features.egemaps._smile.cache_clear()
    with caplog.at_level(logging.WARNING):
        egemaps(_tone(0.1))
        egemaps(_tone(0.1))
    assert caplog.text.count("licence allows research and private use only") == 1


def test_a_missing_opensmile_gives_the_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "opensmile", None)
    vatrace.features.egemaps._smile.cache_clear()
    with pytest.raises(FeatureError, match="pip install opensmile"):
        egemaps(np.zeros(RATE, dtype=np.float32))
