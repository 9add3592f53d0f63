"""`vatrace weights`: download what is not part of vatrace, when somebody asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import VatraceError
from vatrace.files import remove_parts
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.features.weights import WeightsFile

_MEGABYTE = 1_000_000


def weights(names: Sequence[str], *, out: Path | None = None, watch: Watch = SILENCE) -> BatchResult:
    """Download weights that vatrace can use but does not hold: vggish (289 MB), vggish_pca (0.2 MB), emotieff (16 MB).

    The first two are Google's VGGish (Apache-2.0) as torchvggish released it. emotieff is EmotiEffLib's face network
    enet_b0_8_va_mtl, for `vatrace predict --face-model emotieff`: declared Apache-2.0, but trained on AffectNet and
    VGGFace2, whose own terms are for research only. Only this command downloads them. A file is kept only if its hash
    is the known one; a download that was stopped starts afresh. What is there already is kept.

    Example: vatrace weights vggish

    Args:
        names: which of vggish, vggish_pca and emotieff.
        out: folder to write; without it vatrace's cache folder, where extract and predict find them by themselves.
    """
    from vatrace.faces.weights import cache_folder
    from vatrace.features.weights import WEIGHTS_FILES

    unknown = [name for name in names if name not in WEIGHTS_FILES]
    if unknown:
        raise ValueError(f"there are no weights called {', '.join(unknown)}; choose of {', '.join(WEIGHTS_FILES)}.")
    folder = out or cache_folder()
    remove_parts(folder)
    done, failed = [], []
    for wanted in dict.fromkeys(WEIGHTS_FILES[name] for name in names):
        try:
            done.append(_fetch(wanted, folder / wanted.file, watch))
        except (VatraceError, OSError) as error:
            failed.append((wanted.name, error))
    return BatchResult(tuple(done), tuple(failed))


def _fetch(wanted: WeightsFile, path: Path, watch: Watch) -> Path:
    from vatrace.features.download import download
    from vatrace.features.weights import is_known

    if wanted.licence:
        watch.say(f"{wanted.file}: {wanted.licence}")
    if is_known(wanted, path):
        watch.say(f"{path}: is there, and is the known file")
        return path
    if path.exists():
        watch.say(f"{path}: is there, but is damaged or another file; it is fetched again")
    watch.say(f"fetching {wanted.url}")
    received = 0
    with watch.track(f"{wanted.file}, MB", round(wanted.approximate_bytes / _MEGABYTE) or 1) as advance:

        def on_bytes(count: int) -> None:
            nonlocal received
            received += count
            advance(done=received // _MEGABYTE)

        download(
            wanted.url,
            path,
            sha256_prefix=wanted.sha256_prefix,
            git_blob=wanted.git_blob,
            max_bytes=wanted.max_bytes,
            on_bytes=on_bytes,
        )
    return path
