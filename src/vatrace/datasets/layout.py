"""What lies where in a folder of Aff-Wild2, as people unpack it.

The parts come as separate archives, so they are looked for, at any depth up to six, by what they are:

- `Train_Set`, `Validation_Set` and `Test_Set` folders with one `.txt` a clip: labels of the task that the folder above
  is named after (`VA_Estimation_Challenge`, `EXPR_Recognition_Challenge`; others are let lie);
- folders of `%05d.jpg`: face pictures of one clip, aligned where `cropped_aligned` is in the path, else unaligned;
- videos by their suffix;
- a text file with `Valence_Arousal` and `test_set_release` in its name: the clips of the challenge's test set;
- a text file whose first line is `image_location,valence,arousal`: the template of a submission. Those of the other
  tasks, which lie beside it, name other columns.

Names are compared whole, never by their beginning: `106` and `106-30-720x1280` are two videos. Hidden files are let
lie. Folders of pictures are not listed here: there are 2.7 million of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vatrace.datasets.affwild2 import HEADER, TASK
from vatrace.datasets.clips import Split

MAX_DEPTH = 6
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")  # in order of preference
ALIGNED = "cropped_aligned"
EXPRESSION_TASK = "EXPR_Recognition_Challenge"
TEMPLATE_HEADER = "image_location,valence,arousal"
_PICTURE = re.compile(r"\d{5,}\.jpg")
_SPLITS: Mapping[str, Split] = {"Train_Set": "train", "Validation_Set": "validation", "Test_Set": "test"}
_MAX_HEAD = 200  # bytes of a text file that tell what it is


@dataclass(kw_only=True)
class Layout:
    """What was found. Each list is in order of path; a name that is there twice is there twice here.

    Args:
        folder: that was looked through.
        annotations: split, name and file of each valence-arousal annotation.
        expressions: the same of expression annotations.
        videos: by name without suffix.
        crops: folders of aligned face pictures, by clip.
        unaligned: folders of other face pictures, by clip.
        test_lists: files that name the clips of the challenge's test set.
        templates: templates of a submission.
        unreadable: folders that cannot be listed, and text files that cannot be opened.
    """

    folder: Path
    annotations: list[tuple[Split, str, Path]] = field(default_factory=list)
    expressions: list[tuple[Split, str, Path]] = field(default_factory=list)
    videos: dict[str, list[Path]] = field(default_factory=dict)
    crops: dict[str, list[Path]] = field(default_factory=dict)
    unaligned: dict[str, list[Path]] = field(default_factory=dict)
    test_lists: list[Path] = field(default_factory=list)
    templates: list[Path] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)

    @property
    def tasks(self) -> list[Path]:
        """Folders that hold valence-arousal annotations by split."""
        return sorted({path.parent.parent for _, _, path in self.annotations})

    def test_names(self) -> list[str]:
        """Names of the clips of the challenge's test set, in the order of its list, else of its template."""
        if self.test_lists:
            lines = self.test_lists[0].read_text("utf-8-sig", errors="replace").splitlines()
            return list(dict.fromkeys(line.strip() for line in lines if line.strip()))
        return list(self.template_rows())

    def template_rows(self) -> dict[str, int]:
        """Rows of each clip in the template, in its order; empty where there is none."""
        rows: dict[str, int] = {}
        if self.templates:
            with self.templates[0].open("r", encoding="utf-8-sig", errors="replace") as file:
                next(file, None)
                for line in file:
                    clip, found, _ = line.partition("/")
                    if found:
                        rows[clip] = rows.get(clip, 0) + 1
        return rows


def look_through(folder: Path) -> Layout:
    """Find the parts of a dataset; only names are read, and the first bytes of a few text files."""
    found = Layout(folder=folder)
    _look(folder, 0, found, set())
    return found


def _look(folder: Path, depth: int, found: Layout, seen: set[tuple[int, int]]) -> None:
    try:
        _look_into(folder, depth, found, seen)
    except OSError:
        found.unreadable.append(folder)


def _look_into(folder: Path, depth: int, found: Layout, seen: set[tuple[int, int]]) -> None:
    status = folder.stat()
    if depth > MAX_DEPTH or (status.st_dev, status.st_ino) in seen:  # a link back to where we were
        return
    seen.add((status.st_dev, status.st_ino))
    if folder.name in _SPLITS:
        _add_annotations(folder, found)
        return
    folders: list[Path] = []
    files: list[Path] = []
    for entry in _entries(folder):
        if entry.is_dir():
            folders.append(Path(entry.path))
        elif _PICTURE.fullmatch(entry.name):
            kind = found.crops if ALIGNED in folder.relative_to(found.folder).as_posix() else found.unaligned
            kind.setdefault(folder.name, []).append(folder)
            return
        else:
            files.append(Path(entry.path))
    for file in sorted(files):
        try:
            _add_file(file, found)
        except OSError:
            found.unreadable.append(file)
    for each in sorted(folders):
        _look(each, depth + 1, found, seen)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry


def _add_annotations(folder: Path, found: Layout) -> None:
    """Take up a split's folder: its task is that of the folder above, or what the first file begins with."""
    names = sorted(entry.name for entry in _entries(folder) if entry.name.endswith(".txt"))
    task = folder.parent.name
    if not task.endswith("_Challenge") and names:
        begins = _first_line(folder / names[0])
        task = TASK if begins == HEADER else EXPRESSION_TASK if begins.startswith("neutral,") else ""
    if task not in (TASK, EXPRESSION_TASK):
        return
    kind = found.annotations if task == TASK else found.expressions
    kind.extend((_SPLITS[folder.name], name.removesuffix(".txt"), folder / name) for name in names)


def _add_file(file: Path, found: Layout) -> None:
    suffix = file.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        known = found.videos.setdefault(file.stem, [])
        known.append(file)
        known.sort(key=lambda path: (VIDEO_SUFFIXES.index(path.suffix.lower()), path))
    elif suffix == ".txt":
        begins = _first_line(file)
        if "test_set_release" in file.name and "Valence_Arousal" in file.name:
            found.test_lists.append(file)
        elif begins == TEMPLATE_HEADER:
            found.templates.append(file)


def _first_line(file: Path) -> str:
    with file.open("rb") as opened:
        head = opened.read(_MAX_HEAD).decode("utf-8-sig", errors="replace")
    return head.partition("\n")[0].strip().lower()
