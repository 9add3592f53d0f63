"""A table of votes in the form of `tabulatedVotes.csv`, made up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

EMOTIONS = {"A": "Anger", "D": "Disgust", "F": "Fear", "H": "Happy", "N": "Neutral", "S": "Sad"}
CODES = {"voice": 1, "face": 2, "audio-visual": 3}

Votes = Mapping[str, tuple[int, float]]  # how many chose an emotion, and how intense they found it


def vote_line(clip: str, raters: str, votes: Votes, number: int = 1) -> str:
    """One row; an emotion that is not given was chosen by nobody."""
    counts = [votes.get(emotion, (0, -1.0))[0] for emotion in EMOTIONS]
    intensities = [votes.get(emotion, (0, -1.0))[1] for emotion in EMOTIONS]
    cells = [
        f'"{CODES[raters] * 100_000 + number}"',
        *counts,
        f'"{clip}"',
        sum(counts),
        0.5,
        '"N"',
        50,
        *intensities,
        50,
    ]
    return ",".join(map(str, cells))


def write_votes(path: Path, *lines: str) -> Path:
    """A table of such rows under the published header, as far as it matters."""
    names = ["", *EMOTIONS, "fileName", "numResponses", "agreement", "emoVote", "meanEmoResp"]
    names += [f"mean{name}Resp" for name in EMOTIONS.values()] + ["medianEmoResp"]
    path.write_text("\n".join([",".join(f'"{name}"' for name in names), *lines]) + "\n")
    return path
