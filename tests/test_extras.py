"""What can be installed beside vatrace, and what `make setup` brings."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from vatrace.extras import install_line
from vatrace.report.formats import FORMATS

ROOT = Path(__file__).parents[1]
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
MODULES = sorted(
    {module for each in FORMATS.values() for module in each.packages} | {"starlette", "uvicorn", "wsproto"}
)


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=]", each)[0] for each in requirements}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_installed_by_the_package_that_brings_it(module: str) -> None:
    assert install_line([module]).split()[-1] in packages_distributions()[module]


@pytest.mark.parametrize("module", [*MODULES, "pandas"])
def test_make_setup_brings_the_page_and_every_format(module: str) -> None:
    (extras,) = re.findall(r"-e '\.\[([a-z,]+)\]'", (ROOT / "Makefile").read_text().partition("/.ready: ")[2])[:1]
    brought = {name for extra in extras.split(",") for name in names(EXTRAS[extra])}
    assert install_line([module]).split()[-1] in brought
