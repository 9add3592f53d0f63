"""Where files of others come from, where they lie, and proof that they are the ones we know.

VGGish's are Google's (Apache-2.0), converted by torchvggish; the face network is EmotiEffLib's. None is a part of
vatrace. Nothing is downloaded unless somebody runs `vatrace weights`. A file is looked for at the path a person gives,
then in vatrace's cache folder, and is used only if its sha256 begins as pinned (torch hub's custom is to put the first
eight digits into the file's name), or, where it is kept in git, if it has its name there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vatrace.errors import ModelError
from vatrace.faces.weights import cache_folder
from vatrace.features.download import git_blob_of
from vatrace.files import sha256_of

_RELEASE = "https://github.com/harritaylor/torchvggish/releases/download/v0.1"
_EMOTIEFF_COMMIT = "f1df0e8548c666d268826e50b7de107fd5553e9d"
_EMOTIEFF_FOLDER = (
    f"https://raw.githubusercontent.com/sb-ai-lab/EmotiEffLib/{_EMOTIEFF_COMMIT}/models/affectnet_emotions/onnx"
)


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A file of others.

    Args:
        name: what `vatrace weights` calls it.
        file: the file's own name.
        sha256_prefix: what its sha256 begins with; empty where it is known by `git_blob`.
        git_blob: instead, its name in git: what `git hash-object` gives.
        approximate_bytes: about how large it is, for a progress bar.
        max_bytes: what it can be at most.
        holds: what is in it, in words.
        folder: address of the folder it is in; empty is torchvggish's release.
        licence: what is to be known of its licence before it is used, in words.
    """

    name: str
    file: str
    sha256_prefix: str = ""
    git_blob: str = ""
    approximate_bytes: int
    max_bytes: int
    holds: str
    folder: str = ""
    licence: str = ""

    @property
    def url(self) -> str:
        """Where it is released."""
        return f"{self.folder or _RELEASE}/{self.file}"


VGGISH = WeightsFile(
    name="vggish",
    file="vggish-10086976.pth",
    sha256_prefix="10086976",
    approximate_bytes=288_570_000,  # 72 million float32
    max_bytes=300_000_000,
    holds="VGGish weights",
)
VGGISH_PCA = WeightsFile(
    name="vggish_pca",
    file="vggish_pca_params-970ea276.pth",
    sha256_prefix="970ea276",
    approximate_bytes=180_000,
    max_bytes=1_000_000,
    holds="VGGish PCA parameters",
)
EMOTIEFF = WeightsFile(
    name="emotieff",
    file="enet_b0_8_va_mtl.onnx",
    git_blob="7ce9d6dd5b82b260bc19bfe7822a6ffa1abb6011",
    approximate_bytes=16_000_000,
    max_bytes=40_000_000,
    holds="face network",
    folder=_EMOTIEFF_FOLDER,
    licence="declared Apache-2.0, but trained on AffectNet and VGGFace2, whose own terms are for research only",
)
WEIGHTS_FILES = {each.name: each for each in (VGGISH, VGGISH_PCA, EMOTIEFF)}


def find_weights(wanted: WeightsFile, given: Path | None = None) -> Path:
    """Path of a file that is there; its hash is not looked at yet.

    Args:
        wanted: which file.
        given: where a person says it is; None looks in the cache folder.

    Raises:
        ModelError: it is not there; the message names the command that fetches it.
    """
    path = given or cache_folder() / wanted.file
    if not path.is_file():
        raise ModelError(
            f"there are no {wanted.holds} at {path}, and they are not part of vatrace: `vatrace weights {wanted.name}` "
            f"downloads them ({wanted.approximate_bytes / 1e6:.1f} MB) from {wanted.url}."
        )
    return path


def is_known(wanted: WeightsFile, path: Path) -> bool:
    """Whether there is a file at `path` and it has the pinned hash."""
    if not path.is_file():
        return False
    if wanted.git_blob:
        return git_blob_of(path) == wanted.git_blob
    return bool(wanted.sha256_prefix) and sha256_of(path).startswith(wanted.sha256_prefix)


def refuse_unless_known(wanted: WeightsFile, path: Path, sha256_prefix: str) -> None:
    """Raise ModelError unless the sha256 of the file at `path` begins with `sha256_prefix`."""
    found = sha256_of(path)
    if not found.startswith(sha256_prefix):
        raise ModelError(
            f"{path} does not hold the known {wanted.holds}: its sha256 is {found}, expected {sha256_prefix}...; "
            f"remove it and run `vatrace weights {wanted.name}`."
        )
