import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.training.made import make_clip
from vatrace.errors import FeatureError, NothingFound
from vatrace.features.store import open_features, save_features, write_manifest
from vatrace.files import sha256_of


def test_a_stretch_of_frames_is_the_same_as_that_stretch_of_the_whole(tmp_path: Path) -> None:
    file = make_clip(tmp_path, "clip", 0, frames=50).features
    whole, part = file.read(), file.read(10, 35)
    assert np.array_equal(part.times_seconds, whole.times_seconds[10:35])
    for name in ("visual", "mfcc"):
        assert np.array_equal(part.streams[name].values, whole.streams[name].values[10:35])
        assert np.array_equal(part.streams[name].valid, whole.streams[name].valid[10:35])
    assert (file.num_frames, file.dims, file.clip) == (50, {"mfcc": 4, "visual": 6}, "clip")


def test_writing_what_was_read_gives_the_same_bytes(tmp_path: Path) -> None:
    file = make_clip(tmp_path, "clip", 0).features
    save_features(tmp_path / "again.safetensors", file.read())
    assert sha256_of(tmp_path / "again.safetensors") == sha256_of(file.path)


def test_the_manifest_lists_every_file_with_its_hash(tmp_path: Path) -> None:
    for name in ("b", "a"):
        make_clip(tmp_path, name, 0, frames=10)
    (tmp_path / ".a.12.part.safetensors").write_bytes(b"left by a killed run")
    write_manifest(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert lines == [{"file": f"{n}.safetensors", "sha256": sha256_of(tmp_path / f"{n}.safetensors")} for n in "ab"]


def test_no_file_a_cut_file_and_a_strange_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match="`vatrace extract` makes them"):
        open_features(tmp_path / "none.safetensors")
    path = make_clip(tmp_path, "clip", 0).features.path
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FeatureError, match=r"damaged .* run `vatrace extract` again"):
        open_features(path)
    save_file({"x": np.zeros(2)}, tmp_path / "strange.safetensors")
    with pytest.raises(FeatureError, match="holds no vatrace features"):
        open_features(tmp_path / "strange.safetensors")
