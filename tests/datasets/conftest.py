from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what all tests may share is made once."""
    return tmp_path_factory.mktemp("scratch")
