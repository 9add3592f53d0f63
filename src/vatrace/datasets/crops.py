"""Aligned face pictures on disk, in the layout of the official crops.

`<folder>/<clip>/%05d.jpg`, the first frame is 1. A list of them is two numbers a picture: Aff-Wild2 has 2.7 million,
and loader processes get a copy each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.errors import NothingFound
from vatrace.features.crops import crop_frames, crop_path, read_picture

_CACHE_BYTES = 512 * 2**20  # decoded pictures kept in memory, where all of them fit into so much


@dataclass(frozen=True, slots=True)
class Crop:
    """One picture: its file, its clip, and the frame it shows (the first is 0)."""

    path: Path
    clip: str
    frame: int


class CropList:
    """Pictures in an order.

    Args:
        folders: of each clip's pictures.
        clips: names of clips.
        clip_numbers: `[pictures]`, which of the clips each picture is from.
        frames: `[pictures]`, the frame that each picture shows; the first is 0.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        clips: Sequence[str],
        clip_numbers: NDArray[np.integer],
        frames: NDArray[np.integer],
    ) -> None:
        self.folders, self.clips = tuple(folders), tuple(clips)
        self.clip_numbers, self.frames = clip_numbers.astype(np.int32), frames.astype(np.int32)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Crop:
        number, frame = self.clip_numbers[index], int(self.frames[index])
        return Crop(crop_path(self.folders[number], frame), self.clips[number], frame)

    def __iter__(self) -> Iterator[Crop]:
        return (self[index] for index in range(len(self)))

    def select(self, chosen: NDArray[np.bool_]) -> CropList:
        """Those of the pictures where `chosen` is True."""
        return CropList(self.folders, self.clips, self.clip_numbers[chosen], self.frames[chosen])

    @property
    def used_clips(self) -> tuple[str, ...]:
        """Names of the clips that have a picture, in order."""
        return tuple(sorted(self.clips[number] for number in np.unique(self.clip_numbers)))


def list_crops(where: Path | Mapping[str, Path], clips: Sequence[str]) -> CropList:
    """Every crop of some clips, in order of clip and frame.

    Args:
        where: a folder that has a folder for each clip, or the folder of each clip by its name.
        clips: their names.

    Raises:
        NothingFound: there is none.
    """
    names = sorted(clips)
    folders = [where / name if isinstance(where, Path) else where[name] for name in names]
    frames = [crop_frames(folder) for folder in folders]
    if not any(map(len, frames)):
        place = where if isinstance(where, Path) else "the corpus"
        raise NothingFound(f"no crops of {len(clips)} clips under {place}; `vatrace crops` makes them.")
    numbers = np.repeat(np.arange(len(names)), [len(each) for each in frames])
    return CropList(folders, names, numbers, np.concatenate(frames))


def crops_digest(crops: CropList) -> str:
    """Tells one set of crops from another: clips, frames, and the size of each file."""
    digest = hashlib.sha256()
    for crop in crops:
        digest.update(f"{crop.clip}/{crop.frame}/{crop.path.stat().st_size}\n".encode())
    return digest.hexdigest()


class CropReader:
    """Reads crops at one size; keeps the decoded ones where all of them fit into half a gigabyte.

    Args:
        crops: what can be read, by index.
        image_pixels: side of the square pictures it gives.
    """

    def __init__(self, crops: CropList, image_pixels: int) -> None:
        self.crops = crops
        self.image_pixels = image_pixels
        self._keeps = len(crops) * image_pixels * image_pixels * 3 <= _CACHE_BYTES
        self._decoded: dict[int, NDArray[np.uint8]] = {}

    def __len__(self) -> int:
        return len(self.crops)

    def read(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """RGB pictures `[len(indices), image_pixels, image_pixels, 3]`."""
        pictures = [self._picture(int(index)) for index in indices]
        return np.stack(pictures) if pictures else np.zeros((0, self.image_pixels, self.image_pixels, 3), np.uint8)

    def _picture(self, index: int) -> NDArray[np.uint8]:
        if index in self._decoded:
            return self._decoded[index]
        picture = read_picture(self.crops[index].path, self.image_pixels)
        if self._keeps:
            self._decoded[index] = picture
        return picture


def encode_picture(picture: NDArray[np.uint8]) -> bytes:
    """An RGB picture as JPEG, quality 95."""
    done, content = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done, "OpenCV always writes an 8-bit RGB picture as JPEG"
    return bytes(content.tobytes())
