"""`vatrace live`: the page of `vatrace serve`, opened at the camera."""

from __future__ import annotations

from pathlib import Path

from vatrace.recipes.watch import SILENCE, Watch

PAGE = "live"  # part of the page, after the #


def live(
    *,
    model: Path | None = None,
    vggish_weights: Path | None = None,
    face_model: str | None = None,
    port: int = 0,
    watch: Watch = SILENCE,
) -> str:
    """Open a page that traces whoever is in front of the camera, on this machine only.

    It is the page of `vatrace serve`, opened where camera and microphone are; they begin when you say so there, and
    nothing of them is stored. A value comes within a second of its picture; where this machine is slow, pictures are
    left out. The model has to look back only, as the starter model does.

    Example: vatrace live

    Args:
        model: model folder; without it the starter model that vatrace brings.
        vggish_weights: the file vggish-10086976.pth, for a model that takes VGGish features.
        face_model: read the face by another network than the starter's own: emotieff, which `vatrace weights emotieff`
            fetched, or an ONNX file of that form. Goes with the starter model alone.
        port: to listen on; 0 takes a free one.
    """
    from vatrace.inference.choice import ModelChoice
    from vatrace.web.limits import Limits
    from vatrace.web.serve import LOOPBACK, check_installed, check_port

    check_port(port)
    choice = ModelChoice(model=model, vggish_weights=vggish_weights, face_model=face_model)
    choice.refuse_unless_live()
    check_installed()
    from vatrace.web.run import run

    run(
        choice,
        host=LOOPBACK[0],
        port=port,
        limits=Limits(),
        say=watch.say,
        page=PAGE,
    )
    return "The server has ended."
