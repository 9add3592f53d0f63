from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from vatrace.faces.detection import Detection, FaceDetector, scaled_size
from vatrace.media.video import read_frames

# What a second, unrelated detector gives for skimage.data.astronaut(), in pixels.
ASTRONAUT_LANDMARKS = np.array([(203.4, 103.6), (247.5, 104.5), (224.1, 127.7), (204.0, 143.1), (242.9, 143.7)])
GRID = Path(__file__).parents[3] / "shared" / "media" / "grid"

Frame = NDArray[np.uint8]


def the_face(detections: list[Detection]) -> Detection:
    assert len(detections) == 1
    return detections[0]


def test_astronaut_has_its_landmarks_where_another_detector_sees_them(detector: FaceDetector, astronaut: Frame) -> None:
    face = the_face(detector.detect([astronaut])[0])
    assert np.hypot(*(face.landmarks - ASTRONAUT_LANDMARKS).T).max() < 6
    assert face.score > 0.99
    assert (face.box[:2] < face.landmarks.min(axis=0)).all()
    assert (face.box[2:] > face.landmarks.max(axis=0)).all()


def test_landmarks_are_not_whole_pixels(detector: FaceDetector, astronaut: Frame) -> None:
    landmarks = the_face(detector.detect([astronaut])[0]).landmarks
    assert landmarks.dtype == np.float32
    assert not np.isclose(landmarks, np.round(landmarks), atol=1e-3).all()


def test_a_batch_gives_what_single_frames_give_whatever_their_shapes(detector: FaceDetector, astronaut: Frame) -> None:
    frames = [astronaut, np.ascontiguousarray(astronaut[:300, 80:400]), astronaut[:, ::-1], np.zeros_like(astronaut)]
    together = detector.detect(frames)
    alone = [detector.detect([frame])[0] for frame in frames]
    assert [len(faces) for faces in together] == [1, 1, 1, 0]
    for faces, single in zip(together[:3], alone[:3], strict=True):
        np.testing.assert_allclose(faces[0].landmarks, single[0].landmarks, atol=1e-3)
        np.testing.assert_allclose(faces[0].box, single[0].box, atol=1e-3)
        assert faces[0].score == pytest.approx(single[0].score, abs=1e-5)


def test_scaling_down_keeps_landmarks_within_a_pixel_of_the_network(detector: FaceDetector, astronaut: Frame) -> None:
    # Twice the picture, scaled back to 512 by the detector, must lie at twice the place: the mapping back is what is
    # tested, so what the network sees is (nearly) the same picture.
    small = FaceDetector(max_side_pixels=512)
    twice = cv2.resize(astronaut, (1024, 1024), interpolation=cv2.INTER_NEAREST)
    plain, scaled = the_face(detector.detect([astronaut])[0]), the_face(small.detect([twice])[0])
    np.testing.assert_allclose(scaled.landmarks / 2, plain.landmarks, atol=0.05)
    np.testing.assert_allclose(scaled.box / 2, plain.box, atol=0.05)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(288, 360, (288, 360)), (720, 1280, (360, 640)), (1280, 720, (640, 360)), (1, 4000, (1, 640)), (1, 1, (1, 1))],
)
def test_scaled_size(height: int, width: int, expected: tuple[int, int]) -> None:
    assert scaled_size(height, width, 640) == expected


def test_two_people_are_two_faces(detector: FaceDetector, astronaut: Frame) -> None:
    face = astronaut[20:260, 100:340]
    both = detector.detect([np.ascontiguousarray(np.hstack([face, face]))])[0]
    assert len(both) == 2
    assert sorted(round(float(one.box[0]) / 240) for one in both) == [0, 1]
    assert both[0].score >= both[1].score


def test_small_faces_in_a_large_frame_are_found(detector: FaceDetector, astronaut: Frame) -> None:
    frame = np.full((720, 1280, 3), 90, np.uint8)
    person = cv2.resize(astronaut[:256, 100:350], None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)  # face 57 wide
    frame[400 : 400 + len(person), 900 : 900 + person.shape[1]] = person
    face = the_face(detector.detect([frame])[0])
    expected = (ASTRONAUT_LANDMARKS - [100, 0]) * 0.6 + [900, 400]
    assert np.hypot(*(face.landmarks - expected).T).max() < 6


def test_pictures_without_a_person_have_no_face(detector: FaceDetector) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (288, 360, 1), dtype=np.uint8).repeat(3, axis=2)
    assert detector.detect([grey, np.zeros_like(grey), skimage.data.chelsea()]) == [[], [], []]


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 900, 3), (2, 3, 3), (33, 7, 3)])
def test_tiny_frames_have_no_face_and_do_no_harm(detector: FaceDetector, shape: tuple[int, int, int]) -> None:
    assert detector.detect([np.full(shape, 200, np.uint8)]) == [[]]


def test_no_frames_give_no_lists(detector: FaceDetector) -> None:
    assert detector.detect([]) == []


@pytest.mark.parametrize(
    "frame",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 3))],
)
def test_frames_of_another_kind_are_refused(detector: FaceDetector, frame: Frame) -> None:
    with pytest.raises(ValueError, match=rf"uint8 RGB .*got {frame.dtype} \[{frame.shape[0]}"):
        detector.detect([frame])


def test_frames_given_are_left_as_they_were(detector: FaceDetector, astronaut: Frame) -> None:
    before = astronaut.copy()
    detector.detect([astronaut])
    np.testing.assert_array_equal(astronaut, before)


@pytest.mark.parametrize("min_score", [0.0, 1.1, float("nan")])
def test_a_score_out_of_range_is_refused(min_score: float) -> None:
    with pytest.raises(ValueError, match=f"min_score .* got {min_score}"):
        FaceDetector(min_score=min_score)


def test_a_side_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="max_side_pixels must be at least 1, got 0"):
        FaceDetector(max_side_pixels=0)


def test_threads_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"num_threads must be at least 1, .* got 0"):
        FaceDetector(num_threads=0)


@pytest.mark.skipif(not GRID.is_dir(), reason="the GRID clips are not beside this checkout")
@pytest.mark.parametrize("name", ["bbaf2n", "brbk7n", "lbax4n", "lrwp9a", "pwij3p", "sbia1a"])
def test_every_frame_of_a_grid_clip_has_its_face(detector: FaceDetector, name: str) -> None:
    found = [detector.detect([frame.pixels])[0] for frame in read_frames(GRID / f"{name}.mpg")]
    assert [len(faces) for faces in found] == [1] * 75  # 3 s at 25 frames a second
