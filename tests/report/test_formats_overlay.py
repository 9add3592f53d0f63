"""The overlay, read back by PyAV."""

from pathlib import Path

import numpy as np
import pytest

from tests.media.clips import WIDTH, click_at, noise, write_clip
from tests.report.test_tiers import arousal_alone
from tests.report.traced_people import two_people, uneven_times
from vatrace.errors import DatasetError, MediaError
from vatrace.media.audio import read_audio
from vatrace.media.encode import write_video
from vatrace.media.video import read_frames, read_times
from vatrace.report.export import PersonTrace
from vatrace.report.formats import write_formats
from vatrace.report.overlay import AROUSAL, LANES, MISSING, VALENCE
from vatrace.streams import Trace

PICTURE_HEIGHT = 48


def overlay(people: list[PersonTrace], folder: Path, video: Path) -> Path:
    (path,) = write_formats(people, folder / "clip", ["overlay"], video=video, facts={})
    return path


def clip(folder: Path, times: np.ndarray, **options: object) -> Path:
    return write_clip(folder / "film.mp4", times=times.tolist(), paint=lambda index, time: noise(0, 0.0), **options)


def steady(times: np.ndarray, valence: float, arousal: float) -> PersonTrace:
    there = np.ones(len(times), np.bool_)
    same = np.ones(len(times))
    return PersonTrace(
        0,
        Trace(
            times_seconds=times, valence=valence * same, arousal=arousal * same, valid=there, face_valid=there,
            voice_valid=~there,
        ),
    )  # fmt: skip


def boards(path: Path) -> list[np.ndarray]:
    """What is drawn below each picture, `[height, width, 3]`."""
    return [shown.pixels[PICTURE_HEIGHT:].astype(int) for shown in read_frames(path)]


def is_near(pixels: np.ndarray, colour: tuple[int, int, int], within: int = 60) -> np.ndarray:
    """Where pixels have a colour, as far as video coding lets one tell."""
    return np.abs(pixels - np.array(colour)).sum(axis=-1) < within


def rows_of(board: np.ndarray, colour: tuple[int, int, int]) -> float:
    """Middle row of what has a colour in the columns of the curves, left and right of which words stand."""
    inside = board[:, 80 : board.shape[1] - 80]
    return float(np.argwhere(is_near(inside, colour))[:, 0].mean())


def cursor_column(board: np.ndarray) -> int:
    """The column that is white from the first panel to the lanes."""
    return int(np.argmax((board[20:150].sum(axis=-1) > 600).sum(axis=0)))


def test_every_picture_is_there_at_its_uneven_time_with_its_sound(tmp_path: Path) -> None:
    times = uneven_times(80)
    sound = click_at(1.0, start=0.0, seconds=4.0, rate=48_000)
    video = clip(tmp_path, times, sound=sound)
    path = overlay(two_people(read_times(video)), tmp_path / "out", video)
    assert path.name == "clip.overlay.mp4"
    np.testing.assert_allclose(read_times(path), read_times(video), atol=1e-6)
    before, after = read_audio(video), read_audio(path)
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(after.samples, before.samples)


def test_the_picture_stands_above_the_board_unchanged(tmp_path: Path) -> None:
    video = clip(tmp_path, uneven_times(10))
    path = overlay(two_people(read_times(video)), tmp_path, video)
    for before, after in zip(read_frames(video), read_frames(path), strict=True):
        height, width = after.pixels.shape[:2]
        assert height > PICTURE_HEIGHT + 100
        left = (width - WIDTH) // 2
        there = after.pixels[:PICTURE_HEIGHT, left : left + WIDTH].astype(float)
        assert np.abs(there - before.pixels).mean() < 12


def test_higher_values_are_drawn_higher_and_each_curve_is_in_its_own_panel(tmp_path: Path) -> None:
    times = np.arange(50) / 25
    video = clip(tmp_path, times)
    high = boards(overlay([steady(times, 0.8, -0.5)], tmp_path / "high", video))[10]
    low = boards(overlay([steady(times, -0.8, 0.5)], tmp_path / "low", video))[10]
    # The panels are 56 rows high and begin at rows 9 and 74: (1 - value) / 2 of that height below their tops.
    assert rows_of(high, VALENCE) == pytest.approx(9 + 0.1 * 55, abs=1.5)
    assert rows_of(low, VALENCE) == pytest.approx(9 + 0.9 * 55, abs=1.5)
    assert rows_of(high, AROUSAL) == pytest.approx(74 + 0.75 * 55, abs=1.5)
    assert rows_of(low, AROUSAL) == pytest.approx(74 + 0.25 * 55, abs=1.5)


def test_the_cursor_runs_evenly_in_time_over_a_short_clip(tmp_path: Path) -> None:
    times = uneven_times(40)
    video = clip(tmp_path, times)
    columns = np.array([cursor_column(board) for board in boards(overlay([steady(times, 0, 0)], tmp_path, video))])
    fit = np.polyfit(times, columns, 1)
    assert np.abs(np.polyval(fit, times) - columns).max() <= 1.5
    assert fit[0] * (times[-1] - times[0]) > 300, "over the whole width"


def test_in_a_long_clip_the_curve_runs_under_the_cursor(tmp_path: Path) -> None:
    times = np.arange(0, 60, 0.5)
    here = steady(times, 0.0, 0.0)
    step = np.where(times < 30, -0.8, 0.8)
    person = PersonTrace(0, Trace(times_seconds=times, valence=step, arousal=0 * times, valid=here.trace.valid))
    drawn = boards(overlay([person], tmp_path, clip(tmp_path, times)))
    columns = [cursor_column(board) for board in drawn]
    middle = columns[len(times) // 2]
    assert {abs(column - middle) <= 1 for column in columns[25:95]} == {True}
    assert columns[0] < middle - 100
    assert columns[-1] > middle + 100
    at_the_step = drawn[60]  # 30 s: low on the left of the cursor, high on its right
    assert rows_of(at_the_step[:70, : middle - 10 + 80], VALENCE) > 50
    assert rows_of(at_the_step[:70, middle + 10 - 80 :], VALENCE) < 25


def test_where_nobody_has_a_value_the_board_is_grey_and_has_no_curve(tmp_path: Path) -> None:
    times = np.arange(50) / 25
    whole = steady(times, 0.5, -0.5)
    gone = (times >= 0.8) & (times < 1.2)
    trace = Trace(
        times_seconds=times,
        valence=whole.trace.valence,
        arousal=whole.trace.arousal,
        valid=~gone,
        face_valid=~gone,
    )
    board = boards(overlay([PersonTrace(0, trace)], tmp_path, clip(tmp_path, times)))[-1]
    panel = board[12:60, 67 : board.shape[1] - 56]
    grey = is_near(panel, MISSING, 30).mean(axis=0) > 0.8
    share = np.flatnonzero(grey) / panel.shape[1]
    assert share.min() == pytest.approx(0.8 / 2, abs=0.02)
    assert share.max() == pytest.approx(1.2 / 2, abs=0.02)
    assert not is_near(panel[:, np.flatnonzero(grey)[4:-4]], VALENCE).any()


def test_lanes_are_filled_where_a_face_was_seen(tmp_path: Path) -> None:
    times = np.arange(50) / 25
    seen = times < 1.0
    trace = Trace(
        times_seconds=times, valence=0 * times, arousal=0 * times, valid=seen, face_valid=seen, voice_valid=~seen
    )
    board = boards(overlay([PersonTrace(0, trace)], tmp_path, clip(tmp_path, times)))[-1]
    face, voice = (np.argwhere(is_near(board[130:], LANES[name])) for name in ("face", "voice"))
    assert face[:, 1].max() == pytest.approx(voice[:, 1].min(), abs=4)
    assert face[:, 0].mean() < voice[:, 0].mean(), "the face's lane is the upper one"


def test_the_number_beside_a_curve_is_absent_without_a_value(tmp_path: Path) -> None:
    times = np.arange(10) / 25
    valid = times < 0.2
    trace = Trace(times_seconds=times, valence=0 * times, arousal=0 * times, valid=valid)
    drawn = boards(overlay([PersonTrace(0, trace)], tmp_path, clip(tmp_path, times)))
    inked = [is_near(board[9:65, -50:], VALENCE, 150).sum() for board in drawn]
    assert min(inked[:5]) > 3 * max(inked[5:]), "digits are more than a dash"


@pytest.mark.parametrize("num_people", [1, 8])
def test_one_frame_and_many_people_can_be_drawn(tmp_path: Path, num_people: int) -> None:
    times = np.array([0.0])
    people = [PersonTrace(number, steady(times, 0.1 * number, 0.0).trace) for number in range(num_people)]
    assert len(boards(overlay(people, tmp_path, clip(tmp_path, times)))) == 1


def test_people_on_different_clocks_are_refused(tmp_path: Path) -> None:
    times = np.arange(5) / 25
    people = [steady(times, 0, 0), steady(times + 0.01, 0, 0)]
    with pytest.raises(DatasetError, match="different times"):
        overlay(people, tmp_path, clip(tmp_path, times))


def test_a_sound_file_has_no_overlay(tmp_path: Path) -> None:
    sound = click_at(0.1, start=0, seconds=1, rate=16_000)
    video = write_clip(tmp_path / "a.wav", sound=sound, audio_codec="pcm_s16le", rate=16_000)
    with pytest.raises(MediaError, match="no video stream"):
        overlay([steady(np.arange(25) / 25, 0, 0)], tmp_path, video)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_dimension_that_is_missing_alone_is_grey_in_its_own_panel(tmp_path: Path) -> None:
    trace = arousal_alone()
    board = boards(overlay([PersonTrace(0, trace)], tmp_path, clip(tmp_path, trace.times_seconds)))[-1]
    left = slice(80, 200)  # the first half of the curves
    assert is_near(board[12:60, left], MISSING, 30).mean() > 0.8
    assert not is_near(board[12:60, left], VALENCE).any()
    assert not is_near(board[77:125, left], MISSING, 30).any()
    assert is_near(board[77:125, left], AROUSAL).any()


def test_several_people_are_named_at_their_faces_and_one_alone_is_not(tmp_path: Path) -> None:
    times = np.arange(10) / 25
    boxes = np.tile(np.array([0.5, 0.5, 0.75, 0.9], np.float32), (10, 1))
    boxes[5:] = np.nan
    first = steady(times, 0.0, 0.0)
    second = PersonTrace(1, steady(times, 0.5, 0.5).trace, face_boxes=boxes)
    alone = PersonTrace(0, first.trace, face_boxes=boxes)
    video = tmp_path / "film.mp4"
    write_video(video, np.full((10, 360, 640, 3), 60, np.uint8), size=(640, 360), fps=25)
    (tmp_path / "alone").mkdir()
    shown = [each.pixels[:360] for each in read_frames(overlay([first, second], tmp_path, video))]
    plain = [each.pixels[:360] for each in read_frames(overlay([alone], tmp_path / "alone", video))]
    rows, columns = np.nonzero((shown[2] > 180).all(axis=-1))
    assert abs(rows.max() - 0.9 * 360) <= 3, "the frame ends where the face does"
    assert abs(columns.min() - 320) <= 3
    assert abs(columns.max() - 480) <= 3
    assert 120 < rows.min() < 180, "the name stands above"
    assert not (shown[7] > 180).all(axis=-1).any(), "no face, no name"
    assert not (plain[2] > 180).all(axis=-1).any()
