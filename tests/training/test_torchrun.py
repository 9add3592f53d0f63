"""Two processes under torchrun are one training run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def losses_of(tmp_path: Path, name: str, *, processes: int, parts: int, dropout: float) -> list[dict]:
    out = tmp_path / name
    out.mkdir()
    command = [sys.executable, "-m"]
    if processes > 1:
        command += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    command += ["tests.training.torchrun_job", str(tmp_path / f"clips-{name}"), str(out), str(parts), str(dropout)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((out / f"losses-{rank}.json").read_text()) for rank in range(processes)]


@pytest.mark.slow
def test_two_processes_follow_one_process_with_the_same_global_batch(tmp_path: Path) -> None:
    (alone,) = losses_of(tmp_path, "alone", processes=1, parts=1, dropout=0.0)
    first, second = losses_of(tmp_path, "two", processes=2, parts=1, dropout=0.0)
    assert len(alone["losses"]) >= 8
    assert first["losses"] == second["losses"]
    assert first["digest"] == second["digest"]
    assert first["losses"] == pytest.approx(alone["losses"], abs=1e-5)


@pytest.mark.slow
def test_with_dropout_two_processes_follow_one_that_takes_the_batch_in_two_parts(tmp_path: Path) -> None:
    (alone,) = losses_of(tmp_path, "alone", processes=1, parts=2, dropout=0.3)
    first, _ = losses_of(tmp_path, "two", processes=2, parts=1, dropout=0.3)
    assert first["losses"] == pytest.approx(alone["losses"], abs=1e-5)
