import numpy as np
import pytest
import torch

from vatrace.metrics import ccc
from vatrace.training.losses import ccc_loss, mse_loss


def example() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    truth = torch.rand(3, 20, 2) * 2 - 1
    prediction = 0.5 * truth + 0.3 + 0.1 * torch.randn(3, 20, 2)  # unequal means
    valid = torch.rand(3, 20) < 0.7
    return prediction, truth, valid


def test_the_loss_is_one_minus_the_mean_ccc_of_the_whole_batch() -> None:
    prediction, truth, valid = example()
    p, y = prediction[valid].double().numpy(), truth[valid].double().numpy()
    expected = 1 - (ccc(p[:, 0], y[:, 0]) + ccc(p[:, 1], y[:, 1])) / 2
    assert float(ccc_loss(prediction, truth, valid)) == pytest.approx(expected, abs=1e-5)


def test_what_stands_in_unlabelled_frames_changes_neither_loss_nor_gradient() -> None:
    prediction, truth, valid = example()
    dirty = truth.clone()
    dirty[~valid] = float("nan")
    gradients = []
    for labels in (truth, dirty):
        leaf = prediction.clone().requires_grad_()
        (ccc_loss(leaf, labels, valid) + mse_loss(leaf, torch.nan_to_num(labels), valid)).backward()
        gradients.append(leaf.grad)
    assert torch.equal(gradients[0], gradients[1])
    assert gradients[0][~valid].abs().max() == 0


def test_the_gradient_agrees_with_finite_differences() -> None:
    prediction, truth, valid = (each.double() if each.is_floating_point() else each for each in example())
    leaf = prediction[:1, :5].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ccc_loss(x, truth[:1, :5], valid[:1, :5]), leaf)


def test_constant_labels_and_predictions_give_a_finite_loss_of_one() -> None:
    flat = torch.full((1, 10, 2), 0.3, requires_grad=True)
    loss = ccc_loss(flat, torch.full((1, 10, 2), 0.3), torch.ones(1, 10, dtype=torch.bool))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(1.0)
    assert bool(torch.isfinite(flat.grad).all())


def test_a_batch_without_a_label_teaches_nothing() -> None:
    leaf = torch.rand(1, 10, 2, requires_grad=True)
    loss = ccc_loss(leaf, torch.rand(1, 10, 2), torch.zeros(1, 10, dtype=torch.bool))
    loss.backward()
    assert float(loss.detach()) == 1.0
    assert np.abs(leaf.grad.numpy()).max() == 0
