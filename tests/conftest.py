from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from vatrace.config import DemoSize
from vatrace.recipes.demo import demo
from vatrace.recipes.synth import synth

TINY = DemoSize(
    encoder_subjects=3,
    encoder_seconds=3.0,
    subjects=4,
    seconds=7.0,
    crop_every=6,
    pretrain_epochs=2,
    finetune_epochs=2,  # the first step of the warm-up has a rate of zero
    train_epochs=2,
    new_clip_seconds=7.0,
)


class Demo(NamedTuple):
    """A whole demonstration, small: the way from nothing to a trace, gone once for all tests that need its results."""

    folder: Path
    scores: dict[str, object]

    @property
    def model(self) -> Path:
        return self.folder / "run" / "fold0"


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("whole") / "demo"
    return Demo(folder, demo(out=folder, seed=1, size=TINY))


@pytest.fixture(scope="session")
def quirks_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus with every quirk of Aff-Wild2's release; quirks.json in it lists them. Only to be read."""
    return synth(tmp_path_factory.mktemp("quirks") / "corpus", quirks=True, seconds=2.0, workers=1)


@pytest.fixture(scope="session")
def real_media() -> Path:
    """Real clips beside the project; where they are not, the test is left out."""
    folder = Path(__file__).parents[2] / "shared" / "media"
    if not folder.is_dir():
        pytest.skip("no real clips beside this checkout")
    return folder
