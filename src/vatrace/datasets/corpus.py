"""The one way to open a corpus, whatever its form: a `manifest.csv`, or the folders of Aff-Wild2 as they come."""

from __future__ import annotations

from pathlib import Path

from vatrace.datasets.clips import Corpus
from vatrace.datasets.layout import look_through
from vatrace.datasets.manifest import MANIFEST, open_manifest
from vatrace.datasets.official import open_official


def open_corpus(folder: Path) -> Corpus:
    """Read which clips a folder has.

    Args:
        folder: one that holds `manifest.csv`, or the official folders of Aff-Wild2 at any depth up to six.

    Raises:
        NothingFound: there is neither.
        DatasetError: what is there contradicts itself.
    """
    if (folder / MANIFEST).is_file():
        return open_manifest(folder)
    return open_official(folder)


def is_corpus(folder: Path) -> bool:
    """Whether a folder holds one."""
    return (folder / MANIFEST).is_file() or (folder.is_dir() and bool(look_through(folder).annotations))
