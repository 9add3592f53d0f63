"""One video in, all its features out: the one function that training, evaluation, command line and page share.

The film is read once to follow the faces, and once to describe the aligned faces in every frame; where official face
pictures are given, it is read for its times alone. Sound is read once, and a stretch at a time where the features
allow. Everything is put on the video's own frame clock; what was missing is invalid there and said in `warnings`.

A file of sound alone has no frames. Its rows are on a made-up clock of 25 a second, which is said in `warnings`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vatrace.errors import DatasetError, MediaError
from vatrace.faces.alignment import crops_of_people
from vatrace.faces.detection import FaceDetector
from vatrace.faces.people import MAX_PEOPLE, find_people
from vatrace.faces.shots import see_faces
from vatrace.faces.sides import track_sides
from vatrace.faces.tracking import FaceTrack, as_track, link_faces, main_person
from vatrace.features.acoustic import AcousticExtractor
from vatrace.features.crops import crop_folder_digest, crop_frames, crop_path, read_picture
from vatrace.features.store import ClipFeatures
from vatrace.features.visual import VisualEncoder, resize_picture
from vatrace.files import hash_of, sha256_of
from vatrace.media.ahead import read_ahead
from vatrace.media.audio import SAMPLE_RATE_HZ, Waveform, read_audio, read_audio_blocks
from vatrace.media.video import VideoFrame, probe, read_frames, read_times
from vatrace.streams import BoolArray, FeatureStream, Person, TimeArray

VISUAL = "visual"
FACES = "faces"
OFFICIAL_CROPS = "official crops"  # where the faces come from, if we have not found them ourselves
FaceSource = Literal["found", "official"]
SOUND_ROW_SECONDS = 0.04  # a row of a file of sound alone, as of a film of 25 frames a second
SOUND_ONLY_WARNING = f"the file has no picture; its rows are on a made-up clock, one every {SOUND_ROW_SECONDS} s"
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
        detect_every_seconds: how long `extract_everybody` may leave a face unlooked for (`faces.shots`); 0 looks in
            every frame, as `extract_people` always does.
    """

    detector: FaceDetector
    visual: VisualEncoder
    acoustic: Sequence[AcousticExtractor]
    detect_every_seconds: float = 0.0

    @property
    def identities(self) -> dict[str, str]:
        """What makes each stream, by the stream's name."""
        return {VISUAL: self.visual.identity} | {each.name: f"{each.name}:{each.version}" for each in self.acoustic}

    def identities_of(self, person: Appearance) -> dict[str, str]:
        """The same with where the faces come from, if not from the film."""
        return self.identities | ({} if person.faces == "found" else {FACES: OFFICIAL_CROPS})

    def extract(self, path: Path, *, on_frames: OnFrames | None = None) -> ClipFeatures:
        """Features of the main person of a video: the first of `extract_everybody`."""
        return self.extract_everybody(path, at_most=1, on_frames=on_frames)[0]

    def extract_everybody(
        self, path: Path, *, at_most: int = MAX_PEOPLE, on_frames: OnFrames | None = None
    ) -> list[ClipFeatures]:
        """Features of the people in a video, or of the one who is heard in a file of sound alone.

        Args:
            path: a video or sound file.
            at_most: how many people, 1 or more.
            on_frames: told about progress.

        Returns:
            A person each, the main one first; never empty. All have the same sound.

        Raises:
            NothingFound: no such file.
            MediaError: the file is neither, or cannot be read safely.
        """
        if not probe(path).has_video:
            return [self._of_sound(path)]
        frames = _counted(read_ahead(read_frames(path)), on_frames)
        seen = see_faces(frames, self.detector, every_seconds=self.detect_every_seconds)
        times, tracks = seen.times_seconds, find_people(seen, at_most=at_most)
        sound = self._describe_sound(path, times)
        crops: Iterator[tuple[int, int, NDArray[np.uint8]]] = iter(())
        if any(track.valid.any() for track in tracks):
            crops = crops_of_people(_counted(read_ahead(read_frames(path)), on_frames), tracks)
        faces = _describe_people(self.visual, times, crops, len(tracks))
        source_sha256 = sha256_of(path)
        return [
            ClipFeatures(
                clip=path.stem if person == 0 else f"{path.stem}--{person}",
                times_seconds=times,
                streams={stream.name: stream for stream in (face, *sound.streams)},
                identities=self.identities,
                face_score=np.where(face.valid, track.score, 0).astype(np.float32),
                source_sha256=source_sha256,
                warnings=_warnings(face.valid, sound, []),
            )
            for person, (track, face) in enumerate(zip(tracks, faces, strict=True))
        ]

    def _of_sound(self, path: Path) -> ClipFeatures:
        """Features of a file without pictures."""
        times = sound_clock(path)
        sound = self._describe_sound(path, times)
        nobody = np.zeros(len(times), np.bool_)
        face = _stream(VISUAL, np.zeros((len(times), self.visual.dim), np.float32), nobody, times)
        return ClipFeatures(
            clip=path.stem,
            times_seconds=times,
            streams={stream.name: stream for stream in (face, *sound.streams)},
            identities=self.identities,
            face_score=np.zeros(len(times), np.float32),
            source_sha256=sha256_of(path),
            warnings=(SOUND_ONLY_WARNING, *sound.warnings),
        )

    def _describe_sound(self, path: Path, times: TimeArray) -> _Sound:
        """All acoustic streams; the sound is held as a whole only for those that need it so."""
        waveform = read_audio(path) if any(each.extract_blocks is None for each in self.acoustic) else None
        there = waveform is not None or probe(path).has_audio
        streams = [
            _describe_sound(each, waveform, times)
            if each.extract_blocks is None or not there
            else _stream(each.name, *each.extract_blocks(_blocks(path), times), times)
            for each in self.acoustic
        ]
        return _Sound(there, streams)

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
        sound = _Sound(waveform is not None, [_describe_sound(each, waveform, times) for each in self.acoustic])
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
                        streams={stream.name: stream for stream in (stream_of_face, *sound.streams)},
                        identities=self.identities_of(person) | {VISUAL: encoder.identity},
                        face_score=np.where(stream_of_face.valid, found.score, 0).astype(np.float32),
                        source_sha256=source_sha256,
                        warnings=_warnings(stream_of_face.valid, sound, found.warnings),
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


def sound_clock(path: Path) -> TimeArray:
    """Times of the rows of a file of sound alone, from its first sample on, `SOUND_ROW_SECONDS` apart.

    Raises:
        NothingFound: no such file.
        MediaError: the file has no sound, or cannot be read safely.
    """
    num_samples, start_seconds = 0, 0.0
    for block in read_audio_blocks(path):
        start_seconds = block.start_seconds if num_samples == 0 else start_seconds
        num_samples += len(block.samples)
    if num_samples == 0:
        raise MediaError(f"{path} has neither pictures nor sound.", hint="Give a recording.", code="no-video")
    num_rows = math.ceil(num_samples / SAMPLE_RATE_HZ / SOUND_ROW_SECONDS - 1e-9)
    times: TimeArray = start_seconds + np.arange(num_rows, dtype=np.float64) * SOUND_ROW_SECONDS
    return times


@dataclass(frozen=True)
class _Sound:
    """Whether a file has sound, and what it sounds like."""

    is_there: bool
    streams: Sequence[FeatureStream]

    @property
    def warnings(self) -> tuple[str, ...]:
        if not self.is_there:
            return ("the file has no sound",)
        if self.streams and not any(stream.valid.any() for stream in self.streams):
            return ("no voice is heard in the sound",)
        return ()


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
        pictures=((index, crop) for _, index, crop in crops_of_people(_counted(read_frames(path), on_frames), [track])),
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
    return [_stream(VISUAL, rows, valid, times) for rows in values]


def _describe_people(
    encoder: VisualEncoder, times: TimeArray, faces: Iterator[tuple[int, int, NDArray[np.uint8]]], num_people: int
) -> list[FeatureStream]:
    """The faces of several people, each in the batches that they would come in alone: the same bits."""
    values = np.zeros((num_people, len(times), encoder.dim), np.float32)
    valid: BoolArray = np.zeros((num_people, len(times)), np.bool_)
    waiting: list[list[tuple[int, NDArray[np.uint8]]]] = [[] for _ in range(num_people)]

    def describe(person: int) -> None:
        frames = [index for index, _ in waiting[person]]
        values[person, frames] = encoder.encode([crop for _, crop in waiting[person]])
        valid[person, frames] = True
        waiting[person].clear()

    for person, index, crop in faces:
        waiting[person].append((index, resize_picture(crop, encoder.config.image_pixels)))
        if len(waiting[person]) == _CROPS_AT_ONCE:
            describe(person)
    for person in range(num_people):
        if waiting[person]:
            describe(person)
    return [_stream(VISUAL, *each, times) for each in zip(values, valid, strict=True)]


def _describe_sound(extractor: AcousticExtractor, waveform: Waveform | None, times: TimeArray) -> FeatureStream:
    if waveform is None:
        values, valid = np.zeros((len(times), extractor.dim), np.float32), np.zeros(len(times), bool)
    else:
        values, valid = extractor.extract(waveform.samples, waveform.start_seconds, times)
    return _stream(extractor.name, values, valid, times)


def _stream(name: str, values: NDArray[np.float32], valid: BoolArray, times: TimeArray) -> FeatureStream:
    return FeatureStream(name=name, values=values, valid=valid, times_seconds=times)


def _blocks(path: Path) -> Iterator[tuple[NDArray[np.float32], float]]:
    return ((block.samples, block.start_seconds) for block in read_audio_blocks(path))


def _warnings(face_valid: BoolArray, sound: _Sound, others: Sequence[str]) -> tuple[str, ...]:
    said = list(others)
    if not face_valid.any():
        said.append("no face was found in any frame")
    elif face_valid.mean() < 0.5:
        said.append(f"a face was found in only {face_valid.mean():.0%} of the frames")
    return (*said, *sound.warnings)


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
