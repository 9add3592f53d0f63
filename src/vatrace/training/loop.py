"""The one training loop: pre-training, fine-tuning and the temporal model all run through `run`.

A step takes a *global batch*. It is cut into parts, which several processes share (`torchrun`), and of which one
process takes one after the other where they do not fit into memory together. The CCC of a batch is not the mean of its
parts' CCCs, so the loss is taken over the outputs of all parts at once, and each part gets its own share of the
gradient: exactly that of the whole batch.

Randomness is keyed: what `Job.load` draws by (seed, epoch, item), dropout by (seed, epoch, step, part). The state is
committed every few minutes and after each epoch, with the position in the epoch. A run killed anywhere therefore goes
on to the same weights, with any number of loader workers; and one process that takes two parts follows two processes
that take one each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from vatrace.training.progress import OnStep, Step, silent
from vatrace.training.randomness import permutation, seed_torch
from vatrace.training.state import Progress, load_state, save_state
from vatrace.training.world import ALONE, World

Part = TypeVar("Part")
SAVE_EVERY_SECONDS = 300.0


class Job(Protocol[Part]):
    """What is trained: where its batches come from, and what its loss is."""

    @property
    def num_items(self) -> int:
        """Windows or pictures that an epoch goes through."""

    def load(self, indices: Sequence[int], epoch: int) -> Part:
        """Some items as one part of a batch: a dataclass or tuple of tensors.

        Runs in loader workers. Whatever is random in it is keyed by (seed, epoch, index).
        """

    def outputs(self, network: nn.Module, part: Part) -> tuple[Tensor, Tensor]:
        """What the network makes of a part, and what it should: each `[n, ...]`, of that which counts only."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a global batch."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long, how fast, and in what pieces.

    Args:
        seed: of all randomness.
        epochs: at most.
        batch: items of a global batch.
        learning_rate: of the epoch, counted in fractions.
        parts: pieces a global batch is cut into for each process (gradient accumulation).
        gradient_clip: largest norm of the gradient; None leaves it as it is.
        bf16: whether the network computes in bfloat16 where that is safe (autocast).
        workers: processes that load ahead; 0 loads in this one.
        items_per_epoch: how many of the items an epoch takes, others each time; 0 takes all.
    """

    seed: int
    epochs: int
    batch: int
    learning_rate: Callable[[float], float]
    parts: int = 1
    gradient_clip: float | None = None
    bf16: bool = False
    workers: int = 0
    items_per_epoch: int = 0


class Epochs(Protocol):
    """What is done after each epoch, and what has to be remembered of it."""

    def after_epoch(self, epoch: int, loss: float, seconds: float) -> bool:
        """Look at the network after `epoch` epochs with this mean loss; True ends the run."""

    def memory(self) -> Mapping[str, Any]:  # Any: plain data for JSON
        """What to keep with the state."""

    def best(self) -> Mapping[str, Tensor]:
        """Weights to keep with the state."""

    def take_up(self, memory: Mapping[str, Any], best: dict[str, Tensor]) -> bool:
        """Go on from there; True where the run had ended."""


class NothingBetween:
    """Epochs after which nothing is done."""

    def after_epoch(self, epoch: int, loss: float, seconds: float) -> bool:
        """Go on."""
        return False

    def memory(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def best(self) -> Mapping[str, Tensor]:
        """Nothing."""
        return {}

    def take_up(self, memory: Mapping[str, Any], best: dict[str, Tensor]) -> bool:
        """Go on."""
        return False


def run(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    job: Job[Part],
    plan: Plan,
    folder: Path,
    *,
    settings: str,
    world: World = ALONE,
    epochs: Epochs | None = None,
    on_step: OnStep = silent,
) -> None:
    """Train a network, from the start or from where an earlier run was stopped.

    Args:
        network: on the world's device, with the same weights in every process; is changed.
        optimizer: of its weights. A group's `lr_scale` multiplies the learning rate.
        job: what to train.
        plan: how.
        folder: keeps the state.
        settings: hash of everything that shapes the run; a state made under others is not taken up.
        world: the processes that do it together.
        epochs: what happens after each epoch.
        on_step: told after each step.
    """
    _Run(network, optimizer, job, plan, folder, settings, world, epochs or NothingBetween(), on_step).go()


def num_steps(items: int, plan: Plan, world: World = ALONE) -> int:
    """Steps of an epoch; a last batch with fewer items than pieces is left out.

    Raises:
        ValueError: there is no whole batch.
    """
    steps, rest = divmod(items, plan.batch)
    pieces = plan.parts * world.size
    if min(items, plan.batch) < pieces:
        raise ValueError(f"{items} items in batches of {plan.batch} cannot be cut into {pieces} parts; choose fewer.")
    return steps + (rest >= pieces)


class _Run:
    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        job: Job[Any],  # Any: a part is whatever the job makes of it
        plan: Plan,
        folder: Path,
        settings: str,
        world: World,
        epochs: Epochs,
        on_step: OnStep,
    ) -> None:
        self.network, self.optimizer, self.job, self.plan = network, optimizer, job, plan
        self.folder, self.settings, self.world, self.epochs, self.on_step = folder, settings, world, epochs, on_step
        self.epoch, self.step, self.loss_sum, self.seconds = 0, 0, 0.0, 0.0
        self.ended = False
        self.items = min(plan.items_per_epoch or job.num_items, job.num_items)
        self.steps = num_steps(self.items, plan, world)
        self.saved_at = time.monotonic()

    def go(self) -> None:
        self._take_up()
        if self.ended or self.epoch >= self.plan.epochs:
            return
        began = time.monotonic() - self.seconds
        for epoch, step, parts in self._batches():
            loss = self._step(epoch, step, parts)
            self.step, self.loss_sum = step + 1, self.loss_sum + loss
            self.seconds = time.monotonic() - began
            done = epoch * self.steps + step + 1
            self.on_step(Step(done=done, total=self.plan.epochs * self.steps, shown={"loss": loss}))
            if self.step == self.steps:
                self._finish_epoch()
                began = time.monotonic()
                if self.ended:
                    return
            elif time.monotonic() - self.saved_at >= SAVE_EVERY_SECONDS:
                self._save()

    def _take_up(self) -> None:
        taken_up = load_state(self.folder, self.settings, self.network, self.optimizer)
        if taken_up is None:
            return
        progress, best = taken_up
        self.epoch, self.step, self.loss_sum = progress.epochs, progress.steps, progress.loss_sum
        self.seconds = progress.seconds
        self.ended = self.epochs.take_up(progress.memory, best)
        assert self.step < self.steps, "the settings, which say how many processes there are, fix the steps of an epoch"

    def _finish_epoch(self) -> None:
        self.epoch, self.step = self.epoch + 1, 0
        ends = self.epochs.after_epoch(self.epoch, self.loss_sum / self.steps, self.seconds)
        self.ended = self.world.as_the_first(ends)
        self.loss_sum, self.seconds = 0.0, 0.0
        self._save()

    def _save(self) -> None:
        if self.world.is_first:
            progress = Progress(
                epochs=self.epoch,
                steps=self.step,
                loss_sum=self.loss_sum,
                seconds=self.seconds,
                settings=self.settings,
                memory=self.epochs.memory(),
            )
            save_state(self.folder, progress, self.network, self.optimizer, self.epochs.best())
        self.saved_at = time.monotonic()

    def _batches(self) -> Iterator[tuple[int, int, list[tuple[int, Any]]]]:
        """Epoch, step, and this process's parts of the batch with their numbers, from the position on."""
        for epoch in range(self.epoch, self.plan.epochs):
            pieces = _Pieces(self.job, epoch, self._positions(epoch, self.step))
            loader: DataLoader[Any] = DataLoader(
                pieces,
                batch_size=None,
                collate_fn=_as_it_is,
                num_workers=self.plan.workers,
                multiprocessing_context="spawn" if self.plan.workers else None,
                prefetch_factor=4 if self.plan.workers else None,
            )
            loaded = zip(pieces.positions, loader, strict=True)
            for step, group in groupby(loaded, key=lambda each: each[0].step):
                yield epoch, step, [(at.number, _to_device(part, self.world.device)) for at, part in group]

    def _positions(self, epoch: int, first_step: int) -> list[_Position]:
        """What this process does in an epoch, from a step on."""
        order = permutation(self.job.num_items, self.plan.seed, epoch)[: self.items]
        found = []
        for step in range(first_step, self.steps):
            batch = order[step * self.plan.batch : (step + 1) * self.plan.batch]
            for number, piece in enumerate(_cut(batch, self.plan.parts * self.world.size)):
                if number % self.world.size == self.world.rank:
                    found.append(_Position(step, number, piece))
        return found

    def _step(self, epoch: int, step: int, parts: list[tuple[int, Any]]) -> float:
        self.network.train()
        rate = self.plan.learning_rate(epoch + step / self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1.0)
        self.optimizer.zero_grad()
        loss = self._backward(epoch, step, parts)
        self.world.add_gradients(self.network.parameters())
        if self.plan.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.plan.gradient_clip)
        self.optimizer.step()
        return loss

    def _backward(self, epoch: int, step: int, parts: list[tuple[int, Any]]) -> float:
        """Gradients of this process's parts for the loss of the global batch.

        A single part is passed once. Several are passed twice: first without gradients, to know all outputs, and then
        one by one, with the gradient that the loss has at each part's outputs.
        """
        if len(parts) == 1:
            outputs, targets = self._outputs(epoch, step, *parts[0])
            loss, gradient = self._global_loss(outputs, targets)
            torch.autograd.backward([outputs], [gradient])
            return loss
        with torch.no_grad():
            passed = [self._outputs(epoch, step, number, part) for number, part in parts]
        loss, gradient = self._global_loss(torch.cat([each for each, _ in passed]), torch.cat([t for _, t in passed]))
        pieces = torch.split(gradient, [len(each) for each, _ in passed])
        for (number, part), piece in zip(parts, pieces, strict=True):
            outputs, _ = self._outputs(epoch, step, number, part)
            torch.autograd.backward([outputs], [piece])
        return loss

    def _outputs(self, epoch: int, step: int, number: int, part: Any) -> tuple[Tensor, Tensor]:
        seed_torch(self.plan.seed, "train", epoch, step, number)
        with torch.autocast(self.world.device.type, torch.bfloat16, enabled=self.plan.bf16):
            outputs, targets = self.job.outputs(self.network, part)
        return outputs.float(), targets

    def _global_loss(self, outputs: Tensor, targets: Tensor) -> tuple[float, Tensor]:
        """The loss over everybody's outputs, and its gradient at those of this process."""
        mine = outputs.detach().requires_grad_()
        everybody = self.world.gather(outputs)
        everybody[self.world.rank] = mine
        loss = self.job.loss(torch.cat(everybody), torch.cat(self.world.gather(targets)))
        (gradient,) = torch.autograd.grad(loss, mine)
        return float(loss.detach()), gradient


class _Position(NamedTuple):
    """A part of a batch: the step in its epoch, its number among the parts of all processes, and its items."""

    step: int
    number: int
    items: list[int]


class _Pieces(Dataset[Any]):
    """What each position of an epoch loads, for a DataLoader."""

    def __init__(self, job: Job[Any], epoch: int, positions: list[_Position]) -> None:
        self.job, self.epoch, self.positions = job, epoch, positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, at: int) -> Any:
        return self.job.load(self.positions[at].items, self.epoch)


def _as_it_is(part: Any) -> Any:
    return part


def _cut(batch: list[int], pieces: int) -> list[list[int]]:
    """A batch in as many pieces of nearly equal size as asked for."""
    size, more = divmod(len(batch), pieces)
    bounds = [0]
    for piece in range(pieces):
        bounds.append(bounds[-1] + size + (piece < more))
    return [batch[start:stop] for start, stop in pairwise(bounds)]


def _to_device(part: Any, device: torch.device) -> Any:
    if device.type == "cpu":
        return part
    if isinstance(part, Tensor):
        return part.to(device, non_blocking=True)
    if isinstance(part, tuple):
        return tuple(_to_device(each, device) for each in part)
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{each.name: _to_device(getattr(part, each.name), device) for each in fields(part)})
    return part
