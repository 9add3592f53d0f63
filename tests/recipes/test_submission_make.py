"""`vatrace submission make`: traces small enough to check by eye, and once a whole model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.made import IDENTITIES, MFCC_DIM, VISUAL_DIM, make_clip
from vatrace.cli import main
from vatrace.config import ModelConfig, WindowConfig
from vatrace.datasets.submission_check import check_submission
from vatrace.errors import DatasetError, FeatureError, ModelError, NothingFound
from vatrace.inference.predictor import Predictor
from vatrace.models.build import build_model
from vatrace.models.checkpoint import FeatureSpec, SavedModel, save_model
from vatrace.recipes.submission_make import submission_make
from vatrace.recipes.watch import Silence
from vatrace.report.export import write_trace_csv
from vatrace.streams import Trace

NAN = float("nan")


class Listener(Silence):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def write_template(folder: Path, **rows: int) -> Path:
    """A template with dummy values, as the organisers' has them."""
    path = folder / "template.txt"
    lines = [f"{video}/{frame:05d}.jpg,0,0" for video, count in rows.items() for frame in range(1, count + 1)]
    path.write_text("".join(f"{line}\n" for line in ["image_location,valence,arousal", *lines]))
    return path


def write_run(folder: Path, *, face: Sequence[int] | None = None, **valences: Sequence[float]) -> str:
    """Predictions as `vatrace evaluate` writes them; arousal is half of valence."""
    for clip, values in valences.items():
        valence = np.array(values, float)
        trace = Trace(
            times_seconds=np.arange(len(valence)) / 25,
            valence=valence,
            arousal=valence / 2,
            valid=np.isfinite(valence),
            face_valid=np.array(face, bool) if face is not None else np.isfinite(valence),
            voice_valid=np.isfinite(valence),
        )
        write_trace_csv(folder / f"{clip}.csv", trace)
    return str(folder)


def rows_of(path: Path) -> list[str]:
    header, *rows = path.read_text().splitlines()
    assert header == "image_location,valence,arousal"
    return rows


def test_every_row_of_the_template_is_there_in_its_order_with_gaps_filled_and_the_end_held(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", b=[0.1, NAN, 0.3], a=[-0.5, -0.6], other=[0.0])
    template = write_template(tmp_path, b=5, a=1)  # not in the order of the alphabet; a is asked for in part
    out = submission_make([run], template=template, out=tmp_path / "out.txt")
    assert out.read_bytes() == (
        b"image_location,valence,arousal\n"
        b"b/00001.jpg,0.100000,0.050000\n"
        b"b/00002.jpg,0.200000,0.100000\n"
        b"b/00003.jpg,0.300000,0.150000\n"
        b"b/00004.jpg,0.300000,0.150000\n"
        b"b/00005.jpg,0.300000,0.150000\n"
        b"a/00001.jpg,-0.500000,-0.250000\n"
    )
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_rows_go_to_frames_by_their_number_and_not_by_their_place(tmp_path: Path) -> None:
    (tmp_path / "template.txt").write_text("image_location\na/00003.jpg\nb/00001.jpg\na/00001.jpg\n")
    run = write_run(tmp_path / "run", a=[0.1, 0.2, 0.3], b=[0.9])
    out = submission_make([run], template=tmp_path / "template.txt", out=tmp_path / "out.txt")
    assert rows_of(out) == [
        "a/00003.jpg,0.300000,0.150000",
        "b/00001.jpg,0.900000,0.450000",
        "a/00001.jpg,0.100000,0.050000",
    ]


def test_a_frame_without_a_face_is_interpolated_or_keeps_the_models_value(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", face=[1, 0, 1], a=[0.0, 0.8, 0.2])
    template = write_template(tmp_path, a=3)
    made = submission_make([run], template=template, out=tmp_path / "line.txt")
    assert rows_of(made)[1] == "a/00002.jpg,0.100000,0.050000"
    made = submission_make([run], template=template, out=tmp_path / "model.txt", without_face="model")
    assert rows_of(made)[1] == "a/00002.jpg,0.800000,0.400000"


def test_a_clip_without_any_face_takes_the_voices_values_and_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", face=[0, 0, 0], a=[0.1, 0.2, 0.4])
    listener = Listener()
    out = submission_make([run], template=write_template(tmp_path, a=3), out=tmp_path / "out.txt", watch=listener)
    assert rows_of(out)[1] == "a/00002.jpg,0.200000,0.100000"
    assert any("a: no frame has a face" in said for said in listener.said)


def test_a_clip_without_any_value_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", a=[0.1, 0.2], b=[NAN, NAN])
    with pytest.raises(DatasetError, match="b: no frame has a value"):
        submission_make([run], template=write_template(tmp_path, a=2, b=2), out=tmp_path / "out" / "out.txt")
    assert list((tmp_path / "out").iterdir()) == []


def test_runs_are_averaged_and_one_that_is_silent_in_a_clip_is_left_out_aloud(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "one", a=[0.2, 0.4], b=[0.1, 0.3]),
        write_run(tmp_path / "two", a=[0.4, 0.8], b=[NAN, NAN]),
    ]
    listener = Listener()
    template = write_template(tmp_path, a=2, b=2)
    out = submission_make(runs, template=template, out=tmp_path / "out.txt", watch=listener)
    assert [row.split(",")[1] for row in rows_of(out)] == ["0.300000", "0.600000", "0.100000", "0.300000"]
    assert any(f"b: {runs[1]} has no value" in said for said in listener.said)


def test_centring_leaves_out_the_movement_of_a_run_that_contradicts_two_others(tmp_path: Path) -> None:
    curve = [-0.3, 0.0, 0.3]
    runs = [
        write_run(tmp_path / "one", a=curve),
        write_run(tmp_path / "two", a=curve),
        write_run(tmp_path / "three", a=[0.6, 0.3, 0.0]),
    ]
    template = write_template(tmp_path, a=3)
    out = submission_make(runs, template=template, out=tmp_path / "out.txt", ensemble="ccc-centred")
    # mean level 0.1 and the movement of the two
    assert [row.split(",")[1] for row in rows_of(out)] == ["-0.200000", "0.100000", "0.400000"]


def test_each_dimension_is_smoothed_by_its_own_window_after_the_runs_are_combined(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "one", a=[0.0, 0.6, 0.0]), write_run(tmp_path / "two", a=[0.0, 0.0, 0.0])]
    template = write_template(tmp_path, a=3)
    out = submission_make(runs, template=template, out=tmp_path / "out.txt", smooth_valence=3)
    assert rows_of(out) == [
        "a/00001.jpg,0.150000,0.000000",
        "a/00002.jpg,0.100000,0.150000",
        "a/00003.jpg,0.150000,0.000000",
    ]


def test_values_are_clipped_after_all_else(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", a=[1.4, -0.2, -3.0])
    template = write_template(tmp_path, a=3)
    out = submission_make([run], template=template, out=tmp_path / "out.txt")
    assert [row.split(",")[1] for row in rows_of(out)] == ["1.000000", "-0.200000", "-1.000000"]
    out = submission_make([run], template=template, out=tmp_path / "out.txt", smooth_valence=3)
    assert rows_of(out)[0].split(",")[1] == "0.600000"  # (1.4 - 0.2) / 2; clipped before it would be 0.4


def test_missing_videos_are_counted_and_named_and_nothing_is_written(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", a=[0.1])
    template = write_template(tmp_path, a=1, b=1, c=1)
    with pytest.raises(NothingFound, match=r"2 of the template's 3 videos are not in .*run: b, c\."):
        submission_make([run], template=template, out=tmp_path / "out.txt")
    assert not (tmp_path / "out.txt").exists()


def test_what_does_not_pass_the_check_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "run", a=[0.1, 0.2])
    template = write_template(tmp_path, a=2)
    (tmp_path / "out.txt").write_text("image_location,valence,arousal\nold,0,0\n")
    monkeypatch.setattr("vatrace.datasets.submission.submission_row", lambda *_: b"a/00001.jpg,0,0\n")
    listener = Listener()
    with pytest.raises(DatasetError, match="does not pass"):
        submission_make([run], template=template, out=tmp_path / "out.txt", watch=listener)
    assert (tmp_path / "out.txt").read_text().endswith("old,0,0\n")
    assert any(said.startswith("error: 1 x duplicate-row") for said in listener.said)


def test_neither_the_template_nor_somebody_elses_file_is_overwritten(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", a=[0.1, 0.2])
    template = write_template(tmp_path, a=2)
    before = template.read_bytes()
    with pytest.raises(ValueError, match="is the template"):
        submission_make([run], template=template, out=tmp_path / "run" / ".." / "template.txt")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="is no submission"):
        submission_make([run], template=template, out=tmp_path / "notes.txt")
    assert (template.read_bytes(), (tmp_path / "notes.txt").read_text()) == (before, "mine")


def test_options_that_cannot_be_are_usage_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run", a=[0.1, 0.2])
    template = write_template(tmp_path, a=2)
    out = ["--template", str(template), "--out", str(tmp_path / "out.txt")]
    assert main(["submission", "make", run, *out, "--smooth-arousal", "50"]) == 2
    assert "--smooth-arousal must be 0 or an odd number, so that it has a middle; got 50" in capsys.readouterr().err
    assert main(["submission", "make", str(tmp_path / "none"), *out]) == 3
    assert "neither a model folder" in capsys.readouterr().err
    assert main(["submission", "make", run, *out, "--ensemble", "ccc-centred"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'out.txt'}\n"
    assert "2 rows of 1 videos" in said.err


def test_a_table_that_is_no_trace_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "a.csv").write_text("frame,valence\n1,0.5\n")
    with pytest.raises(DatasetError, match=r"a\.csv lacks the column"):
        submission_make([str(tmp_path / "run")], template=write_template(tmp_path, a=1), out=tmp_path / "out.txt")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    sizes = ModelConfig(dim=8, tcn_layers=2, encoder_layers=1, encoder_heads=2, feed_forward=8)
    spec = FeatureSpec(visual_dim=VISUAL_DIM, acoustic=("mfcc",), audio_dims=(MFCC_DIM,), identities=IDENTITIES)
    network = build_model(sizes, visual_dim=VISUAL_DIM, audio_dims=(MFCC_DIM,)).eval()
    window = WindowConfig(window_frames=60, stride_frames=40)
    save_model(tmp_path / "model", SavedModel(network=network, model=sizes, window=window, features=spec))
    return tmp_path / "model"


def test_a_model_and_the_predictions_it_wrote_give_the_same_submission(tmp_path: Path, model: Path) -> None:
    features = tmp_path / "features"
    features.mkdir()
    rows = {"a": 90, "b": 40}
    for seed, (clip, frames) in enumerate(rows.items()):
        made = make_clip(features, clip, seed, frames=frames)
        trace = Predictor.from_folder(model).trace(made.features.read())
        write_trace_csv(tmp_path / "predictions" / f"{clip}.csv", trace)
    template = write_template(tmp_path, a=91, b=40)  # annotations often have one row more than there are frames
    from_model = submission_make([str(model)], template=template, features=features, out=tmp_path / "1.txt")
    from_table = submission_make([str(tmp_path / "predictions")], template=template, out=tmp_path / "2.txt")
    together = submission_make(
        [str(model), str(tmp_path / "predictions")], template=template, features=features, out=tmp_path / "3.txt"
    )
    values = [
        np.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 2)) for path in (from_model, from_table, together)
    ]
    assert values[0].shape == (131, 2)
    np.testing.assert_allclose(values[0], values[1], atol=1.01e-6)  # the tables have six decimals
    np.testing.assert_allclose(values[0], values[2], atol=1.01e-6)
    assert values[0].std(axis=0).min() > 0
    report = check_submission(from_model, template)
    assert (report.findings, report.rows) == ((), 131)


def test_a_model_needs_features_of_its_own_kind(tmp_path: Path, model: Path) -> None:
    template = write_template(tmp_path, a=40)
    with pytest.raises(ValueError, match="name their folder with --features"):
        submission_make([str(model)], template=template, out=tmp_path / "out.txt")
    make_clip(tmp_path, "a", 0, frames=40, identities=IDENTITIES | {"visual": "visual:another"})
    with pytest.raises(FeatureError, match="visual:another"):
        submission_make([str(model)], template=template, features=tmp_path, out=tmp_path / "out.txt")
    (model / "config.yaml").write_text("{}")
    with pytest.raises(ModelError, match=r"config\.yaml"):
        submission_make([str(model)], template=template, features=tmp_path, out=tmp_path / "out.txt")
    assert not (tmp_path / "out.txt").exists()
