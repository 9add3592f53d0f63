"""`vatrace synth`: make a procedural corpus of drawn talking faces in the official layout."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import DatasetError
from vatrace.files import remove_parts, write_json, write_text
from vatrace.recipes.parallel import in_processes
from vatrace.recipes.watch import SILENCE, Watch

if TYPE_CHECKING:
    from vatrace.streams import Trace
    from vatrace.synth.corpus import Clip

DESCRIPTION = "corpus.json"
EPISODES = "episodes.csv"
DRAWN_REMARK = "Trained on drawn faces of a procedural corpus: no evidence about people."
VALIDATION_SHARE, TEST_SHARE = 0.12, 0.2
SUBJECTS, CLIPS_PER_SUBJECT = 12, 2
SECONDS, QUIRKS_SECONDS = 20.0, 4.0


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Everything that decides the pixels and samples of a corpus."""

    subjects: int
    clips_per_subject: int
    seconds: float
    seed: int
    first_subject: int
    validation_subjects: int
    test_subjects: int

    def __post_init__(self) -> None:
        if self.subjects < 3:
            raise ValueError(f"--subjects must be 3 or more, so that every split has one; got {self.subjects}.")
        if self.clips_per_subject < 1 or not self.seconds > 0:
            raise ValueError(
                f"--clips-per-subject and --seconds must be above 0, got {self.clips_per_subject} and {self.seconds}."
            )
        if min(self.validation_subjects, self.test_subjects) < 1 or self.train_subjects < 1:
            raise ValueError(
                f"of {self.subjects} subjects, {self.validation_subjects} for validation and {self.test_subjects} for "
                "testing leave a split without anybody; choose smaller --validation-subjects and --test-subjects."
            )

    @property
    def train_subjects(self) -> int:
        return self.subjects - self.validation_subjects - self.test_subjects

    def split_of(self, subject: int) -> str:
        """The first are learned from, the next choose the epoch, the last are tested on."""
        place = subject - self.first_subject
        if place < self.train_subjects:
            return "train"
        return "validation" if place < self.train_subjects + self.validation_subjects else "test"


def synth(
    out: Path,
    *,
    subjects: int = SUBJECTS,
    clips_per_subject: int = CLIPS_PER_SUBJECT,
    seconds: float = 0.0,
    seed: int = 0,
    first_subject: int = 0,
    validation_subjects: int = 0,
    test_subjects: int = 0,
    quirks: bool = False,
    workers: int = 0,
    watch: Watch = SILENCE,
) -> Path:
    """Draw talking faces with known valence and arousal, and write them as a corpus.

    The faces are drawn and the voices computed: for testing and demonstration, and no evidence about people.
    Clips that are already there are kept, so a stopped run goes on where it was.

    With --quirks the corpus is a small one that has every quirk of Aff-Wild2's release, in the official folders: two
    people in a video, odd frame rates, labels and crops that are missing or too many. quirks.json lists them.

    Example: vatrace synth corpus --subjects 12 --seconds 20
    Example: vatrace synth odd --quirks

    Args:
        out: folder to write; gets videos/, annotations/, truth/ and episodes.csv.
        subjects: how many people, 3 or more; none is in two splits.
        clips_per_subject: clips a person.
        seconds: length of a clip; 0 takes 20, and 4 with --quirks.
        seed: same seed, same corpus.
        first_subject: number of the first person; two corpora of one seed share nobody if their numbers do not meet.
        validation_subjects: how many of them choose the epoch; 0 takes 12 %.
        test_subjects: how many of them are only tested on; 0 takes 20 %.
        quirks: make the small corpus with the quirks of Aff-Wild2 instead; it has its own people and splits.
        workers: processes; 0 takes one a core.
    """
    if quirks:
        from vatrace.recipes.synth_quirks import synth_quirks

        is_chosen = {
            "--subjects": subjects != SUBJECTS,
            "--clips-per-subject": clips_per_subject != CLIPS_PER_SUBJECT,
            "--first-subject": first_subject != 0,
            "--validation-subjects": validation_subjects != 0,
            "--test-subjects": test_subjects != 0,
        }
        _refuse_with_quirks([option for option, given in is_chosen.items() if given])
        return synth_quirks(out, seconds=seconds or QUIRKS_SECONDS, seed=seed, workers=workers, watch=watch)
    plan = _Plan(
        subjects=subjects,
        clips_per_subject=clips_per_subject,
        seconds=seconds or SECONDS,
        seed=seed,
        first_subject=first_subject,
        validation_subjects=validation_subjects or max(1, round(subjects * VALIDATION_SHARE)),
        test_subjects=test_subjects or max(1, round(subjects * TEST_SHARE)),
    )
    claim(out, asdict(plan))
    people = range(first_subject, first_subject + subjects)
    keys = [(subject, clip) for subject in people for clip in range(clips_per_subject)]
    todo = [key for key in keys if not _video_path(out, *key).is_file()]
    if not todo and (out / EPISODES).is_file():
        return out
    try:
        with watch.track("drawing clips", len(keys)) as advance:
            advance(len(keys) - len(todo))
            for _, result in in_processes(_draw, [(out, plan, *key) for key in todo], workers=workers):
                if isinstance(result, Exception):  # a full disk: a corpus with clips missing is none
                    raise result
                advance(1)
    finally:
        remove_parts(out / "videos")
    _write_annotations(out, plan, keys)
    return out


def remark_of(corpus: Path) -> str:
    """What has to go with every figure on a corpus of drawn faces; "" for any other corpus."""
    return DRAWN_REMARK if (corpus / DESCRIPTION).is_file() else ""


def _refuse_with_quirks(options: list[str]) -> None:
    if options:
        raise ValueError(
            f"--quirks has its own people, clips and splits, so {', '.join(options)} cannot be given with it; "
            "leave them out, or leave out --quirks."
        )


def claim(out: Path, settings: dict[str, int | float | bool]) -> None:
    """Make a folder that of a procedural corpus, or find that it is this one already.

    Args:
        out: an empty folder, none yet, or one with a corpus of the same settings.
        settings: everything that decides the corpus's content.

    Raises:
        DatasetError: there is something else in it.
    """
    path = out / DESCRIPTION
    mine = settings | {"note": "drawn faces, for testing and demonstration; no evidence about people"}
    if path.is_file():
        theirs = json.loads(path.read_text("utf-8"))
        if theirs != mine:
            raise DatasetError(
                f"{out} holds a corpus made with other settings ({theirs}); choose another folder or remove it."
            )
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out} is not an empty folder and holds no procedural corpus; choose another place.")
    else:
        write_json(path, mine)


def _video_path(out: Path, subject: int, clip: int) -> Path:
    from vatrace.synth.corpus import clip_name

    return out / "videos" / f"{clip_name(subject, clip)}.mp4"


def _draw(task: tuple[Path, _Plan, int, int]) -> None:
    from vatrace.synth.corpus import plan_clip, write_clip

    out, plan, subject, clip = task
    write_clip(plan_clip(plan.seed, subject, clip, plan.seconds), _video_path(out, subject, clip))


def _write_annotations(out: Path, plan: _Plan, keys: Iterable[tuple[int, int]]) -> None:
    from vatrace.datasets.affwild2 import SPLIT_FOLDERS, TASK_FOLDER, write_annotation
    from vatrace.synth.corpus import plan_clip

    clips = [plan_clip(plan.seed, subject, clip, plan.seconds) for subject, clip in keys]
    for clip in clips:
        folder = SPLIT_FOLDERS[plan.split_of(clip.subject.number)]
        write_annotation(out / TASK_FOLDER / folder / f"{clip.name}.txt", clip.annotation)
        write_text(out / "truth" / f"{clip.name}.csv", truth_text(clip.truth))
    write_text(out / EPISODES, _episodes_text(clips))


def truth_text(truth: Trace) -> str:
    """A truth as CSV: frame (the first is 1), time in seconds, valence, arousal."""
    rows = zip(truth.times_seconds, truth.valence, truth.arousal, strict=True)
    lines = [f"{frame},{t:.6f},{v:.6f},{a:.6f}" for frame, (t, v, a) in enumerate(rows, start=1)]
    return "\n".join(["frame,time,valence,arousal", *lines]) + "\n"


def _episodes_text(clips: Iterable[Clip]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["clip", "channel", "kind", "start", "end"])
    for clip in clips:
        for each in clip.episodes:
            writer.writerow(
                [clip.name, each.channel, each.kind, f"{each.start_seconds:.3f}", f"{each.end_seconds:.3f}"]
            )
    return text.getvalue()
