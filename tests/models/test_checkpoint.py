from pathlib import Path

import pytest
import yaml

from vatrace.config import ModelConfig, WindowConfig
from vatrace.errors import ModelError, NothingFound
from vatrace.models.build import build_model
from vatrace.models.checkpoint import FeatureSpec, SavedModel, load_model, save_model

SPEC = FeatureSpec(visual_dim=5, acoustic=("mfcc",), audio_dims=(3,), identities={"visual": "v", "mfcc": "m"})
MODEL = ModelConfig(dim=8, tcn_layers=1, encoder_layers=1, encoder_heads=2, feed_forward=8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    network = build_model(MODEL, visual_dim=5, audio_dims=(3,))
    window = WindowConfig(window_frames=30, stride_frames=20)
    save_model(tmp_path, SavedModel(network=network, model=MODEL, window=window, features=SPEC))
    return tmp_path


def edit(folder: Path, **changes: object) -> None:
    description = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump({**description, **changes}))


def test_windows_come_from_the_model_and_not_from_the_defaults(folder: Path) -> None:
    assert load_model(folder).window == WindowConfig(window_frames=30, stride_frames=20)


def test_no_model_in_the_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match=r"no model folder: it needs config.yaml"):
        load_model(tmp_path)


def test_weights_that_were_changed_are_refused(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(content))
    with pytest.raises(ModelError, match=r"not the file that config.yaml describes"):
        load_model(folder)


def test_an_unknown_size_is_refused_by_name(folder: Path) -> None:
    edit(folder, model={"dim": 8, "depth": 3})
    with pytest.raises(ModelError, match="ModelConfig has no depth"):
        load_model(folder)


def test_sizes_that_do_not_fit_the_weights_are_refused(folder: Path) -> None:
    edit(folder, model={"dim": 16, "tcn_layers": 1, "encoder_layers": 1, "encoder_heads": 2, "feed_forward": 8})
    with pytest.raises(ModelError, match=r"does not fit config.yaml"):
        load_model(folder)


def test_a_configuration_that_would_run_code_is_refused(folder: Path) -> None:
    (folder / "config.yaml").write_text("!!python/object/apply:os.system ['true']")
    with pytest.raises(ModelError, match="cannot be used"):
        load_model(folder)


def test_a_folder_of_an_older_version_with_one_width_for_all_audio_is_read(folder: Path) -> None:
    features = {"visual_dim": 5, "acoustic": ["vggish", "mfcc"], "audio_dim": 3, "identities": {}}
    sizes = {"dim": 8, "tcn_layers": 1, "encoder_layers": 1, "encoder_heads": 2, "feed_forward": 8}
    edit(folder, features=features, model=sizes, kind="bdca")
    saved = load_model(folder)
    assert saved.features.audio_dims == (3,)
    assert saved.features.audio_dim == 3
    assert saved.model == MODEL


def test_widths_of_the_acoustic_streams_come_back_one_by_one(folder: Path, tmp_path: Path) -> None:
    spec = FeatureSpec(visual_dim=5, acoustic=("vggish", "mfcc"), audio_dims=(2, 1), identities={})
    network = build_model(MODEL, visual_dim=5, audio_dims=spec.audio_dims)
    save_model(tmp_path / "two", SavedModel(network=network, model=MODEL, window=WindowConfig(), features=spec))
    assert load_model(tmp_path / "two").features == spec
    assert spec.audio_dim == 3


def test_widths_that_do_not_fit_the_streams_are_refused() -> None:
    with pytest.raises(ValueError, match=r"audio_dims \[1, 2\] does not fit the acoustic streams \['mfcc'\]"):
        FeatureSpec(visual_dim=5, acoustic=("mfcc",), audio_dims=(1, 2), identities={})


def test_a_configuration_that_no_network_can_have_is_refused_as_the_folders_fault(folder: Path) -> None:
    edit(folder, model={"dim": 8, "tcn_kernel": 4, "causal": False})
    with pytest.raises(ModelError, match=r"does not fit config.yaml: a non-causal network needs an odd kernel"):
        load_model(folder)
