"""The folders of Aff-Wild2 with next to nothing in them and nothing odd about them, for tests to damage."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from vatrace.media.encode import write_video

FRAMES = 10
TEST_CLIP = "9"
CLIPS = {"1": "Train_Set", "2_left": "Train_Set", "2_right": "Train_Set", "3": "Validation_Set"}
ANNOTATIONS = "annotations/VA_Estimation_Challenge"
TEST_LIST = "names_of_videos_in_each_test_set/Valence_Arousal_Estimation_Challenge_test_set_release.txt"
TEMPLATE = "CVPR_6th_ABAW_VA_test_set_example.txt"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def annotation(rows: int, last: str = "0.5,-0.5") -> str:
    return "\n".join(["valence,arousal", *(f"0.{row % 10},-0.{row % 10}" for row in range(rows - 1)), last]) + "\n"


def template(rows: int, clip: str = TEST_CLIP) -> str:
    return "image_location,valence,arousal\n" + "".join(f"{clip}/{row:05d}.jpg,0,0\n" for row in range(1, rows + 1))


def make_crops(folder: Path, frames: int = FRAMES) -> None:
    """Links to nowhere: whoever opens one fails, whoever counts them does not."""
    folder.mkdir(parents=True)
    for frame in range(1, frames + 1):
        (folder / f"{frame:05d}.jpg").symlink_to("nowhere")


@cache
def video_bytes(folder: Path) -> bytes:
    """Ten frames at 30 a second, with sound."""
    frames = [np.full((64, 64, 3), 20 * number, np.uint8) for number in range(FRAMES)]
    write_video(folder / "video.mp4", frames, size=(64, 64), fps=30, waveform=np.zeros(5333, np.float32))
    return (folder / "video.mp4").read_bytes()


def make_tree(folder: Path, scratch: Path) -> Path:
    """Four clips of three videos and a test clip; every clip as long as its video, with a crop for each frame."""
    for clip, split in CLIPS.items():
        write(folder / ANNOTATIONS / split / f"{clip}.txt", annotation(FRAMES))
        make_crops(folder / "cropped_aligned" / clip)
    make_crops(folder / "cropped_aligned" / TEST_CLIP)
    for video in ("1", "2", "3", TEST_CLIP):
        write(folder / "batch1" / f"{video}.mp4", video_bytes(scratch))
    write(folder / TEST_LIST, f"{TEST_CLIP}\n")
    write(folder / TEMPLATE, template(FRAMES))
    return folder
