"""One picture that shows what the corpus looks like: subjects by expressions, and what episodes do to a face.

The committed `docs/images/synth-sheet.png` is `write_sheet(Path("docs/images/synth-sheet.png"), seed=1)`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from vatrace.files import write_bytes
from vatrace.synth.episodes import FACE_KINDS
from vatrace.synth.expression import Pose, still_pose
from vatrace.synth.paint import Picture
from vatrace.synth.scene import Scene
from vatrace.synth.seeds import Purpose, generator
from vatrace.synth.subject import Subject, draw_subject

NUM_SUBJECTS = 4
EXPRESSIONS = ((0.0, 0.0), (0.8, 0.0), (0.8, 0.8), (-0.7, 0.7), (-0.6, -0.3))  # (valence, arousal)
DRAWN_PIXELS, SHOWN_PIXELS, STRIP_PIXELS = 256, 128, 18
PAPER, INK = (250, 250, 250), (40, 40, 40)


def contact_sheet(seed: int) -> Picture:
    """Rows of subjects in five expressions, then a row of a reliable face and the four kinds of face episodes.

    Args:
        seed: of the corpus whose first subjects are shown.

    Returns:
        `uint8 [height, width, 3]`, RGB.
    """
    subjects = [draw_subject(seed, number) for number in range(NUM_SUBJECTS)]
    rows = [_strip([f"valence {valence:+.1f} arousal {arousal:+.1f}" for valence, arousal in EXPRESSIONS])]
    for subject in subjects:
        poses = [still_pose(subject.habits, valence, arousal) for valence, arousal in EXPRESSIONS]
        rows.append(_row(seed, subject, poses))
    rows.append(_strip(["reliable", *FACE_KINDS]))
    rows.append(_row(seed, subjects[0], _episode_poses(subjects[0])))
    return np.concatenate(rows)


def write_sheet(path: Path, seed: int) -> None:
    """Commit the contact sheet as a PNG file."""
    _, content = cv2.imencode(".png", contact_sheet(seed)[..., ::-1])
    write_bytes(path, content.tobytes())


def _episode_poses(subject: Subject) -> list[Pose]:
    pose = still_pose(subject.habits, 0.5, 0.2)
    return [pose, replace(pose, yaw=1.3), replace(pose, cover=1.0), replace(pose, blur=1.0), replace(pose, x=4.5)]


def _row(seed: int, subject: Subject, poses: list[Pose]) -> Picture:
    scene = Scene(subject.looks, generator(seed, subject.number, 0, Purpose.CAMERA), DRAWN_PIXELS)
    size = (SHOWN_PIXELS, SHOWN_PIXELS)
    return np.concatenate(
        [cv2.resize(scene.expose(pose), size, interpolation=cv2.INTER_AREA) for pose in poses], axis=1
    )


def _strip(labels: list[str]) -> Picture:
    strip = np.full((STRIP_PIXELS, SHOWN_PIXELS * len(labels), 3), PAPER, np.uint8)
    for column, label in enumerate(labels):
        place = (column * SHOWN_PIXELS + 5, STRIP_PIXELS - 5)
        cv2.putText(strip, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.3, INK, 1, cv2.LINE_AA)
    return strip
