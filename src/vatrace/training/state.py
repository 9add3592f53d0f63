"""Where a training run stands, on disk: named tensors and plain data in one safetensors file. Nothing is pickled.

With randomness keyed by (seed, epoch, step), network, optimiser and the position are the whole state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vatrace.errors import ModelError
from vatrace.files import committed

STATE = "state.safetensors"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a run has done so far.

    Args:
        epochs: finished.
        settings: hash of those it ran under.
        memory: what else it remembers.
        steps: done in the epoch that is not finished.
        loss_sum: of those steps.
        seconds: that they took.
    """

    epochs: int
    settings: str
    memory: Mapping[str, Any]  # Any: plain data for JSON
    steps: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0


def save_state(
    folder: Path, progress: Progress, network: nn.Module, optimizer: torch.optim.Optimizer, best: Mapping[str, Tensor]
) -> None:
    """Commit the state; a run killed during this keeps the one before."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in values.items()}
    plain = asdict(progress) | {"memory": dict(progress.memory)}
    with committed(folder / STATE) as part:
        contents = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
        save_file(contents, part, metadata={"progress": json.dumps(plain)})


def load_state(
    folder: Path, settings: str, network: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[Progress, dict[str, Tensor]] | None:
    """Take up a run where it stood.

    Args:
        folder: of the run.
        settings: hash of everything that shapes the run; a state made under others is not taken up.
        network: gets its weights.
        optimizer: gets its moments.

    Returns:
        The progress and the best weights so far; None where there is nothing to take up.

    Raises:
        ModelError: the state is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            plain = json.loads(file.metadata()["progress"])
            if plain["settings"] != settings:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is damaged ({error}); remove it to start this run afresh.") from error
    network.load_state_dict(_below("network.", tensors))
    _restore_optimizer(optimizer, _below("optimizer.", tensors))
    return Progress(**plain), _below("best.", tensors)


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, entry = name.split(".", 1)
        state.setdefault(int(index), {})[entry] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
