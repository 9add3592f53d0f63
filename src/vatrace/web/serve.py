"""`vatrace serve`: the page for traces of one's own clips, on this machine."""

from __future__ import annotations

from pathlib import Path

from vatrace.errors import NothingFound
from vatrace.recipes.watch import SILENCE, Watch

HIGHEST_PORT = 2**16 - 1  # of TCP
LOOPBACK = ("127.0.0.1", "localhost")


def serve(
    *,
    model: Path | None = None,
    vggish_weights: Path | None = None,
    face_model: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    expose: bool = False,
    max_mb: int = 500,
    max_minutes: float = 30.0,
    max_clips: int = 20,
    keep_minutes: float = 60.0,
    watch: Watch = SILENCE,
) -> str:
    """Open a page for traces of your own clips, on this machine only: drop a video, or record one.

    The address that is printed holds a secret; whoever has it can use the page. Clips are read on this machine, are
    never sent anywhere, and are deleted when you remove them, after a while, and when the server ends (Ctrl-C).

    Example: vatrace serve

    Args:
        model: model folder; without it the starter model that vatrace brings.
        vggish_weights: the file vggish-10086976.pth, for a model that takes VGGish features; without it the one that
            `vatrace weights vggish` fetched.
        face_model: read the face by another network than the starter's own: emotieff, which `vatrace weights emotieff`
            fetched, or an ONNX file of that form. Goes with the starter model alone.
        host: address to listen on; another one than this machine's own needs --expose.
        port: to listen on; 0 takes a free one.
        expose: let other machines in. What they send and see is not encrypted, the secret included; use it only in a
            network where you trust everybody.
        max_mb: the largest clip that is taken, in MB.
        max_minutes: the longest clip that is taken.
        max_clips: the most clips at the same time.
        keep_minutes: how long a clip is kept after it was last looked at.
    """
    from vatrace.web.limits import MIB, Limits

    check_port(port)
    for option, value in (
        ("--max-mb", max_mb),
        ("--max-minutes", max_minutes),
        ("--max-clips", max_clips),
        ("--keep-minutes", keep_minutes),
    ):
        if value <= 0:
            raise ValueError(f"{option} must be a number above 0, got {value}.")
    if host not in LOOPBACK and not expose:
        raise ValueError(
            f"--host {host} lets other machines in, and what they send is not encrypted; add --expose if that is meant."
        )
    limits = Limits(
        max_bytes=max_mb * MIB, max_seconds=max_minutes * 60, max_clips=max_clips, keep_seconds=keep_minutes * 60
    )
    check_installed()
    from vatrace.inference.choice import ModelChoice
    from vatrace.web.run import run

    choice = ModelChoice(model=model, vggish_weights=vggish_weights, face_model=face_model)
    run(choice, host=host, port=port, limits=limits, say=watch.say)
    return "The server has ended and its clips are deleted."


def check_port(port: int) -> None:
    """Raise unless something can listen there, or 0 is given.

    Raises:
        ValueError: there is no such port.
    """
    if not 0 <= port <= HIGHEST_PORT:
        raise ValueError(f"--port must be from 0, which takes a free one, to {HIGHEST_PORT}, got {port}.")


def check_installed() -> None:
    """Raise unless what the server is made of is there.

    Raises:
        NothingFound: something is missing.
    """
    from vatrace.extras import absent, install_line

    missing = absent(("starlette", "uvicorn", "wsproto"))
    if missing:
        raise NothingFound(f"the page needs {', '.join(missing)}; install them with: {install_line(missing)}")
