"""Features of a clip on disk: one safetensors file, read whole or a stretch of frames at a time.

`<clip>[--<person>].safetensors` holds, for each stream, `<name>.values` and `<name>.valid`, and `times_seconds` and
`face_score` once; its metadata say what made each stream and which video they are of. Files are committed whole
(`files.committed`), and their content depends on video and settings alone, so a run that was killed and started again
ends with the same files. `manifest.jsonl` lists their sha256.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from vatrace.errors import FeatureError, NothingFound
from vatrace.files import committed, sha256_of, write_text
from vatrace.streams import FeatureStream, TimeArray

SUFFIX = ".safetensors"
MANIFEST = "manifest.jsonl"
FORMAT = "vatrace-features-1"


@dataclass(frozen=True, kw_only=True)
class ClipFeatures:
    """All streams of one person in one clip, on one clock.

    Args:
        clip: the video's name without its suffix.
        times_seconds: `[frames]`, the container's timestamps.
        streams: by name; "visual" is the face, the others are acoustic.
        identities: what made each stream, by the same names.
        face_score: `[frames]`, the detector's score from 0 to 1, 0 where no face was found.
        source_sha256: of the video file.
        warnings: what a reader of the result should know, such as "no sound".
        face_boxes: `[frames, 4]`, left, top, right and bottom of the face, as shares of the picture from 0 to 1, NaN
            where there is none; None where it is not known. It is not kept on disk.
    """

    clip: str
    times_seconds: TimeArray
    streams: Mapping[str, FeatureStream]
    identities: Mapping[str, str]
    face_score: NDArray[np.float32]
    source_sha256: str
    warnings: tuple[str, ...] = field(default=())
    face_boxes: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.times_seconds)


def save_features(path: Path, features: ClipFeatures) -> None:
    """Commit the features of one clip as `path`."""
    tensors: dict[str, NDArray[Any]] = {  # Any: float and bool tensors together
        "times_seconds": features.times_seconds,
        "face_score": features.face_score,
    }
    for name, stream in features.streams.items():
        tensors[f"{name}.values"] = np.ascontiguousarray(stream.values)
        tensors[f"{name}.valid"] = stream.valid
    about = {
        "format": FORMAT,
        "clip": features.clip,
        "source_sha256": features.source_sha256,
        "identities": dict(features.identities),
        "warnings": list(features.warnings),
    }
    with committed(path) as part:
        save_file(tensors, part, metadata={"vatrace": json.dumps(about, sort_keys=True)})


@dataclass(frozen=True, kw_only=True)
class FeatureFile:
    """A features file whose head was read; frames are read when asked for."""

    path: Path
    clip: str
    identities: Mapping[str, str]
    source_sha256: str
    warnings: tuple[str, ...]
    num_frames: int
    dims: Mapping[str, int]

    def read_times(self) -> TimeArray:
        """`[frames]`, without reading anything else."""
        with _opened(self.path) as file:
            times: TimeArray = file.get_tensor("times_seconds")
        return times

    def read(self, start: int = 0, stop: int | None = None) -> ClipFeatures:
        """Frames `start` to `stop` (not included; None is the end)."""
        with _opened(self.path) as file:
            times = file.get_slice("times_seconds")[start:stop]
            streams = {
                name: FeatureStream(
                    name=name,
                    values=file.get_slice(f"{name}.values")[start:stop],
                    valid=file.get_slice(f"{name}.valid")[start:stop],
                    times_seconds=times,
                )
                for name in self.dims
            }
            score = file.get_slice("face_score")[start:stop]
        return ClipFeatures(
            clip=self.clip,
            times_seconds=times,
            streams=streams,
            identities=self.identities,
            face_score=score,
            source_sha256=self.source_sha256,
            warnings=self.warnings,
        )


def open_features(path: Path) -> FeatureFile:
    """Read the head of a features file.

    Raises:
        NothingFound: no such file.
        FeatureError: it is damaged, or not a features file.
    """
    if not path.is_file():
        raise NothingFound(f"no features at {path}; `vatrace extract` makes them.")
    with _opened(path) as file:
        metadata = (file.metadata() or {}).get("vatrace")
        about = json.loads(metadata) if metadata else {}
        if about.get("format") != FORMAT:
            raise FeatureError(f"{path} holds no vatrace features; `vatrace extract` makes them.")
        names = [key.removesuffix(".values") for key in file.keys() if key.endswith(".values")]  # noqa: SIM118
        dims = {name: file.get_slice(f"{name}.values").get_shape()[1] for name in sorted(names)}
        num_frames = file.get_slice("times_seconds").get_shape()[0]
    return FeatureFile(
        path=path,
        clip=about["clip"],
        identities=about["identities"],
        source_sha256=about["source_sha256"],
        warnings=tuple(about["warnings"]),
        num_frames=num_frames,
        dims=dims,
    )


def write_manifest(folder: Path) -> None:
    """List every features file of a folder with its sha256, in order of name."""
    lines = [
        json.dumps({"file": path.name, "sha256": sha256_of(path)}, sort_keys=True)
        for path in sorted(folder.glob(f"*{SUFFIX}"))
        if not path.name.startswith(".")
    ]
    write_text(folder / MANIFEST, "".join(f"{line}\n" for line in lines))


def _opened(path: Path) -> Any:  # Any: safetensors' handle has no public type
    try:
        return safe_open(path, framework="numpy")
    except SafetensorError as error:
        raise FeatureError(f"{path} is damaged ({error}); remove it and run `vatrace extract` again.") from error
