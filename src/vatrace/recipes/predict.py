"""`vatrace predict`: a trace of somebody's own videos."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vatrace import __version__
from vatrace.errors import DatasetError, NothingFound, VatraceError, shown
from vatrace.files import remove_parts, sha256_of, write_text
from vatrace.recipes.inputs import find_videos, unique_names
from vatrace.recipes.summary_table import SUMMARY, person_facts, write_summary
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.inference.video import VideoPredictor, VideoResult


def predict(
    videos: Sequence[str],
    *,
    out: Path = Path("results"),
    model: Path | None = None,
    formats: str = "csv",
    people: int = 8,
    vggish_weights: Path | None = None,
    face_model: str | None = None,
    watch: Watch = SILENCE,
) -> BatchResult:
    """Write the valence-arousal trace of videos: OUT/<clip>.csv, one row a frame, with a sidecar OUT/<clip>.json.

    Columns: frame (the first is 1), time in seconds as the container says, person (0 is the main one), valence,
    arousal, face and voice (1 where there was one: the value rests on it), face_score, gate_face and gate_voice (how
    far each rests on itself). An empty field is missing. Everybody in a clip has the same voice: who speaks is not told
    apart. The sidecar says which share of the frames rests on both, on one, or has no value, and when a channel was
    missing. Of several clips, OUT/summary.csv has a row a clip and person.

    Files of sound alone work, too; their rows are 0.04 s apart. Clips whose files are there, of the same clip and
    model, are kept. A clip that cannot be read is named at the end, and the others are done.

    Example: vatrace predict interview.mp4 --out results --formats csv,html

    Args:
        videos: files, folders or patterns.
        out: folder to write; - writes the CSV of one video to standard output.
        model: model folder; without it the starter model that vatrace brings.
        formats: what to write beside the CSV, separated by commas: parquet, json, eaf, textgrid, vtt, overlay, html.
        people: how many people of a clip at most, the main one first; 1 is the main one alone.
        vggish_weights: the file vggish-10086976.pth, for a model that takes VGGish features; without it the one that
            `vatrace weights vggish` fetched.
        face_model: read the face by another network than the starter's own: emotieff, which `vatrace weights emotieff`
            fetched, or an ONNX file of that form. Goes with the starter model alone.
    """
    # Threads of torch that spin while they wait would steal from those that decode and detect: 17 ms of computing a
    # frame instead of 21. It is read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from vatrace.features.extract import OFFICIAL_CROPS
    from vatrace.inference import starter_folder
    from vatrace.inference.choice import ModelChoice

    if people < 1:
        raise ValueError(f"--people must be 1 or more, got {people}.")
    choice = ModelChoice(model=model, vggish_weights=vggish_weights, face_model=face_model)
    wanted = _formats_of(formats)
    paths, failed = _clips_of(videos)
    folder, predictor = choice.folder, choice.load()
    remark = predictor.predictor.model.provenance.get("remark")
    if remark:
        watch.say(str(remark) if folder == starter_folder() else f"model {folder}: {remark}")
    if predictor.predictor.model.provenance.get("faces") == OFFICIAL_CROPS:
        watch.say("the model has learned from official face pictures; those found here are cut in another way.")
    job = _Job(folder, predictor, wanted, people, watch, has_other_face=face_model is not None)
    if str(out) == "-":
        return _to_stdout(paths, job)
    remove_parts(out)
    done: list[Path] = []
    rows: list[tuple[str, list[dict[str, Any]]]] = []
    is_batch = len(paths) > 1
    for name, path in paths.items():
        try:
            if is_batch and f"{name}.csv" == SUMMARY:
                raise DatasetError(f"{path} would write {SUMMARY}, which is the table of all clips; rename it.")
            facts = _predict_clip(path, out / f"{name}.csv", job)
        except (VatraceError, OSError) as error:
            failed.append((str(path), error))
        else:
            done.append(out / f"{name}.csv")
            rows.append((path.name, facts["people"]))
    if is_batch and rows:
        write_summary(out / SUMMARY, rows)
        watch.say(f"{len(rows)} of {len(paths)} clips are done; {out / SUMMARY} has a row for each person in them.")
    return BatchResult(tuple(done), tuple(failed))


@dataclass(frozen=True)
class _Job:
    """What is wanted of every clip."""

    folder: Path
    predictor: VideoPredictor
    formats: tuple[str, ...]
    people: int
    watch: Watch
    has_other_face: bool

    @property
    def made_from(self) -> dict[str, object]:
        """What a trace depends on besides its clip."""
        model = _model_id(self.folder)
        if self.has_other_face:
            model += f"+{self.predictor.pipeline.visual.identity}"
        return {"model": model, "vatrace": __version__, "people_at_most": self.people}


def _formats_of(text: str) -> tuple[str, ...]:
    """Formats besides the CSV, which is always written."""
    from vatrace.report.formats import check_formats

    names = dict.fromkeys(name.strip() for name in text.split(",") if name.strip())
    check_formats(tuple(names))
    return tuple(name for name in names if name != "csv")


def _clips_of(names: Sequence[str]) -> tuple[dict[str, Path], list[tuple[str, VatraceError | OSError]]]:
    """Clips by their names, and the folders and patterns that give none; those alone are an error."""
    found: dict[Path, None] = {}
    failed: list[tuple[str, VatraceError | OSError]] = []
    for name in names:
        try:
            found.update(dict.fromkeys(find_videos([name], with_sound_files=True)))
        except NothingFound as error:
            failed.append((name, error))
    if not found:
        raise failed[0][1]
    paths = unique_names(found)
    if not any(path.exists() for path in paths.values()):
        raise NothingFound(f"no such file: {', '.join(map(str, paths.values()))}.")
    return paths, failed


def _to_stdout(paths: dict[str, Path], job: _Job) -> BatchResult:
    import sys

    from vatrace.report.export import clip_csv_text

    if len(paths) != 1:
        raise ValueError(f"--out - writes one trace to standard output, got {len(paths)} videos; name a folder.")
    if job.formats:
        raise ValueError(f"--out - writes CSV alone, got --formats {','.join(job.formats)}; name a folder.")
    (path,) = paths.values()
    sys.stdout.write(clip_csv_text(_watched(path, job).people))
    return BatchResult()


def _predict_clip(path: Path, out: Path, job: _Job) -> dict[str, Any]:  # Any: what the sidecar holds
    """Write the files of one clip, unless they are there; returns what its sidecar says."""
    from vatrace.report.export import clip_csv_text, write_sidecar
    from vatrace.report.formats import path_of, write_formats

    if not path.exists():
        raise NothingFound(f"no such file: {path}.")
    stem = out.with_name(out.name.removesuffix(".csv"))
    sidecar = out.with_suffix(".json")
    formats = _possible_formats(path, job)
    files = [out, *(path_of(stem, name) for name in formats)]
    known = _known(sidecar, job.made_from, path) if path.is_file() and all(map(Path.is_file, files)) else None
    if known is not None:
        job.watch.say(f"{shown(path)}: up to date in {shown(out)}")
        return known
    if out.exists() and not sidecar.exists():
        raise DatasetError(f"{out} is there and was not written by vatrace; choose another --out, or move it away.")
    result = _watched(path, job)
    facts = {**job.made_from, "model_folder": job.folder.name, **_facts(path, result), **_model_facts(job.predictor)}
    write_text(out, clip_csv_text(result.people))
    write_sidecar(sidecar, **facts)
    if formats:
        with job.watch.track(f"{path.name} as files", len(result.trace) if "overlay" in formats else 0) as advance:
            write_formats(result.people, stem, formats, video=path, facts=facts, on_frames=advance)
    job.watch.say(_told(path, result))
    return facts


def _possible_formats(path: Path, job: _Job) -> tuple[str, ...]:
    """Those of the formats asked for that a file can have: curves are drawn into pictures, if there are some."""
    from vatrace.media.video import probe

    if "overlay" not in job.formats or probe(path).has_video:
        return job.formats
    job.watch.say(f"{path}: has no picture to draw curves into, so there is no overlay of it.")
    return tuple(name for name in job.formats if name != "overlay")


def _watched(path: Path, job: _Job) -> VideoResult:
    from vatrace.media.video import probe

    expected = probe(path).num_frames_estimate
    with job.watch.track(path.name, 2 * (expected or 0)) as advance:
        result = job.predictor.predict(path, people=job.people, on_frames=advance)
    for warning in result.features.warnings:
        job.watch.say(f"{shown(path)}: {warning}")
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
        "people": [person_facts(each) for each in result.people],
        "features": dict(features.identities),
        "warnings": list(features.warnings),
    }


def _model_facts(predictor: VideoPredictor) -> dict[str, object]:
    from vatrace.report.basis import NOTE

    saved = predictor.predictor.model
    return {
        "model_remark": saved.provenance.get("remark", ""),
        "window_frames": saved.window.window_frames,
        "stride_frames": saved.window.stride_frames,
        "note": NOTE,
    }


def _model_id(folder: Path) -> str:
    from vatrace.models.checkpoint import CONFIG

    return sha256_of(folder / CONFIG)[:16]  # the configuration names the sha256 of the weights and the encoder


def _known(sidecar: Path, made_from: Mapping[str, object], path: Path) -> dict[str, Any] | None:  # Any: see above
    """What a sidecar says, if it is of this clip and was made in this way; None if not."""
    try:
        facts: dict[str, Any] = json.loads(sidecar.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    same = all(facts.get(key) == value for key, value in made_from.items())
    return facts if same and facts.get("clip_sha256") == sha256_of(path) else None


def _told(path: Path, result: VideoResult) -> str:
    import sys

    from vatrace.report.terminal import clip_text, draws_blocks

    return clip_text(shown(path.name), result.people, blocks=draws_blocks(sys.stderr))
