"""`vatrace predict`: a trace of somebody's own videos."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vatrace import __version__
from vatrace.errors import DatasetError, NothingFound, VatraceError, shown, where
from vatrace.files import remove_parts, sha256_of, write_text
from vatrace.recipes.inputs import find_videos, unique_names
from vatrace.recipes.sidecar import FILES, clip_facts, known_facts, model_facts, model_id, read_facts, write_facts
from vatrace.recipes.summary_table import SUMMARY, Row, check_summary, write_summary
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.inference.video import VideoPredictor, VideoResult
    from vatrace.report.export import TracedPerson


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
    arousal, face and voice (1 where there was one: the value rests on it), face_score, gate_face and gate_voice (their
    weights: in the starter the share of each in the value). An empty field is missing. Everybody in a clip has the same
    voice: who speaks is not told apart. The sidecar says which share of the frames rests on both, on one, or has no
    value, and when a channel was missing. Of several clips, OUT/summary.csv has a row a clip and person, of those that
    were there before, too. Clips of one name are told apart by suffix or folder: talk_avi.csv, monday_talk.csv.

    Files of sound alone work, too; their rows are 0.04 s apart. What is there of the same clip and model is kept, and
    nothing is written over that vatrace did not write. A clip that cannot be read is named at the end, and the others
    are done.

    Example: vatrace predict interview.mp4 --out results --formats csv,html

    Args:
        videos: files, folders or patterns.
        out: folder to write; - writes the CSV of one video to standard output.
        model: model folder; without it the starter model that vatrace brings.
        formats: what to write beside the CSV, separated by commas: parquet, json, eaf, textgrid, vtt, overlay, html,
            png, svg.
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
    inputs = frozenset(path.resolve() for path in paths.values())
    job = _Job(folder, predictor, wanted, people, watch, has_other_face=face_model is not None, inputs=inputs)
    if str(out) == "-":
        return _to_stdout(paths, job)
    is_batch = len(paths) > 1
    _prepare(out, is_batch)
    done: list[Path] = []
    rows: list[Row] = []
    for name, path in paths.items():
        try:
            facts = _predict_clip(path, out / f"{name}.csv", job)
        except (VatraceError, OSError) as error:
            failed.append((str(path), error))
        except Exception as error:  # whatever a library does not expect of a file; the other clips have their chance
            if not is_batch:
                raise
            failed.append((str(path), VatraceError(f"{path} could not be worked on: internal error ({where(error)}).")))
        else:
            done.append(out / f"{name}.csv")
            rows.append(Row.of(name, facts))
    if rows and (is_batch or (out / SUMMARY).exists()):
        rows += _earlier(out, rows)
        write_summary(out / SUMMARY, rows)
        earlier = f" and of {len(rows) - len(done)} made earlier" if len(rows) > len(done) else ""
        watch.say(
            f"{len(done)} of {len(paths)} clips are done; {shown(out / SUMMARY)} has a row for each person in "
            f"them{earlier}."
        )
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
    inputs: frozenset[Path]

    @property
    def made_from(self) -> dict[str, object]:
        """What a trace depends on besides its clip."""
        model = model_id(self.folder)
        if self.has_other_face:
            model += f"+{self.predictor.pipeline.visual.identity}"
        return {"model": model, "vatrace": __version__, "people_at_most": self.people}


def _formats_of(text: str) -> tuple[str, ...]:
    """Formats besides the CSV, which is always written."""
    from vatrace.report.formats import check_formats

    names = dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip())
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
    paths, unnamed = unique_names(found)
    if not unnamed and not any(path.exists() for path in paths.values()):
        raise NothingFound(f"no such file: {', '.join(map(str, paths.values()))}.")
    summary = SUMMARY.removesuffix(".csv")  # which is the table of all clips
    return {path.name.replace(".", "_") if name == summary else name: path for name, path in paths.items()}, (
        failed + unnamed
    )


def _prepare(out: Path, is_batch: bool) -> None:
    """Find out before the work whether its results can be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise DatasetError(f"nothing can be written to {out} ({error.strerror}); choose another --out.") from error
    remove_parts(out)
    if is_batch:
        check_summary(out / SUMMARY)


def _earlier(out: Path, made: Sequence[Row]) -> list[Row]:
    """Rows of traces that lie in the folder from before: neither of the traces made now, nor of the same clips."""
    traces, clips = {row.trace for row in made}, {(row.clip, row.clip_sha256) for row in made}
    tables = (path for path in sorted(out.glob("*.csv")) if path.stem not in traces)
    found = ((path.stem, read_facts(path.with_name(f"{path.stem}.json"))) for path in tables)
    rows = (Row.of(name, facts) for name, facts in found if facts is not None)
    return [row for row in rows if (row.clip, row.clip_sha256) not in clips]


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
    """Write the files of one clip that are not there yet; returns what its sidecar says."""
    from vatrace.report import ours
    from vatrace.report.export import read_clip_csv
    from vatrace.report.formats import check_targets, path_of, write_formats

    if not path.exists():
        raise NothingFound(f"no such file: {path}.")
    stem = out.with_name(out.name.removesuffix(".csv"))
    sidecar = stem.with_name(f"{stem.name}.json")
    formats = _possible_formats(path, job)
    check_targets(stem, ("csv", *formats))
    _spare_inputs([path_of(stem, name) for name in formats], job)
    ours.refuse_to_overwrite(sidecar, ours.is_sidecar)
    people: Sequence[TracedPerson]
    facts = known_facts(sidecar, out, job.made_from, path)
    if facts is None:
        people, facts = _write_trace(path, stem, out, sidecar, job)
    else:
        people = ()
    written = list(facts.pop(FILES))
    absent = [name for name in formats if name not in written or not path_of(stem, name).is_file()]
    if absent:
        people = people or read_clip_csv(out)
        with job.watch.track(f"{path.name} as files", len(people[0].trace) if "overlay" in absent else 0) as advance:
            write_formats(people, stem, absent, video=path, facts=facts, on_frames=advance)
        write_facts(sidecar, facts, [*written, *absent])
    elif not people:
        job.watch.say(f"{shown(path)}: up to date in {shown(out)}")
        return facts
    job.watch.say(_told(path, people))
    return facts


def _spare_inputs(targets: Iterable[Path], job: _Job) -> None:
    """Raise if what is to be written is one of the clips."""
    wrong = next((target for target in targets if target.resolve() in job.inputs), None)
    if wrong is not None:
        raise DatasetError(f"{wrong} is one of the clips and would be written over; choose another --out.")


def _write_trace(
    path: Path, stem: Path, out: Path, sidecar: Path, job: _Job
) -> tuple[Sequence[TracedPerson], dict[str, Any]]:  # Any: what the sidecar holds
    """Make the trace of a clip and write its table; what other files there are of an earlier one is said."""
    from vatrace.report.export import clip_csv_text
    from vatrace.report.formats import path_of

    before = read_facts(sidecar) or {}
    if before and out.is_file() and before.get("clip_sha256") != sha256_of(path):
        job.watch.say(f"{shown(out)} was of another file called {before.get('clip')}, and is written over.")
    result = _watched(path, job)
    table = clip_csv_text(result.people)
    facts = {
        **job.made_from,
        "model_folder": job.folder.name,
        **clip_facts(path, result),
        **model_facts(job.predictor),
        "csv_sha256": hashlib.sha256(table.encode()).hexdigest(),
        FILES: [],
    }
    write_text(out, table)
    write_facts(sidecar, facts, [])
    for name in sorted(set(before.get(FILES) or ()) - set(job.formats)):
        if path_of(stem, name).is_file():
            job.watch.say(f"{shown(path_of(stem, name))} is of an earlier trace; --formats {name} makes it again.")
    return result.people, facts


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


def _told(path: Path, people: Sequence[TracedPerson]) -> str:
    import sys

    from vatrace.report.terminal import clip_text, draws_blocks

    return clip_text(shown(path.name), people, blocks=draws_blocks(sys.stderr))
