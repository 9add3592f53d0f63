import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from tests.features.server import Answer, LocalServer, serving
from vatrace import cli
from vatrace.errors import ModelError
from vatrace.features import download, weights
from vatrace.features.weights import EMOTIEFF, VGGISH, VGGISH_PCA, find_weights
from vatrace.recipes.weights import weights as recipe

CONTENT = b"weights of VGGish, for a test" * 1000
PREFIX = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vatrace"


@pytest.fixture
def release(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """A release on this machine: the network's file is the known one, that of the PCA is not."""
    known = replace(VGGISH, sha256_prefix=PREFIX)
    monkeypatch.setattr(weights, "WEIGHTS_FILES", {"vggish": known, "vggish_pca": VGGISH_PCA})
    monkeypatch.setattr(download, "ALLOWED_SCHEMES", ("http",))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    answers = {f"/{each.file}": Answer(CONTENT, len(CONTENT)) for each in (VGGISH, VGGISH_PCA)}
    with serving(answers) as server:
        monkeypatch.setattr(weights, "_RELEASE", server.url)
        yield server


def test_weights_go_to_the_cache_where_they_are_found_and_are_not_fetched_twice(
    release: LocalServer, cache: Path
) -> None:
    assert recipe(["vggish"]).done == (cache / "vggish-10086976.pth",)
    assert find_weights(VGGISH).read_bytes() == CONTENT
    assert recipe(["vggish", "vggish"]).done == (cache / "vggish-10086976.pth",)
    assert len(release.asked) == 1


def test_a_damaged_file_and_what_a_killed_download_left_are_replaced(release: LocalServer, tmp_path: Path) -> None:
    (tmp_path / VGGISH.file).write_bytes(CONTENT[:100])
    (tmp_path / ".vggish-10086976.4711.part.pth").write_bytes(b"half")
    assert recipe(["vggish"], out=tmp_path).done == (tmp_path / VGGISH.file,)
    assert (tmp_path / VGGISH.file).read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == [VGGISH.file]


def test_one_that_fails_is_named_and_the_others_are_fetched(
    release: LocalServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["weights", "vggish_pca", "vggish", "--out", str(tmp_path / "w")]) == cli.SOME_FAILED
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'w' / VGGISH.file}\n"
    (failure,) = [line for line in said.err.splitlines() if line.startswith("failed: ")]
    assert "/vggish_pca_params-970ea276.pth gave another file" in failure
    assert "expected 970ea276" in failure
    assert [path.name for path in (tmp_path / "w").iterdir()] == [VGGISH.file]


def test_an_unknown_name_is_a_usage_error_and_asks_nothing(
    release: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["weights", "vgg"]) == cli.USAGE
    assert "no weights called vgg; choose of vggish, vggish_pca" in capsys.readouterr().err
    assert release.asked == []


def test_the_licence_of_a_face_network_is_said_before_it_is_fetched(
    cache: Path, release: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blob = hashlib.sha1(f"blob {len(CONTENT)}\0".encode() + CONTENT).hexdigest()
    known = replace(EMOTIEFF, folder=release.url, git_blob=blob)
    monkeypatch.setattr(weights, "WEIGHTS_FILES", {"emotieff": known})
    release.answers[f"/{EMOTIEFF.file}"] = Answer(CONTENT, len(CONTENT))
    for _ in range(2):
        assert cli.main(["weights", "emotieff"]) == 0
        said = capsys.readouterr()
        assert said.out == f"{cache / 'enet_b0_8_va_mtl.onnx'}\n"
        assert "declared Apache-2.0, but trained on AffectNet and VGGFace2, whose own terms" in said.err.replace(
            "\n", " "
        )
    assert (cache / EMOTIEFF.file).read_bytes() == CONTENT
    assert release.asked == ["/enet_b0_8_va_mtl.onnx"]


class Listener:
    """Remembers how far it was told that something has come."""

    told: ClassVar[list[int | None]] = []

    def say(self, text: str) -> None:
        """Drop the line."""

    def track(self, label: str, total: int) -> "Listener":
        assert (label, total) == ("vggish-10086976.pth, MB", 289)
        return self

    def __enter__(self):  # type: ignore[no-untyped-def]
        return lambda steps=1, *, done=None, total=None, shown=None: self.told.append(done)

    def __exit__(self, *error: object) -> None: ...


def test_progress_is_told_in_megabytes(release: LocalServer, tmp_path: Path) -> None:
    release.answers[f"/{VGGISH.file}"].content = b"0" * 2_500_000
    release.answers[f"/{VGGISH.file}"].declared = 2_500_000
    listener = Listener()
    assert recipe(["vggish"], out=tmp_path, watch=listener).failed  # other content, other hash
    assert listener.told == sorted(listener.told)
    assert listener.told[-1] == 2


def test_the_pinned_files_carry_the_start_of_their_hash_in_their_name_as_torch_hub_has_it() -> None:
    for each in (VGGISH, VGGISH_PCA):
        assert each.file.removesuffix(".pth").endswith(f"-{each.sha256_prefix}")
        assert each.url == f"https://github.com/harritaylor/torchvggish/releases/download/v0.1/{each.file}"
        assert 0 < each.approximate_bytes < each.max_bytes


@pytest.mark.usefixtures("cache")
def test_a_file_that_is_not_there_is_missed_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    for wanted, given in ((VGGISH, None), (VGGISH, tmp_path / "none.pth"), (VGGISH_PCA, None)):
        with pytest.raises(
            ModelError, match=rf"`vatrace weights {wanted.name}` downloads them \(.* MB\) from https://"
        ):
            find_weights(wanted, given)
