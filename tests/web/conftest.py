from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="needs the extra: pip install 'vatrace[web]'")

import numpy as np

from tests.inference.test_missing_modality import make_model, make_video
from tests.web.serving import Serving, serving
from vatrace.features.visual import encoder_from_timm
from vatrace.synth.corpus import plan_clip, render_frames

MAX_BYTES = 2_000_000


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that loads fast; its values mean nothing."""
    encoder = encoder_from_timm("test_vit.r160_in1k", random_weights=True)
    return make_model(tmp_path_factory.mktemp("web") / "tiny-model", encoder)


@pytest.fixture(scope="session")
def drawn_face() -> np.ndarray:
    return next(render_frames(plan_clip(0, 0, 0, 1.0), size=160))


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory, drawn_face: np.ndarray) -> Path:
    """Two seconds of a drawn face and a tone, with a gap in each."""
    path = tmp_path_factory.mktemp("clips") / "clip.mkv"
    return make_video(path, drawn_face, no_face=range(10, 15), no_voice=range(13, 20), frames=50)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Serving]:
    """A server with small limits, for all tests that leave it as it was."""
    limits = {"max_bytes": MAX_BYTES, "stall_seconds": 1.0, "header_seconds": 1.0, "uploads_at_once": 4}
    with serving(tmp_path_factory.mktemp("serving"), tiny_model, **limits) as running:
        yield running
