"""Turn, shift and scale a face so that its eyes, nose and mouth lie where the encoder expects them.

The transform is a similarity (rotation, one scale, shift; never a mirror image) that brings the five landmarks as
close as possible, in the least-squares sense, to the template of ArcFace. Points are (x, y) in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vatrace.faces.tracking import FaceTrack, TimedFrame

CROP_PIXELS = 224
ARCFACE_TEMPLATE: NDArray[np.float64] = 2 * np.array(  # Deng et al., ArcFace, CVPR 2019: its 112x112 template, doubled
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
ARCFACE_TEMPLATE.flags.writeable = False
MAX_TIME_DIFFERENCE_SECONDS = 1e-6
MAX_OVERSAMPLING = 8  # bounds the memory where a face is far larger than its crop


def similarity_transform(
    landmarks: NDArray[np.float32] | NDArray[np.float64], size_pixels: int = CROP_PIXELS
) -> NDArray[np.float64]:
    """Find the similarity that brings landmarks onto the template of a `size_pixels` crop.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991.

    Args:
        landmarks: `[5, 2]`, in the order of `Detection.landmarks`.
        size_pixels: side of the crop.

    Returns:
        `[2, 3]` float64: crop point = matrix times (x, y, 1) of the frame.

    Raises:
        ValueError: the landmarks are not `[5, 2]`, not finite, or all in one place.
    """
    source = np.asarray(landmarks, np.float64)
    if source.shape != (5, 2) or not np.isfinite(source).all():
        raise ValueError(f"landmarks must be [5, 2] and finite, got {list(source.shape)}: {source.tolist()}")
    target = ARCFACE_TEMPLATE * (size_pixels / CROP_PIXELS)
    centred, aimed = source - source.mean(axis=0), target - target.mean(axis=0)
    spread = (centred**2).sum()
    if spread < np.finfo(np.float64).eps:
        raise ValueError(f"the five landmarks are all at {source[0].tolist()}, so the face has no size")
    left, strengths, right = np.linalg.svd(aimed.T @ centred)
    signs = np.array(
        [1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))]
    )  # -1 where a mirror image would fit best
    rotation = left * signs @ right
    scaled = rotation * (strengths @ signs / spread)
    return np.column_stack([scaled, target.mean(axis=0) - scaled @ source.mean(axis=0)])


def align_face(
    pixels: NDArray[np.uint8], landmarks: NDArray[np.float32], size_pixels: int = CROP_PIXELS
) -> NDArray[np.uint8]:
    """Cut the aligned face out of a frame.

    A face that shrinks to less than half is first drawn larger and then averaged down: picking single pixels of it
    would make the crop flicker.

    Args:
        pixels: `[height, width, 3]` uint8 RGB.
        landmarks: `[5, 2]`, in pixels of that frame.
        size_pixels: side of the crop.

    Returns:
        `[size_pixels, size_pixels, 3]` uint8 RGB, black where the crop reaches beyond the frame.
    """
    matrix = similarity_transform(landmarks, size_pixels)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    factor = min(MAX_OVERSAMPLING, max(1, int(1 / scale)))
    drawn = matrix * factor
    drawn[:, 2] += (factor - 1) / 2  # pixel 0 of the crop is the mean of the first `factor` pixels
    side = size_pixels * factor
    crop = cv2.warpAffine(pixels, drawn, (side, side), flags=cv2.INTER_LINEAR)
    if factor > 1:
        crop = cv2.resize(crop, (size_pixels, size_pixels), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, np.uint8)


def aligned_crops(
    frames: Iterable[TimedFrame], track: FaceTrack, size_pixels: int = CROP_PIXELS
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Cut the tracked person's face out of every frame that has it, one frame at a time.

    Args:
        frames: the frames the track was made from, in the same order.
        track: where the face is.
        size_pixels: side of the crop.

    Yields:
        The frame's index and its crop `[size_pixels, size_pixels, 3]` uint8 RGB, for valid frames alone.

    Raises:
        ValueError: the frames are not those of the track: another number, or other times.
    """
    yield from ((index, crop) for _, index, crop in crops_of_people(frames, [track], size_pixels))


def crops_of_people(
    frames: Iterable[TimedFrame], tracks: Sequence[FaceTrack], size_pixels: int = CROP_PIXELS
) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """Cut the faces of several people out of a film that is read once.

    Args:
        frames: as for `aligned_crops`.
        tracks: where each person's face is, on the same times.
        size_pixels: side of a crop.

    Yields:
        Place of the track, index of the frame, and the crop `[size_pixels, size_pixels, 3]` uint8 RGB, for valid frames
        alone.

    Raises:
        ValueError: as `aligned_crops`.
    """
    times = tracks[0].times_seconds
    count = 0
    for index, frame in enumerate(frames):
        if index >= len(times):
            raise ValueError(f"the track has {len(times)} frames, but there are more; was it made from another video?")
        _check_time(index, frame.time_seconds, float(times[index]))
        count += 1
        for place, track in enumerate(tracks):
            if track.valid[index]:
                yield place, index, align_face(frame.pixels, track.landmarks[index], size_pixels)
    if count != len(times):
        raise ValueError(f"the track has {len(times)} frames, but only {count} came; was it made from another video?")


def _check_time(index: int, given_seconds: float, expected_seconds: float) -> None:
    if abs(given_seconds - expected_seconds) > MAX_TIME_DIFFERENCE_SECONDS:
        raise ValueError(
            f"frame {index} is at {given_seconds:.6f} s, but the track has it at {expected_seconds:.6f} s; "
            f"was the track made from another video?"
        )
