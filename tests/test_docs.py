"""What the pages in docs/ show works as shown, and they leave nothing out."""

import doctest
import json
import re
from pathlib import Path

import pytest

from tests.conftest import Demo
from vatrace.cli import main
from vatrace.recipes.summary_table import COLUMNS as SUMMARY_COLUMNS
from vatrace.report.export import COLUMNS
from vatrace.report.formats import FORMATS
from vatrace.synth.corpus import plan_clip, write_clip

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def named_in_tables(page: str) -> set[str]:
    """What stands in backticks in the first column of a page's tables."""
    firsts = [line.split("|")[1] for line in (DOCS / page).read_text("utf-8").splitlines() if line.startswith("|")]
    return {name for first in firsts for name in re.findall(r"`([^`]+)`", first)}


def test_the_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(plan_clip(5, 0, 0, 1.0), tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text("utf-8"), re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "python.md", "docs/python.md", 0)
    assert len(test.examples) >= 20
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert result.failed == 0
    assert (tmp_path / "clip.png").stat().st_size > 1000


def test_every_column_and_field_that_predict_writes_is_told_about(small_demo: Demo, tmp_path: Path) -> None:
    assert main(["predict", str(small_demo.folder / "new_clip.mp4"), "--out", str(tmp_path)]) == 0
    facts = json.loads((tmp_path / "new_clip.json").read_text())
    told = named_in_tables("predict.md")
    assert set(facts) - told == set()
    assert set(facts["people"][0]) - told == set()
    assert set(COLUMNS) - told == set()
    assert set(SUMMARY_COLUMNS) - told == set()
    assert set(FORMATS) - {"csv"} - told == set()


def test_every_limit_of_the_page_is_told_about_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    rows = re.findall(r"\| `(--[a-z-]+)` \| (\d+)", (DOCS / "serve.md").read_text("utf-8"))
    assert len(rows) == 5
    for option, default in rows:
        assert re.search(rf" {option} [A-Z_]+ [^(]*\(default: {default}\)", text), option


def test_every_key_of_the_sheet_is_told_about() -> None:
    script = (Path(__file__).parents[1] / "src/vatrace/web/static/keys.js").read_text("utf-8")
    sheet = re.findall(r'^  \["(.+?)", "', script.partition("const SHEET")[2].partition("];")[0], re.MULTILINE)
    keys = {key.replace("\\\\", "\\").replace("−", "-") for names in sheet for key in names.split()}
    assert {"Space", "Shift+L", "\\", "?"} <= keys
    assert keys - named_in_tables("serve.md") - {"Shift+←", "Shift+→"} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_that_is_linked_to_is_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        target, _, anchor = link.partition("#")
        if target.startswith("http"):
            continue
        there = page.parent / target if target else page
        assert there.exists(), link
        heads = re.findall(r"^#+ (.+)$", there.read_text("utf-8"), re.MULTILINE) if anchor else []
        anchors = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert not anchor or anchor in anchors, link


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    assert [page.name for page in PAGES if page.name != "README.md" and f"({page.name})" not in index] == []
