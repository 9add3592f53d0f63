from itertools import islice

import numpy as np
import pytest

from vatrace.faces.detection import FaceDetector
from vatrace.synth.corpus import plan_clip, plan_timed, render_frames
from vatrace.synth.episodes import Episode
from vatrace.synth.film import CloseUp, Film, Shot, faces_at, shoot, soundtrack

FPS = 10


def two_people(close_up: CloseUp | None = None, away: bool = False) -> Film:
    times = np.arange(30) / FPS
    planted = (Episode(channel="face", kind="lost", start_seconds=0.5, end_seconds=2.5),) if away else ()
    people = (
        plan_clip(3, 0, 0, 3.0, fps=FPS),
        plan_timed(3, 1, 0, times, length_seconds=3.0, fps=FPS, planted=planted),
    )
    return Film(people=people, num_frames=30, length_seconds=3.0, close_up=close_up)


def shot(film: Film, frame: int) -> Shot:
    return next(islice(shoot(film), frame, None))


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(num_threads=1)


def check_faces(detector: FaceDetector, seen: Shot) -> None:
    """A detector that never saw the drawing's geometry finds just these faces, a quarter of the eyes' distance off."""
    found = list(detector.detect([seen.pixels])[0])
    expected = [face for face in seen.faces if face is not None]
    assert len(found) == len(expected)
    for face in expected:
        distance = min(float(np.hypot(*(each.landmarks - face).T).mean()) for each in found)
        assert distance < 0.25 * np.hypot(*(face[0] - face[1]))


def test_both_faces_are_where_a_detector_finds_them(detector: FaceDetector) -> None:
    seen = shot(two_people(), 0)
    assert seen.pixels.shape == (256, 512, 3)
    left, right = seen.faces
    assert left is not None
    assert right is not None
    assert left[:, 0].max() < 256 < right[:, 0].min()
    check_faces(detector, seen)


def test_who_has_left_the_picture_has_no_face_and_the_other_has(detector: FaceDetector) -> None:
    film = two_people(away=True)
    seen = shot(film, 15)
    assert seen.faces[0] is not None
    assert seen.faces[1] is None
    check_faces(detector, seen)
    assert faces_at(film, 2)[1] is not None
    assert faces_at(film, 28)[1] is not None


@pytest.mark.parametrize("person", [0, 1])
def test_a_close_up_shows_one_person_alone_and_larger(person: int, detector: FaceDetector) -> None:
    film = two_people(CloseUp(person=person, first=4, stop=6))
    plain, close = shot(film, 3), shot(film, 4)
    face, before = close.faces[person], plain.faces[person]
    assert close.faces[1 - person] is None
    assert face is not None
    assert before is not None
    ratio = np.hypot(*(face[0] - face[1])) / np.hypot(*(before[0] - before[1]))
    assert ratio == pytest.approx(1.5, abs=0.1)  # the head moves a little from one frame to the next
    assert 64 < face[:, 0].min() < 256 < face[:, 0].max() < 448  # in the middle, whoever it is
    check_faces(detector, close)
    assert all(each is not None for each in faces_at(film, 6))


def test_a_narrow_picture_is_the_middle_of_the_panel(detector: FaceDetector) -> None:
    clip = plan_clip(3, 2, 0, 2.0, fps=FPS)
    seen = shot(Film(people=(clip,), num_frames=20, length_seconds=2.0, width=144), 0)
    assert np.array_equal(seen.pixels, next(render_frames(clip))[:, 56:200])
    check_faces(detector, seen)


def test_both_voices_are_in_the_one_soundtrack() -> None:
    film = two_people()
    sound = soundtrack(film)
    assert len(sound) == 3 * 16_000
    for clip in film.people:
        assert np.corrcoef(sound, clip.waveform[: len(sound)])[0, 1] > 0.2
    assert abs(np.corrcoef(film.people[0].waveform, film.people[1].waveform)[0, 1]) < 0.1


def test_a_clip_with_even_times_of_its_own_is_the_same_clip() -> None:
    plain = plan_clip(5, 2, 1, 8.0)
    timed = plan_timed(5, 2, 1, np.arange(200) / 25, length_seconds=8.0, fps=25)
    assert np.array_equal(plain.waveform, timed.waveform)
    assert plain.episodes == timed.episodes
    assert np.array_equal(plain.annotation.arousal, timed.annotation.arousal)


def test_films_that_cannot_be_are_refused() -> None:
    clip = plan_clip(3, 2, 0, 2.0, fps=FPS)
    with pytest.raises(ValueError, match="one or two people, got 3"):
        Film(people=(clip, clip, clip), num_frames=20, length_seconds=2.0)
    with pytest.raises(ValueError, match="a close-up needs two people"):
        Film(people=(clip,), num_frames=20, length_seconds=2.0, close_up=CloseUp(person=0, first=0, stop=2))
