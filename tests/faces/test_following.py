from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.faces.made import FRAME_SECONDS, TellingDetector, face, shots
from vatrace.faces.detection import Detection
from vatrace.faces.following import FaceFollower
from vatrace.faces.tracking import track_main_face


def followed(faces: Sequence[list[Detection]], frame_seconds: float = FRAME_SECONDS) -> list[float | None]:
    """Middle of the chosen face in each picture."""
    follower = FaceFollower()
    chosen = [follower.follow(each, index * frame_seconds) for index, each in enumerate(faces)]
    return [None if one is None else float(one.box[0] + one.box[2]) / 2 for one in chosen]


def test_one_person_is_followed_as_a_whole_film_would_have_it() -> None:
    faces = [[] if 10 <= i < 20 else [face(100 + 2 * i, 80, 60)] for i in range(60)]
    track = track_main_face(shots(60), TellingDetector(faces))
    found = followed(faces)
    assert [one is not None for one in found] == track.valid.tolist()
    assert [one for one in found if one is not None] == [100.0 + 2 * i for i in range(60) if not 10 <= i < 20]


def test_the_most_prominent_face_is_taken_first_and_then_kept_beside_one_that_is_somewhat_larger() -> None:
    # 75 against 60 is 1.56 times the area, less than what takes over; the order of the list changes nothing.
    faces = [[face(100, 80, 60), face(300, 80, 50)]] + [[face(300, 80, 75), face(100, 80, 60)]] * 100
    assert followed(faces) == [100.0] * 101


def test_somebody_twice_as_prominent_takes_over_after_a_second_and_not_before() -> None:
    alone, beside = [[face(100, 80, 40)]] * 10, [[face(100, 80, 40), face(300, 80, 90)]] * 40
    found = followed(alone + beside)
    assert found == [100.0] * (10 + 25) + [300.0] * 15  # 25 pictures of 40 ms


def test_somebody_who_leans_in_again_and_again_for_less_than_a_second_takes_nothing_over() -> None:
    leaning = [[face(100, 80, 40)]] * 5 + [[face(100, 80, 40), face(300, 80, 90)]] * 20
    assert followed(leaning * 8) == [100.0] * 200


def test_a_person_who_is_gone_for_a_moment_is_waited_for_and_after_that_another_is_taken() -> None:
    both, other = [face(100, 80, 60), face(300, 80, 50)], [face(300, 80, 50)]
    assert followed([both] * 5 + [other] * 20 + [both]) == [100.0] * 5 + [None] * 20 + [100.0]
    found = followed([both] * 5 + [other] * 60)
    first = found.index(300.0)
    assert (first - 4) * FRAME_SECONDS == pytest.approx(1.52), "last seen in picture 4; more than 1.5 s later"
    assert found[5:first] == [None] * (first - 5)
    assert set(found[first:]) == {300.0}


def test_what_is_chosen_does_not_depend_on_what_comes_after() -> None:
    faces = [[face(100 + i, 80, 60), face(300 - i, 80, 70)] for i in range(60)]
    whole = followed(faces)
    assert all(followed(faces[:stop]) == whole[:stop] for stop in (1, 7, 30, 59))
