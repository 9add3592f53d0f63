"""One value, three forms that say the same."""

import csv
import io
from html.parser import HTMLParser
from pathlib import Path

import pytest

from vatrace.report.tables import Number, Table, to_csv, to_html, to_markdown, write_table

TABLE = Table(
    name="table4",
    title="Table IV",
    caption="CCC on drawn faces.",
    columns=("Method", "Average", "Difference", "Paper"),
    rows=(
        ("A <b> | c", Number(0.6144, sd=0.0101, interval=(0.58, 0.641)), None, Number(0.632)),
        ("BDCA", Number(-0.05), Number(0.0126, interval=(-0.002, 0.03), is_difference=True), None),
        ("external", "not measured", None, None),
    ),
    facts={"data": "drawn", "seeds": "0, 1", "command": "vatrace reproduce --all"},
    notes=("A note.",),
)


class Cells(HTMLParser):
    """Text of each cell, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self.in_cell = tag in ("td", "th")
        if self.in_cell:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.rows[-1][-1] += data


def test_a_number_carries_its_spread_and_its_interval() -> None:
    assert str(Number(0.6144, sd=0.0101, interval=(0.58, 0.641))) == "0.614 ± 0.010 [0.580, 0.641]"
    assert str(Number(0.0126, interval=(-0.002, 0.03), is_difference=True)) == "+0.013 [−0.002, +0.030]"
    assert str(Number(-0.05)) == "−0.050"


def test_markdown_has_a_line_a_row_and_everything_a_figure_needs() -> None:
    text = to_markdown(TABLE)
    assert "| A <b> \\| c | 0.614 ± 0.010 [0.580, 0.641] | – | 0.632 |" in text
    assert "| external | not measured | – | – |" in text
    assert text.index("CCC on drawn faces.") < text.index("| Method |")
    for part in ("- data: drawn", "- seeds: 0, 1", "- command: `vatrace reproduce --all`", "- A note."):
        assert part in text


def test_csv_gives_each_part_of_a_number_a_column_of_its_own() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(TABLE))))
    assert list(rows[0]) == [
        "Method", "Average", "Average sd", "Average low", "Average high",
        "Difference", "Difference low", "Difference high", "Paper", "data", "seeds", "command",
    ]  # fmt: skip
    assert [float(rows[0][name]) for name in ("Average", "Average sd", "Average low", "Average high")] == [
        0.6144, 0.0101, 0.58, 0.641,
    ]  # fmt: skip
    assert rows[1]["Average sd"] == rows[0]["Difference"] == rows[1]["Paper"] == ""
    assert {row["command"] for row in rows} == {"vatrace reproduce --all"}


def test_html_has_the_same_cells_as_markdown_and_no_markup_from_outside() -> None:
    reader = Cells()
    page = to_html(TABLE)
    reader.feed(page)
    lines = [line for line in to_markdown(TABLE).splitlines() if line.startswith("| ") and "---" not in line]
    said = [[part.replace("\\|", "|") for part in line[2:-2].split(" | ")] for line in lines]
    assert reader.rows == said
    assert "<b>" not in page
    assert "A &lt;b&gt; | c" in page


def test_the_same_table_is_written_as_the_same_three_files(tmp_path: Path) -> None:
    paths = write_table(tmp_path, TABLE)
    assert [path.name for path in paths] == ["table4.md", "table4.csv", "table4.html"]
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_table(tmp_path, TABLE)] == before


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="has 2 columns, but a row of 1"):
        Table(name="t", title="", caption="", columns=("a", "b"), rows=(("x",),), facts={})
