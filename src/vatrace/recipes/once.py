"""Whether a step of a recipe was already done with the same settings."""

from __future__ import annotations

import json
from pathlib import Path


def is_done(description: Path, settings: str) -> bool:
    """True where the JSON file `description` says, under `notes.settings`, that it was made with these settings."""
    try:
        notes = json.loads(description.read_text("utf-8"))["notes"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return isinstance(notes, dict) and notes.get("settings") == settings
