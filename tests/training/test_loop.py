"""The training loop on a network small enough to follow by hand."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vatrace.training import loop
from vatrace.training.loop import Plan, num_steps, run
from vatrace.training.losses import ccc_loss
from vatrace.training.progress import Step
from vatrace.training.randomness import generator


class Lines:
    """Learn two sums of four noisy numbers; the noise is keyed as pictures' augmentation is."""

    num_items = 22

    def load(self, indices: Sequence[int], epoch: int) -> tuple[Tensor, Tensor]:
        clean = torch.stack([torch.from_numpy(generator(5, index).standard_normal(4)).float() for index in indices])
        noise = torch.stack(
            [torch.from_numpy(generator(5, "noise", epoch, index).standard_normal(4)).float() for index in indices]
        )
        return clean + 0.1 * noise, torch.stack([clean[:, :2].sum(dim=1), clean[:, 2:].sum(dim=1)], dim=1)

    def outputs(self, network: nn.Module, part: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return network(part[0]), part[1]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return ccc_loss(outputs, targets, torch.ones(len(outputs), dtype=torch.bool))


class KilledError(Exception):
    """Stands for a killed process."""


def train(folder: Path, *, dropout: float = 0.3, kill_at: int | None = None, **plan: int) -> tuple[nn.Module, list]:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 2))
    optimizer = torch.optim.AdamW(network.parameters())
    losses = []

    def told(step: Step) -> None:
        losses.append(step.shown["loss"])
        if step.done == kill_at:
            raise KilledError

    whole = Plan(**({"seed": 2, "epochs": 3, "batch": 8, "learning_rate": lambda epoch: 0.02} | plan))
    run(network, optimizer, Lines(), whole, folder, settings="same", on_step=told)
    return network, losses


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_it_learns(tmp_path: Path) -> None:
    _, losses = train(tmp_path, dropout=0.0, epochs=40)
    assert losses[-1] < 0.1 < losses[0]


def test_a_batch_in_parts_is_the_same_step_as_the_batch_at_once(tmp_path: Path) -> None:
    _, at_once = train(tmp_path / "1", dropout=0.0)
    _, in_parts = train(tmp_path / "3", dropout=0.0, parts=3)
    assert in_parts == pytest.approx(at_once, abs=1e-5)


def test_the_mean_of_the_parts_losses_would_have_been_another_loss(tmp_path: Path) -> None:
    """The case the loop is made for: shows that the test above can fail."""
    clean, target = Lines().load(range(8), 0)
    parts = [Lines().loss(clean[at : at + 4, :2], target[at : at + 4]) for at in (0, 4)]
    assert abs(float(sum(parts)) / 2 - float(Lines().loss(clean[:, :2], target))) > 1e-3


@pytest.mark.parametrize("kill_at", [1, 2, 3, 4, 7, 9])
def test_a_run_killed_anywhere_resumes_to_bit_identical_weights(
    tmp_path: Path, kill_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, losses = train(tmp_path / "whole")
    monkeypatch.setattr(loop, "SAVE_EVERY_SECONDS", 0.0)
    with pytest.raises(KilledError):
        train(tmp_path / "killed", kill_at=kill_at)
    resumed, rest = train(tmp_path / "killed")
    assert same(whole, resumed)
    assert losses[-len(rest) :] == rest
    assert len(rest) <= len(losses) - kill_at + 1  # it did not begin again


def test_it_resumes_to_the_same_weights_with_another_number_of_loader_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = train(tmp_path / "whole")
    monkeypatch.setattr(loop, "SAVE_EVERY_SECONDS", 0.0)
    with pytest.raises(KilledError):
        train(tmp_path / "killed", kill_at=4)
    resumed, _ = train(tmp_path / "killed", workers=2)
    assert same(whole, resumed)


def test_a_finished_run_does_no_step_more(tmp_path: Path) -> None:
    first, _ = train(tmp_path)
    again, losses = train(tmp_path)
    assert losses == []
    assert same(first, again)


def test_an_epoch_may_take_another_part_of_the_items_each_time(tmp_path: Path) -> None:
    seen: list[list[int]] = [[], []]

    class Watched(Lines):
        def load(self, indices: Sequence[int], epoch: int) -> tuple[Tensor, Tensor]:
            seen[epoch].extend(indices)
            return super().load(indices, epoch)

    network = nn.Linear(4, 2)
    plan = Plan(seed=1, epochs=2, batch=4, learning_rate=lambda epoch: 0.0, items_per_epoch=8)
    run(network, torch.optim.AdamW(network.parameters()), Watched(), plan, tmp_path, settings="")
    assert [len(set(each)) for each in seen] == [8, 8]
    assert set(seen[0]) != set(seen[1])


def test_steps_by_hand() -> None:
    def plan(batch: int, parts: int) -> Plan:
        return Plan(seed=0, epochs=1, batch=batch, parts=parts, learning_rate=lambda epoch: 0.0)

    assert num_steps(22, plan(8, 1)) == 3
    assert num_steps(17, plan(8, 2)) == 2  # the last batch has one item, too few for two parts
    assert num_steps(6, plan(8, 2)) == 1
    with pytest.raises(ValueError, match="1 items in batches of 8 cannot be cut into 2 parts"):
        num_steps(1, plan(8, 2))
