"""A trace for annotators and players: ELAN, Praat, WebVTT.

Times in these files are a player's, which begins at 0 (`on_players_clock`); what lies before that is cut off. ELAN
knows whole milliseconds only. No text of others gets into a label: labels
are numbers, names of persons ("P0") and fixed words. Text that does come from outside (the clip's name, a model's
remark) goes into headers, as one plain line.

A file in which somebody has annotated is not overwritten: one with a tier that is not ours stays.
"""

from __future__ import annotations

import math
import mimetypes
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vatrace import files
from vatrace.errors import DatasetError
from vatrace.report.basis import NOTE
from vatrace.report.export import TracedPerson
from vatrace.report.tiers import OUR_TIERS, Interval, Tier, mean_label, participant, second_means, tiers_of

NO_DATE = "1970-01-01T00:00:00+00:00"  # ELAN's format asks for one, and equal traces shall give equal files
LEVELS_NOTE = "A label is the mean of its interval; one goes on while the value is within 0.15 of a multiple of 0.2."


def write_elan(path: Path, people: Sequence[TracedPerson], facts: Mapping[str, Any], *, video: Path | None) -> None:
    """Commit traces as an ELAN document: the tiers of `vatrace.report.tiers`, the means of seconds, the clip linked.

    Args:
        path: where the `.eaf` shall be.
        people: everybody in the clip, the main person first, with a player's times.
        facts: the sidecar's content; what is text in it becomes properties of the document.
        video: the clip, linked by its path from the document's folder; None links nothing.

    Raises:
        DatasetError: there is a document with further tiers.
    """
    from pympi.Elan import Eaf, to_string

    check_elan(path)
    document = Eaf(author="vatrace")
    document.adocument["DATE"] = NO_DATE
    document.header = {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    document.remove_tier("default")
    if video is not None:
        document.media_descriptors.append(_media_link(path, video))
    document.properties += [("note", NOTE), ("levels", LEVELS_NOTE), *_texts(facts)]
    for tier in (*tiers_of(people), *_tiers_of_means(people)):
        document.add_tier(tier.name, part=tier.participant or None)
        for one in tier.intervals:
            start, end = max(0, round(one.start_seconds * 1000)), round(one.end_seconds * 1000)
            if end > start:
                document.add_annotation(tier.name, start, end, one.label)
    files.write_text(path, '<?xml version="1.0" encoding="UTF-8"?>\n' + to_string(document) + "\n")


def write_textgrid(path: Path, people: Sequence[TracedPerson]) -> None:
    """Commit traces as a Praat TextGrid: the tiers of `vatrace.report.tiers`, and points with the means of seconds.

    Point tiers are called `valence_mean@P0` and `arousal_mean@P0`; a point lies in the middle of what it is the mean
    of, and its label has three decimals.

    Args:
        path: where the `.TextGrid` shall be.
        people: everybody in the clip, the main person first, with a player's times.

    Raises:
        DatasetError: there is a TextGrid with further tiers.
    """
    from praatio.data_classes.interval_tier import IntervalTier
    from praatio.data_classes.point_tier import PointTier
    from praatio.data_classes.textgrid import Textgrid
    from praatio.utilities.constants import Interval, Point

    check_textgrid(path)
    tiers = tiers_of(people)
    end = max([one.end_seconds for tier in tiers for one in tier.intervals if one.end_seconds > 0], default=1.0)
    grid = Textgrid(0.0, end)
    for tier in tiers:
        spans = ((max(0.0, one.start_seconds), one.end_seconds, one.label) for one in tier.intervals)
        entries = [Interval(*span) for span in spans if span[1] > span[0]]
        grid.addTier(IntervalTier(tier.name, entries, 0.0, end))
    for each in people:
        means = [(mean, 0.5 * (mean.start_seconds + mean.end_seconds)) for mean in second_means(each.trace)]
        for dimension in ("valence", "arousal"):
            known = ((middle, getattr(mean, dimension)) for mean, middle in means if middle >= 0)
            points = [Point(middle, f"{value:z.3f}") for middle, value in known if value is not None]
            if points:  # Praat has no point tier without points
                grid.addTier(PointTier(f"{dimension}_mean@{participant(each.person)}", points, 0.0, end))
    with files.committed(path) as part:
        grid.save(str(part), format="long_textgrid", includeBlankSpaces=True, minimumIntervalLength=0.0)


def write_webvtt(path: Path, people: Sequence[TracedPerson], facts: Mapping[str, Any]) -> None:
    """Commit traces as WebVTT: a cue a second, with a line for each person who has a value in it.

    Args:
        path: where the `.vtt` shall be.
        people: everybody in the clip, the main person first, with a player's times; lines do not name
            somebody who is alone.
        facts: the sidecar's content; what is text in it becomes comments.
    """
    from webvtt import Caption, WebVTT

    cues: dict[int, Caption] = {}
    for each in people:
        name = f"{participant(each.person)}: " if len(people) > 1 else ""
        for mean in second_means(each.trace):
            start, end = _vtt_time(mean.start_seconds), _vtt_time(mean.end_seconds)
            if end <= start:  # before the player's zero, or shorter than a millisecond
                continue
            cue = cues.setdefault(math.floor(mean.start_seconds), Caption(start, end, []))
            cue.start, cue.end = min(cue.start, start), max(cue.end, end)
            values = (("valence", mean.valence), ("arousal", mean.arousal))
            cue.lines.append(name + ", ".join(f"{word} {value:+z.2f}" for word, value in values if value is not None))
    notes = [NOTE, *(f"{key}: {text.replace('-->', '->')}" for key, text in _texts(facts))]
    document = WebVTT(captions=[cue for _, cue in sorted(cues.items())], header_comments=notes)
    files.write_text(path, document.content + "\n")


def _tiers_of_means(people: Sequence[TracedPerson]) -> Iterator[Tier]:
    """The means of seconds as intervals, called as Praat's points are."""
    for each in people:
        name = participant(each.person)
        means = list(second_means(each.trace))
        for dimension in ("valence", "arousal"):
            known = ((mean, getattr(mean, dimension)) for mean in means)
            intervals = tuple(
                Interval(mean.start_seconds, mean.end_seconds, mean_label(value))
                for mean, value in known
                if value is not None
            )
            yield Tier(f"{dimension}_mean@{name}", name, intervals)


def _vtt_time(seconds: float) -> str:
    """Hours to milliseconds, such as "00:01:02.345", which sort as the times they say."""
    milliseconds = max(0, round(seconds * 1000))
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _media_link(path: Path, video: Path) -> dict[str, str]:
    """Where the clip is: its address here, and its place as seen from the document, for when both are moved."""
    from_here = os.path.relpath(video.absolute(), path.parent.absolute())
    kind, _ = mimetypes.guess_type(video.name)
    return {
        "MEDIA_URL": video.absolute().as_uri(),
        "RELATIVE_MEDIA_URL": quote(os.fsencode(from_here if from_here.startswith("..") else f"./{from_here}")),
        "MIME_TYPE": kind or "unknown",
    }


def _texts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:  # Any: JSON
    """What is text or a number among the facts and not said anyway; one line that any format can hold."""
    further = ((name, fact) for name, fact in sorted(facts.items()) if name not in ("note", "levels"))
    return [(name, plain_line(fact)) for name, fact in further if isinstance(fact, str | int | float)]


def plain_line(text: object) -> str:
    """Give any text as one line without control characters; what is no character becomes a question mark."""
    whole = str(text).encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in whole).split())


def check_elan(path: Path) -> None:
    """Raise DatasetError if an ELAN file is there in which somebody has annotated, or that cannot be read."""
    _spare_others_work(path, _elan_tiers)


def check_textgrid(path: Path) -> None:
    """Raise DatasetError if a TextGrid is there in which somebody has annotated, or that cannot be read."""
    _spare_others_work(path, _praat_tiers)


def _spare_others_work(path: Path, names_in: Callable[[Path], Sequence[str]]) -> None:
    """Raise DatasetError if a file is there and has a tier that this module does not write."""
    if not path.exists():
        return
    try:
        others = [name for name in names_in(path) if not OUR_TIERS.fullmatch(name)]
    except Exception as error:  # whatever a parser raises on a file that is not its own
        raise DatasetError(
            f"{path} is there and cannot be read as what would be written; move it away, or use another folder."
        ) from error
    if others:
        raise DatasetError(
            f"{path} holds tiers of somebody's own ({', '.join(map(plain_line, others[:5]))}) and is not overwritten; "
            "move it away, or use another folder."
        )


def _elan_tiers(path: Path) -> list[str]:
    from pympi.Elan import Eaf

    return list(Eaf(path, suppress_version_warning=True).get_tier_names())


def _praat_tiers(path: Path) -> list[str]:
    from praatio import textgrid

    return list(textgrid.openTextgrid(str(path), includeEmptyIntervals=True, duplicateNamesMode="rename").tierNames)
