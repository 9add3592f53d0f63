"""What the extractors promise beside their values: what they need, what they are called, how far they look ahead."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vatrace.errors import ModelError
from vatrace.features.acoustic import AcousticExtractor, acoustic_extractor, vggish_extractor
from vatrace.features.vggish import vggish_embeddings
from vatrace.features.vggish_pca import PcaParameters, post_process
from vatrace.features.weights import VGGISH, VGGISH_PCA
from vatrace.nn.vggish import Vggish

RATE = 16_000
FPS = 25
HALF_FRAME = 0.5 / FPS


@pytest.fixture(scope="module")
def network() -> Vggish:
    torch.manual_seed(0)
    return Vggish().eval()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "vatrace"
    folder.mkdir(parents=True)
    return folder


def pca() -> PcaParameters:
    random = np.random.default_rng(0)
    return PcaParameters(eigen_vectors=random.normal(0, 3.0, (128, 128)), means=np.zeros(128))


def voice(seconds: float, pitch_hz: float = 150.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    tone = sum(0.05 / k * np.sin(2 * np.pi * pitch_hz * k * time) for k in range(1, 20))
    return (tone + np.random.default_rng(1).normal(0, 0.003, len(time))).astype(np.float32)


# After the frame's own interval (MFCC, eGeMAPS) or its time (VGGish), as docs/features.md has it.
LOOK_AHEAD_SECONDS = {
    "mfcc": HALF_FRAME + 0.0125 + 4 * 0.010,  # half a window, and two regressions of two rows
    "egemaps": HALF_FRAME + 0.05,  # the second half of the 60 ms window, and smoothing by a row
    "vggish": 0.4875,  # half of 96 rows of 10 ms and of the last window's rest
}


@pytest.mark.parametrize("name", sorted(LOOK_AHEAD_SECONDS))
def test_sound_beyond_the_stated_look_ahead_changes_nothing_and_sound_just_within_it_does(
    name: str, network: Vggish
) -> None:
    if name == "egemaps":
        pytest.importorskip("opensmile")
    extractor = vggish_extractor(network, version="r") if name == "vggish" else acoustic_extractor(name)
    changed_from = 1.5
    samples = voice(2.5)
    others = samples.copy()
    others[round(changed_from * RATE) :] = 2 * voice(2.5, 240.0)[round(changed_from * RATE) :]
    ahead = LOOK_AHEAD_SECONDS[name]
    # Time is finer than the hop: frames whose look-ahead ends just before the change, and frames 15 ms later.
    safe = changed_from - ahead - 1e-4 - np.arange(3)[::-1] / FPS
    assert not differing_frames(extractor, samples, others, safe).any()
    assert differing_frames(extractor, samples, others, safe + 0.015)[-1]


def differing_frames(
    extractor: AcousticExtractor, samples: np.ndarray, others: np.ndarray, times: np.ndarray
) -> np.ndarray:
    before, after = (extractor.extract(each, 0.0, times)[0] for each in (samples, others))
    different: np.ndarray = (before != after).any(axis=1)
    return different


def test_vggish_and_its_pca_have_different_names_and_identities(network: Vggish) -> None:
    raw, whitened = vggish_extractor(network, version="1-w"), vggish_extractor(network, version="1-w-p", pca=pca())
    assert (raw.name, raw.version) == ("vggish", "1-w-centred")
    assert (whitened.name, whitened.version) == ("vggish_pca", "1-w-p-centred")


def test_vggish_pca_is_the_post_processed_embedding_of_valid_frames_and_zero_elsewhere(network: Vggish) -> None:
    samples, times = voice(1.0), np.array([0.3, 0.6, 1.5])  # no sound at 1.5 s
    values, valid = vggish_extractor(network, version="r", pca=pca()).extract(samples, 0.0, times)
    assert valid.tolist() == [True, True, False]
    np.testing.assert_array_equal(values[:2], post_process(vggish_embeddings(samples, 0.0, times[:2], network), pca()))
    assert set(np.unique(values[:2])) <= set(range(256))
    assert len(np.unique(values[:2])) > 10
    assert not values[2].any()


@pytest.mark.parametrize("name", ["vggish", "vggish_pca"])
def test_vggish_without_weights_names_the_command_that_fetches_them(name: str, cache: Path) -> None:
    with pytest.raises(ModelError, match=r"no VGGish weights at .*vggish-10086976.pth.*`vatrace weights vggish`"):
        acoustic_extractor(name)
    (cache / VGGISH.file).write_bytes(b"there")
    if name == "vggish_pca":
        with pytest.raises(ModelError, match="`vatrace weights vggish_pca`"):
            acoustic_extractor(name)


def test_files_in_the_cache_are_found_unasked_and_refused_when_they_are_others(cache: Path) -> None:
    (cache / VGGISH.file).write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"cache/vatrace/vggish-10086976.pth does not hold the known VGGish weights"):
        acoustic_extractor("vggish")


def test_known_files_in_the_cache_make_the_extractors_and_a_pca_beside_given_weights_comes_first(
    cache: Path, tmp_path: Path, network: Vggish, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []
    monkeypatch.setattr("vatrace.features.vggish.load_vggish", lambda path: loaded.append(path) or network)
    monkeypatch.setattr("vatrace.features.vggish_pca.load_pca", lambda path: loaded.append(path) or pca())
    for folder in (cache, tmp_path):
        for each in (VGGISH, VGGISH_PCA):
            (folder / each.file).write_bytes(b"there")
    assert acoustic_extractor("vggish").version == "1-10086976-centred"
    assert acoustic_extractor("vggish_pca").version == "1-10086976-970ea276-centred"
    acoustic_extractor("vggish_pca", weights=tmp_path / VGGISH.file)
    in_cache, given = ([folder / each.file for each in (VGGISH, VGGISH_PCA)] for folder in (cache, tmp_path))
    assert loaded == [in_cache[0], *in_cache, *given]
