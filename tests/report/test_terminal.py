"""Curves of text, small enough to check by eye."""

from __future__ import annotations

import io

import numpy as np
import pytest

from vatrace.report.export import PersonTrace
from vatrace.report.terminal import clip_text, curve, draws_blocks
from vatrace.streams import Trace

TIMES = np.arange(8) / 25


def test_the_eight_blocks_are_eight_levels_from_lowest_to_highest() -> None:
    middles = (np.arange(8) + 0.5) / 4 - 1
    assert curve(TIMES, middles) == "▁▂▃▄▅▆▇█"
    assert curve(np.arange(10.0), (np.arange(10) + 0.5) / 5 - 1, blocks=False) == "0123456789"
    assert curve(TIMES[:3], np.array([-1.0, 0.0, 1.0])) == "▁▅█"


def test_what_is_missing_is_blank_and_a_sign_is_the_mean_of_what_is_there() -> None:
    values = np.array([0.9, np.nan, np.nan, np.nan, -0.9, 0.9, -0.9, -0.9])
    assert curve(TIMES, values, width=4) == "█ ▅▁"
    assert curve(TIMES, values, width=4, blocks=False) == "9.50"


def test_time_is_drawn_and_not_frames_of_a_film_that_varies() -> None:
    times = np.concatenate([np.arange(90) / 90, [1.0, 1.5]])  # 90 frames in the first second, 2 in the other
    values = np.where(times < 1, -1.0, 1.0)
    drawn = curve(times, values, width=12)
    assert drawn.count("▁") == pytest.approx(8, abs=1), "a second of the second and a half"


def test_a_picture_that_stays_has_its_value_until_the_next_one_comes() -> None:
    times = np.array([0.0, 0.1, 8.0, 8.1, 8.2])
    assert curve(times, np.array([0.9, -0.9, 0.9, 0.9, np.nan]), width=5) == "▁▁▁▁▂"


def test_no_frame_and_one_frame_can_be_drawn() -> None:
    assert curve(np.zeros(0), np.zeros(0)) == ""
    assert curve(np.zeros(1), np.ones(1)) == "█"


def person(number: int, valence: float) -> PersonTrace:
    valid = TIMES < 0.2  # 5 of 8
    level = np.where(valid, valence, np.nan)
    heard = np.zeros(8, np.bool_)
    trace = Trace(times_seconds=TIMES, valence=level, arousal=-level, valid=valid, face_valid=valid, voice_valid=heard)
    return PersonTrace(number, trace)


def test_a_clip_is_told_with_means_range_and_what_values_rest_on() -> None:
    assert clip_text("clip.mp4", [person(0, 0.5)], blocks=False) == (
        "clip.mp4: 8 frames in 0.3 s; in the curves 0 is -1, 9 is +1, . is no value\n"
        "  valence  77777...  mean +0.50, +0.50 to +0.50, highest at 0:00\n"
        "  arousal  22222...  mean -0.50, -0.50 to -0.50, highest at 0:00\n"
        "  face seen in 62%, voice heard in 0% of the frames; "
        "values rest on the face alone in 62% of the frames, no value in 38%"
    )


def test_several_people_have_their_curves_each() -> None:
    text = clip_text("clip.mp4", [person(0, 0.5), person(1, -0.5)], blocks=False).splitlines()
    assert text[0] == "clip.mp4: 8 frames in 0.3 s, 2 people; in the curves 0 is -1, 9 is +1, . is no value"
    assert [line for line in text if line.startswith("  P")] == ["  P0, the main person", "  P1"]
    assert text[6].startswith("  valence  22222...")


def test_ascii_is_used_wherever_a_terminal_might_not_show_more() -> None:
    assert not draws_blocks(io.StringIO())

    class Console(io.StringIO):
        encoding = "UTF-8"  # type: ignore[assignment]

        def isatty(self) -> bool:
            return True

    assert draws_blocks(Console())
    Console.encoding = "ascii"  # type: ignore[assignment]
    assert not draws_blocks(Console())
