"""The table of the gates, on predictions whose gates were made to lean by a known amount."""

from pathlib import Path

import numpy as np
import pytest

from vatrace.recipes.gates import GatedRow, lean, read_episodes, write_gates
from vatrace.report.export import write_trace_csv
from vatrace.report.spans import Shade
from vatrace.streams import Trace

TIMES = np.arange(250) / 25
FACE, VOICE = Shade("face", "blurred", 2.0, 4.0), Shade("voice", "noise", 6.0, 8.0)


def made(face_gate_in_face: float, voice_gate_in_voice: float, *, lost: bool = False) -> Trace:
    """Attended weights of .2 and .4 when calm; those named in the episodes; a face that is lost in the later half."""
    attended = np.tile([0.2, 0.4], (len(TIMES), 1))
    in_face, in_voice = (TIMES >= 2) & (TIMES < 4), (TIMES >= 6) & (TIMES < 8)
    attended[in_face, 0], attended[in_voice, 1] = face_gate_in_face, voice_gate_in_voice
    face_valid = np.ones(len(TIMES), bool)
    if lost:
        face_valid[(TIMES >= 3) & (TIMES < 4)] = False
        attended[~face_valid, 0] = 1.0
    everywhere = np.ones(len(TIMES), bool)
    return Trace(
        times_seconds=TIMES,
        valence=np.zeros(len(TIMES)),
        arousal=np.zeros(len(TIMES)),
        valid=everywhere,
        face_valid=face_valid,
        voice_valid=everywhere,
        gate_weights=np.stack([1 - attended, attended], axis=2).astype(np.float32),
    )


def test_a_lean_is_the_mean_in_the_episode_less_that_of_calm_frames() -> None:
    trace = made(0.5, 0.9)
    assert lean(trace, [FACE, VOICE], "face", only_there=False) == pytest.approx(np.array([[0.2, 0.3], [0.4, 0.0]]))
    assert lean(trace, [FACE, VOICE], "voice", only_there=True) == pytest.approx(np.array([[0.2, 0.0], [0.4, 0.5]]))


def test_frames_in_which_the_channel_is_gone_count_only_where_all_do() -> None:
    trace = made(0.5, 0.9, lost=True)
    assert lean(trace, [FACE, VOICE], "face", only_there=True)[0, 1] == pytest.approx(0.3)
    frames = (TIMES >= 2.3) & (TIMES < 4)
    mean = np.where(TIMES[frames] >= 3, 1.0, 0.5).mean()
    assert lean(trace, [FACE, VOICE], "face", only_there=False)[0, 1] == pytest.approx(mean - 0.2)


def test_without_an_episode_nothing_is_said() -> None:
    assert np.isnan(lean(made(0.5, 0.9), [VOICE], "face", only_there=False)).all()


def test_the_table_is_the_mean_over_people_and_seeds(tmp_path: Path) -> None:
    lines = ["clip,channel,kind,start,end"]
    for seed, extra in ((0, 0.0), (1, 0.2)):
        for person in range(3):
            clip = f"s{person:03d}-0"
            write_trace_csv(tmp_path / str(seed) / f"{clip}.csv", made(0.5 + extra, 0.4))
            if seed == 0:
                lines += [
                    f"{clip},{each.channel},{each.kind},{each.start_seconds},{each.end_seconds}"
                    for each in (FACE, VOICE)
                ]
    (tmp_path / "episodes.csv").write_text("\n".join(lines) + "\n")
    assert read_episodes(tmp_path / "episodes.csv")["s001-0"] == [FACE, VOICE]
    row = GatedRow(name="one", title="One", predictions=(tmp_path / "0", tmp_path / "1"))
    written = write_gates([row], tmp_path, tmp_path / "results", "Gates of a test.", {"data": "made up"})
    assert {path.name for path in written} == {"gates.md", "gates.csv", "gates.html", "gates-one.png", "gates-one.svg"}
    table = (tmp_path / "results" / "gates.md").read_text()
    assert "| One | face | all | 0.200 | +0.400 [+0.400, +0.400] | 0.400 | +0.000 [+0.000, +0.000] |" in table
    assert (
        "| One | voice | channel there | 0.200 | +0.000 [+0.000, +0.000] | 0.400 | +0.000 [+0.000, +0.000] |" in table
    )
