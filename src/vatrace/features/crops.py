"""Face pictures on disk as the challenge hands them out: `<folder>/%05d.jpg`, the first frame is 1.

A frame without a face has no picture.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.errors import DatasetError
from vatrace.files import hash_of

_FILE_NAME = re.compile(r"\d{5,}\.jpg")


def crop_path(folder: Path, frame: int) -> Path:
    """The picture of a frame; the first is 0."""
    return folder / f"{frame + 1:05d}.jpg"


def crop_frames(folder: Path) -> NDArray[np.int64]:
    """Frames that have a picture in the folder of a clip, in order; the first is 0. Other files there are let lie."""
    if not folder.is_dir():
        return np.zeros(0, np.int64)
    with os.scandir(folder) as entries:
        found = [int(entry.name[:-4]) - 1 for entry in entries if _FILE_NAME.fullmatch(entry.name)]
    return np.sort(np.array(found, np.int64))


def crop_folder_digest(folder: Path) -> str:
    """Tells one set of pictures from another: their frames, and the size of each file."""
    frames = crop_frames(folder)
    return hash_of([[int(frame), crop_path(folder, int(frame)).stat().st_size] for frame in frames])


def read_picture(path: Path, image_pixels: int | None = None) -> NDArray[np.uint8]:
    """One RGB picture, resized to a square where a size is given.

    Raises:
        DatasetError: the file is no picture.
    """
    from vatrace.features.visual import resize_picture  # here, as whoever only counts pictures needs no torch

    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise DatasetError(f"{path} is no picture that can be read; make the crops of this clip again.")
    pixels = np.asarray(picture, np.uint8)
    return pixels if image_pixels is None else resize_picture(pixels, image_pixels)
