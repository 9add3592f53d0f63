import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from vatrace.errors import ModelError
from vatrace.features.vggish_pca import PcaParameters, load_pca, post_process
from vatrace.files import sha256_of


def made_parameters(seed: int = 0) -> PcaParameters:
    random = np.random.default_rng(seed)
    return PcaParameters(eigen_vectors=random.normal(0, 0.2, (128, 128)), means=random.uniform(0, 1, 128))


def test_post_processing_equals_the_formula_written_out_number_by_number():
    parameters = made_parameters()
    embeddings = np.random.default_rng(1).exponential(0.7, (4, 128)).astype(np.float32)
    expected = np.empty((4, 128))
    for frame in range(4):
        for component in range(128):
            row = parameters.eigen_vectors[component]
            value = math.fsum(row[i] * (float(embeddings[frame, i]) - parameters.means[i]) for i in range(128))
            expected[frame, component] = int((min(max(value, -2.0), 2.0) + 2.0) * 255.0 / 4.0)  # int cuts off
    values = post_process(embeddings, parameters)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, expected)
    assert 0.05 < (values == 0).mean() < 0.95, "some are clipped and some are not"
    assert len(np.unique(values)) > 50


def test_the_scale_runs_from_minus_two_to_two_and_fractions_are_cut_off():
    identity = PcaParameters(eigen_vectors=np.eye(128), means=np.full(128, 3.0))
    embeddings = np.full((1, 128), 3.0, dtype=np.float32)
    cases = {0.0: 0, 1.0: 0, 1.0157: 1, 1.031: 1, 3.0: 127, 4.999: 254, 5.0: 255, 50.0: 255}
    embeddings[0, : len(cases)] = list(cases)
    for value, byte in cases.items():  # by exact arithmetic: 255 (v - 1) / 4, cut off
        assert byte == min(255, max(0, math.floor(Fraction(value) * 255 / 4 - Fraction(255, 4))))
    assert post_process(embeddings, identity)[0, : len(cases)].tolist() == list(cases.values())


def test_eigen_vectors_are_rows_so_that_a_transposed_matrix_gives_something_else():
    parameters = made_parameters()
    turned = PcaParameters(eigen_vectors=parameters.eigen_vectors.T, means=parameters.means)
    embeddings = np.random.default_rng(1).exponential(0.7, (2, 128)).astype(np.float32)
    assert (post_process(embeddings, parameters) != post_process(embeddings, turned)).mean() > 0.5


def save(path: Path, state: object, *, old_format: bool) -> str:
    torch.save(state, path, _use_new_zipfile_serialization=not old_format)
    if old_format:  # and as numpy 1 named its function
        path.write_bytes(path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    return sha256_of(path)


@pytest.mark.parametrize("old_format", [False, True])
@pytest.mark.parametrize("kind", ["float64", "float32", "tensor"])
def test_released_parameters_load_as_arrays_or_tensors_with_the_means_in_a_column(tmp_path, old_format, kind):
    made = made_parameters()
    arrays = {"pca_eigen_vectors": made.eigen_vectors, "pca_means": made.means.reshape(128, 1)}
    state = {
        name: torch.from_numpy(array) if kind == "tensor" else array.astype(kind) for name, array in arrays.items()
    }
    path = tmp_path / "pca.pth"
    loaded = load_pca(path, expected_sha256_prefix=save(path, state, old_format=old_format))
    tolerance = 1e-7 if kind == "float32" else 0
    np.testing.assert_allclose(loaded.eigen_vectors, made.eigen_vectors, rtol=tolerance)
    np.testing.assert_allclose(loaded.means, made.means, rtol=tolerance)


@pytest.mark.parametrize("old_format", [False, True])
def test_a_file_that_would_make_anything_but_arrays_of_numbers_is_refused(tmp_path, old_format):
    path = tmp_path / "pca.pth"
    for planted in (Path("x"), np.array([Path("x")], dtype=object), np.array(["text"])):
        digest = save(path, {"pca_eigen_vectors": planted}, old_format=old_format)
        with pytest.raises(ModelError, match="cannot be loaded safely"):
            load_pca(path, expected_sha256_prefix=digest)


def test_another_hash_other_names_and_other_sizes_are_refused(tmp_path):
    path = tmp_path / "pca.pth"
    digest = save(path, {"pca_eigen_vectors": np.eye(128)}, old_format=False)
    with pytest.raises(ModelError, match=f"sha256 is {digest}, expected 970ea276.*`vatrace weights vggish_pca`"):
        load_pca(path)
    with pytest.raises(ModelError, match="there is no pca_means in it"):
        load_pca(path, expected_sha256_prefix=digest)
    digest = save(path, {"pca_eigen_vectors": np.eye(3), "pca_means": np.zeros(128)}, old_format=False)
    with pytest.raises(ModelError, match=r"pca_eigen_vectors is \(3, 3\), expected \(128, 128\)"):
        load_pca(path, expected_sha256_prefix=digest)
    digest = save(path, [1], old_format=False)
    with pytest.raises(ModelError, match="there is no pca_eigen_vectors in it"):
        load_pca(path, expected_sha256_prefix=digest)
