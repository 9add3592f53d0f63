"""The processes that train one network together: one, or as many as `torchrun` has started.

    torchrun --nproc-per-node 2 -m vatrace train ...

Only numbers of known shape pass between them; nothing is pickled.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, distributed

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class World:
    """Which of how many processes this is, and the device it computes on."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=partial(torch.device, "cpu"))

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files and shows progress."""
        return self.rank == 0

    def gather(self, rows: Tensor) -> list[Tensor]:
        """Everybody's rows `[n, ...]`, where n may differ, in order of rank; without gradients."""
        if self.size == 1:
            return [rows.detach()]
        counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(self.size)]
        distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
        longest = max(int(count) for count in counts)
        padded = rows.new_zeros((longest, *rows.shape[1:]))
        padded[: len(rows)] = rows.detach()
        everybody = [torch.zeros_like(padded) for _ in range(self.size)]
        distributed.all_gather(everybody, padded)
        return [each[: int(count)] for each, count in zip(everybody, counts, strict=True)]

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace each gradient by the sum over all processes; one that is missing counts as zero."""
        if self.size == 1:
            return
        chosen = [parameter for parameter in parameters if parameter.requires_grad]
        gradients = [each.grad if each.grad is not None else torch.zeros_like(each) for each in chosen]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        at = 0
        for parameter, gradient in zip(chosen, gradients, strict=True):
            parameter.grad = flat[at : at + gradient.numel()].view_as(gradient).clone()
            at += gradient.numel()

    def as_the_first(self, decision: bool) -> bool:
        """The first process's decision, so that nobody goes on alone where rounding makes them differ."""
        if self.size == 1:
            return decision
        shared = torch.tensor([decision], dtype=torch.uint8, device=self.device)
        distributed.broadcast(shared, src=0)
        return bool(shared.item())

    def wait(self) -> None:
        """Go on when everybody has come here: before what the first process has written is read."""
        if self.size > 1:
            distributed.barrier()


ALONE = World()


@contextmanager
def joined_world(device: str = "auto") -> Iterator[World]:
    """Join the processes that `torchrun` has started, or be alone.

    Args:
        device: "cpu", "cuda", or "auto" for a GPU where there is one.

    Raises:
        ValueError: no such device, or there is no GPU.
    """
    chosen = choose_device(device)
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(device=chosen)
        return
    rank = int(os.environ["RANK"])
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield World(rank=rank, size=size, device=chosen)
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def choose_device(device: str) -> torch.device:
    """The device of that name.

    Raises:
        ValueError: no such device, or there is no GPU.
    """
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is cuda, but torch finds no GPU here; use --device cpu, or a CUDA build of torch.")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
