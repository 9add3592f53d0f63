"""What the server tells a process that it starts, and which files that process needs for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vatrace.inference.choice import ModelChoice
from vatrace.web.limits import Limits


def files_of(choice: ModelChoice) -> list[Path]:
    """Files and folders that a model is loaded from; with those elsewhere that are linked to from there."""
    from vatrace.faces.weights import cache_folder

    face = [] if choice.face_model is None else [Path(choice.face_model)]
    weights = [] if choice.vggish_weights is None else [choice.vggish_weights]
    folders = [choice.folder, cache_folder()]
    linked = [path.resolve() for folder in folders for path in folder.rglob("*") if path.is_symlink()]
    return [*folders, *face, *weights, *linked]


def describe_run(choice: ModelChoice, limits: Limits) -> Mapping[str, Any]:
    """What the server hands a worker on its command line."""
    return {
        "choice": choice.to_json(),
        "limits": vars(limits),
        "parent": os.getpid(),
        "private": str(Path.cwd()),
    }
