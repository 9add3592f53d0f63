"""From features to a trace, and from a video to a trace."""

from pathlib import Path


def starter_folder() -> Path:
    """The model folder that comes with vatrace: what is used where no model is named."""
    return Path(__file__).parents[1] / "starter"
