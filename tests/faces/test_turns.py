"""Who is who where people are shown in turn at one place: real speakers, and drawn people in one room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces.made import Shot, TellingDetector
from vatrace.faces.detection import Detection, FaceDetector
from vatrace.faces.people import find_people
from vatrace.faces.shots import see_faces
from vatrace.faces.tracking import link_faces
from vatrace.media.video import read_frames
from vatrace.synth.corpus import plan_clip
from vatrace.synth.scene import Scene

FPS = 25
Picture = NDArray[np.uint8]
Seen = tuple[Picture, list[Detection]]  # a frame with its faces
GRID = ("bbaf2n", "brbk7n", "lbax4n", "lrwp9a", "pwij3p", "sbia1a")


@pytest.fixture(scope="module")
def speakers(detector: FaceDetector, real_media: Path) -> dict[str, list[Seen]]:
    """The real speakers of GRID, 3 s each."""
    read = {name: [frame.pixels for frame in read_frames(real_media / "grid" / f"{name}.mpg")] for name in GRID}
    return {name: with_faces(pixels, detector) for name, pixels in read.items()}


@pytest.fixture(scope="module")
def drawn(detector: FaceDetector) -> list[list[Seen]]:
    """Three drawn people, 3 s each, in the same room with the same things in it, as if they sat down in turn."""
    clips = [plan_clip(3, subject, 0, 3.0) for subject in (1, 2, 6)]
    looks = [replace(clip.subject.looks, wall=clips[0].subject.looks.wall) for clip in clips]
    scenes = [Scene(each, np.random.default_rng(0), 256) for each in looks]
    return [
        with_faces([scene.film(clip.motion.pose(frame)) for frame in range(75)], detector)
        for scene, clip in zip(scenes, clips, strict=True)
    ]


def with_faces(pixels: Sequence[Picture], detector: FaceDetector) -> list[Seen]:
    return list(zip(pixels, detector.detect(pixels), strict=True))


def whereabouts(film: Sequence[Seen], fps: float = FPS) -> list[list[tuple[int, int]]]:
    """For each person the stretches, first frame and the one after the last, in which they are seen."""
    frames = [Shot(number / fps, pixels) for number, (pixels, _) in enumerate(film)]
    people = find_people(see_faces(frames, TellingDetector([faces for _, faces in film]))).tracks
    changes = [np.flatnonzero(np.diff(person.valid.astype(int), prepend=0, append=0)) for person in people]
    return [list(zip(each[::2].tolist(), each[1::2].tolist(), strict=True)) for each in changes]


def change(film: Sequence[Seen], how: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> list[Seen]:
    """The same with other pixels; faces stay where they are."""
    return [(how(pixels.astype(np.float64)).clip(0, 255).astype(np.uint8), faces) for pixels, faces in film]


def brighter(pixels: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    return pixels * factor


def lit_from_the_right(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    return pixels * np.linspace(0.7, 1.3, pixels.shape[1])[:, None]


def blurred(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2.0))


def moved(film: Sequence[Seen], x: float, y: float) -> list[Seen]:
    """The same with all of the picture beside where it was; what comes in at the edge repeats it."""
    by, there = np.array([x, y], np.float32), np.array([[1, 0, x], [0, 1, y]], np.float32)
    return [
        (
            np.asarray(cv2.warpAffine(pixels, there, pixels.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8),
            [replace(face, box=face.box + np.tile(by, 2), landmarks=face.landmarks + by) for face in faces],
        )
        for pixels, faces in film
    ]


def grey(seconds: float, like: Sequence[Seen]) -> list[Seen]:
    return [(np.full_like(like[0][0], 90), [])] * round(seconds * FPS)


def face_width(film: Sequence[Seen]) -> float:
    return float(np.median([face.box[2] - face.box[0] for _, (face, *_) in film]))


@pytest.fixture(params=["real", "drawn"])
def everybody(request: pytest.FixtureRequest) -> list[list[Seen]]:
    """Some people, 3 s each."""
    if request.param == "drawn":
        films: list[list[Seen]] = request.getfixturevalue("drawn")
        return films
    return list(request.getfixturevalue("speakers").values())


def test_each_alone_is_one_person_throughout(everybody: list[list[Seen]]) -> None:
    for film in everybody:
        assert whereabouts(film) == [[(0, 75)]]


def test_two_shown_in_turn_at_one_place_are_two_from_the_very_frame_of_the_cut(everybody: list[list[Seen]]) -> None:
    for one, other in combinations(everybody, 2):
        film = [*one[:50], *other[:50], *one[25:75]]
        frames = [Shot(number / FPS, pixels) for number, (pixels, _) in enumerate(film)]
        assert len(link_faces(frames, TellingDetector([faces for _, faces in film])).tracklets) == 1
        assert whereabouts(film) == [[(0, 50), (100, 150)], [(50, 100)]]


def test_all_shown_in_turn_twice_keep_their_numbers(everybody: list[list[Seen]]) -> None:
    turn = [film[:30] for film in everybody]
    found = whereabouts([frame for film in turn * 2 for frame in film])
    length = 30 * len(turn)
    expected = [[(30 * i, 30 * i + 30), (length + 30 * i, length + 30 * i + 30)] for i in range(len(turn))]
    assert sorted(found) == expected


def test_a_frame_of_both_shots_between_them_hides_nobody(everybody: list[list[Seen]]) -> None:
    for one, other in combinations(everybody, 2):
        mixed = (cv2.addWeighted(one[40][0], 0.5, other[0][0], 0.5, 0.0), one[40][1])
        first, second = sorted(whereabouts([*one[:40], mixed, *other[:40]]))
        assert (first[0][0], second[-1][1]) == (0, 81)
        assert abs(first[-1][1] - 40) <= 1, "to whom the frame between belongs is open"
        assert abs(second[0][0] - 41) <= 1


@pytest.mark.parametrize("seconds", [1.0, 3.0])
def test_somebody_is_the_same_after_a_grey_picture_and_somebody_else_is_not(
    everybody: list[list[Seen]], seconds: float
) -> None:
    back = 30 + round(seconds * FPS)
    for one, other in pairwise(everybody):
        gap = grey(seconds, one)
        assert whereabouts([*one[:30], *gap, *one[40:75]]) == [[(0, 30), (back, back + 35)]]
        assert sorted(whereabouts([*one[:30], *gap, *other[40:75]])) == [[(0, 30)], [(back, back + 35)]]


def test_a_light_that_changes_slowly_or_somewhat_at_once_changes_nobody(everybody: list[list[Seen]]) -> None:
    for film in everybody:
        fading = [change([frame], partial(brighter, factor=1 - i / 125))[0] for i, frame in enumerate(film)]
        assert whereabouts(fading) == [[(0, 75)]]
        for how in (partial(brighter, factor=0.75), blurred):
            assert whereabouts([*film[:40], *change(film[:40], how)]) == [[(0, 80)]]


@pytest.mark.parametrize("how", [partial(brighter, factor=0.4), partial(brighter, factor=1.3), lit_from_the_right])
def test_real_people_stay_who_they_are_in_quite_another_light(
    speakers: dict[str, list[Seen]], how: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> None:
    for film in speakers.values():
        assert whereabouts([*film[:35], *change(film[35:], how), *film[35:]]) == [[(0, 115)]]


def test_a_jump_cut_to_a_face_half_its_width_beside_parts_nobody(everybody: list[list[Seen]]) -> None:
    for film in everybody:
        beside = moved(film[35:], 0.5 * face_width(film), 0.0)
        assert whereabouts([*film[:30], *beside, *film[5:30]]) == [[(0, 95)]]


def test_a_talk_of_many_cuts_between_two_is_told_apart_throughout(everybody: list[list[Seen]]) -> None:
    one, other = everybody[:2]
    film, expected = [], []
    for turn in range(10):
        speaker, start = (one, other)[turn % 2], 5 * (turn % 4)
        film += change(speaker[start : start + 30], partial(brighter, factor=1 + 0.02 * turn))
        expected.append((30 * turn, 30 * turn + 30))
    assert sorted(whereabouts(film)) == [expected[::2], expected[1::2]]


def test_a_drawn_person_who_leaves_and_turns_and_comes_back_is_one(detector: FaceDetector) -> None:
    clip = plan_clip(6, 6, 1, 32.0)  # away four times
    scene = Scene(clip.subject.looks, np.random.default_rng(0), 256)
    film = with_faces([scene.film(clip.motion.pose(frame)) for frame in range(0, 800, 2)], detector)
    (only,) = whereabouts(film, fps=FPS / 2)
    assert len(only) >= 4
    assert sum(stop - start for start, stop in only) > 250
