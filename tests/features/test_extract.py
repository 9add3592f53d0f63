"""Everybody's features from one reading of a film, and those of a file of sound alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.faces.made import face
from tests.media.clips import HEIGHT, WIDTH, even_times, write_clip
from vatrace.config import EncoderConfig
from vatrace.errors import MediaError, NothingFound
from vatrace.faces.detection import Detection
from vatrace.features.acoustic import AcousticExtractor, Frames, acoustic_extractor
from vatrace.features.extract import FeaturePipeline
from vatrace.features.visual import VisualEncoder

RATE = 16_000
LEFT, RIGHT = (20.0, 24.0, 30.0), (48.0, 24.0, 24.0)  # x, y, size


class MeanColour(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self.num_features = 3

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3))


class Places:
    """The same faces in every frame."""

    def __init__(self, *places: tuple[float, float, float]) -> None:
        self.places = places

    def detect(self, frames: Sequence[NDArray[np.uint8]]) -> list[list[Detection]]:
        return [[face(*place) for place in self.places] for _ in frames]


def pipeline(*places: tuple[float, float, float], acoustic: str = "mfcc") -> FeaturePipeline:
    config = EncoderConfig(architecture="colour", image_pixels=32)
    return FeaturePipeline(
        detector=Places(*places),  # type: ignore[arg-type]
        visual=VisualEncoder(config=config, network=MeanColour(), identity="visual:colour", tuned_on=()),
        acoustic=[acoustic_extractor(acoustic)],
    )


def red_and_blue(index: int, _: float) -> NDArray[np.uint8]:
    """The left half becomes red, the right one blue."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:, : WIDTH // 2, 0] = 100 + index
    pixels[:, WIDTH // 2 :, 2] = 200 - index
    return pixels


def tone(seconds: float) -> NDArray[np.float32]:
    return (0.3 * np.sin(2 * np.pi * 200 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)[None]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "film.mkv", times=even_times(90), paint=red_and_blue, sound=tone(3.6), rate=RATE)


def test_each_person_has_what_would_be_found_of_them_alone_and_all_have_one_sound(film: Path) -> None:
    first, second = pipeline(LEFT, RIGHT).extract_everybody(film)
    for together, place in ((first, LEFT), (second, RIGHT)):
        alone = pipeline(place).extract(film)
        np.testing.assert_array_equal(together.streams["visual"].values, alone.streams["visual"].values)
        np.testing.assert_array_equal(together.streams["mfcc"].values, alone.streams["mfcc"].values)
        np.testing.assert_array_equal(together.face_score, alone.face_score)
    red, blue = (each.streams["visual"].values for each in (first, second))
    assert (red[:, 0] > red[:, 2]).all(), "the left face is red"
    assert (blue[:, 2] > blue[:, 0]).all(), "the right face is blue"
    assert (first.clip, second.clip) == ("film", "film--1")


def test_each_frame_is_gone_through_twice_however_many_people_there_are(film: Path) -> None:
    steps: list[int] = []
    pipeline(LEFT, RIGHT).extract_everybody(film, on_frames=steps.append)
    assert sum(steps) == 2 * 90


def test_a_film_without_a_face_is_gone_through_once_and_has_one_person(film: Path) -> None:
    steps: list[int] = []
    (nobody,) = pipeline().extract_everybody(film, on_frames=steps.append)
    assert sum(steps) == 90
    assert not nobody.streams["visual"].valid.any()
    assert nobody.streams["mfcc"].valid.all()
    assert nobody.warnings == ("no face was found in any frame",)


def test_at_most_so_many_people_are_described(film: Path) -> None:
    (main,) = pipeline(LEFT, RIGHT).extract_everybody(film, at_most=1)
    np.testing.assert_array_equal(main.streams["visual"].values, pipeline(LEFT).extract(film).streams["visual"].values)


@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.mp3", "libmp3lame"), ("a.ogg", "flac")])
def test_sound_alone_has_25_rows_a_second_and_says_that_its_clock_is_made_up(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = write_clip(tmp_path / name, sound=tone(1.3), audio_codec=codec, rate=RATE)
    features = pipeline(LEFT).extract(path)
    assert len(features) == pytest.approx(33, abs=3), "1.3 s; a coder may add up to 0.1 s of its own"
    np.testing.assert_allclose(np.diff(features.times_seconds), 0.04, atol=1e-9)
    assert features.streams["mfcc"].valid.mean() > 0.9
    assert not features.streams["visual"].valid.any()
    assert features.streams["visual"].values.shape == (len(features), 3)
    assert not features.face_score.any()
    assert features.warnings == ("the file has no picture; its rows are on a made-up clock, one every 0.04 s",)


def test_the_last_row_of_sound_alone_is_the_last_that_begins_in_it(tmp_path: Path) -> None:
    for seconds, rows in ((1.0, 25), (1.001, 26), (0.01, 1)):
        path = write_clip(tmp_path / f"{seconds}.wav", sound=tone(seconds), audio_codec="pcm_s16le", rate=RATE)
        assert len(pipeline().extract(path)) == rows


def test_what_is_neither_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("this is no sound")
    with pytest.raises(MediaError, match=r"text.wav is not a video or sound file"):
        pipeline().extract(tmp_path / "text.wav")
    with pytest.raises(NothingFound, match="does not exist"):
        pipeline().extract(tmp_path / "missing.wav")


def test_an_extractor_that_can_gets_the_sound_in_stretches_and_never_as_a_whole(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "long.wav", sound=tone(70.0), audio_codec="pcm_s16le", rate=RATE)
    got: list[tuple[int, float]] = []

    def refuse(samples: np.ndarray, start_seconds: float, times_seconds: np.ndarray) -> Frames:
        raise AssertionError("the sound was read as a whole")

    def by_blocks(blocks: Iterable[tuple[np.ndarray, float]], times_seconds: np.ndarray) -> Frames:
        got.extend((len(samples), start) for samples, start in blocks)
        return np.ones((len(times_seconds), 2), np.float32), np.ones(len(times_seconds), np.bool_)

    streaming = AcousticExtractor(name="made", dim=2, version="1", extract=refuse, extract_blocks=by_blocks)
    features = replace(pipeline(), acoustic=[streaming]).extract(path)
    assert len(features) == 70 * 25
    assert got == [(30 * RATE, 0.0), (30 * RATE, 30.0), (10 * RATE, 60.0)]


def test_a_silent_film_has_an_invalid_stream_of_an_extractor_that_takes_stretches(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "silent.mkv", times=even_times(10), paint=red_and_blue)
    features = pipeline(LEFT, acoustic="prosody").extract(path)
    assert not features.streams["prosody"].valid.any()
    assert features.warnings == ("the file has no sound",)


def test_people_beyond_those_asked_for_are_counted_in_a_warning_of_the_main_one(film: Path) -> None:
    three = pipeline(LEFT, RIGHT, (34.0, 30.0, 20.0))
    assert len(three.extract_everybody(film)) == 3
    assert not any("left out" in warning for each in three.extract_everybody(film) for warning in each.warnings)
    first, second = three.extract_everybody(film, at_most=2)
    assert first.warnings == ("1 more person was left out; see --people",)
    assert second.warnings == ()
    assert three.extract(film).warnings == (), "who asks for the main person knows that there may be others"
