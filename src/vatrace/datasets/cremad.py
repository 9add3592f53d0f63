"""CREMA-D as a corpus: what people perceived in each clip, from their votes.

CREMA-D (Cao and others, IEEE Transactions on Affective Computing 5, 2014) has 7,442 clips of 91 actors who speak one of
twelve sentences in one of six emotions. About ten people rated each clip by its voice alone, ten others by its face
alone, and ten by both: which of the six emotions it shows, and how intense it is from 0 to 100. `tabulatedVotes.csv` of
the project (`processedResults/`) has a row for each clip and kind of rater.

What a group of raters perceived is the mean of the circumplex points of the emotions, weighted by the share of votes
and by the mean intensity that those who chose the emotion gave it:

    valence = sum over emotions of votes / all votes x valence of the emotion x intensity / 100

and arousal alike. An emotion with few or weak votes thus lies near zero. The entropy of the votes, in nats, says how
much the raters disagreed.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from vatrace.datasets.clips import Split
from vatrace.errors import DatasetError, NothingFound
from vatrace.files import sha256_of

Raters = Literal["voice", "face", "audio-visual"]

RATERS: tuple[Raters, ...] = get_args(Raters)
RATER_CODES: Mapping[int, Raters] = {1: "voice", 2: "face", 3: "audio-visual"}  # a row's number // 100000
EMOTIONS = {"A": "Anger", "D": "Disgust", "F": "Fear", "H": "Happy", "N": "Neutral", "S": "Sad"}
# Valence and arousal of the emotions' names: Russell and Mehrabian, "Evidence for a three-factor theory of emotions",
# Journal of Research in Personality 11, 1977 (pleasure and arousal; "happy" is their "joyful"). Neutral is zero.
CIRCUMPLEX: Mapping[str, tuple[float, float]] = {
    "A": (-0.51, 0.59), "D": (-0.60, 0.35), "F": (-0.64, 0.60), "H": (0.76, 0.48), "N": (0.0, 0.0), "S": (-0.63, -0.27),
}  # fmt: skip
MAX_INTENSITY = 100.0
NOBODY = -1.0  # intensity of an emotion that nobody chose
VALIDATION_SHARE, TEST_SHARE = 0.15, 0.15  # of the actors
MEDIA_SUFFIXES = (".flv", ".mp4")  # in order of preference: as published, or as people convert it
POINTER_HEAD = b"version https://git-lfs"

_CLIP = re.compile(r"(?P<actor>\d{4})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>[A-Z]{2})")


@dataclass(frozen=True, kw_only=True)
class Perceived:
    """What one kind of raters perceived in a clip.

    Args:
        valence: in [-1, 1].
        arousal: in [-1, 1].
        entropy: of the votes, in nats, 0 (all agree) to log 6.
        num_raters: how many voted.
    """

    valence: float
    arousal: float
    entropy: float
    num_raters: int


@dataclass(frozen=True, kw_only=True)
class ClipName:
    """What the name of a clip says, such as `1001_IEO_HAP_LO`.

    Args:
        actor: 1001 to 1091.
        sentence: one of twelve, `IEO` is "It's eleven o'clock".
        emotion: that was acted: ANG, DIS, FEA, HAP, NEU, SAD.
        level: that was asked for: LO, MD, HI, or XX where it was left open.
    """

    actor: str
    sentence: str
    emotion: str
    level: str


def read_name(clip: str) -> ClipName:
    """Read the name of a clip.

    Raises:
        DatasetError: it is none of CREMA-D.
    """
    found = _CLIP.fullmatch(clip)
    if found is None:
        raise DatasetError(f"{clip} is no name of a CREMA-D clip, such as 1001_IEO_HAP_LO.")
    return ClipName(**found.groupdict())


def perceive(votes: Mapping[str, int], intensities: Mapping[str, float]) -> Perceived:
    """Valence and arousal of a clip from the votes of one kind of raters.

    Args:
        votes: how many chose each of `EMOTIONS`; at least one in all.
        intensities: mean of those who chose it, 0 to 100; whatever it is for an emotion without votes.

    Example:
        >>> perceive({"H": 3, "N": 1}, {"H": 50, "N": 80})
        Perceived(valence=0.285, arousal=0.18, entropy=0.5623351446188083, num_raters=4)
    """
    num_raters = sum(votes.values())
    chosen = {emotion: votes[emotion] / num_raters for emotion in votes if votes[emotion]}
    weights = {emotion: share * intensities[emotion] / MAX_INTENSITY for emotion, share in chosen.items()}
    valence, arousal = (sum(weight * CIRCUMPLEX[each][axis] for each, weight in weights.items()) for axis in (0, 1))
    entropy = -sum(share * math.log(share) for share in chosen.values()) + 0.0  # + 0.0, as all agreeing gives -0.0
    return Perceived(valence=valence, arousal=arousal, entropy=entropy, num_raters=num_raters)


def read_votes(path: Path) -> dict[str, dict[Raters, Perceived]]:
    """What each kind of raters perceived, by the name of the clip, from `tabulatedVotes.csv`.

    A kind without votes is left out.

    Raises:
        NothingFound: no such file.
        DatasetError: it is another table, or a row that cannot be, with its line.
    """
    read: dict[str, dict[Raters, Perceived]] = {}
    for line, row in _table(path, ("fileName", "numResponses", *EMOTIONS, *map(_intensity_column, EMOTIONS))):
        try:
            raters, perceived = _read_row(row)
            known = read.setdefault(row["fileName"], {})
            if raters in known:
                raise DatasetError(f"a second row of {raters} raters for {row['fileName']}.")
        except (DatasetError, ValueError) as error:
            raise DatasetError(f"{path}, line {line}: {error}") from error
        if perceived is not None:
            known[raters] = perceived
    if not read:
        raise DatasetError(f"{path} has no row.")
    return read


def _read_row(row: Mapping[str, str]) -> tuple[Raters, Perceived | None]:
    read_name(row["fileName"])
    code = int(next(iter(row.values()))) // 100_000  # the first column has no name in the published file
    if code not in RATER_CODES:
        raise DatasetError(f"the row's number must be 100000 or more and below 400000, got {next(iter(row.values()))}.")
    votes = {emotion: int(row[emotion]) for emotion in EMOTIONS}
    intensities = {emotion: float(row[_intensity_column(emotion)]) for emotion in EMOTIONS}
    if min(votes.values()) < 0 or sum(votes.values()) != int(row["numResponses"]):
        raise DatasetError(f"{row['numResponses']} responses, but votes {votes}.")
    for emotion, intensity in intensities.items():
        is_possible = 0 <= intensity <= MAX_INTENSITY if votes[emotion] else intensity == NOBODY
        if not is_possible:
            raise DatasetError(f"{votes[emotion]} votes for {EMOTIONS[emotion]}, but an intensity of {intensity:g}.")
    return RATER_CODES[code], perceive(votes, intensities) if any(votes.values()) else None


def _intensity_column(emotion: str) -> str:
    return f"mean{EMOTIONS[emotion]}Resp"


def read_checksums(path: Path) -> dict[str, str]:
    """The sha256 of each media file by its file name, from a table with the columns `path` and `sha256`.

    Raises:
        NothingFound: no such file.
        DatasetError: it is another table.
    """
    return {row["path"].rpartition("/")[2]: row["sha256"].lower() for _, row in _table(path, ("path", "sha256"))}


def find_media(folder: Path) -> dict[str, Path]:
    """The films of a folder and of the folders in it, by name of the clip; `.flv` goes before `.mp4`.

    Raises:
        NothingFound: there is none.
        DatasetError: two files of one name, of which either could be meant.
    """
    if not folder.is_dir():
        raise NothingFound(f"there is no folder {folder}.")
    found: dict[str, Path] = {}
    for suffix in reversed(MEDIA_SUFFIXES):
        named: dict[str, Path] = {}
        for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
            if path.suffix.lower() == suffix and not path.name.startswith(".") and path.is_file():
                if path.stem in named:
                    raise DatasetError(f"{named[path.stem]} and {path} have one name; keep one of them in {folder}.")
                named[path.stem] = path
        found.update(named)
    if not found:
        raise NothingFound(
            f"{folder} and the folders in it have no {' or '.join(MEDIA_SUFFIXES)}; give the folder of CREMA-D that "
            "has VideoFlash in it."
        )
    return found


def is_pointer(path: Path) -> bool:
    """Whether a file is what git has in place of a large file that was not fetched."""
    with path.open("rb") as file:
        return file.read(len(POINTER_HEAD)) == POINTER_HEAD


def check_media(path: Path, checksums: Mapping[str, str] | None = None) -> None:
    """Raise unless a media file was really fetched, and is the published one.

    Args:
        path: of the file.
        checksums: sha256 by file name; None leaves that out.

    Raises:
        DatasetError: it is a pointer, or its sha256 is another or unknown.
    """
    if is_pointer(path):
        raise DatasetError(f"{path} is a git-lfs pointer and not the film; run `git lfs pull` in that folder.")
    if checksums is None:
        return
    if path.name not in checksums:
        raise DatasetError(f"{path} cannot be checked: the list of checksums has no {path.name}.")
    found = sha256_of(path)
    if found != checksums[path.name]:
        raise DatasetError(
            f"{path} is damaged or another file: its sha256 begins with {found[:12]}, not with "
            f"{checksums[path.name][:12]}; fetch it again."
        )


def divide_actors(actors: Collection[str], seed: int = 0) -> dict[str, Split]:
    """A split for each actor: 70 % train, 15 % validation, 15 % test, at least one each.

    It depends on the seed and on who is in the table of votes, not on which clips somebody has fetched.

    Raises:
        DatasetError: fewer than three actors.
    """
    if len(actors) < 3:
        raise DatasetError(f"train, validation and test need three actors or more, got {len(actors)}.")
    order = np.random.default_rng([seed, *b"crema-d"]).permutation(sorted(actors)).tolist()
    num_validation, num_test = (max(1, round(share * len(order))) for share in (VALIDATION_SHARE, TEST_SHARE))
    splits: dict[str, Split] = dict.fromkeys(order, "train")
    splits.update(dict.fromkeys(order[:num_validation], "validation"))
    splits.update(dict.fromkeys(order[num_validation : num_validation + num_test], "test"))
    return splits


def _table(path: Path, columns: Collection[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV with their lines."""
    if not path.is_file():
        raise NothingFound(f"there is no file {path}.")
    try:
        with path.open("r", encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(f"{path} has no column {', '.join(missing)}; is it the right file of CREMA-D?")
            for row in reader:
                yield reader.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is no CSV in UTF-8: {error}.") from error
