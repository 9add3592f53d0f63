"""`vatrace crops`: aligned face pictures of videos, in the layout of the official crops."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import DatasetError, NothingFound, VatraceError
from vatrace.files import sha256_of, write_json
from vatrace.recipes.inputs import Film, Films, find_films
from vatrace.recipes.parallel import in_processes
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.faces.detection import FaceDetector
    from vatrace.faces.tracking import FaceTrack

DONE = "crops.json"
BEGUN = ".vatrace-crops"  # in every folder that is ours, from the first moment on


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

    Of a corpus every clip is made, each person of a two-person video under the name of the annotation.

    Example: vatrace crops demo/corpus --out demo/crops --every 5

    Args:
        videos: files, folders, patterns, or corpora.
        out: folder to write.
        every: write only each so many frames.
        workers: processes; 0 takes one a core.
    """
    if every < 1:
        raise ValueError(f"--every must be 1 or more, got {every}.")
    return crop_films(find_films(videos), out, every=every, workers=workers, watch=watch)


def crop_films(found: Films, out: Path, *, every: int, workers: int = 0, watch: Watch = SILENCE) -> BatchResult:
    """The same of everybody in some films."""
    _refuse_theirs(found, out)
    tasks = [(film, out, every) for film in found.films]
    todo = [task for task in tasks if not _is_current(*task)]
    failed = list(found.failed)
    with watch.track("cutting out faces", len(tasks)) as advance:
        advance(len(tasks) - len(todo))
        for (film, _, _), result in in_processes(_crop_film, todo, workers=workers, prepare=_prepare):
            if isinstance(result, VatraceError | OSError):
                failed.append((str(film.path), result))
            advance(1)
    folders = [out / person.name for film in found.films for person in film.people]
    return BatchResult(tuple(folder for folder in folders if (folder / DONE).is_file()), tuple(sorted(failed, key=str)))


def _refuse_theirs(found: Films, out: Path) -> None:
    """Folders are written anew, so none may be there that we have not written.

    Raises:
        DatasetError: one is there, such as the pictures that a corpus brings.
    """
    for film in found.films:
        for person in film.people:
            folder = out / person.name
            ours = (folder / BEGUN).is_file() or (folder / DONE).is_file()
            if folder.exists() and not ours and (not folder.is_dir() or any(folder.iterdir())):
                raise DatasetError(f"{folder} is there and was not written by `vatrace crops`; choose another --out.")


def _is_current(film: Film, out: Path, every: int) -> bool:
    try:
        there = [json.loads((out / person.name / DONE).read_text("utf-8")) for person in film.people]
        source_sha256 = sha256_of(film.path)
        return all(each["every"] == every and each["source_sha256"] == source_sha256 for each in there)
    except (OSError, ValueError, KeyError, TypeError):
        return False


_detector: FaceDetector | None = None  # one a process


def _prepare() -> None:
    global _detector
    from vatrace.faces.detection import FaceDetector

    _detector = FaceDetector(num_threads=1)


def _crop_film(task: tuple[Film, Path, int]) -> None:
    from vatrace.features.extract import track_people

    film, out, every = task
    assert _detector is not None, "_prepare runs first in every process"
    tracks = track_people(film.path, film.people, _detector)
    for person, track in tracks.items():
        if track.valid.any():
            _crop_person(film.path, track, out / person.name, every)
    unseen = [person.name for person, track in tracks.items() if not track.valid.any()]
    if unseen:
        raise NothingFound(f"{film.path}: no face of {' and '.join(unseen)} was found in any frame.")


def _crop_person(path: Path, track: FaceTrack, folder: Path, every: int) -> None:
    from vatrace.datasets.crops import encode_picture
    from vatrace.faces.alignment import aligned_crops
    from vatrace.features.crops import crop_path
    from vatrace.media.video import read_frames

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / BEGUN).touch()
    for index, crop in aligned_crops(read_frames(path), track):
        if index % every == 0:
            crop_path(folder, index).write_bytes(encode_picture(crop))
    # Written last: a folder without it was left by a run that was stopped, and is made again.
    about = {"every": every, "source_sha256": sha256_of(path), "frames": len(track), "faces": int(track.valid.sum())}
    write_json(folder / DONE, about)
