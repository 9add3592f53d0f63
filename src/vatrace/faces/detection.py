"""RetinaFace: faces in frames, each with a box and five landmarks.

Deng et al., "RetinaFace: Single-shot Multi-level Face Localisation in the Wild", CVPR 2020, with a MobileNet-0.25
backbone, run by ONNX Runtime on the CPU. Frames are `[height, width, 3]` uint8 RGB. Coordinates are (x, y) in pixels of
the frame as it was given, however much it was scaled for the network.

Landmarks decide how still the aligned crop is held, so they are never rounded, and, other than in the paper, a face's
landmarks are the mean over all anchors that saw it, weighted by score, not those of the best anchor: when the picture
is shifted by whole pixels that leaves a quarter less noise (2.1 -> 1.6 % of the distance between the eyes; GRID clips
and astronaut).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vatrace.faces.weights import load_weights

Frame = NDArray[np.uint8]

PIXEL_MEAN_BGR = (104.0, 117.0, 127.0)  # subtracted in training, as these weights expect
STRIDES_PIXELS = (8, 16, 32)
ANCHOR_SIZES_PIXELS = ((16, 32), (64, 128), (256, 512))  # a pair a stride
CENTRE_VARIANCE = 0.1  # what the network's offsets of centres and landmarks are multiplied with
SIZE_VARIANCE = 0.2  # the same for the logarithm of sizes
MAX_OVERLAP = 0.4  # intersection over union above which the weaker of two boxes is the same face


@dataclass(frozen=True, kw_only=True, eq=False)
class Detection:
    """One face in one frame.

    Args:
        box: `[4]` float32, x1, y1, x2, y2 in pixels; reaches beyond the frame where the face does.
        landmarks: `[5, 2]` float32, (x, y) in pixels, not rounded: the eye that is left in the picture of an upright
            face, the right eye, the nose, the left and the right mouth corner.
        score: how sure the network is, 0 to 1.
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float


class FaceDetector:
    """Finds the faces in frames.

    Args:
        weights: an ONNX file to use instead of the cached or installed one; it must have the pinned sha256.
        max_side_pixels: frames with a longer side are scaled down to it. At 640 a face 40 pixels wide in a 1280x720
            frame is still found, at 384 one of 96; frames that need no scaling have the quietest landmarks.
        min_score: faces of a lower score are left out; above 0, at most 1.
        num_threads: how many frames go through the network at the same time, each on one processor; as many as there
            are processors this process may use if None.

    Raises:
        ModelError: there are no weights, or other ones than expected.
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        weights: Path | None = None,
        *,
        max_side_pixels: int = 640,
        min_score: float = 0.5,
        num_threads: int | None = None,
    ) -> None:
        if max_side_pixels < 1:
            raise ValueError(f"max_side_pixels must be at least 1, got {max_side_pixels}")
        if not 0 < min_score <= 1:
            raise ValueError(f"min_score must be above 0 and at most 1, got {min_score}")
        if num_threads is not None and num_threads < 1:
            raise ValueError(f"num_threads must be at least 1, or None for all processors, got {num_threads}")
        self.max_side_pixels = max_side_pixels
        self.min_score = min_score
        self.num_threads = _available_processors() if num_threads is None else num_threads
        # A model given as bytes could name further files in the working directory; the pinned hash excludes that.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(load_weights(weights), options, providers=["CPUExecutionProvider"])

    def detect(self, frames: Sequence[Frame]) -> list[list[Detection]]:
        """Find the faces in each frame.

        Frames of the same shape go through the network together: how many are given at once bounds the memory.

        Args:
            frames: each `[height, width, 3]` uint8 RGB; shapes may differ.

        Returns:
            A list a frame, best score first, empty where there is no face.

        Raises:
            ValueError: a frame has another shape or type.
        """
        places: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for place, frame in enumerate(frames):
            _check_frame(frame)
            places[frame.shape].append(place)
        found: list[list[Detection]] = [[] for _ in frames]
        for same_shape in places.values():
            for place, detections in zip(same_shape, self._detect_batch([frames[i] for i in same_shape]), strict=True):
                found[place] = detections
        return found

    def _detect_batch(self, frames: list[Frame]) -> list[list[Detection]]:
        height, width = frames[0].shape[:2]
        net_height, net_width = scaled_size(height, width, self.max_side_pixels)
        batch = _network_input(frames, net_height, net_width)
        # One frame at a time stays in the processor's cache: 14 ms of computing a frame of 640x360 instead of 19. Two
        # processors with a frame each take 7.8 ms a frame; together on one they take 10 to 13.
        with ThreadPoolExecutor(self.num_threads) as pool:
            outputs = list(pool.map(self._run, (batch[i : i + 1] for i in range(len(batch)))))
        to_frame = np.array([width / net_width, height / net_height], np.float32)
        anchors = _anchors(net_height, net_width)
        return [
            _decode(locations[0], scores[0, :, 1], offsets[0], anchors, to_frame, self.min_score)
            for locations, scores, offsets in outputs
        ]

    def _run(self, frame: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        outputs: list[NDArray[np.float32]] = self._session.run(["loc", "conf", "landmarks"], {"input": frame})
        return outputs


def scaled_size(height: int, width: int, max_side_pixels: int) -> tuple[int, int]:
    """Height and width of a frame once its longer side is at most `max_side_pixels`; it is never scaled up."""
    scale = min(1.0, max_side_pixels / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _available_processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_frame(frame: Frame) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
        raise ValueError(f"a frame must be uint8 RGB [height, width, 3], got {frame.dtype} {list(frame.shape)}")


def _network_input(frames: list[Frame], net_height: int, net_width: int) -> NDArray[np.float32]:
    """Frames of one shape as `[batch, 3, net_height, net_width]` float32 BGR without its mean."""
    batch = np.empty((len(frames), 3, net_height, net_width), np.float32)
    for planes, frame in zip(batch, frames, strict=True):
        small = cv2.resize(frame, (net_width, net_height), interpolation=cv2.INTER_AREA)
        for channel, mean in enumerate(PIXEL_MEAN_BGR):
            np.subtract(cv2.extractChannel(small, 2 - channel), np.float32(mean), out=planes[channel])
    return batch


@lru_cache(maxsize=8)
def _anchors(net_height: int, net_width: int) -> NDArray[np.float32]:
    """`[anchors, 3]`: centre x, centre y, size in pixels of the network's input; by stride, row, column, size."""
    parts = []
    for stride, sizes in zip(STRIDES_PIXELS, ANCHOR_SIZES_PIXELS, strict=True):
        rows, columns = -(-net_height // stride), -(-net_width // stride)
        y, x, size = np.meshgrid(
            (np.arange(rows) + 0.5) * stride, (np.arange(columns) + 0.5) * stride, sizes, indexing="ij"
        )
        parts.append(np.stack([x, y, size], axis=-1).reshape(-1, 3))
    anchors = np.concatenate(parts).astype(np.float32)
    anchors.flags.writeable = False  # shared by all callers
    return anchors


def _decode(
    locations: NDArray[np.float32],
    scores: NDArray[np.float32],
    offsets: NDArray[np.float32],
    anchors: NDArray[np.float32],
    to_frame: NDArray[np.float32],
    min_score: float,
) -> list[Detection]:
    """Turn one frame's network output into detections.

    Args:
        locations: `[anchors, 4]`, offsets of the centre and log sizes.
        scores: `[anchors]`, probability of a face.
        offsets: `[anchors, 10]`, offsets of the five landmarks.
        anchors: `[anchors, 3]`, from `_anchors`.
        to_frame: `[2]`, pixels of the frame a pixel of the network's input, x and y.
        min_score: what to leave out.
    """
    kept = np.flatnonzero(scores >= min_score)
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    centres, sizes = anchors[kept, :2], anchors[kept, 2:]
    middles = centres + locations[kept, :2] * CENTRE_VARIANCE * sizes
    halves = np.exp(locations[kept, 2:] * SIZE_VARIANCE) * sizes / 2
    boxes = np.concatenate([(middles - halves) * to_frame, (middles + halves) * to_frame], axis=1)
    points = (centres[:, None] + offsets[kept].reshape(-1, 5, 2) * CENTRE_VARIANCE * sizes[:, None]) * to_frame
    return [
        Detection(
            box=boxes[same[0]],
            landmarks=np.average(points[same], axis=0, weights=scores[kept[same]]),
            score=float(scores[kept[same[0]]]),
        )
        for same in _same_face(boxes)
    ]


def _same_face(boxes: NDArray[np.float32]) -> list[NDArray[np.int64]]:
    """Group boxes `[boxes, 4]`, best first, into faces: the best one left and all that overlap it by `MAX_OVERLAP`.

    Returns:
        For each face the indices of its boxes, the best one first.
    """
    faces = []
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    left = np.arange(len(boxes))
    while len(left):
        best = left[0]
        shared = np.minimum(boxes[best, 2:], boxes[left, 2:]) - np.maximum(boxes[best, :2], boxes[left, :2])
        overlap = np.clip(shared, 0, None).prod(axis=1)
        same = overlap > MAX_OVERLAP * (areas[best] + areas[left] - overlap)
        same[0] = True  # also where rounding left a box without area
        faces.append(left[same])
        left = left[~same]
    return faces
