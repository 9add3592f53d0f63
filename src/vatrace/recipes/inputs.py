"""What a person names on the command line, as files: paths, folders, patterns, corpora."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vatrace.errors import DatasetError, NothingFound, VatraceError

if TYPE_CHECKING:
    from vatrace.datasets.clips import Clip
    from vatrace.features.extract import Appearance

FaceSource = Literal["found", "official"]

VIDEO_SUFFIXES = {
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".vob", ".3gp",
    ".ogv", ".flv",
}  # fmt: skip
OVERLAY_SUFFIX = ".overlay.mp4"
SOUND_SUFFIXES = {".wav", ".mp3", ".m4a", ".ogg", ".oga", ".opus", ".flac", ".aac"}


@dataclass(frozen=True, kw_only=True)
class Film:
    """A video, and the people in it of whom something is to be made."""

    path: Path
    people: tuple[Appearance, ...]


@dataclass(frozen=True)
class Films:
    """Films in order, and the clips that have none, with the reason."""

    films: tuple[Film, ...]
    failed: tuple[tuple[str, VatraceError | OSError], ...] = ()


def find_films(names: Sequence[str], faces: FaceSource = "found") -> Films:
    """Everybody in the videos that were named: a corpus gives each of its clips, any other video its main person.

    Args:
        names: as for `find_videos`; a folder may also be a corpus.
        faces: "found" looks for faces in the film; "official" takes the face pictures that a corpus brings.

    Raises:
        NothingFound: a folder or a pattern gives no video.
        DatasetError: two people have the same name, or official faces are wanted of what is no corpus.
    """
    from vatrace.datasets.corpus import is_corpus, open_corpus
    from vatrace.features.extract import Appearance

    films: list[Film] = []
    failed: list[tuple[str, VatraceError | OSError]] = []
    for name in names:
        if is_corpus(Path(name)):
            found = films_of(open_corpus(Path(name)).clips, faces)
            films.extend(found.films)
            failed.extend(found.failed)
        elif faces == "official":
            raise DatasetError(f"{name} is no corpus, so it brings no official face pictures; leave out --faces.")
        else:
            films.extend(Film(path=path, people=(Appearance(name=path.stem),)) for path in find_videos([name]))
    paths: dict[str, Path] = {}
    for film in films:
        for person in film.people:
            if paths.setdefault(person.name, film.path) != film.path:
                raise DatasetError(
                    f"{paths[person.name]} and {film.path} would both write {person.name!r}; rename one, or use two "
                    "folders."
                )
    unique = {tuple(person.name for person in film.people): film for film in films}
    return Films(tuple(unique.values()), tuple(failed))


def films_of(clips: Iterable[Clip], faces: FaceSource = "found") -> Films:
    """The films that some clips of a corpus are in, each once with all of them.

    Raises:
        NothingFound: official faces are wanted, and no clip has any.
    """
    from vatrace.features.extract import Appearance

    clips = tuple(clips)
    if faces == "official" and not any(clip.crops for clip in clips):
        raise NothingFound(f"none of these {len(clips)} clips has official face pictures; leave out --faces official.")
    people: dict[Path, list[Appearance]] = {}
    failed: list[tuple[str, VatraceError | OSError]] = []
    for clip in clips:
        if clip.video is None or not clip.video.is_file():
            where = f"none at {clip.video}" if clip.video else "none of its name"
            failed.append((clip.name, NothingFound(f"{clip.name} has no video ({where}), so no times and no sound.")))
        else:
            crops = clip.crops if faces == "official" else None
            person = Appearance(name=clip.name, person=clip.person, faces=faces, crops=crops)
            people.setdefault(clip.video, []).append(person)
    return Films(tuple(Film(path=path, people=tuple(each)) for path, each in people.items()), tuple(failed))


def find_videos(names: Sequence[str], *, with_sound_files: bool = False) -> list[Path]:
    """Files named one by one, every video of a named folder, every match of a pattern; in order, each once.

    A file that is named one by one is taken whatever its suffix. One that does not exist is kept, so that a batch can
    say so of it and go on with the rest.

    Args:
        names: files, folders and patterns.
        with_sound_files: whether a folder also gives its files of sound alone. One that lies beside a video of the same
            name is taken for the soundtrack of that, and left out.

    Raises:
        NothingFound: a folder or a pattern gives no video.
    """
    found: dict[Path, None] = {}
    for name in names:
        for path in _matches(name, with_sound_files):
            found.setdefault(path)
    return list(found)


def unique_names(paths: Iterable[Path]) -> tuple[dict[str, Path], list[tuple[str, VatraceError | OSError]]]:
    """A name for each clip, by which its results are called: the file's own without suffix, where no other has it.

    Of clips that share it, those that differ in their suffix are told apart by that (`talk_avi`), others by the folder
    that they are in (`monday_talk`). A file that is named twice is taken once.

    Returns:
        Clips by their names, in order; and those that cannot be told apart so, each with the reason.
    """
    once: dict[str, Path] = {}
    by_stem: dict[str, list[Path]] = {}
    for path in paths:
        if once.setdefault(os.path.normpath(path.absolute()), path) is path:
            by_stem.setdefault(path.stem, []).append(path)
    names = {path: _name_among(path, by_stem[path.stem]) for path in once.values()}
    counts = Counter(names.values())
    failed: list[tuple[str, VatraceError | OSError]] = [
        (str(path), DatasetError(f"{path} is one of {counts[name]} that would write {name!r}; rename it."))
        for path, name in names.items()
        if counts[name] > 1
    ]
    return {name: path for path, name in names.items() if counts[name] == 1}, failed


def _name_among(path: Path, namesakes: Sequence[Path]) -> str:
    if len(namesakes) == 1:
        return path.stem
    if len({each.suffix for each in namesakes}) == len(namesakes):
        return path.name.replace(".", "_")
    return f"{path.absolute().parent.name}_{path.stem}"


def _matches(name: str, with_sound_files: bool) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.is_file() and not _is_none(each))
        videos = {each.stem for each in files if each.suffix.lower() in VIDEO_SUFFIXES}
        found = [
            each
            for each in files
            if each.suffix.lower() in VIDEO_SUFFIXES
            or (with_sound_files and each.suffix.lower() in SOUND_SUFFIXES and each.stem not in videos)
        ]
        if not found:
            what = "neither video nor sound" if with_sound_files else "no video"
            suffixes = VIDEO_SUFFIXES | SOUND_SUFFIXES if with_sound_files else VIDEO_SUFFIXES
            raise NothingFound(
                f"the folder {path} holds {what} ({', '.join(sorted(suffixes))}). "
                f"For folders within it: '{path / '**' / '*.mp4'}'."
            )
        return found
    if path.exists() or not any(sign in name for sign in "*?["):
        return [path]
    root = Path(path.anchor) if path.is_absolute() else Path()
    try:
        matches = sorted(root.glob(str(path.relative_to(path.anchor) if path.is_absolute() else path)))
    except ValueError as error:
        raise NothingFound(f"{name!r} is no pattern; ** stands for folders alone, as in 'videos/**/*.mp4'.") from error
    found = [each for each in matches if each.is_file() and not _is_none(each)]
    if not found:
        others = ", only folders, hidden files or overlays of vatrace's own" if matches else ""
        raise NothingFound(f"nothing matches {name!r}{others}.")
    return found


def _is_none(path: Path) -> bool:
    """Whether nobody means it as a clip: hidden, or called as the overlays that `vatrace predict` puts beside clips."""
    return path.name.startswith(".") or path.name.lower().endswith(OVERLAY_SUFFIX)
