"""`vatrace convert cremad`: CREMA-D as a corpus of vatrace, with what raters perceived as labels."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vatrace.errors import DatasetError, NothingFound, VatraceError
from vatrace.files import write_text
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.datasets.cremad import Perceived, Raters

README = "README.md"
README_TEXT = """# CREMA-D, perceived valence and arousal

Contains information from CREMA-D (https://github.com/CheyneyComputerScience/CREMA-D), which is made available under the
Open Database License (ODbL) 1.0, http://opendatacommons.org/licenses/odbl/1.0/; rights in individual contents are
licensed under the Database Contents License 1.0, http://opendatacommons.org/licenses/dbcl/1.0/. `manifest.csv` is a
database derived from it, and is under the ODbL too.

H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova and R. Verma, "CREMA-D: Crowd-sourced Emotional Multimodal
Actors Dataset", IEEE Transactions on Affective Computing 5(4), 2014.

What was computed: valence and arousal that voice-only, face-only and audio-visual raters perceived in each clip, as
the sum over emotions of share of votes x circumplex point (Russell and Mehrabian, 1977) x mean intensity / 100; and the
entropy of the votes in nats. The columns `valence` and `arousal` are those of the {raters} raters. Actors were
divided into train, validation and test with seed {seed}. The films are not here: `video` says where they are, seen from
this folder.

The emotions are acted. The values say what raters perceived, not what the actors felt.
"""
_VALUES = ("valence", "arousal", "entropy", "raters")


def convert_cremad(
    media: Path,
    *,
    votes: Path,
    checksums: Path | None = None,
    raters: Literal["audio-visual", "face", "voice"] = "audio-visual",
    seed: int = 0,
    out: Path = Path("cremad"),
    watch: Watch = SILENCE,
) -> BatchResult:
    """Make a corpus of CREMA-D: OUT/manifest.csv, with perceived valence and arousal of each clip.

    Labels come from the raters' votes, and each kind of raters (voice alone, face alone, both) has columns of its own.
    Actors are divided: 70 % train, 15 % validation, 15 % test. Films are not copied: the manifest has their path
    relative to OUT. A clip is its .flv, else an .mp4 of its name; the .flv has the sound too, so it also serves for
    voice. Clips without film, films without votes, and films that were not fetched are listed, and the rest is written.

    Example: vatrace convert cremad CREMA-D --votes CREMA-D/processedResults/tabulatedVotes.csv --out cremad

    Args:
        media: folder of CREMA-D, as git with git-lfs fetches it, or a folder of its films.
        votes: its table tabulatedVotes.csv.
        checksums: a CSV with the columns path and sha256; every film must be on it.
        raters: whose valence and arousal is the clip's label.
        seed: of the division of actors.
        out: folder to write.
    """
    from vatrace.datasets.cremad import check_media, divide_actors, read_checksums, read_name, read_votes
    from vatrace.datasets.manifest import MANIFEST

    if out.resolve() == media.resolve():
        raise ValueError(f"--out is the folder of the films, {media}, which has a README of its own; choose another.")
    perceived = read_votes(votes)
    known = read_checksums(checksums) if checksums else None
    films = _fetched_films(media)
    splits = divide_actors({read_name(clip).actor for clip in perceived}, seed)
    rows: list[dict[str, str]] = []
    failed: list[tuple[str, VatraceError | OSError]] = []
    with watch.track("checking films", len(perceived.keys() | films.keys())) as advance:
        for clip in sorted(perceived.keys() | films.keys()):
            try:
                by_kind = _votes_of(clip, perceived, raters)
                film = _film_of(clip, films, media)
                check_media(film, known)
                rows.append(_row(clip, film, out, splits[read_name(clip).actor], by_kind, raters))
            except (VatraceError, OSError) as error:
                failed.append((clip, error))
            advance(1)
    if not rows:
        return BatchResult((), tuple(failed))
    write_text(out / README, README_TEXT.format(raters=raters, seed=seed))
    write_text(out / MANIFEST, _as_csv(rows))
    _say_what_is_empty(rows, watch)
    return BatchResult((out / MANIFEST, out / README), tuple(failed))


def _fetched_films(media: Path) -> dict[str, Path]:
    """The films of a folder; that none of them was fetched is said once, and not of each."""
    from vatrace.datasets.cremad import find_media, is_pointer

    films = find_media(media)
    if all(is_pointer(film) for film in films.values()):
        raise DatasetError(f"all {len(films)} films in {media} are git-lfs pointers; run `git lfs pull` there.")
    return films


def _votes_of(
    clip: str, perceived: Mapping[str, Mapping[Raters, Perceived]], raters: Raters
) -> Mapping[Raters, Perceived]:
    if clip not in perceived:
        raise DatasetError(f"the table of votes has no {clip}.")
    if raters not in perceived[clip]:
        raise DatasetError(f"nobody of the {raters} raters voted on {clip}.")
    return perceived[clip]


def _film_of(clip: str, films: Mapping[str, Path], media: Path) -> Path:
    if clip not in films:
        raise NothingFound(f"there is no film of {clip} in {media}.")
    return films[clip]


def _row(
    clip: str, film: Path, out: Path, split: str, by_kind: Mapping[Raters, Perceived], raters: Raters
) -> dict[str, str]:
    from vatrace.datasets.cremad import RATERS, read_name

    name = read_name(clip)
    row = {"clip": clip, "video": _seen_from(out, film), "subject": name.actor, "source": name.actor, "split": split}
    row |= {"valence": f"{by_kind[raters].valence:.6f}", "arousal": f"{by_kind[raters].arousal:.6f}"}
    for kind in RATERS:
        row |= dict(zip((_column(value, kind) for value in _VALUES), _texts(by_kind.get(kind)), strict=True))
    return row | {"acted_emotion": name.emotion, "acted_level": name.level}


def _column(value: str, kind: Raters) -> str:
    return f"{value}_{kind.replace('-', '_')}"


def _texts(perceived: Perceived | None) -> tuple[str, ...]:
    if perceived is None:
        return ("",) * len(_VALUES)
    values = (perceived.valence, perceived.arousal, perceived.entropy)
    return (*(f"{value:.6f}" for value in values), str(perceived.num_raters))


def _seen_from(out: Path, film: Path) -> str:
    """The film's path relative to `out`, so that the same folders beside each other give the same manifest anywhere."""
    there = film.parent.resolve() / film.name  # a film that is a link keeps its name
    try:
        return Path(os.path.relpath(there, out.resolve())).as_posix()
    except ValueError:  # on another drive of Windows there is no way from here to there
        return there.as_posix()


def _as_csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _say_what_is_empty(rows: list[dict[str, str]], watch: Watch) -> None:
    from vatrace.datasets.cremad import RATERS

    for kind in RATERS:
        empty = [row["clip"] for row in rows if not row[_column("raters", kind)]]
        if empty:
            watch.say(f"{len(empty)} clips have no votes of {kind} raters ({', '.join(empty[:3])}): empty columns")
