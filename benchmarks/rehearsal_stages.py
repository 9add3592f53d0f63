"""The stages of the dress rehearsal: each takes the folder of its corpus, goes the real way, and says what it found.

What it found is compared with the plan of the corpus by arithmetic alone; another number raises `DifferenceError`. Each
function imports what it needs, so that its process holds nothing else.
"""

import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from io import StringIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rehearsal_corpus import DIMS, IDENTITIES, TEMPLATE, Drawn, read_plan, write_corpus

Facts = dict[str, Any]  # numbers that a stage found, as JSON has them

ACOUSTIC = ("vggish", "mfcc", "egemaps")
WINDOW, STRIDE, BATCH = 300, 200, 16
STEPS = 20


class DifferenceError(Exception):
    """A stage found something other than what was written."""


class EnoughError(Exception):
    """So many steps were to be taken."""


def expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise DifferenceError(f"{what}: found {found}, expected {expected}.")


def make(folder: Path, scale: float, seed: int) -> Facts:
    """Write the corpus, and a model with fresh weights."""
    write_corpus(folder, scale, seed)
    _save_fresh_model(folder / "model")
    files = list((folder / "features").iterdir())
    return {"features_files": len(files), "features_gb": round(sum(file.stat().st_size for file in files) / 1e9, 2)}


def _save_fresh_model(folder: Path) -> None:
    from vatrace.config import ModelConfig, WindowConfig
    from vatrace.models.build import build_model
    from vatrace.models.checkpoint import FeatureSpec, SavedModel, save_model
    from vatrace.training.randomness import seed_torch

    dims = tuple(DIMS[name] for name in ACOUSTIC)
    features = FeatureSpec(visual_dim=DIMS["visual"], acoustic=ACOUSTIC, audio_dims=dims, identities=IDENTITIES)
    seed_torch(0, "rehearsal")
    network = build_model(ModelConfig(), visual_dim=features.visual_dim, audio_dims=dims)
    about = {"encoder_tuned_on": [], "remark": "fresh weights, for a rehearsal"}
    save_model(
        folder,
        SavedModel(network=network, model=ModelConfig(), window=WindowConfig(), features=features, provenance=about),
    )


def doctor(folder: Path) -> Facts:
    """Counts against those of the known release; no videos are there to be opened."""
    code, text = _command("doctor", folder / "corpus", "--json")
    counts = {(each["group"], each["thing"]): each for each in json.loads(text)["counts"]}
    for split, group, thing in (
        ("train", "train", "rows"),
        ("validation", "validation", "rows"),
        ("test", "challenge test set", "rows of the template"),
    ):
        drawn = sum(clip.rows for clip in read_plan(folder) if clip.split == split)
        expect(f"{thing} of the {group}", counts[group, thing]["here"], drawn)
    known = [key for key, each in counts.items() if each["known"] is not None]
    as_known = [key for key in known if counts[key]["here"] == counts[key]["known"]]
    return {"exit_code": code, "counts_known": len(known), "as_known": len(as_known)}


def labels(folder: Path) -> Facts:
    """Open the corpus and read every label."""
    from vatrace.datasets.corpus import open_corpus
    from vatrace.datasets.known import KNOWN_COUNTS
    from vatrace.recipes.labelled import labelled_clips

    corpus, plan = open_corpus(folder / "corpus"), read_plan(folder)
    expect("sources", len(set(corpus.sources.values())), KNOWN_COUNTS["people", "sources"])
    expect("clips", len(corpus.clips), len(plan))
    facts: Facts = {}
    for split in ("train", "validation"):
        clips = labelled_clips(corpus, folder / "features", corpus.splits[split])
        found = [sum(len(clip.label) for clip in clips), sum(int(clip.label.valid.sum()) for clip in clips)]
        drawn = [clip for clip in plan if clip.split == split]
        expect(f"rows of {split}", found[0], sum(clip.rows for clip in drawn))
        expect(f"labelled of {split}", found[1], sum(clip.rows - _unlabelled(clip) for clip in drawn))
        facts[split] = {"clips": len(clips), "rows": found[0], "labelled": found[1]}
    return facts


def windows(folder: Path) -> Facts:
    """Cut every split into windows."""
    from vatrace.features.store import open_features
    from vatrace.windows import windows_in_time

    plan = read_plan(folder)
    found = {split: len(_dataset(folder, split)) for split in ("train", "validation")}
    test = [clip for clip in plan if clip.split == "test"]
    times = (open_features(folder / "features" / f"{clip.name}.safetensors").read_times() for clip in test)
    found["test"] = sum(len(windows_in_time(each, WINDOW, STRIDE)) for each in times)
    for split, number in found.items():
        expect(f"windows of {split}", number, sum(len(_windows_of(clip)) for clip in plan if clip.split == split))
    return found


def epoch(folder: Path) -> Facts:
    """Go through one epoch of the training split with the training loop, and learn next to nothing."""
    import torch
    from torch import Tensor, nn

    from vatrace.datasets.windows import Batch
    from vatrace.training.loop import Plan, run

    dataset = _dataset(folder, "train")
    seen = {"windows": 0, "frames": 0, "labelled": 0}

    class Reading:
        num_items = len(dataset)

        def load(self, indices: Sequence[int], _: int) -> Batch:
            return dataset.batch(indices)

        def outputs(self, network: nn.Module, part: Batch) -> tuple[Tensor, Tensor]:
            seen["windows"] += len(part.visual)
            seen["frames"] += int(part.audio_valid.sum())
            seen["labelled"] += int(part.label_valid.sum())
            told = part.label[part.label_valid]
            return network(told), told

        def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
            return nn.functional.mse_loss(outputs, targets)

    network = nn.Linear(2, 2)
    plan = Plan(seed=0, epochs=1, batch=BATCH, learning_rate=lambda _: 0.0)
    began = time.perf_counter()
    with TemporaryDirectory(dir=folder) as out:
        run(network, torch.optim.SGD(network.parameters()), Reading(), plan, Path(out), settings="")
    seconds = time.perf_counter() - began
    cut = [(clip, each) for clip in read_plan(folder) if clip.split == "train" for each in _windows_of(clip)]
    rows = [(stop - start, stop - start - _overlap(clip, start, stop)) for clip, (start, stop) in cut]
    expected = {"windows": len(cut), "frames": sum(all_ for all_, _ in rows), "labelled": sum(told for _, told in rows)}
    expect("read", seen, expected)
    return {**seen, "loop_seconds": round(seconds, 1), "windows_a_second": round(seen["windows"] / seconds, 1)}


def training(folder: Path) -> Facts:
    """Begin a real training of the paper's model on the whole training split, and stop it after some steps."""
    from vatrace.config import ModelConfig, TrainConfig, WindowConfig
    from vatrace.recipes.one_fold import EncoderReference, Training, train_one_fold
    from vatrace.training.progress import Step

    times: list[float] = []

    def on_step(step: Step) -> None:
        times.append(time.perf_counter())
        if len(times) == 1:
            cut = sum(len(_windows_of(clip)) for clip in read_plan(folder) if clip.split == "train")
            expect("steps of an epoch", step.total // TrainConfig().epochs, math.ceil(cut / BATCH))
        if len(times) > STEPS:
            raise EnoughError

    chosen = Training(
        corpus=folder / "corpus",
        features=folder / "features",
        encoder=EncoderReference(folder=folder, identity=IDENTITIES["visual"], tuned_on=()),
        acoustic=ACOUSTIC,
        model=ModelConfig(),
        window=WindowConfig(),
        config=TrainConfig(),
        selection="scored",  # so that all of the training split is learned from
    )
    began = time.perf_counter()
    with TemporaryDirectory(dir=folder) as out, suppress(EnoughError):
        train_one_fold(chosen, Path(out), on_step=on_step)
    steps = [after - before for before, after in pairwise(times)]
    return {
        "seconds_to_first_step": round(times[0] - began, 1),
        "median_step_seconds": round(statistics.median(steps), 2),
    }


def evaluation(folder: Path) -> Facts:
    """Score a model with fresh weights on the validation split; its score means nothing."""
    from vatrace.recipes.evaluate import evaluate

    scores = evaluate(folder / "model", corpus=folder / "corpus", features=folder / "features", split="validation")
    drawn = [clip for clip in read_plan(folder) if clip.split == "validation"]
    expect("clips scored", scores["clips"], len(drawn))
    expect("frames scored", scores["frames"], sum(clip.rows - _unlabelled(clip) for clip in drawn))
    return {"clips": scores["clips"], "frames": scores["frames"]}


def submission(folder: Path) -> Facts:
    """Write a submission."""
    where = ["--template", folder / "corpus" / TEMPLATE, "--features", folder / "features"]
    code, _ = _command("submission make", folder / "model", *where, "--out", folder / "submission.txt")
    expect("exit code", code, 0)
    rows = sum(clip.rows for clip in read_plan(folder) if clip.split == "test")
    with (folder / "submission.txt").open("rb") as file:
        expect("lines", sum(1 for _ in file), rows + 1)
    return {"rows": rows, "megabytes": round((folder / "submission.txt").stat().st_size / 1e6, 1)}


def check(folder: Path) -> Facts:
    """Check it."""
    code, text = _command("submission check", folder / "submission.txt", "--template", folder / "corpus" / TEMPLATE)
    expect("exit code", code, 0)
    return {"verdict": text.splitlines()[-1]}


STAGES: dict[str, Callable[[Path], Facts]] = {
    stage.__name__: stage for stage in (doctor, labels, windows, epoch, training, evaluation, submission, check)
}


def _command(name: str, *options: str | Path) -> tuple[int, str]:
    """Exit code and standard output of a command."""
    from vatrace.cli import main as command

    printed = StringIO()
    with redirect_stdout(printed):
        code = command([*name.split(), *map(str, options)])
    return code, printed.getvalue()


def _dataset(folder: Path, split: str) -> Any:  # Any: the class is only imported where it is used
    from vatrace.config import WindowConfig
    from vatrace.datasets.corpus import open_corpus
    from vatrace.datasets.windows import WindowDataset
    from vatrace.recipes.labelled import labelled_clips

    corpus = open_corpus(folder / "corpus")
    clips = labelled_clips(corpus, folder / "features", corpus.splits[split])
    return WindowDataset(clips, WindowConfig(window_frames=WINDOW, stride_frames=STRIDE), ACOUSTIC)


# What a stage should find, from the plan and arithmetic alone.


def _windows_of(clip: Drawn) -> list[tuple[int, int]]:
    """First and one past the last frame of every window that has a label; test clips need none."""
    number = 1 + max(0, math.ceil((clip.frames - WINDOW) / STRIDE))
    starts = [max(0, min(at * STRIDE, clip.frames - WINDOW)) for at in range(number)]
    cut = [(start, min(start + WINDOW, clip.frames)) for start in starts]
    return [(start, stop) for start, stop in cut if _overlap(clip, start, stop) < stop - start]


def _overlap(clip: Drawn, start: int, stop: int) -> int:
    """Unlabelled rows of a stretch."""
    return max(0, min(stop, clip.unlabelled[1]) - max(start, clip.unlabelled[0]))


def _unlabelled(clip: Drawn) -> int:
    return clip.unlabelled[1] - clip.unlabelled[0]
