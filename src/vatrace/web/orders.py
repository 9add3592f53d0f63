"""What the server tells a process that it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vatrace.inference.choice import ModelChoice
from vatrace.web.limits import Limits


def describe_run(choice: ModelChoice, limits: Limits) -> Mapping[str, Any]:
    """What stands on its command line, as JSON.

    Args:
        choice: the model it loads.
        limits: of this run.
    """
    return {
        "choice": choice.to_json(),
        "limits": vars(limits),
        "parent": os.getpid(),
        "private": str(Path.cwd()),
    }
