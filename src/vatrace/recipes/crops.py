"""`vatrace crops`: aligned face pictures of videos, in the layout of the official crops."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import NothingFound, VatraceError
from vatrace.files import sha256_of, write_json
from vatrace.recipes.inputs import find_videos, unique_names
from vatrace.recipes.parallel import in_processes
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.faces.detection import FaceDetector

DONE = "crops.json"


def crops(
    videos: Sequence[str],
    *,
    out: Path = Path("cropped_aligned"),
    every: int = 1,
    workers: int = 0,
    watch: Watch = SILENCE,
) -> BatchResult:
    """Write the aligned face of every frame as 224x224 JPEG: OUT/<clip>/%05d.jpg, where the first frame is 1.

    A frame without a face has no picture. Clips whose pictures are there are kept.

    Example: vatrace crops corpus/videos --out corpus/cropped_aligned --every 5

    Args:
        videos: files, folders or patterns.
        out: folder to write.
        every: write only each so many frames.
        workers: processes; 0 takes one a core.
    """
    if every < 1:
        raise ValueError(f"--every must be 1 or more, got {every}.")
    tasks = [(path, out / name, every) for name, path in unique_names(find_videos(videos)).items()]
    todo = [task for task in tasks if not _is_current(*task)]
    failed = []
    with watch.track("cutting out faces", len(tasks)) as advance:
        advance(len(tasks) - len(todo))
        for (path, _, _), result in in_processes(_crop_clip, todo, workers=workers, prepare=_prepare):
            if isinstance(result, VatraceError | OSError):
                failed.append((str(path), result))
            advance(1)
    return BatchResult(
        tuple(folder for _, folder, _ in tasks if (folder / DONE).is_file()), tuple(sorted(failed, key=str))
    )


def _is_current(path: Path, folder: Path, every: int) -> bool:
    try:
        there = json.loads((folder / DONE).read_text("utf-8"))
        return bool(there["every"] == every and there["source_sha256"] == sha256_of(path))
    except (OSError, ValueError, KeyError, TypeError):
        return False


_detector: FaceDetector | None = None  # one a process


def _prepare() -> None:
    global _detector
    from vatrace.faces.detection import FaceDetector

    _detector = FaceDetector(num_threads=1)


def _crop_clip(task: tuple[Path, Path, int]) -> None:
    from vatrace.datasets.crops import encode_picture
    from vatrace.faces.alignment import aligned_crops
    from vatrace.faces.tracking import track_main_face
    from vatrace.media.video import read_frames

    path, folder, every = task
    assert _detector is not None, "_prepare runs first in every process"
    track = track_main_face(read_frames(path), _detector)
    if not track.valid.any():
        raise NothingFound(f"{path}: no face was found in any frame.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for index, crop in aligned_crops(read_frames(path), track):
        if index % every == 0:
            (folder / f"{index + 1:05d}.jpg").write_bytes(encode_picture(crop))
    # Written last: a folder without it was left by a run that was stopped, and is made again.
    about = {"every": every, "source_sha256": sha256_of(path), "frames": len(track), "faces": int(track.valid.sum())}
    write_json(folder / DONE, about)
