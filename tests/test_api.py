"""vatrace as a Python user meets it: the examples run, and the values are those of the command line."""

import doctest
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import vatrace
from vatrace import api
from vatrace.errors import ModelError, NothingFound
from vatrace.inference import starter_folder
from vatrace.inference.video import VideoResult
from vatrace.recipes.predict import predict
from vatrace.synth.corpus import plan_clip, write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clip(plan_clip(5, 0, 0, 1.0), folder / "clip.mp4")
    return folder


@pytest.fixture(scope="module")
def trace(folder: Path) -> api.Trace:
    return vatrace.predict(folder / "clip.mp4")


def test_every_example_in_the_docstrings_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    commit = "https://huggingface.co/me/my-model/commit/1"
    hub = SimpleNamespace(create_repo=lambda *_, **__: None, upload_folder=lambda **_: commit)
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    result = doctest.testmod(api, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted >= 20
    assert result.failed == 0
    assert (folder / "clip.png").stat().st_size > 1000


def test_command_line_and_python_give_the_same_bytes(folder: Path, trace: api.Trace, tmp_path: Path) -> None:
    predict([str(folder / "clip.mp4")], out=tmp_path)
    assert (tmp_path / "clip.csv").read_bytes() == trace.to_csv().encode()


def test_a_trace_says_what_it_rests_on_and_has_no_value_where_there_is_nothing(trace: api.Trace) -> None:
    assert np.array_equal(np.isnan(trace.arousal), ~trace.valid)
    assert trace.gates is not None
    assert trace.gates.shape == (len(trace), 2)
    assert trace.face.shape == trace.valid.shape
    table = trace.to_pandas()
    assert np.allclose(table["arousal"], trace.arousal, atol=5e-7, equal_nan=True)
    assert "25 frames" in repr(trace)
    assert [person.person for person in trace.people] == [0]


def test_importing_vatrace_loads_nothing_heavy() -> None:
    script = "import sys, vatrace; print([n for n in ('torch', 'numpy', 'cv2', 'av', 'pandas') if n in sys.modules])"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        vatrace.nonsense  # noqa: B018


def test_a_model_goes_to_the_hub_and_comes_back_with_nothing_but_its_own_files(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}

    class Hub:
        def create_repo(self, name: str, **options: object) -> None:
            sent["made"] = (name, options)

        def upload_folder(self, **options: object) -> str:
            sent.update(options)
            return "https://hub/commit/1"

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    assert vatrace.Predictor().push_to_hub("me/starter") == "https://hub/commit/1"
    assert sent["made"] == ("me/starter", {"private": True, "exist_ok": True})
    assert Path(sent["folder_path"]) == starter_folder()
    ours = [each.relative_to(starter_folder()) for each in starter_folder().rglob("*") if each.is_file()]
    assert not [each for each in ours if not any(each.match(one) for one in sent["allow_patterns"])], "licences, too"

    asked: dict[str, Any] = {}

    def fetch(name: str, **options: object) -> str:
        asked.update(options, name=name)
        return str(starter_folder())

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    loaded = vatrace.Predictor.from_pretrained("me/starter", revision="abc")
    assert loaded.remark.startswith("Starter model")
    assert (asked["name"], asked["revision"]) == ("me/starter", "abc")
    for patterns in (asked["allow_patterns"], sent["allow_patterns"]):
        assert not [each for each in patterns if each.endswith((".bin", ".pt", ".pth", ".py", ".pkl", "*"))
                    and not each.startswith(("NOTICE", "LICEN"))]  # fmt: skip


def test_what_is_not_there_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NothingFound, match=r"no model folder .*and that is no name on the hub"):
        vatrace.Predictor.from_pretrained("no/such/model")

    def offline(name: str, **_: object) -> str:
        raise ConnectionError(name)

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(NothingFound, match=r"could not be fetched from the hub \(ConnectionError\)"):
        vatrace.Predictor.from_pretrained("me/starter")
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: SimpleNamespace(create_repo=_refuse))
    with pytest.raises(ModelError, match="hf auth login"):
        vatrace.Predictor().push_to_hub("me/starter")


def _refuse(*_: object, **__: object) -> None:
    raise OSError("no token")


def test_a_trace_of_a_voice_alone_says_that_it_has_no_valence_and_is_no_other(trace: api.Trace) -> None:
    person = trace.result.people[0]
    nothing = np.full(len(trace), np.nan, np.float32)
    heard = api.Trace("voice.wav", VideoResult((replace(person, trace=replace(person.trace, valence=nothing)),)))
    assert "no valence, mean arousal" in repr(heard)
    assert heard == heard
    assert heard != trace
    assert len({heard, trace}) == 2


def test_gates_are_given_where_there_is_a_value_alone(trace: api.Trace) -> None:
    person = trace.result.people[0]
    some = np.arange(len(trace)) % 2 == 0
    half = api.Trace("clip", VideoResult((replace(person, trace=replace(person.trace, valid=some)),)))
    assert half.gates is not None
    assert np.array_equal(np.isfinite(half.gates).all(axis=1), some)
    drawn = [line.get_ydata() for line in half.plot().axes[2].lines if len(line.get_ydata()) == len(some)]
    assert len(drawn) == 2
    assert all(np.array_equal(np.isfinite(each), some) for each in drawn)


def test_how_many_people_can_be_said(folder: Path) -> None:
    assert len(vatrace.predict(folder / "clip.mp4", people=1).people) == 1
    with pytest.raises(ValueError, match="people must be 1 or more, got 0"):
        vatrace.predict(folder / "clip.mp4", people=0)
