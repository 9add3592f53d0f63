"""One video in, all its features out: the one function that training, evaluation, command line and page share.

The film is read twice, streamed both times: once to follow the main person's face, once to describe the aligned face
in every frame. Sound is read once. Everything is put on the video's own frame clock; what was missing is invalid there
and said in `warnings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatrace.faces.alignment import aligned_crops
from vatrace.faces.detection import FaceDetector
from vatrace.faces.tracking import FaceTrack, track_main_face
from vatrace.features.acoustic import AcousticExtractor
from vatrace.features.store import ClipFeatures
from vatrace.features.visual import VisualEncoder
from vatrace.files import sha256_of
from vatrace.media.audio import Waveform, read_audio
from vatrace.media.video import VideoFrame, read_frames
from vatrace.streams import FeatureStream

VISUAL = "visual"
_CROPS_AT_ONCE = 64  # 10 MB of pictures

OnFrames = Callable[[int], None]
"""Told how many frames have been gone through since it was last told; each frame is gone through twice."""


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

    def extract(self, path: Path, *, on_frames: OnFrames | None = None) -> ClipFeatures:
        """Features of the main person of a video.

        Args:
            path: a video file, with or without sound.
            on_frames: told about progress.

        Raises:
            NothingFound: no such file.
            MediaError: the file is no video, or cannot be read safely.
        """
        return self.extract_by([self.visual], path, on_frames=on_frames)[0]

    def extract_by(
        self, encoders: Sequence[VisualEncoder], path: Path, *, on_frames: OnFrames | None = None
    ) -> list[ClipFeatures]:
        """The same by each of several encoders in place of `visual`; film and sound are gone through once for all."""
        track = track_main_face(_counted(read_frames(path), on_frames), self.detector)
        faces = _describe_faces(encoders, path, track, on_frames)
        waveform = read_audio(path)
        acoustic = [_describe_sound(each, waveform, track) for each in self.acoustic]
        made_by = self.identities
        source_sha256 = sha256_of(path)
        return [
            ClipFeatures(
                clip=path.stem,
                times_seconds=track.times_seconds,
                streams={stream.name: stream for stream in (visual, *acoustic)},
                identities=made_by | {VISUAL: encoder.identity},
                face_score=np.where(track.valid, track.score, 0).astype(np.float32),
                source_sha256=source_sha256,
                warnings=_warnings(track, waveform, acoustic),
            )
            for encoder, visual in zip(encoders, faces, strict=True)
        ]


def _describe_faces(
    encoders: Sequence[VisualEncoder], path: Path, track: FaceTrack, on_frames: OnFrames | None
) -> list[FeatureStream]:
    times = track.times_seconds
    values = [np.zeros((len(times), encoder.dim), np.float32) for encoder in encoders]
    crops = aligned_crops(_counted(read_frames(path), on_frames), track)
    for batch in _batched(crops, _CROPS_AT_ONCE):
        frames, pictures = [index for index, _ in batch], [crop for _, crop in batch]
        for encoder, rows in zip(encoders, values, strict=True):
            rows[frames] = encoder.encode(pictures)
    return [FeatureStream(name=VISUAL, values=rows, valid=track.valid, times_seconds=times) for rows in values]


def _describe_sound(extractor: AcousticExtractor, waveform: Waveform | None, track: FaceTrack) -> FeatureStream:
    times = track.times_seconds
    if waveform is None:
        values, valid = np.zeros((len(times), extractor.dim), np.float32), np.zeros(len(times), bool)
    else:
        values, valid = extractor.extract(waveform.samples, waveform.start_seconds, times)
    return FeatureStream(name=extractor.name, values=values, valid=valid, times_seconds=times)


def _warnings(track: FaceTrack, waveform: Waveform | None, acoustic: Sequence[FeatureStream]) -> tuple[str, ...]:
    said = []
    if not track.valid.any():
        said.append("no face was found in any frame")
    elif track.valid.mean() < 0.5:
        said.append(f"a face was found in only {track.valid.mean():.0%} of the frames")
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
