"""A clap: a flash and a click at one moment are in one frame of the features, whatever the film's clock.

The films are written with PyAV alone (`tests/media/clips.py`), so nothing of ours decides where the clap is.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.faces.made import face
from tests.media.clips import HEIGHT, WIDTH, click_at, even_times, flash_at, write_clip
from vatrace.config import EncoderConfig
from vatrace.faces.detection import Detection
from vatrace.features.acoustic import acoustic_extractor
from vatrace.features.extract import Appearance, FeaturePipeline
from vatrace.features.store import ClipFeatures
from vatrace.features.visual import VisualEncoder

RATE = 48_000
SECONDS = 3.0
BAR_SECONDS = 0.020


class Brightness(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self.num_features = 1

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3)).unsqueeze(1)


class OneFace:
    """The same face in every frame, as large as the picture."""

    def detect(self, frames: Sequence[NDArray[np.uint8]]) -> list[list[Detection]]:
        return [[face(WIDTH / 2, HEIGHT / 2, HEIGHT * 0.9)] for _ in frames]


def pipeline() -> FeaturePipeline:
    config = EncoderConfig(architecture="brightness", image_pixels=32)
    return FeaturePipeline(
        detector=OneFace(),  # type: ignore[arg-type]
        visual=VisualEncoder(config=config, network=Brightness(), identity="visual:brightness", tuned_on=()),
        acoustic=[acoustic_extractor("mfcc")],
    )


def uneven_times() -> list[float]:
    """From 12 to 60 frames a second, a camera that slows down in the dark."""
    steps = np.tile(np.repeat([1 / 60, 1 / 30, 1 / 24, 1 / 12], 9), 3)
    return [float(t) for t in np.concatenate([[0.0], np.cumsum(steps)]) if t < SECONDS]


CLOCKS = {
    "24": (even_times(72, 24), 0.0),
    "25": (even_times(75, 25), 0.0),
    "30": (even_times(90, 30), 0.0),
    "59.94": (even_times(180, Fraction(60_000, 1001)), 0.0),
    "variable": (uneven_times(), 0.0),
    "25, sound 0.7 s late": (even_times(75, 25), 0.7),
    "30, film begins at 0.5 s": (even_times(75, 30, start=0.5), 0.0),
}


def clap(folder: Path, times: list[float], sound_start: float) -> tuple[Path, float]:
    """A film with a clap at a frame in its second half; faint noise makes the rest audible."""
    moment = times[int(len(times) * 0.62)]
    seconds = times[-1] + 0.1 - sound_start
    sound = click_at(moment, start=sound_start, seconds=seconds, rate=RATE)
    sound = sound + np.random.default_rng(0).normal(0, 0.003, sound.shape).astype(np.float32)
    path = folder / "clap.mkv"
    write_clip(path, times=times, paint=flash_at(moment), sound=sound, rate=RATE, audio_start=sound_start)
    return path, moment


def moment_of_flash(features: ClipFeatures) -> float:
    return float(features.times_seconds[np.argmax(features.streams["visual"].values[:, 0] > 0)])


def moment_of_click(features: ClipFeatures) -> float:
    """Where the sound differs most from what it usually is."""
    stream = features.streams["mfcc"]
    cepstra = stream.values[:, :13]
    unusual = np.linalg.norm(cepstra - np.median(cepstra[stream.valid], axis=0), axis=1)
    return float(features.times_seconds[np.argmax(np.where(stream.valid, unusual, 0))])


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("faces", ["found", "official"])
def test_flash_and_click_are_in_step_within_20_ms(tmp_path: Path, clock: str, faces: str) -> None:
    times, sound_start = CLOCKS[clock]
    path, moment = clap(tmp_path, times, sound_start)
    crops = None
    if faces == "official":
        crops = tmp_path / "crops"
        crops.mkdir()
        for frame, time in enumerate(times):
            lit = moment - 1e-6 <= time < moment + 0.05
            cv2.imwrite(str(crops / f"{frame + 1:05d}.jpg"), np.full((112, 112, 3), 255 if lit else 0, np.uint8))
    made = pipeline()
    features = made.extract_people([made.visual], path, [Appearance(name="clap", crops=crops)])[0][0]
    assert len(features) == len(times)
    assert features.streams["visual"].valid.all()
    assert abs(moment_of_flash(features) - moment) < 0.001
    assert abs(moment_of_click(features) - moment_of_flash(features)) <= BAR_SECONDS
