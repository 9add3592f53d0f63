"""`vatrace crops`: aligned face pictures of videos, in the layout of the official crops."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from vatrace.errors import NothingFound, VatraceError
from vatrace.files import write_json
from vatrace.recipes.inputs import find_videos, unique_names
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

DONE = "crops.json"


def crops(
    videos: Sequence[str],
    *,
    out: Path = Path("cropped_aligned"),
    every: int = 1,
    watch: Watch = SILENCE,
) -> BatchResult:
    """Write the aligned face of every frame as 224x224 JPEG: OUT/<clip>/%05d.jpg, where the first frame is 1.

    A frame without a face has no picture. Clips whose pictures are there are kept.

    Example: vatrace crops corpus/videos --out corpus/cropped_aligned --every 5

    Args:
        videos: files, folders or patterns.
        out: folder to write.
        every: write only each so many frames.
    """
    from vatrace.faces.detection import FaceDetector

    if every < 1:
        raise ValueError(f"--every must be 1 or more, got {every}.")
    paths = find_videos(videos)
    detector = FaceDetector()
    done, failed = [], []
    with watch.track("cutting out faces", len(paths)) as advance:
        for name, path in unique_names(paths).items():
            try:
                done.append(_crop_clip(path, out / name, every, detector))
            except VatraceError as error:
                failed.append((str(path), error))
            advance(1)
    return BatchResult(tuple(done), tuple(failed))


def _crop_clip(path: Path, folder: Path, every: int, detector: object) -> Path:
    from vatrace.datasets.crops import encode_picture
    from vatrace.faces.alignment import aligned_crops
    from vatrace.faces.detection import FaceDetector
    from vatrace.faces.tracking import track_main_face
    from vatrace.media.video import read_frames

    assert isinstance(detector, FaceDetector), "typed as object only to keep this import out of `--help`"
    if (folder / DONE).is_file():
        return folder
    track = track_main_face(read_frames(path), detector)
    if not track.valid.any():
        raise NothingFound(f"{path}: no face was found in any frame.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for index, crop in aligned_crops(read_frames(path), track):
        if index % every == 0:
            (folder / f"{index + 1:05d}.jpg").write_bytes(encode_picture(crop))
    # Written last: a folder without it was left by a run that was stopped, and is made again.
    write_json(folder / DONE, {"every": every, "frames": len(track.times_seconds), "faces": int(track.valid.sum())})
    return folder
