import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.reference.vggish import log_mel_row
from vatrace.errors import ModelError
from vatrace.features.acoustic import acoustic_extractor, vggish_extractor
from vatrace.features.vggish import centred_patches, load_vggish, log_mel, vggish_embeddings
from vatrace.files import sha256_of
from vatrace.nn.vggish import Vggish

RATE = 16000


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Vggish().eval()


@pytest.fixture(scope="module")
def checkpoint(network):
    with tempfile.TemporaryDirectory() as folder:  # 288 MB: not left behind as tmp_path would be
        path = Path(folder) / "vggish.pth"
        torch.save(network.state_dict(), path)
        yield path


def _noise(num_samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, num_samples).astype(np.float32)


def test_log_mel_equals_an_independent_formula_to_1e_9():
    samples = _noise(400 + 5 * 160 + 50)
    samples[800:] *= 1e-3
    expected = [log_mel_row(samples, row) for row in range(6)]
    np.testing.assert_allclose(log_mel(samples), expected, rtol=0, atol=1e-9)


def test_log_mel_of_silence_is_the_logarithm_of_the_offset():
    np.testing.assert_allclose(log_mel(np.zeros(1000, dtype=np.float32)), np.log(0.01))


@pytest.mark.parametrize(("num_samples", "rows"), [(0, 0), (399, 0), (400, 1), (15600, 96)])
def test_log_mel_has_a_row_for_each_whole_window(num_samples, rows):
    assert log_mel(_noise(num_samples)).shape == (rows, 64)


@pytest.mark.parametrize("start_seconds", [0.0, 1.7])
def test_an_impulse_at_a_frames_time_stands_in_the_middle_of_its_patch(start_seconds):
    times = 2.0 + np.arange(5) * 1001 / 30000
    samples = np.zeros(4 * RATE, dtype=np.float32)
    samples[round((times[2] - start_seconds) * RATE)] = 1.0
    patches = centred_patches(samples, start_seconds, times)
    energy = np.exp(patches[2]).sum(axis=1)  # [96]
    assert set(np.argsort(energy)[-2:]) == {47, 48}  # rows 47 and 48 lie 5 ms before and after the middle
    assert energy[47] == pytest.approx(energy[48], rel=1e-6)
    assert np.argmax(np.exp(patches[3]).sum(axis=1)) < 47
    assert np.argmax(np.exp(patches[1]).sum(axis=1)) > 48


def test_patches_in_the_sound_are_its_log_mel_and_silence_lies_beyond_its_ends():
    samples = _noise(RATE)
    (inside,) = centred_patches(samples, 0.0, np.array([7800 / RATE]))
    np.testing.assert_allclose(inside, log_mel(samples)[:96], atol=1e-12)
    (early,) = centred_patches(samples, 0.0, np.array([0.0]))
    np.testing.assert_allclose(early[:46], np.log(0.01))  # the rows that end before the first sample
    assert (early[50:] > np.log(0.01) + 1).all()
    (none,) = centred_patches(samples[:0], 0.0, np.array([0.5]))
    np.testing.assert_allclose(none, np.log(0.01))


def test_embeddings_are_the_networks_of_the_patches_whatever_the_batch(network):
    samples, times = _noise(RATE), np.array([0.1, 0.5, 0.9])
    patches = torch.from_numpy(centred_patches(samples, 0.0, times)).float().unsqueeze(1)
    with torch.inference_mode():
        expected = network(patches).numpy()
    values = vggish_embeddings(samples, 0.0, times, network, batch=2)
    assert values.shape == (3, 128)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)
    assert vggish_embeddings(samples, 0.0, times[:0], network).shape == (0, 128)


def test_the_extractor_leaves_muted_and_uncovered_frames_zero(network):
    samples = _noise(RATE)
    samples[RATE // 2 :] = 0.0
    extractor = vggish_extractor(network, version="random")
    values, valid = extractor.extract(samples, 1.0, np.array([0.5, 1.2, 1.8, 2.4]))
    assert (extractor.name, extractor.dim, extractor.version) == ("vggish", 128, "random-centred")
    assert valid.tolist() == [False, True, False, False]
    assert values[1].any()
    assert not values[[0, 2, 3]].any()
    np.testing.assert_array_equal(values[1:2], vggish_embeddings(samples, 1.0, np.array([1.2]), network))


def test_a_checkpoint_in_the_torchvggish_layout_loads_with_every_key(network, checkpoint):
    loaded = load_vggish(checkpoint, expected_sha256_prefix=sha256_of(checkpoint)[:8])
    assert not loaded.training
    expected = network.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_another_hash_is_refused_with_both_hashes(checkpoint):
    with pytest.raises(ModelError, match=f"sha256 is {sha256_of(checkpoint)}, expected 10086976"):
        load_vggish(checkpoint)
    with pytest.raises(ModelError, match="expected 10086976"):
        acoustic_extractor("vggish", weights=checkpoint)


def test_other_tensors_are_refused_by_name(tmp_path):
    path = tmp_path / "other.pth"
    with torch.device("meta"):
        names = Vggish().state_dict()
    state = {name: torch.zeros(1) for name in names if name != "embeddings.4.bias"}
    torch.save({**state, "pca": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match=r"missing embeddings.4.bias; unexpected pca; .*features.0.weight is \(1,\)"):
        load_vggish(path, expected_sha256_prefix=None)


def test_a_file_that_would_run_code_or_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "code.pth"
    torch.save({"features.0.weight": Path("x")}, path)  # a Path needs more than tensors to unpickle
    with pytest.raises(ModelError, match="not a checkpoint that can be loaded safely"):
        load_vggish(path, expected_sha256_prefix=None)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ModelError, match="not a checkpoint that can be loaded safely"):
        load_vggish(path, expected_sha256_prefix=None)
    torch.save([torch.zeros(1)], path)
    with pytest.raises(ModelError, match="holds a list"):
        load_vggish(path, expected_sha256_prefix=None)
