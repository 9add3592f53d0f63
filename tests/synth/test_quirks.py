from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from vatrace.synth.film import faces_at
from vatrace.synth.quirk_videos import LATER_CROPS, VIDEOS
from vatrace.synth.quirks import QUIRKS, bounds, inside, labels_of, plan_film

PEOPLE = {person.clip: (video, person) for video in VIDEOS for person in video.people}
CLIPS_WITH = {quirk.name: {name for name, who in PEOPLE.items() if quirk.is_in(*who)} for quirk in QUIRKS}


def test_every_quirk_is_in_some_clip_but_not_in_every_one() -> None:
    for name, clips in CLIPS_WITH.items():
        assert 0 < len(clips) < len(PEOPLE), name


@pytest.mark.parametrize(
    ("quirk", "clips"),
    [  # read off the table by eye
        ("name_begins_another", {"106"}),
        (
            "wrong_fps_in_name",  # they have 30, 24, 30 and 6 frames a second
            {"10-60-1280x720", "10-60-1280x720_right", "106-30-720x1280", "122-60-1920x1080-2", "21-24-1920x1080"},
        ),
        ("part", {"122-60-1920x1080-1", "122-60-1920x1080-2", "video45_1", "video45_2", "video86_2"}),
        ("uneven_times", {"video86_2"}),
        ("late_sound", {"7"}),
        ("no_crop_folder", {"131"}),
        ("later_crop_folder", {"video86_2", "video76", "video9"}),
        ("orphan_video", {"999"}),
    ],
)
def test_a_quirk_is_in_the_clips_that_have_it(quirk: str, clips: set[str]) -> None:
    assert CLIPS_WITH[quirk] == clips


def test_no_two_clips_or_videos_have_one_name_and_parts_of_a_source_show_the_same_person() -> None:
    assert max(Counter(person.clip for video in VIDEOS for person in video.people).values()) == 1
    assert max(Counter(video.path for video in VIDEOS).values()) == 1
    takes = [(person.subject, person.take) for video in VIDEOS for person in video.people]
    assert len(set(takes)) == len(takes)
    for one, other in (("122-60-1920x1080-1", "122-60-1920x1080-2"), ("video45_1", "video45_2")):
        assert PEOPLE[one][1].subject == PEOPLE[other][1].subject
    num_shared = len(takes) - len({subject for subject, _ in takes})
    assert num_shared == 2  # and nobody else is in two sources


def test_every_rate_that_the_release_has_is_there() -> None:
    rates = {video.fps for video in VIDEOS}
    assert rates >= {None, *map(Fraction, (6, 12, 24, 25, 30)), Fraction(30000, 1001), Fraction(60000, 1001)}
    assert {video.path.rpartition(".")[2] for video in VIDEOS} == {"mp4", "avi", "MP4"}
    assert {person.crops for video in VIDEOS for person in video.people} == {"cropped_aligned", LATER_CROPS, None}


@pytest.mark.parametrize(
    ("span", "number", "expected"),
    [((0.4, 0.6), 10, (4, 6)), ((0.5, 0.5), 10, (5, 6)), ((0.95, 1.0), 10, (9, 10)), ((1.0, 1.0), 10, (9, 10))],
)
def test_a_span_is_never_empty_and_stays_inside(
    span: tuple[float, float], number: int, expected: tuple[int, int]
) -> None:
    assert bounds(span, number) == expected
    assert np.flatnonzero(inside((span,), number)).tolist() == list(range(*expected))


def test_uneven_times_follow_the_steps_that_were_given() -> None:
    video, _ = PEOPLE["video86_2"]
    film = plan_film(video, 0, 2.0)
    # 1/30 s three times, 1/15 s, 1/30 s twice, 1/10 s, 1/30 s: eight frames in 0.3667 s
    assert film.times_seconds[:9] * 30 == pytest.approx([0, 1, 2, 3, 5, 6, 7, 10, 11])
    assert film.times_seconds[-1] < 2.0 <= film.length_seconds


@pytest.mark.parametrize(("clip", "frames", "rows"), [("106", 50, 51), ("video45_1", 50, 52), ("7", 50, 43)])
def test_labels_are_more_or_fewer_than_the_frames_of_two_seconds(clip: str, frames: int, rows: int) -> None:
    video, person = PEOPLE[clip]
    film = plan_film(video, 0, 2.0)
    labels = labels_of(person, film.people[0], film.num_frames)
    assert (film.num_frames, len(labels)) == (frames, rows)
    np.testing.assert_allclose(labels.times_seconds, np.arange(rows) / 25)


def test_the_usual_length_has_a_clip_of_more_than_one_window() -> None:
    video, _ = PEOPLE["122-60-1920x1080-1"]
    assert plan_film(video, 0, 4.0).num_frames == 312  # 5.2 s of 59.94 frames


def test_a_face_is_seen_in_every_frame_but_where_that_was_planned() -> None:
    for video in VIDEOS:
        film = plan_film(video, 0, 2.0)
        for number, person in enumerate(video.people):
            is_hidden = film.close_up is not None and film.close_up.person != number
            unseen = [frame for frame in range(film.num_frames) if faces_at(film, frame)[number] is None]
            assert bool(unseen) == (person.away is not None or is_hidden), person.clip


def test_another_seed_gives_other_people_and_labels() -> None:
    video, person = PEOPLE["106"]
    one, other = plan_film(video, 0, 2.0), plan_film(video, 1, 2.0)
    assert one.people[0].subject.looks != other.people[0].subject.looks
    first, second = (labels_of(person, film.people[0], film.num_frames) for film in (one, other))
    assert np.abs(first.valence - second.valence).max() > 0.01


def test_films_too_short_for_their_quirks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"films of 1\.5 s are too short"):
        plan_film(VIDEOS[0], 0, 1.5)
