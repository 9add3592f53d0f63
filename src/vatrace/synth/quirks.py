"""A small corpus with every quirk of Aff-Wild2's release: the list of quirks, and the films to draw for it.

`quirk_videos.py` is the table of videos; `plan_film` turns a line of it into a film, `QUIRKS` says what is odd about
which clip.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vatrace.streams import Trace
from vatrace.synth.corpus import Clip, plan_timed
from vatrace.synth.episodes import Episode
from vatrace.synth.film import CloseUp, Film
from vatrace.synth.quirk_videos import LATER_CROPS, NTSC, VIDEOS, Person, Span, Video

UNEVEN_STEPS = (3000, 3000, 3000, 6000, 3000, 3000, 9000, 3000)  # ticks of 1/90000 s: a phone that drops pictures
TICKS_PER_SECOND = 90_000
LATE_SECONDS = 0.7  # by which sound begins late
MIN_SECONDS = 2.0  # below, some of the gaps would be empty and the late sound short


@dataclass(frozen=True, kw_only=True)
class Quirk:
    """One oddity of the release.

    Args:
        name: of it.
        says: what it is.
        is_in: whether a person in a video has it.
    """

    name: str
    says: str
    is_in: Callable[[Video, Person], bool]


QUIRKS = (
    Quirk(
        name="two_suffixed",
        says="two people in one video, named _left and _right",
        is_in=lambda video, _: len(video.people) == 2 and all(_side(each) for each in video.people),
    ),
    Quirk(
        name="main_and_suffixed",
        says="two people in one video, of whom one has no suffix",
        is_in=lambda video, _: len(video.people) == 2 and not all(_side(each) for each in video.people),
    ),
    Quirk(name="away", says="a person leaves the picture for a while", is_in=lambda _, person: person.away is not None),
    Quirk(
        name="close_up",
        says="the film cuts to one of two people",
        is_in=lambda video, _: video.close_up is not None,
    ),
    Quirk(name="avi", says="an .avi, which keeps no times", is_in=lambda video, _: video.path.endswith(".avi")),
    Quirk(name="upper_case", says="an upper-case file ending", is_in=lambda video, _: video.path.endswith(".MP4")),
    Quirk(
        name="odd_fps",
        says="another rate than 30 (or 29.97) frames a second",
        is_in=lambda video, _: video.fps not in (None, Fraction(30), NTSC),
    ),
    Quirk(name="uneven_times", says="no constant frame rate", is_in=lambda video, _: video.fps is None),
    Quirk(
        name="wrong_fps_in_name",
        says="the name says another frame rate",
        is_in=lambda video, person: _fps_in(person.clip) not in (None, video.fps and round(video.fps)),
    ),
    Quirk(
        name="name_begins_another",
        says="the name is the beginning of another video's",
        is_in=lambda video, person: any(
            each.clip.startswith(f"{person.clip}-") for other in VIDEOS for each in other.people if other is not video
        ),
    ),
    Quirk(
        name="part",
        says="a part of a source, numbered -k or _k",
        is_in=lambda _, person: bool(re.fullmatch(r"\d+-\d+-\d+x\d+-\d+|video\d+_\d+", person.clip)),
    ),
    Quirk(name="late_sound", says="the sound begins late", is_in=lambda video, _: video.sound == "late"),
    Quirk(name="no_sound", says="there is no sound", is_in=lambda video, _: video.sound == "none"),
    Quirk(name="one_row_more", says="one label more than frames", is_in=lambda _, person: person.extra_rows == 1),
    Quirk(name="two_rows_more", says="two labels more than frames", is_in=lambda _, person: person.extra_rows == 2),
    Quirk(name="fewer_rows", says="fewer labels than frames", is_in=lambda _, person: person.extra_rows < 0),
    Quirk(name="unlabelled", says="rows of -5,-5", is_in=lambda _, person: bool(person.unlabelled)),
    Quirk(name="many_decimals", says="labels with 15 decimals", is_in=lambda _, person: person.decimals == 15),
    Quirk(
        name="expressions",
        says="labels of the expression task too",
        is_in=lambda _, person: person.has_expressions,
    ),
    Quirk(
        name="crops_absent",
        says="frames whose face is seen have no crop",
        is_in=lambda _, person: bool(person.no_crops),
    ),
    Quirk(
        name="no_crop_folder",
        says="labels, but no crops at all",
        is_in=lambda video, person: person.crops is None and video.split != "none",
    ),
    Quirk(
        name="extra_crop",
        says="a crop after the last frame that can be decoded",
        is_in=lambda _, person: person.has_extra_crop,
    ),
    Quirk(
        name="later_crop_folder",
        says=f"crops in {LATER_CROPS}",
        is_in=lambda _, person: person.crops == LATER_CROPS,
    ),
    Quirk(
        name="unaligned_crops",
        says="also crops that are not aligned, in cropped/, to be ignored",
        is_in=lambda _, person: person.has_unaligned,
    ),
    Quirk(name="orphan_video", says="a video nobody labelled", is_in=lambda video, _: video.split == "none"),
)


def plan_film(video: Video, seed: int, seconds: float) -> Film:
    """The film of a line of the table.

    Args:
        video: one of `VIDEOS`.
        seed: of the corpus, 0 or more.
        seconds: length of a film of usual length, `MIN_SECONDS` or more.

    Returns:
        A film whose people are planned for all their labels and crops, also those after its last frame.

    Raises:
        ValueError: too short.
    """
    if seconds < MIN_SECONDS:
        raise ValueError(f"films of {seconds:g} s are too short for every quirk; choose {MIN_SECONDS:g} s or more.")
    wanted = seconds * video.length
    num_frames = int(np.sum(_times(video.fps, int(120 * wanted)) < wanted - 1e-9))
    spare = max(max(person.extra_rows, int(person.has_extra_crop)) for person in video.people)
    times_seconds = _times(video.fps, num_frames + max(spare, 1))
    length_seconds = float(times_seconds[num_frames])
    return Film(
        people=tuple(_plan_person(person, seed, times_seconds, num_frames) for person in video.people),
        num_frames=num_frames,
        length_seconds=length_seconds,
        width=video.width,
        close_up=_close_up(video, num_frames),
    )


def bounds(span: Span, number: int) -> tuple[int, int]:
    """First index of a span and the one after its last, of so many; never empty."""
    first = min(round(span[0] * number), number - 1)
    return first, max(round(span[1] * number), first + 1)


def inside(spans: tuple[Span, ...], number: int) -> NDArray[np.bool_]:
    """Which of so many frames or rows lie in one of the spans, `[number]`."""
    is_inside = np.zeros(number, np.bool_)
    for span in spans:
        is_inside[slice(*bounds(span, number))] = True
    return is_inside


def labels_of(person: Person, clip: Clip, num_frames: int) -> Trace:
    """The rows of a person's annotation, valid where labelled.

    Args:
        person: whose.
        clip: as it was planned in `plan_film`.
        num_frames: that the film shows.
    """
    rows = num_frames + person.extra_rows
    return Trace(
        times_seconds=clip.times_seconds[:rows],
        valence=clip.annotation.valence[:rows],
        arousal=clip.annotation.arousal[:rows],
        valid=~inside(person.unlabelled, rows),
    )


def _close_up(video: Video, num_frames: int) -> CloseUp | None:
    if video.close_up is None:
        return None
    person, span = video.close_up
    first, stop = bounds(span, num_frames)
    return CloseUp(person=person, first=first, stop=stop)


def _plan_person(person: Person, seed: int, times_seconds: NDArray[np.float64], num_frames: int) -> Clip:
    planted: tuple[Episode, ...] = ()
    if person.away is not None:
        first, stop = bounds(person.away, num_frames)
        start, end = float(times_seconds[first]), float(times_seconds[stop])
        planted = (Episode(channel="face", kind="lost", start_seconds=start, end_seconds=end),)
    mean_fps = Fraction(len(times_seconds) - 1) / Fraction(float(times_seconds[-1])).limit_denominator(TICKS_PER_SECOND)
    return plan_timed(
        seed,
        person.subject,
        person.take,
        times_seconds,
        length_seconds=float(times_seconds[-1] + times_seconds[1]),
        fps=mean_fps,
        planted=planted,
    )


def _times(fps: Fraction | None, number: int) -> NDArray[np.float64]:
    """Times of so many frames, `[number]`, from 0."""
    if fps is not None:
        return np.arange(number) / float(fps)
    steps = np.resize(np.array(UNEVEN_STEPS), number)
    return (np.cumsum(steps) - steps) / TICKS_PER_SECOND


def _side(person: Person) -> str:
    return person.clip.rpartition("_")[2] if person.clip.endswith(("_left", "_right")) else ""


def _fps_in(clip: str) -> int | None:
    found = re.match(r"\d+-(\d+)-\d+x\d+", clip)
    return int(found.group(1)) if found else None
