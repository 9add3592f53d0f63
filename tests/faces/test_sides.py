"""Two people of one picture are told apart by where they are beside each other."""

from collections.abc import Sequence

from tests.faces.made import TellingDetector, face, shots
from vatrace.faces.detection import Detection
from vatrace.faces.sides import track_sides
from vatrace.faces.tracking import FaceTrack, link_faces


def sides_of(faces: Sequence[list[Detection]]) -> tuple[FaceTrack, FaceTrack]:
    """Pictures are 224 pixels wide."""
    sides = track_sides(link_faces(shots(len(faces)), TellingDetector(faces)))
    return sides["left"], sides["right"]


def middles(track: FaceTrack) -> list[float | None]:
    x = (track.boxes[:, 0] + track.boxes[:, 2]) / 2
    return [float(value) if ok else None for value, ok in zip(x, track.valid, strict=True)]


def test_left_and_right_are_so_in_the_picture_whoever_is_larger() -> None:
    left, right = sides_of([[face(150, 80, 90), face(40, 80, 50)] for _ in range(30)])
    assert middles(left) == [40.0] * 30
    assert middles(right) == [150.0] * 30


def test_who_is_away_for_a_while_is_missing_and_the_other_does_not_take_the_place() -> None:
    faces = [[face(40, 80, 60)] + ([] if 10 <= i < 60 else [face(150, 80, 60)]) for i in range(80)]
    left, right = sides_of(faces)
    assert middles(left) == [40.0] * 80
    assert middles(right) == [150.0] * 10 + [None] * 50 + [150.0] * 20


def test_both_come_back_on_their_sides_after_a_cut_to_the_one() -> None:
    # Two seconds of both, two of the right one alone and larger, two of both: longer than a track is kept open.
    both = [face(40, 80, 50), face(160, 80, 50)]
    faces = [both] * 50 + [[face(140, 90, 70)]] * 50 + [both] * 50
    left, right = sides_of(faces)
    assert middles(left) == [40.0] * 50 + [None] * 50 + [40.0] * 50
    assert middles(right) == [160.0] * 50 + [140.0] * 50 + [160.0] * 50


def test_people_who_are_never_seen_together_are_told_apart_by_the_half_of_the_picture() -> None:
    faces = [[face(60, 80, 60)]] * 50 + [[]] * 50 + [[face(180, 80, 60)]] * 50
    left, right = sides_of(faces)
    assert middles(left) == [60.0] * 50 + [None] * 100
    assert middles(right) == [None] * 100 + [180.0] * 50


def test_somebody_in_the_background_is_neither() -> None:
    # Between both and far away; still there while the right one is gone.
    small = face(120, 60, 12)
    faces = [[face(40, 80, 60), small] + ([face(190, 80, 60)] if i < 40 else []) for i in range(80)]
    left, right = sides_of(faces)
    assert middles(left) == [40.0] * 80
    assert middles(right) == [190.0] * 40 + [None] * 40


def test_who_walks_past_the_other_stays_the_person_of_the_side_where_most_time_was_spent() -> None:
    # From frame 70 on the larger one walks from 40 to 140, past the other, who stays at 100.
    steps = [min(max(i - 70, 0), 20) * 5.0 for i in range(100)]
    left, right = sides_of([[face(40 + step, 80, 70), face(100, 80, 50)] for step in steps])
    assert middles(left) == [40.0 + step for step in steps]
    assert middles(right) == [100.0] * 100


def test_a_film_without_a_face_has_nobody_on_either_side() -> None:
    left, right = sides_of([[] for _ in range(10)])
    assert not left.valid.any()
    assert not right.valid.any()
    assert len(left) == len(right) == 10
