import importlib.util
import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.report.traced_people import two_people
from vatrace.errors import DatasetError, NothingFound
from vatrace.report.export import COLUMNS, PersonTrace, clip_csv_text
from vatrace.report.formats import FORMATS, check_formats, write_formats
from vatrace.streams import Trace

HOSTILE = "=cmd|' /C calc'!A0 <script>&\x00\x1b[31m\u202e\n-->\ud800.mp4"
FACTS = {"clip": HOSTILE, "model": "abc", "frames": 100, "warnings": ["no sound in places"], "missing": []}


def written(folder: Path, name: str) -> Path:
    (path,) = write_formats(two_people(), folder / "clip", [name], video=None, facts=FACTS)
    return path


def table(tmp_path: Path) -> pd.DataFrame:
    """The CSV as pandas reads it."""
    (tmp_path / "table.csv").write_text(clip_csv_text(two_people()))
    return pd.read_csv(tmp_path / "table.csv")


def test_parquet_holds_the_numbers_of_the_table_and_nulls_where_its_fields_are_empty(tmp_path: Path) -> None:
    path = written(tmp_path, "parquet")
    read, expected = pq.read_table(path), table(tmp_path)
    assert tuple(read.column_names) == COLUMNS
    for name in COLUMNS:
        column = read[name].to_pylist()
        wanted = [None if np.isnan(value) else value for value in expected[name].astype(float)]
        assert column == wanted, name
    assert read["gate_face"].null_count > 0
    assert {str(read.schema.field(name).type) for name in ("face", "voice")} == {"int8"}
    assert pq.ParquetFile(path).num_row_groups == 2, "a person each"


def test_parquet_brings_its_sidecar_whatever_the_clip_is_called(tmp_path: Path) -> None:
    metadata = pq.read_schema(written(tmp_path, "parquet")).metadata
    assert json.loads(metadata[b"vatrace"]) == FACTS


def test_json_holds_the_same_columns_and_the_sidecar(tmp_path: Path) -> None:
    path = written(tmp_path, "json")
    read, expected = json.loads(path.read_text("ascii"), parse_constant=pytest.fail), table(tmp_path)
    assert path.name == "clip.trace.json", "clip.json is the sidecar"
    assert read["metadata"] == FACTS
    assert tuple(read["columns"]) == COLUMNS
    for name in COLUMNS:
        assert read["columns"][name] == [None if np.isnan(value) else value for value in expected[name].astype(float)]
    assert {type(value) for value in read["columns"]["frame"]} == {int}


@pytest.mark.parametrize("name", ["csv", "parquet", "json", "eaf", "textgrid", "vtt"])
def test_the_same_traces_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    content = written(tmp_path / "one", name).read_bytes()
    assert content == written(tmp_path / "two", name).read_bytes()
    assert datetime.now(UTC).strftime("%Y-%m-%d").encode() not in content, "nor does it change from day to day"


def test_the_table_is_one_of_the_formats(tmp_path: Path) -> None:
    assert written(tmp_path, "csv").read_text() == clip_csv_text(two_people())


def test_files_come_in_the_order_in_which_they_were_asked_for(tmp_path: Path) -> None:
    paths = write_formats(two_people(), tmp_path / "a.b", ["vtt", "textgrid"], video=None, facts={})
    assert [path.name for path in paths] == ["a.b.vtt", "a.b.TextGrid"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.b.TextGrid", "a.b.vtt"]


def test_an_unknown_format_is_named_and_so_are_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="no format 'excel'; there are csv, parquet, json, eaf, textgrid, vtt"):
        check_formats(["csv", "excel"])


@pytest.mark.parametrize(("name", "module", "package"), [
    ("eaf", "pympi", "pympi-ling"), ("textgrid", "praatio", "praatio"), ("vtt", "webvtt", "webvtt-py"),
    ("parquet", "pyarrow", "pyarrow"),
])  # fmt: skip
def test_a_missing_package_is_found_out_beforehand_and_how_to_install_it_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str, package: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda asked: None if asked == module else real(asked))
    with pytest.raises(NothingFound, match=f"needs {module}; install it with: ") as told:
        write_formats(two_people(), tmp_path / "clip", ["csv", name], video=None, facts={})
    command = shlex.split(str(told.value).partition("install it with: ")[2])
    assert command == [sys.executable, "-m", "pip", "install", package]
    assert list(tmp_path.iterdir()) == [], "nothing is begun"


def test_an_overlay_without_its_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match="overlay of clip cannot be made without the clip"):
        write_formats(two_people(), tmp_path / "clip", ["overlay"], video=None, facts={})


def test_a_trace_without_a_frame_is_refused(tmp_path: Path) -> None:
    empty = Trace(times_seconds=np.zeros(0), valence=np.zeros(0), arousal=np.zeros(0), valid=np.zeros(0, np.bool_))
    for people in ([], [PersonTrace(0, empty)]):
        with pytest.raises(DatasetError, match="no frame"):
            write_formats(people, tmp_path / "clip", ["csv"], video=None, facts={})


def test_every_format_has_a_file_of_its_own() -> None:
    suffixes = [writer.suffix.lower() for writer in FORMATS.values()]
    assert len(set(suffixes)) == len(suffixes)
    assert ".json" not in suffixes, "that is the sidecar"
