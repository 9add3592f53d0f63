"""What the README shows works as shown."""

import re
from pathlib import Path

import pytest

from tests.conftest import Demo
from vatrace.cli import COMMANDS

README = Path(__file__).parents[1] / "README.md"


def test_the_python_example_runs(
    small_demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(small_demo.folder.parent)
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("[0.")


def test_nothing_is_left_to_fill_in() -> None:
    assert "@@" not in README.read_text("utf-8")


def test_every_command_is_told_about() -> None:
    text = README.read_text("utf-8")
    assert [name for name in COMMANDS if f"`{name}`" not in text] == []


def test_every_picture_and_page_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text("utf-8"))
    assert links
    assert [link for link in links if not link.startswith("http") and not (README.parent / link).exists()] == []
