import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree

import numpy as np
import pytest
import webvtt
from praatio import textgrid
from pympi.Elan import Eaf

from tests.media.clips import even_times, write_clip
from tests.report.test_formats import FACTS
from tests.report.test_tiers import arousal_alone
from tests.report.traced_people import two_people
from vatrace.errors import DatasetError
from vatrace.media.video import read_times
from vatrace.report.basis import NOTE
from vatrace.report.export import PersonTrace
from vatrace.report.formats import write_formats
from vatrace.report.tiers import second_means, tiers_of
from vatrace.streams import Trace


def written(folder: Path, name: str, people: list[PersonTrace] | None = None, **options: object) -> Path:
    options = {"video": None, "facts": FACTS, **options}
    (path,) = write_formats(people or two_people(), folder / "clip", [name], **options)
    return path


def test_elan_reads_back_every_interval_to_the_millisecond(tmp_path: Path) -> None:
    document = Eaf(written(tmp_path, "eaf"))
    wanted = {
        tier.name: [
            (round(one.start_seconds * 1000), round(one.end_seconds * 1000), one.label) for one in tier.intervals
        ]
        for tier in tiers_of(two_people())
    }
    means = {f"{dimension}_mean@{name}" for dimension in ("valence", "arousal") for name in ("P0", "P4")}
    assert set(document.get_tier_names()) == set(wanted) | means
    for name, intervals in wanted.items():
        assert sorted(document.get_annotation_data_for_tier(name)) == intervals, name
    assert len(wanted["valence@P0"]) > 5


def test_elan_has_the_means_of_seconds(tmp_path: Path) -> None:
    document = Eaf(written(tmp_path, "eaf"))
    means = [one for one in second_means(two_people()[0].trace) if one.valence is not None]
    found = sorted(document.get_annotation_data_for_tier("valence_mean@P0"))
    assert [(start, end) for start, end, _ in found] == [
        (round(one.start_seconds * 1000), round(one.end_seconds * 1000)) for one in means
    ]
    assert [label for _, _, label in found] == [f"{one.valence:z.2f}" for one in means]


@pytest.mark.parametrize("name", ["eaf", "vtt"])
def test_the_note_that_a_sidecar_has_too_is_said_once(tmp_path: Path, name: str) -> None:
    text = written(tmp_path, name, facts={**FACTS, "note": NOTE}).read_text("utf-8")
    assert text.count(NOTE) == 1


def test_elan_knows_whose_a_tier_is(tmp_path: Path) -> None:
    document = Eaf(written(tmp_path, "eaf"))
    assert document.get_parameters_for_tier("arousal@P4")["PARTICIPANT"] == "P4"
    assert document.get_parameters_for_tier("no_voice").get("PARTICIPANT") is None


def test_nothing_is_said_where_there_is_no_value(tmp_path: Path) -> None:
    people = two_people()
    trace = people[0].trace
    document = Eaf(written(tmp_path, "eaf"))
    frame = int(np.flatnonzero(~trace.valid)[0])
    middle = round(500 * (trace.times_seconds[frame] + trace.times_seconds[frame + 1]))
    assert document.get_annotation_data_at_time("valence@P0", middle) == []
    assert document.get_annotation_data_at_time("no_face@P0", middle) != []
    assert "-5" not in (tmp_path / "clip.eaf").read_text()


def test_the_clip_is_linked_as_seen_from_the_document_whatever_it_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "videos & more"
    folder.mkdir()
    video = write_clip(folder / "a #1 <b>?.mp4", times=even_times(3))
    (link,) = Eaf(written(tmp_path / "out", "eaf", video=video)).get_linked_files()
    assert Path(unquote(urlparse(link["MEDIA_URL"]).path)) == video
    assert (tmp_path / "out" / unquote(link["RELATIVE_MEDIA_URL"])).resolve() == video
    assert link["MIME_TYPE"] == "video/mp4"


def test_words_from_outside_are_one_plain_line_of_a_sound_document(tmp_path: Path) -> None:
    root = ElementTree.parse(written(tmp_path, "eaf")).getroot()
    texts = {one.get("NAME"): one.text for one in root.iter("PROPERTY")}
    assert texts["clip"] == "=cmd|' /C calc'!A0 <script>& [31m -->?.mp4"
    assert "not what a person feels" in (texts["note"] or "")


@pytest.mark.parametrize("name", ["eaf", "textgrid"])
def test_a_file_in_which_somebody_has_annotated_is_not_overwritten(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    assert written(tmp_path, name) == path, "our own is"
    if name == "eaf":
        document = Eaf(path)
        document.add_tier("my remarks")
        document.to_file(path)
    else:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
        grid.addTier(textgrid.IntervalTier("my remarks", [(0.0, 1.0, "smiles")], 0.0, grid.maxTimestamp))
        grid.save(str(path), "long_textgrid", includeBlankSpaces=True)
    before = path.read_bytes()
    with pytest.raises(DatasetError, match=r"my remarks.*not overwritten"):
        written(tmp_path, name)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["eaf", "textgrid"])
def test_a_file_of_another_kind_is_not_overwritten(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    path.write_text("my notes")
    with pytest.raises(DatasetError, match="cannot be read"):
        written(tmp_path, name)
    assert path.read_text() == "my notes"


def test_praat_reads_back_every_interval(tmp_path: Path) -> None:
    grid = textgrid.openTextgrid(str(written(tmp_path, "textgrid")), includeEmptyIntervals=False)
    for tier in tiers_of(two_people()):
        read = [(one.start, one.end, one.label) for one in grid.getTier(tier.name).entries]
        assert read == [
            (pytest.approx(one.start_seconds), pytest.approx(one.end_seconds), one.label) for one in tier.intervals
        ]


def test_praat_has_the_means_of_seconds_as_points(tmp_path: Path) -> None:
    people = two_people()
    grid = textgrid.openTextgrid(str(written(tmp_path, "textgrid")), includeEmptyIntervals=False)
    trace = people[0].trace
    here = (trace.times_seconds >= 1) & (trace.times_seconds < 2) & trace.valid
    point = next(one for one in grid.getTier("valence_mean@P0").entries if 1 <= one.time < 2)
    assert float(point.label) == pytest.approx(float(trace.valence[here].mean()), abs=5.1e-4)
    assert {one.label for one in grid.getTier("arousal_mean@P4").entries} == {"0.700"}


def test_praat_tiers_have_no_holes(tmp_path: Path) -> None:
    grid = textgrid.openTextgrid(str(written(tmp_path, "textgrid")), includeEmptyIntervals=True)
    entries = grid.getTier("no_face@P0").entries
    assert entries[0].start == 0
    assert entries[-1].end == grid.maxTimestamp
    assert all(one.end == following.start for one, following in pairwise(entries))


def test_captions_say_the_mean_of_each_second_and_whose_it_is(tmp_path: Path) -> None:
    people = two_people()
    read = webvtt.read(str(written(tmp_path, "vtt")))
    trace, other = people[0].trace, people[1].trace
    frames = (np.floor(trace.times_seconds) == 2) & trace.valid
    assert (np.floor(other.times_seconds[other.valid]) == 2).any()
    cue = next(one for one in read if one.start_in_seconds == 2)
    main_line, other_line = cue.text.splitlines()
    found = re.fullmatch(r"P0: valence ([+-]\d\.\d\d), arousal ([+-]\d\.\d\d)", main_line)
    assert found is not None
    assert float(found[1]) == pytest.approx(float(trace.valence[frames].mean()), abs=5.1e-3)
    assert float(found[2]) == pytest.approx(float(trace.arousal[frames].mean()), abs=5.1e-3)
    assert other_line == "P4: valence -0.31, arousal +0.70"
    assert read[0].text.splitlines() == [line for line in read[0].text.splitlines() if line.startswith("P0")]


def test_one_person_alone_is_not_named_and_seconds_without_a_value_have_no_caption(tmp_path: Path) -> None:
    times = np.arange(0, 4, 0.25)
    valid = (times < 1) | (times >= 2.5)
    trace = Trace(times_seconds=times, valence=-0.001 * times, arousal=0 * times + 0.5, valid=valid)
    read = webvtt.read(str(written(tmp_path, "vtt", [PersonTrace(0, trace)])))
    assert [(one.start, one.end) for one in read] == [
        ("00:00:00.000", "00:00:01.000"),
        ("00:00:02.500", "00:00:03.000"),
        ("00:00:03.000", "00:00:04.000"),
    ]
    assert read[0].text == "valence +0.00, arousal +0.50"


def test_captions_of_hours_have_hours(tmp_path: Path) -> None:
    times = np.array([3599.5, 3600.0, 36_061.25])
    trace = Trace(times_seconds=times, valence=times * 0, arousal=times * 0, valid=times > 0)
    read = webvtt.read(str(written(tmp_path, "vtt", [PersonTrace(0, trace)])))
    assert [one.start for one in read] == ["00:59:59.500", "01:00:00.000", "10:01:01.250"]


def test_words_from_outside_make_no_captions(tmp_path: Path) -> None:
    text = written(tmp_path, "vtt").read_text("utf-8")
    assert len(webvtt.from_string(text)) == text.count("-->"), "the name of the clip holds an arrow, too"
    assert "\x1b" not in text


def test_files_for_players_begin_where_the_player_does(tmp_path: Path) -> None:
    """An MPEG stream's clock is the broadcaster's; a player calls its beginning 0."""
    video = write_clip(tmp_path / "clip.ts", times=even_times(50, start=10.0), container="mpegts")
    times = read_times(video)
    assert times[0] == pytest.approx(10.0)
    trace = Trace(times_seconds=times, valence=times * 0, arousal=times * 0, valid=times > 0)
    read = webvtt.read(str(written(tmp_path, "vtt", [PersonTrace(0, trace)], video=video)))
    assert read[0].start_in_seconds == 0
    assert read[-1].end_in_seconds == 2


def test_a_dimension_that_is_missing_alone_is_left_out(tmp_path: Path) -> None:
    people = [PersonTrace(0, arousal_alone())]
    read = webvtt.read(str(written(tmp_path, "vtt", people)))
    assert [one.text for one in read] == ["arousal -0.60", *["valence +0.40, arousal -0.60"] * 2]
    grid = textgrid.openTextgrid(str(written(tmp_path, "textgrid", people)), includeEmptyIntervals=False)
    assert [one.time for one in grid.getTier("valence_mean@P0").entries] == [1.5, 2.5]
    assert len(grid.getTier("arousal_mean@P0").entries) == 3
