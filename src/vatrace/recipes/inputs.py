"""What a person names on the command line, as files: paths, folders, patterns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from vatrace.errors import DatasetError, NothingFound

VIDEO_SUFFIXES = {
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".3gp", ".ogv",
}  # fmt: skip


def find_videos(names: Sequence[str]) -> list[Path]:
    """Files named one by one, every video of a named folder, every match of a pattern; in order, each once.

    A file that is named one by one is taken whatever its suffix. One that does not exist is kept, so that a batch can
    say so of it and go on with the rest.

    Raises:
        NothingFound: a folder or a pattern gives no video.
    """
    found: dict[Path, None] = {}
    for name in names:
        for path in _matches(name):
            found.setdefault(path)
    return list(found)


def unique_names(paths: Iterable[Path]) -> dict[str, Path]:
    """A name for each video: its file name without the suffix.

    Raises:
        DatasetError: two videos have the same name, so one result would overwrite the other.
    """
    named: dict[str, Path] = {}
    for path in paths:
        if path.stem in named:
            raise DatasetError(
                f"{named[path.stem]} and {path} would both write {path.stem!r}; rename one, or use two folders."
            )
        named[path.stem] = path
    return named


def _matches(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        videos = sorted(each for each in path.iterdir() if each.suffix.lower() in VIDEO_SUFFIXES and each.is_file())
        if not videos:
            raise NothingFound(f"the folder {path} holds no video ({', '.join(sorted(VIDEO_SUFFIXES))}).")
        return videos
    if path.exists() or not any(sign in name for sign in "*?["):
        return [path]
    root = Path(path.anchor) if path.is_absolute() else Path()
    matches = sorted(root.glob(str(path.relative_to(path.anchor) if path.is_absolute() else path)))
    if not matches:
        raise NothingFound(f"nothing matches {name!r}.")
    return [each for each in matches if each.is_file()]
