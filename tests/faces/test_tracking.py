from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from tests.faces.made import Shot, TellingDetector, face, shots
from vatrace.faces.detection import Detection
from vatrace.faces.tracking import FaceTrack, track_main_face


def tracked(faces: Sequence[list[Detection]], frame_seconds: float = 0.04) -> FaceTrack:
    return track_main_face(shots(len(faces), frame_seconds), TellingDetector(faces))


def middles(track: FaceTrack) -> list[float]:
    return [float(x) for x in ((track.boxes[:, 0] + track.boxes[:, 2]) / 2)[track.valid]]


def test_one_person_is_followed_with_box_landmarks_and_score() -> None:
    faces = [[face(100 + 2 * i, 80, 60, score=0.9)] for i in range(40)]
    track = tracked(faces)
    assert track.valid.all()
    np.testing.assert_array_equal(track.boxes, [one[0].box for one in faces])
    np.testing.assert_array_equal(track.landmarks, [one[0].landmarks for one in faces])
    np.testing.assert_allclose(track.score, 0.9, rtol=1e-6)
    np.testing.assert_allclose(track.times_seconds, np.arange(40) * 0.04)


def test_frames_without_the_face_are_invalid_and_zero() -> None:
    faces = [[] if 10 <= i < 30 else [face(100, 80, 60)] for i in range(50)]
    track = tracked(faces)
    assert track.valid.tolist() == [not 10 <= i < 30 for i in range(50)]
    assert not track.boxes[10:30].any()
    assert not track.landmarks[10:30].any()
    assert not track.score[10:30].any()


def test_the_larger_of_two_people_is_the_main_one_even_when_the_other_is_surer() -> None:
    faces = [[face(300, 80, 60, score=0.999), face(100, 80, 90, score=0.9)] for _ in range(30)]
    assert set(middles(tracked(faces))) == {100.0}


def test_the_longer_of_two_like_people_is_the_main_one() -> None:
    faces = [[face(100, 80, 60)] + ([face(300, 80, 64)] if i < 20 else []) for i in range(60)]
    assert middles(tracked(faces)) == [100.0] * 60


def test_two_people_are_kept_apart_while_one_is_lost() -> None:
    # The other is just beside, a little smaller, and stays while the main one is away.
    faces = [[face(200, 80, 60)] + ([] if 10 <= i < 20 else [face(100, 80, 70)]) for i in range(60)]
    track = tracked(faces)
    assert middles(track) == [100.0] * 50
    assert not track.valid[10:20].any()


def test_a_false_detection_far_away_changes_nothing() -> None:
    faces = [[face(100, 80, 60)] for _ in range(30)]
    faces[12] = [face(400, 300, 20, score=0.9)]
    faces[13].append(face(400, 300, 30, score=0.95))
    track = tracked(faces)
    assert track.valid.tolist() == [i != 12 for i in range(30)]
    assert set(middles(track)) == {100.0}


def test_a_weak_detection_in_a_long_gap_is_not_the_person_coming_back() -> None:
    faces = [[] if 20 <= i < 120 else [face(100, 80, 60)] for i in range(200)]
    faces[70] = [face(300, 200, 50, score=0.55)]
    assert tracked(faces).valid.tolist() == [not 20 <= i < 120 for i in range(200)]


def test_a_person_who_returns_elsewhere_after_a_long_gap_is_the_same_one() -> None:
    faces = [[face(100, 80, 60)] if i < 50 else [face(400, 200, 80)] if i >= 150 else [] for i in range(200)]
    track = tracked(faces)
    assert track.valid.tolist() == [not 50 <= i < 150 for i in range(200)]
    assert set(middles(track)) == {100.0, 400.0}


def test_a_person_who_jumps_without_a_gap_is_the_same_one() -> None:
    faces = [[face(100 if i < 25 else 500, 80, 60)] for i in range(50)]
    assert tracked(faces).valid.all()


def test_who_was_beside_the_main_person_is_never_taken_for_them() -> None:
    faces = [[face(300, 80, 58)] + ([face(100, 80, 60)] if i < 60 else []) for i in range(61)]
    faces += [[face(300, 80, 58)]] * 40
    track = tracked([[*frame, face(100, 80, 90)] if i < 60 else frame for i, frame in enumerate(faces)])
    assert track.valid.tolist() == [i < 60 for i in range(101)]


def test_two_newcomers_at_once_leave_it_open_who_came_back() -> None:
    faces = [[face(100, 80, 60)] if i < 100 else [] for i in range(160)]
    faces += [[face(300, 80, 60), face(500, 80, 62)]] * 40
    assert tracked(faces).valid.tolist() == [i < 100 for i in range(200)]


def test_a_bystander_much_smaller_does_not_stand_in_for_the_main_person() -> None:
    faces = [[face(100, 80, 100)] if i < 100 else [face(400, 60, 30)] for i in range(200)]
    assert tracked(faces).valid.tolist() == [i < 100 for i in range(200)]


def test_a_slow_film_is_one_person_too() -> None:
    faces = [[face(100 + 50 * (i % 2), 80, 60)] for i in range(10)]  # 5/6 of a face in 1 s
    assert tracked(faces, frame_seconds=1.0).valid.all()


def test_a_video_without_a_face_is_all_invalid() -> None:
    track = tracked([[] for _ in range(20)])
    assert len(track) == 20
    assert not track.valid.any()
    assert track.landmarks.shape == (20, 5, 2)


@pytest.mark.parametrize("faces", [[], [face(100, 80, 60)]])
def test_one_frame_is_enough(faces: list[Detection]) -> None:
    track = tracked([faces])
    assert track.valid.tolist() == [bool(faces)]


def test_no_frames_give_an_empty_track() -> None:
    track = tracked([])
    assert len(track) == 0
    assert track.boxes.shape == (0, 4)


@pytest.mark.parametrize("batch_frames", [1, 7, 16, 100])
def test_the_batch_size_changes_nothing(batch_frames: int) -> None:
    faces = [[face(100 + i, 80, 60)] * (i % 5 != 0) for i in range(33)]
    detector = TellingDetector(faces)
    track = track_main_face(shots(33), detector, batch_frames=batch_frames)
    np.testing.assert_array_equal(track.boxes, tracked(faces).boxes)
    assert max(detector.batches) == min(batch_frames, 33)
    assert sum(detector.batches) == 33


def test_a_long_crowded_film_takes_little_memory() -> None:
    count, crowd = 1000, 30
    people = [face(50 + 100 * i, 80, 60) for i in range(crowd)]
    pixels = np.zeros((64, 64, 3), np.uint8)

    def film() -> Iterator[Shot]:
        return (Shot(i * 0.04, pixels.copy()) for i in range(count))

    class Crowd:
        def detect(self, frames: Sequence[object]) -> list[list[Detection]]:
            return [people for _ in frames]

    tracemalloc.start()
    track = track_main_face(film(), Crowd())
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert track.valid.all()
    assert peak_bytes < count * 16 * 150 + 2_000_000  # the film itself would be 12 MB


def test_times_that_do_not_increase_are_refused() -> None:
    frames = [shots(2)[1], shots(2)[0]]
    with pytest.raises(ValueError, match=r"times must increase, but frame 1 at 0.000000 s"):
        track_main_face(frames, TellingDetector([[], []]))


def test_a_batch_of_no_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_frames must be at least 1, got 0"):
        track_main_face(shots(1), TellingDetector([[]]), batch_frames=0)


def test_a_track_with_rows_missing_is_refused() -> None:
    track = tracked([[face(100, 80, 60)]] * 3)
    with pytest.raises(ValueError, match=r"3 times needs boxes \(3, 4\), got \(2, 4\)"):
        FaceTrack(
            times_seconds=track.times_seconds,
            boxes=track.boxes[:2],
            landmarks=track.landmarks,
            score=track.score,
            valid=track.valid,
        )
