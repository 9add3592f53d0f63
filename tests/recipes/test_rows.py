"""Every file in configs/ loads, builds and runs; a mistake in one is named."""

from pathlib import Path

import pytest
import torch

from vatrace.config import ModelConfig, TrainConfig
from vatrace.errors import NothingFound
from vatrace.features.visual import build_network
from vatrace.models.build import build_model
from vatrace.nn.width import encoded_dim
from vatrace.recipes.rows import Row, configs_folder, load_rows, load_size

ROWS, SIZES = load_rows(), ("drawn", "paper")


def test_every_file_is_a_row_or_a_size() -> None:
    files = sorted(configs_folder().rglob("*.yaml"))
    assert len(files) == len(ROWS) + len(SIZES)
    for path in files:
        head = path.read_text().splitlines()[:4]
        assert all(line.startswith("#") for line in head[:3])
        assert any(line.startswith("# Cost: ") for line in head)
        assert any(line.startswith("# Command: vatrace reproduce ") for line in head)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.table}-{row.name}")
@pytest.mark.parametrize("size", SIZES)
def test_every_row_builds_and_runs_forward_at_every_size(row: Row, size: str) -> None:
    loaded = load_size(size)
    dims = (3,) * len(loaded.acoustic)
    network = build_model(loaded.model_of(row), visual_dim=6, audio_dims=dims).eval()
    frames = torch.ones(1, 9, dtype=torch.bool)
    values = network(torch.randn(1, 9, 6), torch.randn(1, 9, sum(dims)), frames, frames).values
    assert values.shape == (1, 9, 2)
    assert torch.isfinite(values).all()
    assert loaded.train_of(row, seed=7).seed == 7


def test_the_size_of_the_paper_leaves_model_and_training_as_they_are() -> None:
    paper = load_size("paper")
    bdca = next(row for row in ROWS if (row.table, row.name) == (4, "bdca"))
    assert paper.model_of(bdca) == ModelConfig()
    assert paper.train_of(bdca, seed=0) == TrainConfig()


def test_rows_of_two_tables_that_are_one_model_are_known_to_be_so() -> None:
    for size in SIZES:
        key = load_size(size).key_of
        keys = {(row.table, row.name): key(row) for row in ROWS}
        assert keys[1, "bdca"] == keys[4, "bdca"]
        assert keys[3, "mae"] == keys[4, "only-visual"]
        assert keys[1, "baseline"] == keys[4, "baseline"]
        assert len(set(keys.values())) == len(ROWS) - 3


def test_figures_of_the_paper_are_those_of_its_tables() -> None:
    for row in ROWS:
        for valence, arousal, average in row.paper.values():
            assert (valence + arousal) / 2 == pytest.approx(average, abs=0.0011)  # the paper rounds three times
    by_fold = next(row for row in ROWS if (row.table, row.name) == (1, "bdca")).paper
    assert {fold: values[2] for fold, values in by_fold.items()} == {
        0: 0.614, 1: 0.588, 2: 0.581, 3: 0.632, 4: 0.614, 5: 0.616,
    }  # fmt: skip
    assert all(row.ours == (not row.paper) for row in ROWS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("table: 4\norder: 1\ntitle: x\nmodle: {}\n", "has no modle"),
        ("table: 4\norder: 1\ntitle: x\nmodel: {heads: 4}\n", "has no heads"),
        ("table: 2\norder: 1\ntitle: x\n", "table must be one of"),
        ("table: 4\norder: 1\ntitle: x\nencoder: best\n", "encoder must be one of"),
        ("table: 4\ntitle: x\n", "order"),
        ("- a\n- b\n", "must hold keys and values"),
        ("a: [\n", "is no YAML"),
    ],
)
def test_a_mistake_in_a_row_names_its_file(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "table4").mkdir()
    (tmp_path / "table4" / "mine.yaml").write_text(text)
    with pytest.raises(ValueError, match=message) as told:
        load_rows(tmp_path)
    assert "mine.yaml" in str(told.value)


def test_a_mistake_in_a_size_names_its_file_and_an_unknown_size_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((configs_folder() / "sizes" / "drawn.yaml").read_text() + "colour: blue\n")
    with pytest.raises(ValueError, match=r"mine\.yaml: Size has no colour"):
        load_size(str(path))
    path.write_text("title: x\n")
    with pytest.raises(ValueError, match=r"mine\.yaml does not say 'encoder'"):
        load_size(str(path))
    with pytest.raises(NothingFound, match=r"no such size \(drawn, paper\)"):
        load_size("enormous")


@pytest.mark.parametrize("size", SIZES)
def test_every_encoder_of_a_size_can_be_built_and_the_small_ones_run(size: str) -> None:
    loaded = load_size(size)
    for plan in (loaded.encoder, loaded.baseline):
        is_small = plan.start.image_pixels <= 64
        with torch.device("cpu" if is_small else "meta"):
            network = build_network(plan.start).eval()
        pixels = plan.start.image_pixels
        images = torch.zeros(1, 3, pixels, pixels, device="cpu" if is_small else "meta")
        assert network(images).shape == (1, encoded_dim(network))
