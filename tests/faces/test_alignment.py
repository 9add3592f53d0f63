from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import skimage.transform
from numpy.typing import NDArray

from tests.faces.made import Shot, shots, track_of
from vatrace.faces.alignment import ARCFACE_TEMPLATE, align_face, aligned_crops, similarity_transform
from vatrace.faces.detection import FaceDetector


def moved(points: NDArray[np.float64], degrees: float, scale: float, shift: tuple[float, float]) -> NDArray[np.float64]:
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * points @ turn.T + shift


def applied(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points @ matrix[:, :2].T + matrix[:, 2]


@pytest.mark.parametrize("seed", range(5))
def test_transform_equals_scikit_image(seed: int) -> None:
    landmarks = ARCFACE_TEMPLATE * 0.7 + np.random.default_rng(seed).normal(100, 8, (5, 2))
    theirs = skimage.transform.SimilarityTransform.from_estimate(landmarks, ARCFACE_TEMPLATE)
    np.testing.assert_allclose(similarity_transform(landmarks), theirs.params[:2], atol=5e-5)


@pytest.mark.parametrize("degrees", [-170, -30, 0, 45, 90])
def test_a_moved_template_comes_back_exactly(degrees: float) -> None:
    landmarks = moved(ARCFACE_TEMPLATE, degrees, 0.43, (31.5, 400.25))
    np.testing.assert_allclose(applied(similarity_transform(landmarks), landmarks), ARCFACE_TEMPLATE, atol=1e-9)


def test_a_mirrored_face_is_never_mirrored_back() -> None:
    matrix = similarity_transform(ARCFACE_TEMPLATE * [-1, 1])
    assert np.linalg.det(matrix[:, :2]) > 0
    theirs = skimage.transform.SimilarityTransform.from_estimate(ARCFACE_TEMPLATE * [-1, 1], ARCFACE_TEMPLATE)
    np.testing.assert_allclose(matrix, theirs.params[:2], atol=5e-5)


def test_the_template_grows_with_the_crop() -> None:
    landmarks = moved(ARCFACE_TEMPLATE, 12, 0.8, (5, 6))
    np.testing.assert_allclose(similarity_transform(landmarks, 112) * 2, similarity_transform(landmarks, 224))


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.full((5, 2), 3.0), r"all at \[3.0, 3.0\]"),
        (np.zeros((4, 2)), r"got \[4, 2\]"),
        (np.full((5, 2), np.nan), "finite"),
    ],
)
def test_landmarks_without_a_face_are_refused(landmarks: NDArray[np.float64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        similarity_transform(landmarks)


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.7, 6.2])
def test_crops_have_each_landmark_where_the_template_has_it(scale: float) -> None:
    landmarks = moved(ARCFACE_TEMPLATE, 20, scale, (100 * scale, 60 * scale))
    y, x = np.mgrid[: round(400 * scale), : round(400 * scale)]
    frame = np.zeros((*x.shape, 3), np.uint8)
    spot_pixels = 6 * scale  # a soft spot at each landmark, as large in each crop
    for point in landmarks:
        spot = 255 * np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * spot_pixels**2))
        frame = np.maximum(frame, np.round(spot).astype(np.uint8)[:, :, None])
    crop = align_face(frame, landmarks.astype(np.float32))
    for point in ARCFACE_TEMPLATE:
        left, top = (point - 9).astype(int)
        weights = crop[top : top + 20, left : left + 20, 0].astype(float)
        rows, columns = np.mgrid[top : top + 20, left : left + 20]
        near = (rows - point[1]) ** 2 + (columns - point[0]) ** 2 <= 64
        middle = [
            (columns * weights)[near].sum() / weights[near].sum(),
            (rows * weights)[near].sum() / weights[near].sum(),
        ]
        np.testing.assert_allclose(middle, point, atol=0.15)


def test_a_large_face_is_averaged_down_and_not_sampled() -> None:
    # Stripes one pixel wide, six frame pixels a crop pixel: their mean is grey, single pixels of them are not.
    frame = np.zeros((1600, 1600, 3), np.uint8)
    frame[:, ::2] = 255
    crop = align_face(frame, (ARCFACE_TEMPLATE * 6).astype(np.float32))
    assert np.abs(crop[5:-5, 5:-5].astype(float) - 127.5).max() < 30


TURN = cv2.getRotationMatrix2D((225.0, 125.0), 15, 1.3)  # about the astronaut's nose


def turned(astronaut: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.warpAffine(astronaut, TURN, (512, 512), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def test_a_turned_and_scaled_photograph_gives_the_same_crop(
    detector: FaceDetector, astronaut: NDArray[np.uint8]
) -> None:
    landmarks = detector.detect([astronaut])[0][0].landmarks
    plain = align_face(astronaut, landmarks).astype(float)
    again = align_face(turned(astronaut), applied(TURN, landmarks).astype(np.float32)).astype(float)
    middle = slice(20, 204)  # around it the turned frame may end
    assert np.abs(plain - again)[middle, middle].mean() < 3  # of 255: drawn twice, so a little softer
    assert np.corrcoef(plain[middle, middle].ravel(), again[middle, middle].ravel())[0, 1] > 0.995


def test_a_face_found_turned_and_scaled_comes_to_the_same_place(
    detector: FaceDetector, astronaut: NDArray[np.uint8]
) -> None:
    upright = detector.detect([astronaut])[0][0].landmarks
    found = detector.detect([turned(astronaut)])[0][0].landmarks
    placed = applied(similarity_transform(found), applied(TURN, upright))
    off_pixels = np.hypot(*(placed - applied(similarity_transform(upright), upright)).T)
    assert off_pixels.max() < 6  # of 224; 4.2 seen, the noise of the network


def test_crops_come_for_valid_frames_alone_and_in_order() -> None:
    frames = shots(5)
    crops = list(aligned_crops(frames, track_of(frames, valid=[1, 0, 1, 1, 0]), size_pixels=32))
    assert [index for index, _ in crops] == [0, 2, 3]
    assert all(crop.shape == (32, 32, 3) and crop.dtype == np.uint8 for _, crop in crops)
    assert [int(np.median(crop)) for _, crop in crops] == [10, 12, 13]  # each from its own frame


def test_crops_are_made_one_at_a_time() -> None:
    taken: list[float] = []

    def counted() -> Iterator[Shot]:
        for shot in shots(4):
            taken.append(shot.time_seconds)
            yield shot

    crops = aligned_crops(counted(), track_of(shots(4), valid=[1, 1, 1, 1]))
    next(crops)
    assert len(taken) == 1


def test_frames_at_other_times_are_refused() -> None:
    track = track_of(shots(3), valid=[1, 1, 1])
    late = [Shot(shot.time_seconds + 2e-6 * (index == 1), shot.pixels) for index, shot in enumerate(shots(3))]
    with pytest.raises(ValueError, match=r"frame 1 is at 0.040002 s, but the track has it at 0.040000 s"):
        list(aligned_crops(late, track))


@pytest.mark.parametrize(("count", "message"), [(2, "only 2 came"), (4, "there are more")])
def test_another_number_of_frames_is_refused(count: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"track has 3 frames, but {message}"):
        list(aligned_crops(shots(count), track_of(shots(3), valid=[1, 1, 1])))
