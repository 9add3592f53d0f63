"""Whether a step of a recipe was already done with the same settings."""

from __future__ import annotations

import json
from pathlib import Path

from vatrace.files import sha256_of


def is_done(description: Path, settings: str) -> bool:
    """True where the JSON file `description` says, under `notes.settings`, that it was made with these settings.

    Where it names the sha256 of encoder weights, those have to be there too, unchanged.
    """
    try:
        about = json.loads(description.read_text("utf-8"))
        same = bool(about["notes"]["settings"] == settings)
        weights = about.get("weights_sha256")
        return same and (weights is None or sha256_of(description.with_suffix(".safetensors")) == weights)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
