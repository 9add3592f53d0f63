"""One video in, all its features out: the one function that training, evaluation, command line and page share.

The film is read once to follow the faces, and once to describe the aligned faces in every frame; where official face
pictures are given, it is read for its times alone. Sound is read once, and a stretch at a time where the features
allow. Everything is put on the video's own frame clock; what was missing is invalid there and said in `warnings`.

A file of sound alone has no frames. Its rows are on a made-up clock of 25 a second, which is said in `warnings`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Literal, TypeAlias

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
from vatrace.media.remarks import to_nobody
from vatrace.media.video import MediaInfo, VideoFrame, probe, read_frames, read_times
from vatrace.streams import BoolArray, FeatureStream, Person, TimeArray

VISUAL = "visual"
FACES = "faces"
OFFICIAL_CROPS = "official crops"  # where the faces come from, if we have not found them ourselves
FaceSource = Literal["found", "official"]
UNSEEN_SOUND_SECONDS = 1.0  # before the first or after the last picture, beyond which it is said
SOUND_ROW_SECONDS = 0.04  # a row of a file of sound alone, as of a film of 25 frames a second
SOUND_ONLY_WARNING = f"the file has no picture; its rows are on a made-up clock, one every {SOUND_ROW_SECONDS} s"
_CROPS_AT_ONCE = 64  # 10 MB of pictures

# Place of the person, frame, and picture of the face.
_FacePicture: TypeAlias = tuple[int, int, NDArray[np.uint8]]
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
            A person each, the main one first; never empty. All have the same sound. Where more than one is asked for
            and there are more still, a warning of the main one says how many.

        Raises:
            NothingFound: no such file.
            MediaError: the file is neither, or cannot be read safely.
        """
        if not probe(path).has_video:
            return [self._of_sound(path)]
        picture = _Picture()
        remarks: list[str] = []
        read = read_ahead(read_frames(path, tell=remarks.append))
        frames = picture.measured(_counted(read, on_frames))
        seen = see_faces(frames, self.detector, every_seconds=self.detect_every_seconds)
        people = find_people(seen, at_most=at_most)
        source_sha256 = sha256_of(path)
        subjects = [
            _Subject(
                name=path.stem if person == 0 else f"{path.stem}--{person}",
                score=track.score,
                identities=self.identities,
                source_sha256=source_sha256,
                warnings=list(remarks),
                boxes=picture.shares(track),
            )
            for person, track in enumerate(people.tracks)
        ]
        if people.num_left_out and at_most > 1:  # whoever asks for the main person knows that there may be others
            more = "1 more person was" if people.num_left_out == 1 else f"{people.num_left_out} more people were"
            subjects[0].warnings.append(f"{more} left out; see --people")
        crops = _found_faces(path, people.tracks, on_frames)
        return [made for (made,) in self._describe([self.visual], path, seen.times_seconds, subjects, crops)]

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
        remarks: list[str] = []
        needs_whole = any(each.extract_blocks is None for each in self.acoustic)
        waveform = read_audio(path, tell=remarks.append) if needs_whole else None
        info = probe(path)
        there = waveform is not None or info.has_audio
        streams = [
            _describe_sound(each, waveform, times)
            if each.extract_blocks is None or not there
            else _stream(each.name, *each.extract_blocks(_blocks(path, remarks), times), times)
            for each in self.acoustic
        ]
        remarks += _remarks_on_sound(info, times)
        return _Sound(there, streams, list(dict.fromkeys(remarks)))  # whatever was read twice, it is said once

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
        found = [each for each in people if each.faces == "found"]
        tracks = track_people(path, found, self.detector, on_frames) if found else {}
        times = tracks[found[0]].times_seconds if found else read_times(path)
        subjects = [
            _Subject(
                name=person.name,
                score=tracks[person].score if person in tracks else np.ones(len(times), np.float32),
                identities=self.identities_of(person),
                source_sha256=source_digest(path, person),
            )
            for person in people
        ]
        of_found = [place for place, person in enumerate(people) if person in tracks]
        crops = _found_faces(path, [tracks[people[place]] for place in of_found], on_frames)
        faces = chain(
            ((of_found[place], index, crop) for place, index, crop in crops),
            *(
                _official_faces(place, person.crops, len(times), subjects[place].warnings)
                for place, person in enumerate(people)
                if person.faces == "official"
            ),
        )
        return self._describe(encoders, path, times, subjects, faces)

    def _describe(
        self,
        encoders: Sequence[VisualEncoder],
        path: Path,
        times: TimeArray,
        subjects: Sequence[_Subject],
        faces: Iterable[_FacePicture],
    ) -> list[list[ClipFeatures]]:
        """Features of each subject by each encoder; the pictures name a subject by its place."""
        sound = self._describe_sound(path, times)
        described = _describe_faces(encoders, times, faces, len(subjects))
        return [
            [
                ClipFeatures(
                    clip=subject.name,
                    times_seconds=times,
                    streams={stream.name: stream for stream in (face, *sound.streams)},
                    identities=subject.identities | {VISUAL: encoder.identity},
                    face_score=np.where(face.valid, subject.score, 0).astype(np.float32),
                    source_sha256=subject.source_sha256,
                    warnings=_warnings(face.valid, sound, subject.warnings),
                    face_boxes=subject.boxes,
                )
                for encoder, face in zip(encoders, by_encoder, strict=True)
            ]
            for subject, by_encoder in zip(subjects, described, strict=True)
        ]


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
    for block in read_audio_blocks(path, tell=to_nobody):  # it is read once more, and asked then
        start_seconds = block.start_seconds if num_samples == 0 else start_seconds
        num_samples += len(block.samples)
    if num_samples == 0:
        raise MediaError(f"{path} has neither pictures nor sound.", hint="Give a recording.", code="no-video")
    num_rows = math.ceil(num_samples / SAMPLE_RATE_HZ / SOUND_ROW_SECONDS - 1e-9)
    times: TimeArray = start_seconds + np.arange(num_rows, dtype=np.float64) * SOUND_ROW_SECONDS
    return times


def _remarks_on_sound(info: MediaInfo, times: TimeArray) -> Iterator[str]:
    """What a reader may not expect of which sound was read."""
    if info.num_sound_tracks > 1:
        yield f"the file has {info.num_sound_tracks} sound tracks; the one a player takes by itself was read"
    lasts = float(times[-1] - times[0])
    if info.has_video and info.has_audio and (info.duration_seconds or 0) - lasts > UNSEEN_SOUND_SECONDS:
        yield (
            f"the file says that it lasts {info.duration_seconds:.1f} s, and its pictures last {lasts:.1f} s; there is "
            "a row for each picture, and none for sound without pictures"
        )


@dataclass(frozen=True)
class _Sound:
    """Whether a file has sound, what it sounds like, and what its reader had to say."""

    is_there: bool
    streams: Sequence[FeatureStream]
    remarks: Sequence[str]

    @property
    def warnings(self) -> tuple[str, ...]:
        if not self.is_there:
            return ("the file has no sound",)
        if self.streams and not any(stream.valid.any() for stream in self.streams):
            return ("no voice is heard in the sound", *self.remarks)
        return tuple(self.remarks)


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """Of whom features are made: name, score and place of the face in each frame, where they come from, what to say."""

    name: str
    score: NDArray[np.float32]
    identities: dict[str, str]
    source_sha256: str
    warnings: list[str] = field(default_factory=list)
    boxes: NDArray[np.float32] | None = None


class _Picture:
    """How large the pictures of a film are."""

    def __init__(self) -> None:
        self._sides = np.ones(2, np.float32)

    def measured(self, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """The same frames, which all have the size of the first."""
        for frame in frames:
            self._sides[:] = frame.pixels.shape[1], frame.pixels.shape[0]
            yield frame

    def shares(self, track: FaceTrack) -> NDArray[np.float32]:
        """Boxes as shares of the picture; what lies beyond its edge is cut off."""
        boxes = np.clip(track.boxes / np.tile(self._sides, 2), 0, 1)
        boxes[~track.valid] = np.nan
        return boxes.astype(np.float32)


def source_digest(path: Path, person: Appearance) -> str:
    """Tells what features are made from: the video, and the face pictures where they are taken."""
    of_video = sha256_of(path)
    if person.faces == "found":
        return of_video
    return hash_of([of_video, "" if person.crops is None else crop_folder_digest(person.crops)])


def _found_faces(path: Path, tracks: Sequence[FaceTrack], on_frames: OnFrames | None) -> Iterator[_FacePicture]:
    """Faces cut out of the film, which is read only where there is one."""
    if not any(track.valid.any() for track in tracks):
        return iter(())
    return crops_of_people(_counted(read_ahead(read_frames(path, tell=to_nobody)), on_frames), tracks)


def _official_faces(place: int, folder: Path | None, num_frames: int, warnings: list[str]) -> Iterator[_FacePicture]:
    """Face pictures of a folder; what is wrong with them is added to the warnings."""
    frames = np.zeros(0, np.int64) if folder is None else crop_frames(folder)
    beyond = int((frames >= num_frames).sum())
    if beyond:
        warnings.append(f"{beyond} face pictures belong to frames beyond the last one")
    if not len(frames):
        warnings.append("there are no official face pictures")
    if folder is not None:
        for index, picture in _readable_pictures(folder, frames[frames < num_frames], warnings):
            yield place, index, picture


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
    encoders: Sequence[VisualEncoder], times: TimeArray, faces: Iterable[_FacePicture], num_people: int
) -> list[list[FeatureStream]]:
    """Each person's stream by each encoder. Batches are those that a person would come in alone: the same bits."""
    values = [[np.zeros((len(times), each.dim), np.float32) for each in encoders] for _ in range(num_people)]
    valid: BoolArray = np.zeros((num_people, len(times)), np.bool_)
    waiting: list[list[tuple[int, list[NDArray[np.uint8]]]]] = [[] for _ in range(num_people)]

    def describe(person: int) -> None:
        frames = [index for index, _ in waiting[person]]
        valid[person, frames] = True
        for encoder, rows, *pictures in zip(
            encoders, values[person], *(each for _, each in waiting[person]), strict=True
        ):
            rows[frames] = encoder.encode(pictures)
        waiting[person].clear()

    for person, index, picture in faces:
        waiting[person].append((index, [resize_picture(picture, each.config.image_pixels) for each in encoders]))
        if len(waiting[person]) == _CROPS_AT_ONCE:
            describe(person)
    for person in range(num_people):
        if waiting[person]:
            describe(person)
    return [[_stream(VISUAL, rows, valid[person], times) for rows in values[person]] for person in range(num_people)]


def _describe_sound(extractor: AcousticExtractor, waveform: Waveform | None, times: TimeArray) -> FeatureStream:
    if waveform is None:
        values, valid = np.zeros((len(times), extractor.dim), np.float32), np.zeros(len(times), bool)
    else:
        values, valid = extractor.extract(waveform.samples, waveform.start_seconds, times)
    return _stream(extractor.name, values, valid, times)


def _stream(name: str, values: NDArray[np.float32], valid: BoolArray, times: TimeArray) -> FeatureStream:
    return FeatureStream(name=name, values=values, valid=valid, times_seconds=times)


def _blocks(path: Path, remarks: list[str]) -> Iterator[tuple[NDArray[np.float32], float]]:
    return ((block.samples, block.start_seconds) for block in read_audio_blocks(path, tell=remarks.append))


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
