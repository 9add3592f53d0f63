"""`vatrace predict` on batches, on several people, on sound alone, and what it tells a person."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from tests.faces.made import face as made_face
from tests.inference.test_missing_modality import Listener, encoder, make_model, make_video, model
from tests.media.clips import even_times, write_clip
from vatrace.errors import DatasetError, NothingFound
from vatrace.faces.detection import Detection, FaceDetector
from vatrace.files import sha256_of
from vatrace.inference.video import VideoPredictor, VideoResult
from vatrace.recipes.predict import predict
from vatrace.recipes.summary_table import COLUMNS, Row, person_facts, write_summary
from vatrace.report.export import PersonTrace, clip_csv_text, read_clip_csv
from vatrace.streams import Trace
from vatrace.synth.corpus import plan_clip, render_frames

__all__ = ["encoder", "make_model", "model"]  # fixtures

RATE = 16_000


@pytest.fixture(scope="module")
def face() -> NDArray[np.uint8]:
    return next(render_frames(plan_clip(0, 0, 0, 1.0), size=160))


@pytest.fixture
def clip(tmp_path: Path, face: NDArray[np.uint8]) -> Path:
    (tmp_path / "in").mkdir()
    return make_video(tmp_path / "in" / "clip.mkv", face, no_face=range(10, 15), no_voice=range(0), frames=30)


def tone(path: Path, seconds: float = 1.0) -> Path:
    sound = (0.3 * np.sin(2 * np.pi * 200 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)[None]
    return write_clip(path, sound=sound, audio_codec="pcm_s16le", rate=RATE)


class TwoFaces:
    """A large face on the left and a small one on the right; the small one is gone after 30 frames."""

    def __init__(self) -> None:
        self.seen = 0

    def detect(self, frames: Sequence[NDArray[np.uint8]]) -> list[list[Detection]]:
        first, self.seen = self.seen, self.seen + len(frames)
        left, right = made_face(50, 60, 60), made_face(120, 60, 40)
        return [[left, right] if index < 30 else [left] for index in range(first, first + len(frames))]


def two_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.mkdir(exist_ok=True)
    detector = TwoFaces()
    monkeypatch.setattr(FaceDetector, "detect", lambda self, frames: detector.detect(frames))
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    picture = np.kron(pixels, np.ones((10, 10, 1), np.uint8))
    return write_clip(tmp_path / "pair.mkv", times=even_times(50), paint=lambda *_: picture)


def test_everybody_is_in_the_table_person_by_person_and_in_the_sidecar(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = two_people(tmp_path, monkeypatch)
    predict([str(path)], out=tmp_path / "out", model=model)
    first, second = read_clip_csv(tmp_path / "out" / "pair.csv")
    assert (first.person, second.person) == (0, 1)
    assert first.trace.valid.all()
    assert second.trace.valid.tolist() == [True] * 30 + [False] * 20
    assert second.face_score is not None
    np.testing.assert_allclose(second.face_score, [0.99] * 30 + [0.0] * 20, atol=1e-6)
    people = json.loads((tmp_path / "out" / "pair.json").read_text())["people"]
    assert [(each["person"], each["face_percent"]) for each in people] == [(0, 100.0), (1, 60.0)]


def test_one_person_is_the_main_one_with_the_same_values(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = []
    for number in (8, 1):
        path = two_people(tmp_path, monkeypatch)
        predict([str(path)], out=tmp_path / str(number), model=model, people=number)
        tables.append((tmp_path / str(number) / "pair.csv").read_text().splitlines())
    assert tables[1] == tables[0][:51]
    with pytest.raises(ValueError, match="--people must be 1 or more, got 0"):
        predict([str(path)], out=tmp_path / "none", model=model, people=0)


def test_the_table_is_what_python_gives(model: Path, clip: Path, tmp_path: Path) -> None:
    predict([str(clip)], out=tmp_path / "out", model=model)
    result = VideoPredictor.from_folder(model).predict(clip)
    assert (tmp_path / "out" / "clip.csv").read_text() == clip_csv_text(result.people)
    assert result.trace is result.people[0].trace
    assert result.features is result.people[0].features


def test_sound_alone_has_a_trace_that_rests_on_the_voice_and_says_so(model: Path, tmp_path: Path) -> None:
    listener = Listener()
    predict([str(tone(tmp_path / "voice.wav"))], out=tmp_path / "out", model=model, watch=listener)
    (person,) = read_clip_csv(tmp_path / "out" / "voice.csv")
    assert len(person.trace) == 25
    assert person.trace.valid.all()
    assert person.trace.face_valid is not None
    assert not person.trace.face_valid.any()
    warnings = json.loads((tmp_path / "out" / "voice.json").read_text())["warnings"]
    assert any("made-up clock" in warning for warning in warnings)
    assert any("made-up clock" in line for line in listener.said)


def test_a_format_that_a_file_cannot_have_is_left_out_and_the_others_are_there(model: Path, tmp_path: Path) -> None:
    listener = Listener()
    made = predict(
        [str(tone(tmp_path / "talk.wav"))],
        out=tmp_path / "out",
        model=model,
        formats="overlay,html,vtt",
        watch=listener,
    )
    assert not made.failed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"talk.csv", "talk.json", "talk.html", "talk.vtt"}
    assert any("no picture to draw curves into" in line for line in listener.said)


def test_a_batch_has_one_table_of_all_clips_and_names_what_failed(model: Path, clip: Path, tmp_path: Path) -> None:
    tone(clip.parent / "voice.wav")
    tone(clip.parent / "clip.wav")  # beside the video of the same name: its soundtrack
    (clip.parent / "broken.mp4").write_text("this is no video")
    (tmp_path / "empty").mkdir()
    names = [str(clip.parent), str(tmp_path / "empty"), str(tmp_path / "*.webm")]
    listener = Listener()
    result = predict(names, out=tmp_path / "out", model=model, watch=listener)
    assert [path.name for path in result.done] == ["clip.csv", "voice.csv"]
    assert [Path(name).name for name, _ in result.failed] == ["empty", "*.webm", "broken.mp4"]
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["clip"] for row in rows] == ["clip.mkv", "voice.wav"]
    assert [(row["frames"], row["face_percent"]) for row in rows] == [("30", "83.330000"), ("25", "0.000000")]
    assert listener.said[-1].startswith("2 of 3 clips are done")


def test_the_table_of_a_batch_that_goes_on_is_that_of_one_that_was_never_stopped(
    model: Path, clip: Path, tmp_path: Path
) -> None:
    names = [str(clip), str(tone(tmp_path / "voice.wav"))]
    predict(names, out=tmp_path / "whole", model=model)
    predict(names[:1], out=tmp_path / "parts", model=model)
    assert not (tmp_path / "parts" / "summary.csv").exists(), "one clip is no batch"
    listener = Listener()
    predict(names, out=tmp_path / "parts", model=model, watch=listener)
    assert any("clip.mkv: up to date" in line for line in listener.said)
    for name in ("summary.csv", "clip.csv", "clip.json", "voice.csv", "voice.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


def test_a_format_that_is_not_there_yet_is_made_and_one_that_is_there_is_kept(
    model: Path, clip: Path, tmp_path: Path
) -> None:
    predict([str(clip)], out=tmp_path, model=model)
    predict([str(clip)], out=tmp_path, model=model, formats="csv, json")
    table = json.loads((tmp_path / "clip.trace.json").read_text())
    assert "valence" in json.dumps(table)
    listener = Listener()
    predict([str(clip)], out=tmp_path, model=model, formats="json", watch=listener)
    assert any("up to date" in line for line in listener.said)
    with pytest.raises(ValueError, match="there is no format 'xls'"):
        predict([str(clip)], out=tmp_path, model=model, formats="xls")


def test_other_formats_of_a_trace_are_made_without_reading_the_clip_again(
    model: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict([str(clip)], out=tmp_path / "at once", model=model, formats="vtt,json,html")
    predict([str(clip)], out=tmp_path / "later", model=model)
    with monkeypatch.context() as no_more:
        no_more.setattr(VideoPredictor, "predict", None)
        predict([str(clip)], out=tmp_path / "later", model=model, formats="vtt")
        predict([str(clip)], out=tmp_path / "later", model=model, formats="json,html")
    for name in ("clip.csv", "clip.json", "clip.vtt", "clip.trace.json", "clip.html"):
        assert (tmp_path / "later" / name).read_bytes() == (tmp_path / "at once" / name).read_bytes()


def test_files_of_an_earlier_trace_are_named_and_made_again_when_asked_for(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = two_people(tmp_path, monkeypatch), tmp_path / "out"
    predict([str(path)], out=out, model=model, formats="vtt,json")
    listener = Listener()
    two_people(tmp_path / "again", monkeypatch)
    predict([str(path)], out=out, model=model, people=1, watch=listener)
    assert any(
        line.endswith("pair.vtt is of an earlier trace; --formats vtt makes it again.") for line in listener.said
    )
    assert "P1" in (out / "pair.vtt").read_text()
    predict([str(path)], out=out, model=model, people=1, formats="vtt,json")
    assert "P1" not in (out / "pair.vtt").read_text()
    assert json.loads((out / "pair.trace.json").read_text())["metadata"]["people_at_most"] == 1


@pytest.mark.parametrize("name", ["clip.csv", "clip.json", "clip.vtt", "clip.html", "clip.trace.json", "clip.parquet"])
@pytest.mark.parametrize("content", ['{"my": "own"}', "", "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n", "a,b\n1,2\n"])
def test_what_somebody_else_has_written_is_left_as_it_is(
    name: str, content: str, model: Path, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    result = predict([str(clip)], out=tmp_path, model=model, formats="vtt,html,json,parquet")
    ((_, error),) = result.failed
    assert f"{tmp_path / name} is there and was not written by vatrace" in str(error)
    assert (tmp_path / name).read_text() == content
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [name]


def test_a_table_that_somebody_has_changed_is_not_lost(model: Path, clip: Path, tmp_path: Path) -> None:
    predict([str(clip)], out=tmp_path, model=model)
    changed = (tmp_path / "clip.csv").read_text() + "# mine\n"
    (tmp_path / "clip.csv").write_text(changed)
    ((_, error),) = predict([str(clip)], out=tmp_path, model=model, people=1).failed
    assert "clip.csv was changed after vatrace wrote it; move it away" in str(error)
    assert (tmp_path / "clip.csv").read_text() == changed


def test_a_batch_goes_on_past_what_nobody_expects(
    model: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path(shutil.copy(clip, clip.with_name("other.mkv")))
    right = VideoPredictor.predict

    def wrong(self: VideoPredictor, path: Path, **options: Any) -> VideoResult:
        if path == clip:
            raise UnicodeError("in a library")
        return right(self, path, **options)

    monkeypatch.setattr(VideoPredictor, "predict", wrong)
    result = predict([str(clip), str(other)], out=tmp_path / "out", model=model)
    assert [path.name for path in result.done] == ["other.csv"]
    ((name, error),) = result.failed
    assert name == str(clip)
    assert "internal error (UnicodeError in test_predict.py:" in str(error)
    with pytest.raises(UnicodeError):  # of one clip alone, where it happened can be seen
        predict([str(clip)], out=tmp_path / "out", model=model)


def test_a_name_that_is_no_text_has_every_format(model: Path, clip: Path, tmp_path: Path) -> None:
    odd = clip.rename(clip.with_name(os.fsdecode(b"a\xff.mkv")))
    result = predict([str(odd)], out=tmp_path / "out", model=model, formats="parquet,json,vtt,html,eaf,textgrid")
    assert not result.failed
    assert len(list((tmp_path / "out").iterdir())) == 8


def test_what_cannot_be_written_is_said_before_any_clip_is_read(
    model: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VideoPredictor, "predict", None)
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=r"nothing can be written to .*file \(File exists\); choose another --out"):
        predict([str(clip)], out=tmp_path / "file", model=model)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.csv").write_text("my own")
    with pytest.raises(DatasetError, match=r"summary.csv is there and was not written by vatrace"):
        predict([str(clip), str(tone(tmp_path / "a.wav"))], out=tmp_path / "out", model=model)


def test_the_table_of_all_clips_keeps_those_of_before(model: Path, clip: Path, tmp_path: Path) -> None:
    first, second, third = (str(tone(tmp_path / f"{name}.wav")) for name in ("a", "b", "c"))
    out, listener = tmp_path / "out", Listener()
    predict([second, third], out=out, model=model)
    predict([first], out=out, model=model, watch=listener)
    rows = (out / "summary.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["a.wav", "b.wav", "c.wav"]
    assert listener.said[-1].endswith("has a row for each person in them and of 2 made earlier.")


def test_a_sidecar_says_what_made_a_trace_and_how_to_write_about_it(model: Path, clip: Path, tmp_path: Path) -> None:
    predict([str(clip)], out=tmp_path, model=model)
    facts = json.loads((tmp_path / "clip.json").read_text())
    assert (facts["frames_per_second"], facts["has_varying_rate"]) == (25.0, False)
    assert set(facts["made_with"]) == {"av", "ffmpeg", "numpy", "onnxruntime", "python", "torch"}
    assert facts["methods"].startswith("Valence and arousal were estimated for every video frame with vatrace ")


def test_another_number_of_people_is_another_trace(model: Path, clip: Path, tmp_path: Path) -> None:
    predict([str(clip)], out=tmp_path, model=model)
    listener = Listener()
    predict([str(clip)], out=tmp_path, model=model, people=1, watch=listener)
    assert not any("up to date" in line for line in listener.said)


def test_a_model_that_knows_official_pictures_says_so(model: Path, clip: Path, tmp_path: Path) -> None:
    listener = Listener()
    taught = Path(shutil.copytree(model, tmp_path / "taught"))
    about = yaml.safe_load((taught / "config.yaml").read_text())
    about["provenance"] = about.get("provenance", {}) | {"faces": "official crops"}
    (taught / "config.yaml").write_text(yaml.safe_dump(about))
    predict([str(clip)], out=tmp_path / "out", model=taught, watch=listener)
    assert any("learned from official face pictures" in line for line in listener.said)


def test_nothing_at_all_is_an_error_of_what_was_asked_for(model: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match=r"nothing matches .*\.webm"):
        predict([str(tmp_path / "*.webm")], out=tmp_path / "out", model=model)
    with pytest.raises(NothingFound, match="no such file"):
        predict([str(tmp_path / "a.mp4"), str(tmp_path / "*.webm")], out=tmp_path / "out", model=model)


def test_a_clip_called_as_the_table_has_another_name(model: Path, clip: Path, tmp_path: Path) -> None:
    other = tone(tmp_path / "summary.wav")
    for clips in ([str(other)], [str(clip), str(other)]):
        result = predict(clips, out=tmp_path / "out", model=model)
        assert not result.failed
        assert result.done[-1].name == "summary_wav.csv"
    assert (tmp_path / "out" / "summary.csv").read_text().startswith("clip,person,frames,")


def test_clips_of_one_name_have_rows_that_tell_them_apart_and_none_stands_twice(
    model: Path, clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (tmp_path / "monday").mkdir()
    other = tone(tmp_path / "monday" / f"{clip.stem}.wav")
    predict([str(clip), str(tone(tmp_path / "z.wav"))], out=out, model=model)
    predict([str(clip), str(other)], out=out, model=model)
    rows = list(csv.DictReader((out / "summary.csv").read_text().splitlines()))
    assert [(row["clip"], row["trace"]) for row in rows] == [
        (clip.name, clip.name.replace(".", "_")),
        (other.name, other.name.replace(".", "_")),
        ("z.wav", "z"),
    ]
    assert [row["clip_sha256"] for row in rows] == [sha256_of(path) for path in (clip, other, tmp_path / "z.wav")]


def test_a_trace_of_another_file_of_the_same_name_is_not_replaced_without_a_word(model: Path, tmp_path: Path) -> None:
    listener = Listener()
    for day, seconds in (("monday", 1.0), ("tuesday", 1.2)):
        (tmp_path / day).mkdir()
        sound = tone(tmp_path / day / "talk.wav", seconds)
        predict([str(sound)], out=tmp_path / "out", model=model, watch=listener)
    assert [line for line in listener.said if line.endswith("and is written over.")] == [
        f"{tmp_path / 'out' / 'talk.csv'} was of another file called talk.wav, and is written over."
    ]


def test_what_stands_where_a_film_or_figure_would_is_left_as_it_is(model: Path, clip: Path, tmp_path: Path) -> None:
    for suffix in (".overlay.mp4", ".trace.png", ".trace.svg", ".eaf", ".TextGrid"):
        out = tmp_path / suffix[1:]
        out.mkdir()
        own = out / f"{clip.stem}{suffix}"
        shutil.copy(clip, own)
        ((_, error),) = predict([str(clip)], out=out, model=model, formats="overlay,png,svg,eaf,textgrid").failed
        assert str(own) in str(error)
        assert [path for path in out.iterdir() if path.is_file()] == [own]
        assert own.read_bytes() == clip.read_bytes()


def test_films_and_figures_of_ours_are_made_again(model: Path, clip: Path, tmp_path: Path) -> None:
    formats = "overlay,png,svg,eaf,textgrid"
    for people in (8, 1):
        assert not predict([str(clip)], out=tmp_path, model=model, formats=formats, people=people).failed


def test_a_clip_is_not_written_over_by_the_film_of_another(model: Path, clip: Path, tmp_path: Path) -> None:
    predict([str(clip)], out=clip.parent, model=model, formats="overlay")
    film = clip.with_name(f"{clip.stem}.overlay.mp4")
    before = film.read_bytes()
    result = predict([str(clip), str(film)], out=clip.parent, model=model, formats="overlay", people=1)
    assert "is one of the clips and would be written over" in str(result.failed[0][1])
    assert film.read_bytes() == before


# ---- the table of a batch ------------------------------------------------------------------------------------------


def person() -> PersonTrace:
    valid = np.array([True, True, False, True])
    trace = Trace(
        times_seconds=np.array([0.5, 1.0, 1.5, 2.0]),
        valence=np.array([0.1, 0.5, 0.9, -0.3]),
        arousal=np.array([-0.2, -0.2, np.nan, -0.2]),
        valid=valid,
        face_valid=np.array([True, True, False, False]),
    )
    return PersonTrace(2, trace)


def test_a_row_has_the_numbers_of_the_frames_that_have_a_value() -> None:
    facts = person_facts(person())
    assert facts == {
        "person": 2,
        "frames": 4,
        "face_percent": 50.0,
        "voice_percent": None,
        "valid_percent": 75.0,
        "face_at": None,
        "valence_mean": 0.1,
        "valence_sd": pytest.approx(np.sqrt(0.32 / 3), abs=1e-6),  # 0.1, 0.5, -0.3 about 0.1
        "valence_min": -0.3,
        "valence_max": 0.5,
        "valence_peak_time": 1.0,
        "arousal_mean": -0.2,
        "arousal_sd": 0.0,
        "arousal_min": -0.2,
        "arousal_max": -0.2,
        "arousal_peak_time": 0.5,
    }


def test_where_a_face_is_as_a_rule_is_the_median_of_where_it_was() -> None:
    boxes = np.array([[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.5], [np.nan] * 4, [0.9, 0.2, 0.9, 0.9]], np.float32)
    facts = person_facts(PersonTrace(2, person().trace, face_boxes=boxes))
    assert facts["face_at"] == {"left": 0.1, "top": 0.2, "right": 0.3, "bottom": 0.5}


def row(clip: str, people: list[dict[str, Any]]) -> Row:
    return Row(clip=clip, trace="=t", model="m", clip_sha256="c", people=people)


def test_names_of_columns_are_ascii_missing_is_empty_and_a_name_is_no_formula(tmp_path: Path) -> None:
    write_summary(tmp_path / "summary.csv", [row("=1+1.mp4", [person_facts(person())]), row('ä,"b".mp4', [])])
    lines = (tmp_path / "summary.csv").read_text("utf-8").splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[0].isascii()
    assert lines[1].startswith("'=1+1.mp4,2,4,50.000000,,75.000000,0.100000,0.326599,")
    assert lines[1].endswith(",'=t,m,c")
    assert len(lines) == 2


def test_somebody_elses_table_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "summary.csv").write_text("my own notes")
    with pytest.raises(DatasetError, match=r"summary.csv is there and was not written by vatrace"):
        write_summary(tmp_path / "summary.csv", [])
    assert (tmp_path / "summary.csv").read_text() == "my own notes"
