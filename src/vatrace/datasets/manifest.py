"""Any other corpus: a folder with a `manifest.csv`, one row a clip.

| column | meaning |
|---|---|
| `video` | the film or sound file, relative to the folder |
| `clip` | its name; without it the name of the video file, with `_left` or `_right` behind it where `person` says so |
| `person` | `main` (or empty), `left` or `right` of the picture |
| `annotation` | labels in time: `valence,arousal` a frame as Aff-Wild2 has it, or `time,valence,arousal` |
| `valence`, `arousal` | of the clip as a whole, in [-1, 1], where it has no `annotation` |
| `subject`, `source` | clips that share either never have two roles |
| `split` | `train` (or empty), `validation`, `test`, or `unlabelled` |
| `crops` | folder of face pictures `%05d.jpg`, relative to the folder |

Only `video` is needed, and for a clip with labels either `annotation` or both values. Other columns are let be.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast, get_args

from vatrace.datasets.clips import Clip, Corpus, Split, check_names
from vatrace.errors import DatasetError, NothingFound
from vatrace.streams import Person

MANIFEST = "manifest.csv"
COLUMNS = (
    "clip", "video", "person", "annotation", "valence", "arousal", "subject", "source", "split", "crops",
)  # fmt: skip


def open_manifest(folder: Path) -> Corpus:
    """Read the clips of a folder with a manifest.

    Raises:
        NothingFound: it has none, or one without a row.
        DatasetError: a row that cannot be, with its line.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise NothingFound(f"no {MANIFEST} in {folder}.")
    rows = _rows(path)
    if not rows:
        raise NothingFound(f"{path} has no row.")
    groups = _joined([_keys(row) for _, row in rows])
    clips = [_clip(folder, path, line, row, group) for (line, row), group in zip(rows, groups, strict=True)]
    _check_roles(path, clips)
    return Corpus(folder=folder, clips=tuple(sorted(clips, key=lambda clip: clip.name)))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open("r", encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = [name.strip() for name in reader.fieldnames or ()]
            if "video" not in names:
                raise DatasetError(f"{path} needs a column `video`; it has {', '.join(names) or 'none'}.")
            return [
                (reader.line_num, {(key or "").strip(): (value or "").strip() for key, value in row.items() if key})
                for row in reader
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is no CSV in UTF-8: {error}.") from error


def _clip(folder: Path, path: Path, line: int, row: Mapping[str, str], group: str) -> Clip:
    def wrong(what: str) -> DatasetError:
        return DatasetError(f"{path}, line {line}: {what}")

    if not row.get("video"):
        raise wrong("every clip needs a video.")
    person, split = row.get("person") or "main", row.get("split") or "train"
    if person not in get_args(Person):
        raise wrong(f"person must be one of {', '.join(get_args(Person))}, got {person!r}.")
    if split not in get_args(Split):
        raise wrong(f"split must be one of {', '.join(get_args(Split))}, got {split!r}.")
    side = "" if person == "main" else f"_{person}"
    try:
        clip = Clip(
            name=row.get("clip") or f"{Path(row['video']).stem}{side}",
            split=cast(Split, split),
            source=group,
            video=folder / row["video"],
            person=cast(Person, person),
            crops=folder / row["crops"] if row.get("crops") else None,
            annotation=folder / row["annotation"] if row.get("annotation") else None,
            value=_value(row),
        )
        check_names([clip])
    except (DatasetError, ValueError) as error:
        raise wrong(str(error)) from error
    return clip


def _check_roles(path: Path, clips: Sequence[Clip]) -> None:
    first: dict[str, Clip] = {}
    for clip in clips:
        other = first.setdefault(clip.source, clip) if clip.split != "unlabelled" else clip
        if other.split != clip.split:
            raise DatasetError(
                f"{path}: {other.name} is in the {other.split} split and {clip.name} in the {clip.split} split, but "
                f"they share {clip.source!r}, so a model would be scored on what it has learned; give both one split."
            )


def _value(row: Mapping[str, str]) -> tuple[float, float] | None:
    given = [row.get("valence", ""), row.get("arousal", "")]
    if row.get("split") == "unlabelled" or not any(given):
        return None
    if not all(given):
        raise ValueError("a clip needs both valence and arousal, or neither.")
    return float(given[0]), float(given[1])


def _keys(row: Mapping[str, str]) -> tuple[str, ...]:
    """What ties a clip to others: subject, source, and the video itself."""
    return tuple(f"{name} {row[name]}" for name in ("subject", "source", "video") if row.get(name))


def _joined(keys: Sequence[tuple[str, ...]]) -> list[str]:
    """Name of each row's group, where rows that share a key, or are tied through others, are of one group."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for row in keys:
        for key in row[1:]:
            first, second = sorted((root(row[0]), root(key)))
            parent[second] = first
    return [root(row[0]) if row else "" for row in keys]
