"""Aligned face pictures on disk, in the layout of the official crops.

`<folder>/<clip>/%05d.jpg`, the first frame is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.errors import DatasetError, NothingFound
from vatrace.features.visual import resize_picture
from vatrace.files import hash_of

_CACHE_BYTES = 512 * 2**20  # decoded pictures kept in memory, at most


@dataclass(frozen=True)
class Crop:
    """One picture: its file, its clip, and the frame it shows (the first is 0)."""

    path: Path
    clip: str
    frame: int


def list_crops(folder: Path, clips: Sequence[str]) -> list[Crop]:
    """Every crop of some clips, in order of clip and frame.

    Raises:
        NothingFound: there is none.
    """
    crops = [
        Crop(path, clip, int(path.stem) - 1) for clip in sorted(clips) for path in sorted((folder / clip).glob("*.jpg"))
    ]
    if not crops:
        raise NothingFound(f"no crops of {len(clips)} clips under {folder}; `vatrace crops` makes them.")
    return crops


def crops_digest(crops: Sequence[Crop]) -> str:
    """Tells one set of crops from another: clips, frames, and the size of each file."""
    return hash_of([[crop.clip, crop.frame, crop.path.stat().st_size] for crop in crops])


class CropReader:
    """Reads crops at one size and keeps decoded ones in memory while they fit.

    Args:
        crops: what can be read, by index.
        image_pixels: side of the square pictures it gives.
    """

    def __init__(self, crops: Sequence[Crop], image_pixels: int) -> None:
        self.crops = tuple(crops)
        self.image_pixels = image_pixels
        self._decoded: dict[int, NDArray[np.uint8]] = {}
        self._room = _CACHE_BYTES // (image_pixels * image_pixels * 3)

    def __len__(self) -> int:
        return len(self.crops)

    def read(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """RGB pictures `[len(indices), image_pixels, image_pixels, 3]`."""
        return np.stack([self._picture(int(index)) for index in indices])

    def _picture(self, index: int) -> NDArray[np.uint8]:
        if index in self._decoded:
            return self._decoded[index]
        picture = read_picture(self.crops[index].path, self.image_pixels)
        if len(self._decoded) < self._room:
            self._decoded[index] = picture
        return picture


def read_picture(path: Path, image_pixels: int) -> NDArray[np.uint8]:
    """One RGB picture, resized to a square.

    Raises:
        DatasetError: the file is no picture.
    """
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise DatasetError(f"{path} is no picture that can be read; make the crops of this clip again.")
    return resize_picture(np.asarray(picture, np.uint8), image_pixels)


def encode_picture(picture: NDArray[np.uint8]) -> bytes:
    """An RGB picture as JPEG, quality 95."""
    done, content = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done, "OpenCV always writes an 8-bit RGB picture as JPEG"
    return bytes(content.tobytes())
