"""The process that reads clips: `python -m vatrace.web.worker MODEL ...`, started and watched by `vatrace.web.jobs`.

It loads the model, says so, and then makes one clip after the other: a line of JSON comes in that names a folder, and
lines of JSON go out that tell how it goes. The results are files in that folder, made by the same functions as on the
command line. Nothing it says is trusted by the server, and nothing is unpickled on either side.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from vatrace.errors import VatraceError, where
from vatrace.inference.choice import ModelChoice
from vatrace.web.confine import confine, end_with_parent, limit_memory_and_files, limit_processor_time
from vatrace.web.limits import MIB, Limits
from vatrace.web.shelf import CLIP_FILE, CSV_FILE, PLAYABLE_STEM, REPORT_FILE, TRACE_FILE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vatrace.inference.video import PersonResult, VideoPredictor, VideoResult

MAX_REPORT_CLIP_BYTES = 64 * MIB  # a report holds the clip as text, a third larger, and is made in memory
FRAMES_BETWEEN_LINES = 10
READING_SHARE, COPY_SHARE = 0.85, 0.95  # how far the bar is after these

Tell = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a line that comes in says.

    Args:
        folder: of the clip.
        name: what the clip is called; only to be shown.
        limits: of this run.
    """

    folder: Path
    name: str
    limits: Limits


def main() -> None:
    """Serve lines until the server closes the pipe, or ends."""
    told = json.loads(sys.argv[1])
    end_with_parent(told["parent"])
    choice = ModelChoice.from_json(told["choice"])
    # Before anything is loaded: what follows makes threads, and who takes over one has them all.
    missing = confine(read=choice.files(), write=[Path.cwd()], private=Path(told["private"]))
    tell = _teller()
    limits = Limits(**told["limits"])
    try:
        predictor = choice.load()
    except (VatraceError, OSError) as error:
        tell(fatal=str(error))
        return
    remark = predictor.predictor.model.provenance.get("remark") or ""
    limit_memory_and_files(limits.memory_bytes, limits.file_bytes)
    tell(ready=True, remark=str(remark), missing=missing)
    for line in _lines_until_the_server_ends(sys.stdin):
        given = json.loads(line)
        _work(Task(folder=Path(given["folder"]), name=given["name"], limits=limits), predictor, tell)


def make_clip(task: Task, predictor: VideoPredictor, tell: Tell) -> None:
    """Make everything the page shows of a clip, as files in its folder.

    Args:
        task: the clip.
        predictor: the model.
        tell: called with `progress` (0 to 1) and `step`.

    Raises:
        VatraceError: the clip cannot be read, is too long, or rests on nothing.
    """
    from vatrace.files import write_text
    from vatrace.report.export import clip_csv_text

    result = predictor.predict(task.folder / CLIP_FILE, on_frames=_reading(task, tell))
    times = result.trace.times_seconds
    _check_length(float(times[-1] - times[0]), task.limits)
    tell(progress=READING_SHARE, step="making it ready to play")
    playable, shift = _make_playable(task.folder)
    tell(progress=COPY_SHARE, step="writing the results")
    write_text(task.folder / CSV_FILE, clip_csv_text(result.people))
    page = trace_json(result, name=task.name, remark=_remark(predictor), video_start=shift)
    write_text(task.folder / TRACE_FILE, json.dumps(page, separators=(",", ":"), allow_nan=False))
    _write_report(task, result, predictor, playable, shift)


def trace_json(result: VideoResult, *, name: str, remark: str, video_start: float = 0.0) -> dict[str, Any]:
    """What the page draws.

    Args:
        result: everybody in the clip.
        name: of the clip.
        remark: what is to be known of the model.
        video_start: the clip's time in seconds at which its playable file begins.

    Returns:
        `times` in seconds, and for each person what a frame has; None where there is nothing. Numbers have the six
        decimals of the CSV.
    """
    from vatrace.report.basis import NOTE

    return {
        "name": name,
        "remark": remark,
        "note": NOTE,
        "warnings": list(result.features.warnings),
        "video_start": round(video_start, 6),
        "times": _numbers(result.trace.times_seconds),
        "people": [_person_json(each) for each in result.people],
    }


def _person_json(person: PersonResult) -> dict[str, Any]:
    import numpy as np

    from vatrace.report.basis import telling_gates

    trace, score = person.trace, person.features.face_score
    gates = telling_gates(trace)
    nothing = [None] * len(trace)
    return {
        "person": person.person,
        "valence": _numbers(np.where(trace.valid, trace.valence, np.nan)),
        "arousal": _numbers(np.where(trace.valid, trace.arousal, np.nan)),
        "face": nothing if trace.face_valid is None else trace.face_valid.astype(int).tolist(),
        "voice": nothing if trace.voice_valid is None else trace.voice_valid.astype(int).tolist(),
        "face_score": _numbers(np.where(score > 0, score, np.nan)),
        "face_box": nothing if person.face_boxes is None else _boxes(person.face_boxes),
        "gate_face": nothing if gates is None else _numbers(gates[:, 0]),
        "gate_voice": nothing if gates is None else _numbers(gates[:, 1]),
    }


def _boxes(boxes: NDArray[np.float32]) -> list[list[float] | None]:
    """Left, top, right and bottom as shares of the picture, to a thousandth; None where there is no face."""
    return [None if row[0] != row[0] else [round(side, 3) for side in row] for row in boxes.tolist()]


def _numbers(values: NDArray[np.float32] | NDArray[np.float64]) -> list[float | None]:
    import math

    # `+ 0.0` so that there is no -0.0, as in the CSV
    return [round(value, 6) + 0.0 if math.isfinite(value) else None for value in values.tolist()]


def _work(task: Task, predictor: VideoPredictor, tell: Tell) -> None:
    """Make a clip, and turn whatever goes wrong into a sentence that names the clip as the person knows it."""
    try:
        seconds = _checked_seconds(task)
        limit_processor_time(task.limits.work_seconds(seconds))
        tell(step="reading", **({} if seconds is None else {"seconds": seconds}))
        make_clip(task, predictor, tell)
    except VatraceError as error:
        tell(error=str(error).replace(str(task.folder / CLIP_FILE), task.name))
    except MemoryError:
        tell(error=f"{task.name} asks for more memory than a clip may take. Make it smaller or shorter.")
    except OSError as error:
        tell(error=f"{task.name}: {error.strerror or 'its results could not be stored'}.")
    except Exception as error:  # whatever a library does not expect of a file; the next clip has its chance
        tell(error=f"{task.name} could not be worked on: internal error ({where(error)}).")
    else:
        tell(done=True)


def _checked_seconds(task: Task) -> float | None:
    from vatrace.media.video import probe

    seconds = probe(task.folder / CLIP_FILE).duration_seconds
    if seconds is not None:
        _check_length(seconds, task.limits)
    return seconds


def _check_length(seconds: float, limits: Limits) -> None:
    from vatrace.errors import MediaError

    if seconds > limits.max_seconds:
        raise MediaError(
            f"The clip lasts {_clock(seconds)}, and {_clock(limits.max_seconds)} is the most here.",
            hint="Cut it, start the server with a higher --max-minutes, or use `vatrace predict`.",
            code="too-long",
        )


def _reading(task: Task, tell: Tell) -> Callable[[int], None]:
    from vatrace.media.video import probe

    expected = 2 * (probe(task.folder / CLIP_FILE).num_frames_estimate or 0)  # each frame is gone through twice
    count = 0

    def on_frames(steps: int) -> None:
        nonlocal count
        count += steps
        if count % FRAMES_BETWEEN_LINES < steps:
            share = min(1.0, count / expected) if expected else 0.0
            tell(progress=READING_SHARE * share, step=f"reading faces and voice, {count} frames so far")

    tell(progress=0.0, step="reading faces and voice")
    return on_frames


def _make_playable(folder: Path) -> tuple[Path, float]:
    """The file a browser plays, and the clip's time at which it begins."""
    from vatrace.media.playable import playable_suffix, write_copy

    suffix = playable_suffix(folder / CLIP_FILE)
    playable = (folder / PLAYABLE_STEM).with_suffix(suffix or ".mp4")
    if suffix is None:
        return playable, write_copy(folder / CLIP_FILE, playable)
    os.link(folder / CLIP_FILE, playable)
    return playable, 0.0


def _write_report(
    task: Task, result: VideoResult, predictor: VideoPredictor, playable: Path, playable_start: float
) -> None:
    from vatrace.report.basis import NOTE
    from vatrace.report.page import CLIP_TYPES, write_report
    from vatrace.report.tiers import on_players_clock

    main, *others = on_players_clock(result.people, playable_start)
    fits = playable.suffix in CLIP_TYPES and playable.stat().st_size <= MAX_REPORT_CLIP_BYTES
    write_report(
        task.folder / REPORT_FILE,
        video=playable if fits else None,
        trace=main.trace,
        person=main.person,
        others=others,
        scores={},
        title=task.name,
        lead="Valence and arousal, frame by frame, with what each value rests on.",
        notes=[NOTE, *filter(None, [_remark(predictor)]), *result.features.warnings],
        facts={"clip sha256": result.features.source_sha256, **result.features.identities},
    )


def _remark(predictor: VideoPredictor) -> str:
    return str(predictor.predictor.model.provenance.get("remark") or "")


def _teller() -> Tell:
    """Lines to the server on what was standard output; what libraries print there goes nowhere."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)

    def tell(**facts: object) -> None:
        out.write(json.dumps(facts) + "\n")
        out.flush()

    return tell


def _lines_until_the_server_ends(stdin: TextIO) -> Any:  # Any: an iterator of lines
    """Lines that come in; when the pipe closes, this process ends even in the middle of a clip."""
    from queue import SimpleQueue

    lines: SimpleQueue[str] = SimpleQueue()

    def listen() -> None:
        for line in stdin:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield lines.get()


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


if __name__ == "__main__":
    main()
