"""`vatrace submission make`: a challenge submission from one model or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vatrace.errors import DatasetError
from vatrace.files import committed
from vatrace.recipes.submission_runs import Run, check_complete, open_run
from vatrace.recipes.watch import SILENCE, Watch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vatrace.datasets.submission import Template
    from vatrace.datasets.submission_values import FilledTrace


def submission_make(
    runs: Sequence[str],
    *,
    template: Path,
    features: Path | None = None,
    out: Path = Path("submission.txt"),
    ensemble: Literal["mean", "ccc-centred"] = "mean",
    smooth_valence: int = 0,
    smooth_arousal: int = 0,
    without_face: Literal["interpolate", "model"] = "interpolate",
    watch: Watch = SILENCE,
) -> Path:
    """Write a submission to the valence-arousal task of ABAW: every row of the organisers' template, in its order.

    Frames without a face take their value from the nearest frames in time that have one, frames beyond the last decoded
    one hold the last value, and values are clipped to [-1, 1]. If a video of the template has no features, or no frame
    of it a value, nothing is written. What was written is checked as `vatrace submission check` does, and not kept if
    that fails.

    Example: vatrace submission make runs/bdca/fold0 --template template.txt --features features

    Args:
        runs: model folders, or folders of predictions (one CSV a clip, as `vatrace evaluate` writes to
            MODEL/predictions/<set>). Several are combined; all models take the same features.
        template: the organisers' file with all rows; only its first column counts.
        features: folder that `vatrace extract` wrote, with <video>.safetensors for each video of the template; models
            need it.
        out: file to write; without it, submission.txt.
        ensemble: how several runs are combined; mean is the mean of each frame, ccc-centred weights each run's movement
            around the common level by its agreement with the others, clip by clip.
        smooth_valence: width in frames of a moving average over valence, an odd number; 0 is none.
        smooth_arousal: the same for arousal.
        without_face: interpolate, or model to keep the value that the model gave such a frame from the voice.
    """
    from vatrace.datasets.submission import HEADER, read_template, submission_row

    windows = (smooth_valence, smooth_arousal)
    for name, frames in zip(("valence", "arousal"), windows, strict=True):
        if frames < 0 or (frames > 0 and frames % 2 == 0):
            raise ValueError(f"--smooth-{name} must be 0 or an odd number, so that it has a middle; got {frames}.")
    wanted = read_template(template)
    _check_out(out, template)
    clips = _clips_of(wanted)
    opened = [open_run(Path(run), features) for run in runs]
    names = list(dict.fromkeys(clip.name for clip in clips))
    for run in opened:
        check_complete(run, names)
    rule = _Rule(ensemble, windows, without_face)
    num_borrowed = 0
    with committed(out) as part:
        with part.open("wb") as file, watch.track("submission", len(clips)) as advance:
            file.write(HEADER + b"\n")
            for clip in clips:
                filled = rule.apply(clip, opened, watch)
                file.writelines(map(submission_row, clip.locations, *filled.values.T))
                num_borrowed += int((~filled.valid).sum())
                advance()
        _check_written(part, template, watch)
    watch.say(
        f"{len(wanted):,} rows of {len(names):,} videos; {num_borrowed:,} rows without a value of their own have that "
        "of their neighbours in time."
    )
    return out


USUAL_ROWS_BEYOND = 2  # labels, and so the template, usually have one row more than the video has frames


@dataclass(frozen=True)
class _Clip:
    """Consecutive rows of a template that are of one video; `frames` counts from 0."""

    name: str
    locations: tuple[bytes, ...]
    frames: NDArray[np.int64]


@dataclass(frozen=True)
class _Rule:
    """How the runs' traces of a clip become the values of its rows."""

    ensemble: Literal["mean", "ccc-centred"]
    smooth_frames: tuple[int, int]
    without_face: Literal["interpolate", "model"]

    def apply(self, clip: _Clip, runs: Sequence[Run], watch: Watch) -> FilledTrace:
        """Values of the rows of a clip, `[rows, 2]`.

        Raises:
            DatasetError: no run has a value for any of its frames.
        """
        import numpy as np

        from vatrace.datasets.submission_values import FilledTrace, combine, smooth

        told = [self._told(clip, run, watch) for run in runs]
        there = [each for each in told if each is not None]
        if not there:
            raise DatasetError(
                f"{clip.name}: no frame has a value, as there was neither a face nor a voice to rest on, and none is "
                "made up; look at this video's features and extract them again. Nothing was written."
            )
        combined = combine(there, self.ensemble)
        columns = [
            smooth(values, combined.valid, frames)
            for values, frames in zip(combined.values.T, self.smooth_frames, strict=True)
        ]
        values = np.clip(np.stack(columns, axis=1), -1, 1)
        return FilledTrace(values[clip.frames], combined.valid[clip.frames])

    def _told(self, clip: _Clip, run: Run, watch: Watch) -> FilledTrace | None:
        """What one run says of every frame of a clip; None where it says nothing."""
        from vatrace.datasets.submission_values import counting_frames, fill

        trace = run.trace(clip.name)
        beyond = int(clip.frames.max()) + 1 - len(trace)
        if beyond > USUAL_ROWS_BEYOND:
            watch.say(
                f"{clip.name}: the template goes on for {beyond:,} rows beyond the {len(trace):,} frames of "
                f"{run.folder}; they hold the last value. Is the video whole?"
            )
        valid = counting_frames(trace, self.without_face)
        if not valid.any():
            watch.say(f"{clip.name}: {run.folder} has no value for any frame.")
            return None
        if self.without_face == "interpolate" and trace.face_valid is not None and not trace.face_valid.any():
            watch.say(f"{clip.name}: no frame has a face, so the values of {run.folder} are those from the voice.")
        return fill(trace, valid, int(clip.frames.max()) + 1)


def _clips_of(template: Template) -> list[_Clip]:
    """Rows of a template, by video, in their order."""
    import numpy as np

    from vatrace.datasets.submission import frame_of

    clips = []
    for folder, group in groupby(template.positions, key=lambda location: location.rpartition(b"/")[0]):
        locations = tuple(group)
        frames = np.array([frame_of(location) for location in locations])
        try:
            clips.append(_Clip(folder.decode("utf-8"), locations, frames))
        except UnicodeDecodeError as error:
            raise DatasetError(f"{template.path} has a name that is not in UTF-8: {error}.") from error
    return clips


def _check_out(out: Path, template: Path) -> None:
    from vatrace.datasets.submission import HEADER

    if out.resolve() == template.resolve():
        raise ValueError(f"--out is the template {template} itself; choose another file.")
    if out.is_dir():
        raise ValueError(f"--out is the folder {out}; name a file in it.")
    if out.is_file():
        with out.open("rb") as file:
            if file.read(len(HEADER)) != HEADER:
                raise DatasetError(f"{out} is there and is no submission; choose another --out, or move it away.")


def _check_written(path: Path, template: Path, watch: Watch) -> None:
    from vatrace.datasets.submission_check import check_submission

    report = check_submission(path, template)
    for finding in report.findings:
        watch.say(f"{finding.severity}: {finding.count:,} x {finding.kind}: {finding.meaning}")
    if not report.passed:
        raise DatasetError("what was written does not pass `vatrace submission check`, so it was not kept.")
