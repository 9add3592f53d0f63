from dataclasses import replace

import numpy as np
import pytest

from vatrace.streams import Trace
from vatrace.synth.episodes import Episode
from vatrace.synth.expression import Pose, plan_motion, still_pose
from vatrace.synth.features import mouth_corners
from vatrace.synth.geometry import Head
from vatrace.synth.scene import Scene
from vatrace.synth.sheet import contact_sheet
from vatrace.synth.subject import Subject, draw_subject

SUBJECTS = [draw_subject(0, number) for number in range(6)]


def draw(subject: Subject, pose: Pose) -> np.ndarray:
    return Scene(subject.looks, np.random.default_rng(0), 256).draw(pose).astype(int)


def head_of(subject: Subject, pose: Pose) -> Head:
    return Head(looks=subject.looks, pose=pose, picture_size=256)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: f"s{subject.number:03d}")
def test_mouth_corners_rise_with_valence_and_brows_and_lids_with_arousal(subject: Subject) -> None:
    sad, neutral, glad = (still_pose(subject.habits, valence, 0.0) for valence in (-0.6, 0.0, 0.6))
    heights = [mouth_corners(head_of(subject, pose))[:, 1].mean() for pose in (sad, neutral, glad)]
    assert heights[0] > heights[1] + 0.02 > heights[2] + 0.06  # y is downwards, in heads
    assert glad.cheek > 0.3 > neutral.cheek == sad.cheek == 0
    assert sad.brow_knit > 0.3 > glad.brow_knit == 0
    calm, excited = (still_pose(subject.habits, 0.0, arousal) for arousal in (-0.5, 0.5))
    assert excited.lid > calm.lid + 0.2
    assert excited.brow_raise > calm.brow_raise + 0.5
    assert excited.mouth_open > calm.mouth_open


def test_the_drawn_mouth_bends_upwards_with_valence() -> None:
    for subject in SUBJECTS:
        painted = replace(subject, looks=replace(subject.looks, lips=(250, 0, 250)))  # no other part has this colour
        bends = []
        for valence in (-0.6, 0.6):
            picture = draw(painted, still_pose(subject.habits, valence, 0.0))
            lips = (picture[..., 0] > 180) & (picture[..., 1] < 90) & (picture[..., 2] > 180)
            columns = np.flatnonzero(lips.any(axis=0))
            heights = [np.flatnonzero(lips[:, column]).mean() for column in columns]
            middle = len(columns) // 2
            bends.append((heights[2] + heights[-3]) / 2 - heights[middle])
        frown, smile = bends
        assert smile < -2 < 2 < frown  # pixels; corners above the middle in a smile, below it in a frown


def test_a_turned_head_moves_its_features_sideways_and_hides_the_far_eye() -> None:
    subject = SUBJECTS[0]
    places = [head_of(subject, Pose(yaw=yaw)).on_face(np.array([[0.0, 0.3]]))[0, 0] for yaw in (-0.3, 0.0, 0.3)]
    assert places[0] < places[1] - 10 < places[2] - 20
    turned = head_of(subject, Pose(yaw=1.3))
    assert turned.is_facing(-0.3)
    assert not turned.is_facing(0.3)


def test_points_of_a_face_seen_from_the_front_are_where_they_were_designed() -> None:
    head = head_of(SUBJECTS[1], Pose())
    design = np.array([(0.0, 0.0), (0.3, -0.1), (-0.2, 0.6)])
    expected = 256 * np.array([0.5, 0.47]) + design * 256 * SUBJECTS[1].looks.head_size
    np.testing.assert_allclose(head.on_face(design), expected)


@pytest.mark.parametrize("change", [{"cover": 1.0}, {"x": 4.5}, {"yaw": 1.4}, {"lid": 0.0}, {"mouth_open": 0.6}])
def test_each_movement_shows_in_the_picture(change: dict[str, float]) -> None:
    pose = Pose(smile=0.2)
    assert np.abs(draw(SUBJECTS[0], pose) - draw(SUBJECTS[0], replace(pose, **change))).max() > 60


def test_nobody_is_in_the_picture_when_the_face_is_lost() -> None:
    subject = SUBJECTS[0]
    calm, excited = still_pose(subject.habits, 0.0, -0.5), still_pose(subject.habits, 0.9, 0.9)
    assert np.array_equal(draw(subject, replace(calm, x=4.5)), draw(subject, replace(excited, x=4.5)))


def test_a_covered_face_says_next_to_nothing_and_an_open_one_much() -> None:
    for subject in SUBJECTS:
        calm, excited = still_pose(subject.habits, -0.5, -0.5), still_pose(subject.habits, 0.8, 0.8)
        seen = np.abs(draw(subject, calm) - draw(subject, excited)).sum()
        covered = np.abs(draw(subject, replace(calm, cover=1.0)) - draw(subject, replace(excited, cover=1.0))).sum()
        assert covered < 0.25 * seen


def test_blur_takes_the_detail_from_the_picture() -> None:
    scene = Scene(SUBJECTS[2].looks, np.random.default_rng(0), 256)

    def detail(pose: Pose) -> float:
        return float(np.percentile(np.abs(np.diff(scene.expose(pose).astype(int), axis=0)), 99))

    assert detail(Pose(blur=1.0)) < 0.25 * detail(Pose())


def test_heads_move_more_when_arousal_is_high() -> None:
    times = np.arange(500) / 25
    energies = []
    for arousal in (-0.5, 0.7):
        flat = np.ones(len(times))
        truth = Trace(times_seconds=times, valence=0 * flat, arousal=arousal * flat, valid=flat > 0)
        motion = plan_motion(np.random.default_rng(0), truth, SUBJECTS[0].habits, (), ())
        energies.append(np.std(np.diff(motion.curves["yaw"])))
    assert energies[1] > 1.8 * energies[0]


@pytest.mark.parametrize(
    ("kind", "name"), [("turned", "yaw"), ("covered", "cover"), ("blurred", "blur"), ("lost", "x")]
)
def test_a_face_episode_acts_inside_its_time_alone(kind: str, name: str) -> None:
    times = np.arange(250) / 25
    truth = Trace(times_seconds=times, valence=0 * times, arousal=0 * times, valid=times >= 0)
    episode = Episode(channel="face", kind=kind, start_seconds=3.0, end_seconds=6.0)
    with_it, without = (
        plan_motion(np.random.default_rng(0), truth, SUBJECTS[0].habits, (), episodes).curves[name]
        for episodes in ((episode,), ())
    )
    change = np.abs(with_it - without)
    assert change[(times < 3) | (times >= 6)].max() == 0
    assert change[(times > 3.5) & (times < 5.5)].min() > 0.9


def test_the_contact_sheet_has_all_its_rows() -> None:
    sheet = contact_sheet(1)
    assert sheet.shape == (5 * 128 + 2 * 18, 5 * 128, 3)
    assert sheet.dtype == np.uint8
