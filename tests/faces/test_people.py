"""Who is who in a film: hand-made people of painted patches, and drawn people found by the real detector."""

from __future__ import annotations

import tracemalloc
from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces.made import Shot, TellingDetector, face
from vatrace.faces.detection import Detection, FaceDetector
from vatrace.faces.linking import Tracklet
from vatrace.faces.looks import LOOKS_DIM
from vatrace.faces.people import find_people
from vatrace.faces.shots import Piece, SeenFaces, see_faces
from vatrace.faces.tracking import FaceTrack, link_faces, track_main_face
from vatrace.synth.corpus import plan_clip
from vatrace.synth.film import CloseUp, Film, shoot

FPS = 25
HEIGHT, WIDTH = 180, 320
Place = tuple[int, float, float, float]  # who, middle x, middle y, size
TOUR = {"studio": 30, "street": 160}  # brightness of the background: another one is a cut


def blotches(who: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Something in colours that are somebody's own."""
    random = np.random.default_rng([who, *size])
    tint = np.random.default_rng(who).integers(40, 216, 3)
    return (
        cv2.resize((tint + random.integers(-40, 40, (6, 4, 3))).astype(np.float32), size).clip(0, 255).astype(np.uint8)
    )


def paint(places: Sequence[Place], background: int, frame: int) -> NDArray[np.uint8]:
    """People are a head of blotches on a wider body of blotches."""
    pixels = np.full((HEIGHT, WIDTH, 3), background, np.uint8)
    for who, x, y, size in places:
        for looks, left, top, across in (
            (blotches(who + 100, (64, 96)), x - 0.8 * size, y + 0.5 * size, 1.6 * size),
            (blotches(who, (64, 64)), x - 0.5 * size, y - 0.5 * size, size),
        ):
            drawn = cv2.resize(looks, (int(across), int(across * looks.shape[0] / looks.shape[1])))
            into = pixels[int(top) :, int(left) :][: len(drawn), : drawn.shape[1]]
            into[:] = drawn[: into.shape[0], : into.shape[1]]
    noise = np.random.default_rng(frame).integers(-4, 5, pixels.shape)
    return (pixels.astype(np.int64) + noise).clip(0, 255).astype(np.uint8)


def film(stretches: Sequence[tuple[int, str, Sequence[Place]]]) -> tuple[list[Shot], list[list[Detection]]]:
    """Frames and their faces: so many frames each, where, and who is at which place."""
    frames, faces = [], []
    for count, where, places in stretches:
        for _ in range(count):
            frames.append(Shot(len(frames) / FPS, paint(places, TOUR[where], len(frames))))
            faces.append([face(x, y, size) for _, x, y, size in places])
    return frames, faces


def people(stretches: Sequence[tuple[int, str, Sequence[Place]]], at_most: int = 8) -> list[FaceTrack]:
    frames, faces = film(stretches)
    return list(find_people(see_faces(frames, TellingDetector(faces)), at_most=at_most).tracks)


def middles(track: FaceTrack) -> list[float]:
    """x of the face in each frame, NaN where it is not seen."""
    return np.where(track.valid, (track.boxes[:, 0] + track.boxes[:, 2]) / 2, np.nan).tolist()


def assert_at(track: FaceTrack, expected: Sequence[tuple[int, float | None]]) -> None:
    """The person is at so many frames' places, None where not seen."""
    whole = [np.nan if x is None else x for count, x in expected for _ in range(count)]
    np.testing.assert_allclose(middles(track), whole, atol=0.01)


ANNA, BELA = (1, 90.0, 80.0, 60.0), (2, 230.0, 80.0, 50.0)


def test_two_who_are_seen_together_are_two_the_more_prominent_first() -> None:
    first, second = people([(50, "studio", [BELA, ANNA])])
    assert_at(first, [(50, 90.0)])
    assert_at(second, [(50, 230.0)])


def test_a_close_up_of_each_is_known_again_whatever_the_place_and_size() -> None:
    close = [(2, 150.0, 90.0, 75.0)], [(1, 160.0, 90.0, 100.0)]
    first, second = people(
        [
            *((30, "studio", [ANNA, BELA]), (30, "street", close[0]), (30, "studio", [ANNA, BELA])),
            *((30, "street", close[1]), (30, "studio", [ANNA, BELA])),
        ]
    )
    assert_at(first, [(30, 90.0), (30, None), (30, 90.0), (30, 160.0), (30, 90.0)])
    assert_at(second, [(30, 230.0), (30, 150.0), (30, 230.0), (30, None), (30, 230.0)])


def test_two_who_change_places_at_a_cut_keep_their_numbers() -> None:
    swapped = [(2, 90.0, 80.0, 50.0), (1, 230.0, 80.0, 60.0)]
    first, second = people([(40, "studio", [ANNA, BELA]), (40, "street", swapped)])
    assert_at(first, [(40, 90.0), (40, 230.0)])
    assert_at(second, [(40, 230.0), (40, 90.0)])


def test_two_shown_in_turn_at_one_place_are_two() -> None:
    alone = [(30, "studio", [(1, 150.0, 80.0, 60.0)]), (30, "street", [(2, 150.0, 80.0, 58.0)])]
    frames, faces = film(alone * 3)
    assert len(link_faces(frames, TellingDetector(faces)).tracklets) == 1, "by place alone they are one"
    first, second = people(alone * 3)
    assert_at(first, [(30, 150.0), (30, None)] * 3)
    assert_at(second, [(30, None), (30, 150.0)] * 3)


def test_who_is_lost_and_comes_back_elsewhere_is_known_by_looks() -> None:
    gone = (60, "studio", [ANNA])  # 2.4 s without the second one: longer than a track lasts
    back = (50, "studio", [ANNA, (2, 280.0, 60.0, 50.0)])
    first, second = people([(50, "studio", [ANNA, BELA]), gone, back])
    assert_at(first, [(160, 90.0)])
    assert_at(second, [(50, 230.0), (60, None), (50, 280.0)])


def test_people_who_leave_and_come_back_together_are_not_mixed_up() -> None:
    empty = (60, "studio", [])
    back = (50, "studio", [(2, 100.0, 80.0, 50.0), (1, 240.0, 80.0, 60.0)])
    first, second = people([(50, "studio", [ANNA, BELA]), empty, back])
    assert_at(first, [(50, 90.0), (60, None), (50, 240.0)])
    assert_at(second, [(50, 230.0), (60, None), (50, 100.0)])


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ((2, 230.0, 80.0, 15.0), "small, in the background"),
        (None, "for less than a second"),
    ],
)
def test_passers_by_are_no_people(other: Place | None, why: str) -> None:
    if other is not None:
        stretches = [(100, "studio", [ANNA, other])]
    else:
        stretches = [(50, "studio", [ANNA]), (20, "studio", [ANNA, BELA]), (30, "studio", [ANNA])]
    assert len(people(stretches)) == 1, why


def test_who_is_seen_for_less_than_a_twentieth_of_a_film_is_no_person() -> None:
    def seen(seconds_together: int) -> int:
        frames = FPS * seconds_together
        return len(people([(1000 - frames, "studio", [ANNA]), (frames, "studio", [ANNA, BELA])]))

    assert (seen(1), seen(3)) == (1, 2)


def test_at_most_so_many_are_given_and_the_main_one_is_the_same() -> None:
    crowd = [(who, 40.0 + 60 * who, 80.0, 40.0 + 2 * who) for who in range(5)]
    everybody = people([(40, "studio", crowd)])
    assert [round(middles(each)[0]) for each in everybody] == [280, 220, 160, 100, 40]
    for number in (1, 3):
        few = people([(40, "studio", crowd)], at_most=number)
        assert len(few) == number
        np.testing.assert_array_equal(few[0].boxes, everybody[0].boxes)


def test_nobody_at_all_is_asked_for() -> None:
    with pytest.raises(ValueError, match="at_most must be 1 or more, got 0"):
        people([(1, "studio", [])], at_most=0)


def test_a_film_without_a_face_has_one_person_who_is_nowhere() -> None:
    (nobody,) = people([(10, "studio", [])])
    assert len(nobody) == 10
    assert not nobody.valid.any()


ALONE = {
    "all the time": [(60, "studio", [ANNA])],
    "with a gap": [(40, "studio", [ANNA]), (20, "studio", []), (40, "studio", [ANNA])],
    "with a long gap and another place": [
        (40, "studio", [ANNA]), (60, "studio", []), (40, "studio", [(1, 200.0, 60.0, 75.0)]),
    ],
    "and a passer-by": [(60, "studio", [ANNA]), (15, "studio", [ANNA, BELA]), (60, "studio", [ANNA])],
    "in two shots": [(40, "studio", [ANNA]), (40, "street", [(1, 100.0, 85.0, 70.0)])],
}  # fmt: skip


@pytest.mark.parametrize("how", ALONE)
def test_somebody_alone_is_bit_for_bit_the_main_person_of_tracking(how: str) -> None:
    frames, faces = film(ALONE[how])
    expected = track_main_face(frames, TellingDetector(faces))
    (track,) = people(ALONE[how])
    for name in ("times_seconds", "boxes", "landmarks", "score", "valid"):
        np.testing.assert_array_equal(getattr(track, name), getattr(expected, name))


# ---- not every frame is looked at ---------------------------------------------------------------------------------


def sparse(frames: Sequence[Shot], faces: Sequence[list[Detection]]) -> tuple[SeenFaces, list[int]]:
    """What is seen when a face may go unlooked for 0.085 s, and which frames were looked at."""
    looked: list[int] = []

    class ByTime:
        def detect(self, pixels: Sequence[NDArray[np.uint8]]) -> list[list[Detection]]:
            places = [next(i for i, frame in enumerate(frames) if frame.pixels is each) for each in pixels]
            looked.extend(places)
            return [faces[place] for place in places]

    return see_faces(frames, ByTime(), every_seconds=0.085), looked


def test_every_second_frame_is_enough_for_a_face_that_moves_evenly() -> None:
    moving = [(1, "studio", [(1, 60.0 + 2 * i, 80.0, 60.0)]) for i in range(51)]
    frames, faces = film(moving)
    seen, looked = sparse(frames, faces)
    assert len(looked) < 30
    assert {0, 50} <= set(looked)
    (track,) = find_people(seen).tracks
    assert track.valid.all()
    np.testing.assert_allclose(track.boxes, [each[0].box for each in faces], atol=1e-3)
    np.testing.assert_allclose(track.landmarks, [each[0].landmarks for each in faces], atol=1e-3)


def test_a_slow_film_is_looked_at_in_every_frame() -> None:
    frames, faces = film([(20, "studio", [ANNA])])
    slow = [replace(frame, time_seconds=frame.time_seconds * 2) for frame in frames]
    assert sparse(slow, faces)[1] == list(range(20))


def test_both_sides_of_a_cut_are_looked_at_and_nothing_is_made_up_across_it() -> None:
    stretches = [(19, "studio", [ANNA]), (21, "street", [(2, 110.0, 80.0, 60.0)])]
    frames, faces = film(stretches)
    seen, looked = sparse(frames, faces)
    assert {18, 19} <= set(looked)
    (track,) = seen.tracklets
    assert {float(x) for x in track.values()[:, 0]} == {60.0, 80.0}, "no place between the two"


def test_a_face_that_somebody_looked_for_in_vain_is_not_filled_in() -> None:
    frames, faces = film([(20, "studio", [ANNA]), (10, "studio", []), (20, "studio", [ANNA])])
    (track,) = find_people(sparse(frames, faces)[0]).tracks
    missing = np.flatnonzero(~track.valid)
    assert set(range(20, 30)) <= set(missing.tolist()), "in the frames beside them nobody knows"
    assert set(missing.tolist()) <= set(range(19, 31))


def test_looking_at_every_frame_links_as_tracking_does() -> None:
    frames, faces = film([(30, "studio", [ANNA, BELA]), (30, "street", [ANNA])])
    one, other = see_faces(frames, TellingDetector(faces)), link_faces(frames, TellingDetector(faces))

    def rows(tracklets: Sequence[Tracklet]) -> list[tuple[list[int], list[float]]]:
        return [(list(each.frames), list(each.rows)) for each in tracklets]

    assert rows(one.tracklets) == rows(other.tracklets)


# ---- drawn people, and the real detector ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(num_threads=1)


@pytest.mark.parametrize("shown", [0, 1])
def test_drawn_people_keep_their_numbers_through_a_close_up(detector: FaceDetector, shown: int) -> None:
    clips = tuple(plan_clip(3, subject, 0, 4.0) for subject in (0, 1))
    drawn = Film(people=clips, num_frames=100, length_seconds=4.0, close_up=CloseUp(person=shown, first=40, stop=70))
    shots = [Shot(float(time), shot.pixels) for time, shot in zip(drawn.times_seconds, shoot(drawn), strict=False)]
    tracks = find_people(see_faces(shots, detector, every_seconds=0.085)).tracks
    assert len(tracks) == 2
    left = [float(np.nanmedian(np.array(middles(track))[:40])) < 256 for track in tracks]
    assert sorted(left) == [False, True]
    numbers = {0: left.index(True), 1: left.index(False)}
    close, away = tracks[numbers[shown]].valid[42:68], tracks[numbers[1 - shown]].valid[42:68]
    assert close.mean() > 0.9
    assert not away.any()
    for track in tracks:
        after = np.array(middles(track))[72:]
        assert (np.nanmedian(after) < 256) == (np.nanmedian(np.array(middles(track))[:40]) < 256)


def test_a_long_film_of_many_cuts_takes_little_memory() -> None:
    """One face through two hours and 700 cuts: 12 MB of numbers, of which each piece needs its own share alone."""
    num_frames, num_pieces = 180_000, 700
    times = np.arange(num_frames) / FPS
    row = [0.0, 0.0, 50.0, 50.0, *[10.0] * 10, 0.99]
    tracklet = Tracklet(array("q", range(num_frames)), array("f", row * num_frames), float(times[-1]))
    edges = np.linspace(0, num_frames, num_pieces + 1).astype(int).tolist()
    looks = np.full(LOOKS_DIM, LOOKS_DIM**-0.5, np.float32)
    pieces = [Piece(tracklet, first, stop, shot, shot, [looks]) for shot, (first, stop) in enumerate(pairwise(edges))]
    tracemalloc.start()
    found = find_people(SeenFaces(times_seconds=times, tracklets=[tracklet], pieces=pieces))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.tracks) == 1
    assert found.tracks[0].valid.all()
    assert peak_bytes < 120e6
