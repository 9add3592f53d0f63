"""The JSON beside a trace: what a reader needs to trust it, and what tells whether it is still the one wanted."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vatrace import __version__
from vatrace.errors import DatasetError
from vatrace.files import sha256_of
from vatrace.recipes.summary_table import person_facts

if TYPE_CHECKING:
    from vatrace.inference.video import VideoPredictor, VideoResult
    from vatrace.streams import TimeArray

PACKAGES = ("av", "numpy", "onnxruntime", "torch")
FILES = "formats"  # what there is of this very trace beside the table


def clip_facts(path: Path, result: VideoResult) -> dict[str, object]:
    """What there is to say of a clip: its hash and length, what its values rest on, the numbers of each person."""
    from vatrace.report.basis import basis_shares
    from vatrace.report.spans import missing_spans

    trace, features = result.trace, result.features
    return {
        "clip": path.name,
        "clip_sha256": features.source_sha256,
        "frames": len(trace),
        "first_time_seconds": round(float(trace.times_seconds[0]), 6),
        "last_time_seconds": round(float(trace.times_seconds[-1]), 6),
        **_rate(trace.times_seconds),
        "frames_with_face": int(features.streams["visual"].valid.sum()),
        "frames_with_voice": int(trace.voice_valid.sum()) if trace.voice_valid is not None else None,
        "rests_on": {kind: round(share, 6) for kind, share in basis_shares(trace).items()},  # shares of the frames
        "missing": [
            {
                "what": span.kind,
                "start_seconds": round(span.start_seconds, 6),
                "end_seconds": round(span.end_seconds, 6),
            }
            for span in missing_spans(trace)
        ],
        "people": [person_facts(each) for each in result.people],
        "features": dict(features.identities),
        "warnings": list(features.warnings),
    }


def _rate(times: TimeArray) -> dict[str, object]:
    """Frames a second by the usual step, and whether more than 1 % of the steps are 10 % and 2 ms off it."""
    import numpy as np

    steps = np.diff(times)
    if not len(steps):
        return {"frames_per_second": None, "has_varying_rate": False}
    usual = float(np.median(steps))
    is_off = np.abs(steps - usual) > max(0.1 * usual, 0.002)
    return {"frames_per_second": round(1 / usual, 3), "has_varying_rate": bool(is_off.mean() > 0.01)}


def model_facts(predictor: VideoPredictor) -> dict[str, object]:
    """What there is to say of a model and of what runs it, with a sentence for a paper."""
    import av

    from vatrace.report.basis import NOTE

    saved = predictor.predictor.model
    made_with = {name: version(name) for name in PACKAGES}
    return {
        "made_with": made_with | {"ffmpeg": str(av.ffmpeg_version_info), "python": platform.python_version()},
        "model_data": saved.provenance.get("data", ""),
        "methods": (
            f"Valence and arousal were estimated for every video frame with vatrace {__version__} (model of the "
            f"fusion {saved.model.fusion}), from faces found by RetinaFace "
            f"(MobileNet-0.25) and aligned by five landmarks, and from the voice by {_named(saved.features.acoustic)}, "
            "at the times of the container; frames without face and voice have no value."
        ),
        "model_remark": saved.provenance.get("remark", ""),
        "window_frames": saved.window.window_frames,
        "stride_frames": saved.window.stride_frames,
        "note": NOTE,
    }


def _named(acoustic: Sequence[str]) -> str:
    return " and ".join(acoustic) or "nothing"


def model_id(folder: Path) -> str:
    """Tells a model from every other."""
    from vatrace.models.checkpoint import CONFIG

    return sha256_of(folder / CONFIG)[:16]  # the configuration names the sha256 of the weights and the encoder


def known_facts(sidecar: Path, out: Path, made_from: Mapping[str, object], path: Path) -> dict[str, Any] | None:
    """What a sidecar says, if it is of this clip and was made in this way, and the table is there; None if not.

    Args:
        sidecar: the JSON beside the trace.
        out: the table.
        made_from: what a trace depends on besides its clip.
        path: the clip.

    Raises:
        DatasetError: somebody has changed the table, which would be lost.
    """
    facts = read_facts(sidecar)
    if facts is None or not path.is_file() or not out.is_file():
        return None
    if facts.get("csv_sha256") != sha256_of(out):
        raise DatasetError(f"{out} was changed after vatrace wrote it; move it away to have it made again.")
    same = all(facts.get(key) == value for key, value in made_from.items())
    return facts if same and facts.get("clip_sha256") == sha256_of(path) else None


def read_facts(sidecar: Path) -> dict[str, Any] | None:  # Any: whatever JSON can hold
    """What a sidecar says; None where there is none of ours."""
    try:
        facts = json.loads(sidecar.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and isinstance(facts.get(FILES), list) else None


def write_facts(sidecar: Path, facts: Mapping[str, Any], formats: Sequence[str]) -> None:  # Any: as above
    """Commit a sidecar, with the names of what there is of this trace beside the table."""
    from vatrace.report.export import write_sidecar

    write_sidecar(sidecar, **{**facts, FILES: list(dict.fromkeys(formats))})
