"""A corpus of the size of Aff-Wild2 with made-up names, labels and features; nothing of Aff-Wild2 itself is in it.

What is published of its size is kept exactly: files, rows, unlabelled rows, and the shortest, median and longest clip
of each split; forms of names, clips of two people, and parts of one source. What lies between is drawn from a seed.

    FOLDER/corpus/annotations/VA_Estimation_Challenge/{Train_Set,Validation_Set}/<clip>.txt
    FOLDER/corpus/{<list of the test set>,<template of a submission>}
    FOLDER/features/<clip>.safetensors
    FOLDER/plan.json
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatrace.datasets.affwild2 import SPLIT_FOLDERS, TASK_FOLDER, write_annotation
from vatrace.features.store import ClipFeatures, save_features
from vatrace.files import hash_of, write_json, write_text
from vatrace.streams import FeatureStream, Trace

DIMS = {"visual": 1024, "vggish": 128, "mfcc": 39, "egemaps": 23}
IDENTITIES = {name: f"made up for a rehearsal: {name}" for name in DIMS}
BYTES_A_ROW = 4 * sum(DIMS.values()) + len(DIMS) + 12  # values, valid, time and score
TEST_LIST = Path("names_of_videos_in_each_test_set/Valence_Arousal_Estimation_Challenge_test_set_release.txt")
TEMPLATE = Path("CVPR_6th_ABAW_VA_test_set_example.txt")

ONE_LABEL_MORE = 106 / 561  # share of the clips that have one label more than frames (length.csv of the ABAW3 system)
WITHOUT_FACE = 0.015  # share of the labelled frames that have no crop
_FPS = (30.0,) * 8 + (25.0, 24.0, 23.976, 15.0)  # two thirds are at 30; which of the others is made up
_NOISE_ROWS = 4096  # of the block that all features are cut from


@dataclass(frozen=True, kw_only=True)
class Size:
    """What is published of a split; `unlabelled` are the rows without a label in each clip that has some."""

    files: int
    rows: int
    shortest: int
    median: int
    longest: int
    unlabelled: tuple[int, ...] = ()


SIZES = {
    "train": Size(files=356, rows=1_682_057, shortest=263, median=3899, longest=47_435, unlabelled=(1765, 287, 148)),
    "validation": Size(files=76, rows=383_814, shortest=73, median=4089, longest=18_189, unlabelled=(1530, 263)),
    "test": Size(files=162, rows=927_210, shortest=128, median=4230, longest=26_618),
}


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A clip: rows of its annotation, frames of its features, and the stretch of rows that has no label."""

    name: str
    split: str
    rows: int
    frames: int
    fps: float
    unlabelled: tuple[int, int]


def drawn_clips(scale: float, seed: int) -> list[Drawn]:
    """All clips of the corpus; `scale` multiplies their lengths and leaves their number."""
    from vatrace.training.randomness import generator

    random = generator(seed, "clips")
    names = drawn_names(random)
    clips = []
    for split, size in SIZES.items():
        lengths = drawn_lengths(scaled(size, scale), random)
        stretches = _stretches(lengths, scaled(size, scale).unlabelled, random)
        more = set(random.permutation(size.files)[: round(size.files * ONE_LABEL_MORE)].tolist())
        clips += [
            Drawn(
                name=names[split][at],
                split=split,
                rows=rows,
                frames=rows - (at in more),
                fps=_FPS[int(random.integers(len(_FPS)))],
                unlabelled=stretches.get(at, (0, 0)),
            )
            for at, rows in enumerate(lengths)
        ]
    return clips


def scaled(size: Size, scale: float) -> Size:
    """The same split with shorter clips."""
    return Size(
        files=size.files,
        rows=round(size.rows * scale),
        shortest=max(2, round(size.shortest * scale)),
        median=round(size.median * scale),
        longest=round(size.longest * scale),
        unlabelled=tuple(max(1, round(rows * scale)) for rows in size.unlabelled),
    )


def drawn_lengths(size: Size, random: np.random.Generator) -> list[int]:
    """Rows of each clip, shuffled: even below the median, with a long tail above it, and the sum exact."""
    half = size.files // 2
    below = [size.shortest, *random.integers(size.shortest, size.median + 1, half - 2).tolist(), size.median]
    known = sum(below) + size.median + size.longest
    above = _with_sum(random.lognormal(size=half - 2), size.rows - known - size.median * (half - 2),
                      size.longest - size.median)  # fmt: skip
    lengths = np.array([*below, size.median, *(size.median + above), size.longest])
    return [int(rows) for rows in random.permutation(lengths)]


def _with_sum(shape: NDArray[np.float64], total: int, most: int) -> NDArray[np.int64]:
    """Whole numbers from 0 to `most` in about these proportions whose sum is `total`."""
    low, high = 0.0, float(total)
    for _ in range(200):
        factor = (low + high) / 2
        low, high = (factor, high) if np.clip(shape * factor, 0, most).sum() < total else (low, factor)
    numbers = np.floor(np.clip(shape * low, 0, most)).astype(np.int64)
    has_room = np.flatnonzero(numbers < most)
    numbers[has_room[: total - numbers.sum()]] += 1
    assert numbers.sum() == total, "these counts fit no such lengths"
    return numbers


def _stretches(
    lengths: Sequence[int], unlabelled: Sequence[int], random: np.random.Generator
) -> dict[int, tuple[int, int]]:
    """Where which clip has no labels: one stretch each, in different clips that are at least twice as long."""
    found: dict[int, tuple[int, int]] = {}
    for rows in unlabelled:
        fitting = [at for at, length in enumerate(lengths) if length >= 2 * rows and at not in found]
        at = fitting[int(random.integers(len(fitting)))]
        start = int(random.integers(lengths[at] - rows + 1))
        found[at] = (start, start + rows)
    return found


def drawn_names(random: np.random.Generator) -> dict[str, list[str]]:
    """Names of the clips of each split: 594 of 559 sources, 328 `N`, 158 `N-fps-WxH` and 108 `videoN`."""
    plain, sized, video = (_stems(form, random) for form in ("{}", "{}-30-1280x720", "video{}"))
    room = {split: size.files for split, size in SIZES.items()}
    names: dict[str, list[str]] = {split: [] for split in SIZES}

    def put(split: str, source: list[str]) -> None:
        names[split] += source
        room[split] -= len(source)

    for split, stem, side in (("train", sized, "right"), ("validation", video, "right"), ("test", video, "left")):
        name = next(stem)
        put(split, [name, f"{name}_{side}"])
    groups = [_sides(next(stem)) for stem in (*[plain] * 9, *[sized] * 4)]
    groups += [[f"{name}-{part + 1}" for part in range(parts)] for parts in (5, 4, 4, 2) for name in [next(sized)]]
    groups += [[f"{name}_{part + 1}" for part in range(parts)] for parts in (3, 7) for name in [next(video)]]
    groups += [[next(stem)] for stem in (*[plain] * 310, *[sized] * 133, *[video] * 94)]
    for group in groups:
        chances = np.array([rows if rows >= len(group) else 0 for rows in room.values()])
        put(str(random.choice(list(room), p=chances / chances.sum())), group)
    return names


def _stems(form: str, random: np.random.Generator) -> Iterator[str]:
    return (form.format(number + 1) for number in random.permutation(400))


def _sides(name: str) -> list[str]:
    return [f"{name}_left", f"{name}_right"]


def bytes_needed(clips: Sequence[Drawn]) -> int:
    """On the disk."""
    return sum(clip.frames * BYTES_A_ROW + clip.rows * 60 for clip in clips)


def write_corpus(folder: Path, scale: float, seed: int) -> None:
    """Write everything, clip by clip; the plan comes last, and says that all is there."""
    from vatrace.training.randomness import generator

    clips = drawn_clips(scale, seed)
    noise = {
        name: generator(seed, name).normal(size=(_NOISE_ROWS, dim)).astype(np.float32) for name, dim in DIMS.items()
    }
    mixing = {
        name: generator(seed, "mixing", name).normal(size=(2, dim)).astype(np.float32) for name, dim in DIMS.items()
    }
    for clip in clips:
        random = generator(seed, "clip", clip.name)
        label = drawn_label(clip, random)
        if clip.split != "test":
            write_annotation(folder / "corpus" / TASK_FOLDER / SPLIT_FOLDERS[clip.split] / f"{clip.name}.txt", label)
        save_features(
            folder / "features" / f"{clip.name}.safetensors", drawn_features(clip, label, noise, mixing, random)
        )
    test = [clip for clip in clips if clip.split == "test"]
    write_text(folder / "corpus" / TEST_LIST, "".join(f"{clip.name}\n" for clip in test))
    rows = (f"{clip.name}/{row:05d}.jpg,,\n" for clip in test for row in range(1, clip.rows + 1))
    write_text(folder / "corpus" / TEMPLATE, "image_location,valence,arousal\n" + "".join(rows))
    write_json(folder / "plan.json", {"scale": scale, "seed": seed, "clips": [asdict(clip) for clip in clips]})


def read_plan(folder: Path) -> list[Drawn]:
    """What was written."""
    plain = json.loads((folder / "plan.json").read_text("utf-8"))
    return [Drawn(**{**clip, "unlabelled": tuple(clip["unlabelled"])}) for clip in plain["clips"]]


def drawn_label(clip: Drawn, random: np.random.Generator) -> Trace:
    """Smooth random walks within [-1, 1]."""
    knots = np.tanh(np.cumsum(random.normal(scale=0.2, size=(clip.rows // 30 + 2, 2)), axis=0))
    rows = np.arange(clip.rows)
    valid = (rows < clip.unlabelled[0]) | (rows >= clip.unlabelled[1])
    valence, arousal = (np.interp(rows / 30, np.arange(len(knots)), knots[:, column]) for column in (0, 1))
    return Trace(times_seconds=rows / clip.fps, valence=valence, arousal=arousal, valid=valid)


def drawn_features(
    clip: Drawn,
    label: Trace,
    noise: dict[str, NDArray[np.float32]],
    mixing: dict[str, NDArray[np.float32]],
    random: np.random.Generator,
) -> ClipFeatures:
    """Noise, cut from one block, and the label mixed into every stream, so that there is something to learn."""
    latent = np.stack([label.valence, label.arousal], axis=1).astype(np.float32)[: clip.frames]
    times = label.times_seconds[: clip.frames]
    lost = round(clip.frames * WITHOUT_FACE)
    start = int(random.integers(clip.frames - lost + 1))
    has_face = np.ones(clip.frames, np.bool_)
    has_face[start : start + lost] = False
    streams = {}
    for name in DIMS:
        values = latent @ mixing[name]
        values += noise[name][(int(random.integers(_NOISE_ROWS)) + np.arange(clip.frames)) % _NOISE_ROWS]
        valid = has_face if name == "visual" else np.ones(clip.frames, np.bool_)
        values[~valid] = 0
        streams[name] = FeatureStream(name=name, values=values, valid=valid, times_seconds=times)
    return ClipFeatures(
        clip=clip.name,
        times_seconds=times,
        streams=streams,
        identities=IDENTITIES,
        face_score=has_face.astype(np.float32),
        source_sha256=hash_of(["rehearsal", clip.name, clip.rows]),
    )
