"""Many trainings at once: each is trained and scored, what is finished is kept, one that fails stops no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vatrace.errors import TrainingError, VatraceError
from vatrace.recipes.one_fold import Training, score_one_fold, train_one_fold
from vatrace.recipes.parallel import in_processes
from vatrace.recipes.watch import Watch

if TYPE_CHECKING:
    from vatrace.training.world import World

Scores = dict[str, Any]  # Any: numbers and words, as JSON has them
Failure = VatraceError | OSError


@dataclass(frozen=True, kw_only=True)
class Run:
    """A training with its place: `row`, and the model folder to write."""

    row: str
    training: Training
    folder: Path

    @property
    def name(self) -> str:
        """The run in words."""
        return f"{self.row}, fold {self.training.fold}, seed {self.training.config.seed}"


def run_folder(out: Path, row: str, *, fold: int, seed: int) -> Path:
    """Where a run has its model, predictions and scores."""
    return out / row / f"seed{seed}" / f"fold{fold}"


def train_and_score(
    runs: Sequence[Run], *, workers: int = 0, watch: Watch
) -> tuple[dict[Path, Scores], list[tuple[str, Failure]]]:
    """Train and score whatever is not there yet.

    On a CPU runs go side by side, one thread each; on a GPU one after the other in this process.

    Args:
        runs: what to train; no two in one folder.
        workers: processes; 0 takes one a core.
        watch: told about each run.

    Returns:
        The scores by model folder, and what failed with the reason.
    """
    scores: dict[Path, Scores] = {}
    failed: list[tuple[str, Failure]] = []
    with watch.track("training and scoring", len(runs)) as advance:
        for run, result in _results(runs, workers):
            if isinstance(result, VatraceError | OSError):
                failed.append((run.name, result))
                watch.say(f"failed: {run.name}: {result}")
                advance(1)
            else:
                scores[run.folder] = result
                advance(1, shown={"ccc": result["mean_ccc"]})
    return scores, sorted(failed, key=lambda each: each[0])


def _results(runs: Sequence[Run], workers: int) -> Iterator[tuple[Run, Scores | Failure]]:
    from vatrace.training.world import World, choose_device

    world = World(device=choose_device("auto"))
    if world.device.type == "cpu":  # a single run too: another number of threads would round to another model
        yield from in_processes(_train_and_score, runs, workers=workers, prepare=_prepare)
        return
    for run in runs:
        try:
            yield run, _train_and_score(run, world)
        except (VatraceError, OSError) as error:
            yield run, error


def _prepare() -> None:
    import torch

    torch.set_num_threads(1)  # as many processes as cores: more threads would only wait for each other


def _train_and_score(run: Run, world: World | None = None) -> Scores:
    try:
        train_one_fold(run.training, run.folder, world=world)
        return score_one_fold(run.training, run.folder)
    except (ValueError, RuntimeError) as error:  # out of memory, too few windows, predictions that are no numbers
        raise TrainingError(f"{type(error).__name__}: {error}") from error
