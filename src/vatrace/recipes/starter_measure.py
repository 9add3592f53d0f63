"""What the starter model is worth, measured through `predict`: on speakers it was not fitted on, and on odd sounds."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatrace.features.visual import VisualEncoder, save_encoder
from vatrace.inference.video import VideoPredictor
from vatrace.media.audio import SAMPLE_RATE_HZ, read_audio
from vatrace.metrics import ccc
from vatrace.models.checkpoint import ENCODER_FOLDER, SavedModel, save_model
from vatrace.recipes.starter_fit import PROSODY, VoicedClip
from vatrace.recipes.starter_sounds import CHANGES, hard_sounds, made_sounds
from vatrace.streams import Trace

RESAMPLES = 2_000
SEED = 0
EVERY_CLIP = 16  # of those that are changed
_ACTIVE_DB = 30.0  # below the loudest tenth of a second: what is quieter is a pause

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One way to read arousal, on all clips.

    Args:
        name: what it is.
        ccc: against the circumplex arousal of the acted emotion, with its 95 % interval over speakers.
        auc: how often a clip of anger reads higher than one of sadness, with the same.
        human: CCC against the values of one annotator, where there are some; NaN otherwise.
    """

    name: str
    ccc: tuple[float, float, float]
    auc: tuple[float, float, float]
    human: float


@dataclass(frozen=True)
class Shift:
    """What a change of the sound does: share of clips in which somebody is still heard, and how arousal moves."""

    name: str
    heard: float
    mean: float
    mean_size: float


@dataclass(frozen=True)
class ClipCheck:
    """A talking head: share of frames with a value, and mean |valence| and |arousal| by face, by voice, and by both."""

    name: str
    valued: float
    face: tuple[float, float]
    voice_arousal: float
    both: tuple[float, float]


class ModelFolder:
    """A model folder as `predict --model` takes it, with one encoder and one model after the other.

    Args:
        folder: a scratch folder.
        encoder: the visual encoder of every model.
    """

    def __init__(self, folder: Path, encoder: VisualEncoder) -> None:
        self._folder = folder
        save_encoder(folder / ENCODER_FOLDER, encoder)

    def predictor(self, model: SavedModel) -> VideoPredictor:
        """A predictor of a model that was written and read back."""
        save_model(self._folder, model)
        return VideoPredictor.from_folder(self._folder)


def mean_arousal(predictor: VideoPredictor, path: Path) -> float:
    """Mean over the frames that have a value; NaN where nobody is seen or heard."""
    trace = predictor.predict(path).trace
    return float(trace.arousal[trace.valid].mean()) if trace.valid.any() else float("nan")


def active_level_db(path: Path) -> float:
    """Level of a recording over its parts that are no pause, in dB of full scale."""
    sound = read_audio(path)
    if sound is None:
        return float("nan")
    tenth = SAMPLE_RATE_HZ // 10
    pieces = sound.samples[: len(sound.samples) // tenth * tenth].reshape(-1, tenth).astype(np.float64)
    power = np.mean(pieces**2, axis=1)
    return float(10 * np.log10(power[power > power.max() * 10 ** (-_ACTIVE_DB / 10)].mean()))


def level_only(levels_db: Floats, arousal: Floats, speakers: NDArray[np.str_]) -> Floats:
    """Arousal by a straight line of the level, fitted on the other speakers."""
    read = np.empty(len(arousal))
    for speaker in np.unique(speakers):
        other = speakers != speaker
        slope, level = np.polyfit(levels_db[other], arousal[other], 1)
        read[~other] = slope * levels_db[~other] + level
    return read


def constant(arousal: Floats, speakers: NDArray[np.str_]) -> Floats:
    """The mean of the other speakers' clips."""
    return np.array([arousal[speakers != speaker].mean() for speaker in speakers])


def scored(name: str, read: Floats, clips: Sequence[VoicedClip], human: Mapping[str, float]) -> Row:
    """Figures of one way to read the clips; a clip in which nobody is heard counts as the middle, 0."""
    read = np.nan_to_num(read)
    truth = np.array([each.arousal for each in clips])
    emotions = np.array([each.emotion for each in clips])
    speakers = np.array([each.speaker for each in clips])
    rated = [place for place, each in enumerate(clips) if each.name in human]
    return Row(
        name,
        ccc=_with_interval(lambda where: ccc(read[where], truth[where]), speakers),
        auc=_with_interval(lambda where: _auc(read[where], emotions[where]), speakers),
        human=ccc(read[rated], [human[clips[place].name] for place in rated]) if rated else float("nan"),
    )


def shifts(
    predictor: VideoPredictor, paths: Sequence[Path], done: Callable[[], None] = lambda: None
) -> tuple[Shift, ...]:
    """How changes of the sound move what is read of some clips."""
    with tempfile.TemporaryDirectory() as scratch:
        plain = [mean_arousal(predictor, path) for path in paths]
        found = []
        for name, change in CHANGES.items():
            read = []
            for path in paths:
                sound = read_audio(path)
                samples = np.zeros(1) if sound is None else sound.samples.astype(np.float64)
                read.append(_read_of(predictor, change(samples), Path(scratch) / "changed.wav"))
            moved = np.array(read) - np.array(plain)
            heard = np.isfinite(moved)
            moved = moved[heard] if heard.any() else np.array([np.nan])
            found.append(Shift(name, float(heard.mean()), float(moved.mean()), float(np.abs(moved).mean())))
            done()
    return tuple(found)


def read_made_sounds(predictor: VideoPredictor) -> dict[str, float]:
    """What is read of sounds that nobody speaks in: NaN where nobody is heard, as it should be."""
    with tempfile.TemporaryDirectory() as scratch:
        return {
            name: _read_of(predictor, samples, Path(scratch) / "made.wav")
            for name, samples in {**made_sounds(), **hard_sounds()}.items()
        }


def check_clip(predictor: VideoPredictor, path: Path) -> ClipCheck:
    """A video of somebody who talks, by each channel and by both."""
    result = predictor.predict(path).people[0]
    streams = result.features.streams
    without = {
        name: replace(stream, values=np.zeros_like(stream.values), valid=np.zeros_like(stream.valid))
        for name, stream in streams.items()
    }
    trace = predictor.predictor.trace
    face = trace(replace(result.features, streams={**streams, PROSODY: without[PROSODY]}))
    voice = trace(replace(result.features, streams={**without, PROSODY: streams[PROSODY]}))
    return ClipCheck(
        path.stem,
        float(result.trace.valid.mean()),
        (_mean_size(face, face.valence), _mean_size(face, face.arousal)),
        _mean_size(voice, voice.arousal),
        (_mean_size(result.trace, result.trace.valence), _mean_size(result.trace, result.trace.arousal)),
    )


def _mean_size(trace: Trace, values: NDArray[np.float32] | Floats) -> float:
    there = trace.valid & np.isfinite(values)
    return float(np.abs(values[there]).mean()) if there.any() else float("nan")


def _read_of(predictor: VideoPredictor, samples: Floats, path: Path) -> float:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
    return mean_arousal(predictor, path)


def _with_interval(
    figure: Callable[[NDArray[np.intp]], float], speakers: NDArray[np.str_]
) -> tuple[float, float, float]:
    """A figure of all clips, and its 95 % interval when speakers are drawn with replacement."""
    of = [np.flatnonzero(speakers == speaker) for speaker in np.unique(speakers)]
    random = np.random.default_rng(SEED)
    drawn = [
        figure(np.concatenate([of[place] for place in random.integers(len(of), size=len(of))]))
        for _ in range(RESAMPLES)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return figure(np.arange(len(speakers))), float(low), float(high)


def _auc(read: Floats, emotions: NDArray[np.str_]) -> float:
    """Share of pairs of an angry and a sad clip in which the angry one reads higher; a tie is half."""
    angry, sad = read[emotions == "anger"][:, None], read[emotions == "sadness"][None]
    if not angry.size or not sad.size:
        return float("nan")
    return float((angry > sad).mean() + (angry == sad).mean() / 2)
