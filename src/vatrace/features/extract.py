"""One video in, all its features out: the one function that training, evaluation, command line and page share.

The film is read once to follow the faces, and once for each person to describe the aligned face in every frame; where
official face pictures are given, it is read for its times alone. Sound is read once. Everything is put on the video's
own frame clock; what was missing is invalid there and said in `warnings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vatrace.errors import DatasetError
from vatrace.faces.alignment import aligned_crops
from vatrace.faces.detection import FaceDetector
from vatrace.faces.sides import track_sides
from vatrace.faces.tracking import FaceTrack, as_track, link_faces, main_person
from vatrace.features.acoustic import AcousticExtractor
from vatrace.features.crops import crop_folder_digest, crop_frames, crop_path, read_picture
from vatrace.features.store import ClipFeatures
from vatrace.features.visual import VisualEncoder, resize_picture
from vatrace.files import hash_of, sha256_of
from vatrace.media.audio import Waveform, read_audio
from vatrace.media.video import VideoFrame, read_frames, read_times
from vatrace.streams import BoolArray, FeatureStream, Person, TimeArray

VISUAL = "visual"
FACES = "faces"
OFFICIAL_CROPS = "official crops"  # where the faces come from, if we have not found them ourselves
FaceSource = Literal["found", "official"]
_CROPS_AT_ONCE = 64  # 10 MB of pictures

OnFrames = Callable[[int], None]
"""Told how many frames have been gone through since it was last told; each frame is gone through twice."""


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """One person in a video.

    Args:
        name: that the features go under.
        person: who of those in the picture.
        faces: "found" in the film, or "official": the pictures in `crops`.
        crops: folder of official face pictures of this person, `%05d.jpg`; None where there are none, and no frame has
            a face then.
    """

    name: str
    person: Person = "main"
    faces: FaceSource = "found"
    crops: Path | None = None


@dataclass(frozen=True, kw_only=True)
class FeaturePipeline:
    """What makes the features of a video.

    Args:
        detector: finds faces.
        visual: describes an aligned face.
        acoustic: describe the sound; their order is the order in which a model concatenates them.
    """

    detector: FaceDetector
    visual: VisualEncoder
    acoustic: Sequence[AcousticExtractor]

    @property
    def identities(self) -> dict[str, str]:
        """What makes each stream, by the stream's name."""
        return {VISUAL: self.visual.identity} | {each.name: f"{each.name}:{each.version}" for each in self.acoustic}

    def identities_of(self, person: Appearance) -> dict[str, str]:
        """The same with where the faces come from, if not from the film."""
        return self.identities | ({} if person.faces == "found" else {FACES: OFFICIAL_CROPS})

    def extract(self, path: Path, *, on_frames: OnFrames | None = None) -> ClipFeatures:
        """Features of the main person of a video.

        Args:
            path: a video file, with or without sound.
            on_frames: told about progress.

        Raises:
            NothingFound: no such file.
            MediaError: the file is no video, or cannot be read safely.
        """
        return self.extract_people([self.visual], path, [Appearance(name=path.stem)], on_frames=on_frames)[0][0]

    def extract_people(
        self,
        encoders: Sequence[VisualEncoder],
        path: Path,
        people: Sequence[Appearance],
        *,
        on_frames: OnFrames | None = None,
    ) -> list[list[ClipFeatures]]:
        """Features of some people of a video by each of some encoders; faces are looked for, and sound is read, once.

        Args:
            encoders: each in place of `visual`.
            path: a video file, with or without sound.
            people: who.
            on_frames: told about progress.

        Returns:
            For each person the features by each encoder.

        Raises:
            NothingFound: no such file.
            MediaError: the file is no video, or cannot be read safely.
        """
        faces = [each for each in people if each.faces == "found"]
        tracks = track_people(path, faces, self.detector, on_frames) if faces else {}
        times = tracks[faces[0]].times_seconds if faces else read_times(path)
        waveform = read_audio(path)
        acoustic = [_describe_sound(each, waveform, times) for each in self.acoustic]
        made = []
        for person in people:
            if person.faces == "found":
                found = _found_faces(path, tracks[person], on_frames)
            else:
                found = _official_faces(person.crops, times)
            visual = _describe_faces(encoders, times, found.pictures)
            source_sha256 = source_digest(path, person)
            made.append(
                [
                    ClipFeatures(
                        clip=person.name,
                        times_seconds=times,
                        streams={stream.name: stream for stream in (stream_of_face, *acoustic)},
                        identities=self.identities_of(person) | {VISUAL: encoder.identity},
                        face_score=np.where(stream_of_face.valid, found.score, 0).astype(np.float32),
                        source_sha256=source_sha256,
                        warnings=_warnings(stream_of_face.valid, waveform, acoustic, found.warnings),
                    )
                    for encoder, stream_of_face in zip(encoders, visual, strict=True)
                ]
            )
        return made


def track_people(
    path: Path, people: Sequence[Appearance], detector: FaceDetector, on_frames: OnFrames | None = None
) -> dict[Appearance, FaceTrack]:
    """Follow the faces of some people through a film.

    Raises:
        NothingFound: no such file.
        MediaError: the file is no video, or cannot be read safely.
    """
    linked = link_faces(_counted(read_frames(path), on_frames), detector)
    sides = track_sides(linked) if any(each.person != "main" for each in people) else {}
    return {
        each: as_track(linked.times_seconds, main_person(linked.tracklets))
        if each.person == "main"
        else sides[each.person]
        for each in people
    }


@dataclass(frozen=True, kw_only=True)
class _Faces:
    """Pictures of a person's face with the frames that they show, scores `[frames]`, and what to say of them."""

    pictures: Iterable[tuple[int, NDArray[np.uint8]]]
    score: NDArray[np.float32]
    warnings: list[str]


def source_digest(path: Path, person: Appearance) -> str:
    """Tells what features are made from: the video, and the face pictures where they are taken."""
    of_video = sha256_of(path)
    if person.faces == "found":
        return of_video
    return hash_of([of_video, "" if person.crops is None else crop_folder_digest(person.crops)])


def _found_faces(path: Path, track: FaceTrack, on_frames: OnFrames | None) -> _Faces:
    return _Faces(
        pictures=aligned_crops(_counted(read_frames(path), on_frames), track),
        score=track.score,
        warnings=[],
    )


def _official_faces(folder: Path | None, times: TimeArray) -> _Faces:
    frames = np.zeros(0, np.int64) if folder is None else crop_frames(folder)
    beyond = int((frames >= len(times)).sum())
    warnings = [f"{beyond} face pictures belong to frames beyond the last one"] if beyond else []
    if not len(frames):
        warnings.append("there are no official face pictures")
    return _Faces(
        pictures=() if folder is None else _readable_pictures(folder, frames[frames < len(times)], warnings),
        score=np.ones(len(times), np.float32),
        warnings=warnings,
    )


def _readable_pictures(
    folder: Path, frames: NDArray[np.int64], warnings: list[str]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Read pictures one after the other; a damaged one is a missing one, and is said at the end."""
    damaged = []
    for frame in frames.tolist():
        try:
            yield frame, read_picture(crop_path(folder, frame))
        except DatasetError:
            damaged.append(crop_path(folder, frame).name)
    if damaged:
        warnings.append(f"{len(damaged)} face pictures cannot be read and count as missing ({', '.join(damaged[:3])})")


def _describe_faces(
    encoders: Sequence[VisualEncoder], times: TimeArray, faces: Iterable[tuple[int, NDArray[np.uint8]]]
) -> list[FeatureStream]:
    values = [np.zeros((len(times), encoder.dim), np.float32) for encoder in encoders]
    valid: BoolArray = np.zeros(len(times), np.bool_)
    for batch in _batched(iter(faces), _CROPS_AT_ONCE):
        frames = [index for index, _ in batch]
        valid[frames] = True
        for encoder, rows in zip(encoders, values, strict=True):
            rows[frames] = encoder.encode([resize_picture(each, encoder.config.image_pixels) for _, each in batch])
    return [FeatureStream(name=VISUAL, values=rows, valid=valid, times_seconds=times) for rows in values]


def _describe_sound(extractor: AcousticExtractor, waveform: Waveform | None, times: TimeArray) -> FeatureStream:
    if waveform is None:
        values, valid = np.zeros((len(times), extractor.dim), np.float32), np.zeros(len(times), bool)
    else:
        values, valid = extractor.extract(waveform.samples, waveform.start_seconds, times)
    return FeatureStream(name=extractor.name, values=values, valid=valid, times_seconds=times)


def _warnings(
    face_valid: BoolArray, waveform: Waveform | None, acoustic: Sequence[FeatureStream], others: Sequence[str]
) -> tuple[str, ...]:
    said = list(others)
    if not face_valid.any():
        said.append("no face was found in any frame")
    elif face_valid.mean() < 0.5:
        said.append(f"a face was found in only {face_valid.mean():.0%} of the frames")
    if waveform is None:
        said.append("the file has no sound")
    elif acoustic and not any(stream.valid.any() for stream in acoustic):
        said.append("the sound is silent throughout")
    return tuple(said)


def _counted(frames: Iterator[VideoFrame], on_frames: OnFrames | None) -> Iterator[VideoFrame]:
    for frame in frames:
        yield frame
        if on_frames is not None:
            on_frames(1)


def _batched(
    crops: Iterator[tuple[int, NDArray[np.uint8]]], size: int
) -> Iterator[list[tuple[int, NDArray[np.uint8]]]]:
    while batch := list(islice(crops, size)):
        yield batch
