"""`vatrace predict`: a trace of somebody's own videos."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace import __version__
from vatrace.errors import DatasetError, NothingFound, VatraceError
from vatrace.files import remove_parts, sha256_of, write_text
from vatrace.recipes.inputs import find_videos, unique_names
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.inference.video import VideoPredictor, VideoResult

DEFAULT_MODEL = Path("demo") / "run" / "fold0"


def predict(
    videos: Sequence[str],
    *,
    out: Path = Path("results"),
    model: Path | None = None,
    vggish_weights: Path | None = None,
    watch: Watch = SILENCE,
) -> BatchResult:
    """Write the valence-arousal trace of videos: OUT/<clip>.csv, one row a frame, with a sidecar OUT/<clip>.json.

    Columns: frame (the first is 1), time in seconds as the container says, person, valence, arousal, face and voice (1
    where there was one: the value rests on it), gate_face and gate_voice (how far each rests on itself). An empty field
    is missing. The sidecar says which share of the frames rests on both, on one, or has no value, and when a channel
    was missing. Videos whose trace is there, of the same file and model, are kept. A video that cannot be read is
    named at the end, and the others are done.

    Example: vatrace predict interview.mp4 --out results

    Args:
        videos: files, folders or patterns.
        out: folder to write; - writes the CSV of one video to standard output.
        model: model folder; without it the starter model that vatrace brings.
        vggish_weights: the file vggish-10086976.pth, for a model that takes VGGish features; without it the one that
            `vatrace weights vggish` fetched.
    """
    from vatrace.inference.video import VideoPredictor

    paths = unique_names(find_videos(videos))
    missing = [path for path in paths.values() if not path.exists()]
    if len(missing) == len(paths):
        raise NothingFound(f"no such file: {', '.join(map(str, missing))}.")
    folder = model or _default_model()
    predictor = VideoPredictor.from_folder(folder, vggish_weights=vggish_weights)
    remark = predictor.predictor.model.provenance.get("remark")
    if remark:
        watch.say(f"model {folder}: {remark}")
    if str(out) == "-":
        return _to_stdout(paths, predictor, watch)
    remove_parts(out)
    done, failed = [], []
    for name, path in paths.items():
        try:
            done.append(_predict_clip(path, out / f"{name}.csv", folder, predictor, watch))
        except (VatraceError, OSError) as error:
            failed.append((str(path), error))
    return BatchResult(tuple(done), tuple(failed))


def _default_model() -> Path:
    from vatrace.inference import starter_folder

    if (starter_folder() / "config.yaml").is_file():
        return starter_folder()
    if not DEFAULT_MODEL.is_dir():
        raise NothingFound(
            f"no model was given and there is none in {DEFAULT_MODEL}; name one with --model, or run "
            "`make demo`, which trains one on drawn faces."
        )
    return DEFAULT_MODEL


def _to_stdout(paths: dict[str, Path], predictor: VideoPredictor, watch: Watch) -> BatchResult:
    import sys

    from vatrace.report.export import clip_csv_text

    if len(paths) != 1:
        raise ValueError(f"--out - writes one trace to standard output, got {len(paths)} videos; name a folder.")
    (path,) = paths.values()
    result = _watched(path, predictor, watch)
    sys.stdout.write(clip_csv_text(result.people))
    return BatchResult()


def _predict_clip(path: Path, out: Path, folder: Path, predictor: VideoPredictor, watch: Watch) -> Path:
    from vatrace.report.export import clip_csv_text, write_sidecar

    if not path.exists():
        raise NothingFound(f"no such file: {path}.")
    sidecar = out.with_suffix(".json")
    made_from = {"model": _model_id(folder), "vatrace": __version__}
    if out.is_file() and path.is_file() and _is_current(sidecar, made_from, path):
        watch.say(f"{path}: up to date in {out}")
        return out
    if out.exists() and not sidecar.exists():
        raise DatasetError(f"{out} is there and was not written by vatrace; choose another --out, or move it away.")
    result = _watched(path, predictor, watch)
    write_text(out, clip_csv_text(result.people))
    write_sidecar(sidecar, **made_from, model_folder=folder.name, **_facts(path, result), **_model_facts(predictor))
    watch.say(f"{path}: {_summary(result)}")
    return out


def _watched(path: Path, predictor: VideoPredictor, watch: Watch) -> VideoResult:
    from vatrace.media.video import probe

    expected = probe(path).num_frames_estimate
    with watch.track(path.name, 2 * (expected or 0)) as advance:
        result = predictor.predict(path, on_frames=advance)
    for warning in result.features.warnings:
        watch.say(f"{path}: {warning}")
    return result


def _facts(path: Path, result: VideoResult) -> dict[str, object]:
    from vatrace.report.basis import basis_shares
    from vatrace.report.spans import missing_spans

    trace, features = result.trace, result.features
    return {
        "clip": path.name,
        "clip_sha256": features.source_sha256,
        "frames": len(trace),
        "first_time_seconds": round(float(trace.times_seconds[0]), 6),
        "last_time_seconds": round(float(trace.times_seconds[-1]), 6),
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
        "features": dict(features.identities),
        "warnings": list(features.warnings),
    }


def _model_facts(predictor: VideoPredictor) -> dict[str, object]:
    saved = predictor.predictor.model
    return {
        "model_remark": saved.provenance.get("remark", ""),
        "window_frames": saved.window.window_frames,
        "stride_frames": saved.window.stride_frames,
        "note": "Expressed affect as raters would mark it, not what a person feels; not for judging people.",
    }


def _model_id(folder: Path) -> str:
    from vatrace.models.checkpoint import CONFIG

    return sha256_of(folder / CONFIG)[:16]  # the configuration names the sha256 of the weights and the encoder


def _is_current(sidecar: Path, made_from: dict[str, str], path: Path) -> bool:
    try:
        facts = json.loads(sidecar.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    same = all(facts.get(key) == value for key, value in made_from.items())
    return same and facts.get("clip_sha256") == sha256_of(path)


def _summary(result: VideoResult) -> str:
    import numpy as np

    from vatrace.report.basis import basis_words

    trace = result.trace
    seconds = float(trace.times_seconds[-1] - trace.times_seconds[0])
    valence, arousal = float(np.nanmean(trace.valence)), float(np.nanmean(trace.arousal))
    return (
        f"{len(trace)} frames in {seconds:.1f} s, mean valence {valence:+.2f}, mean arousal {arousal:+.2f}; "
        f"values rest {basis_words(trace)}"
    )
