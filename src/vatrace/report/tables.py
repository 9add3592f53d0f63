"""A table of results as Markdown, CSV and HTML, all from one value.

A cell is a text, a `Number`, or None where there is nothing to say. In Markdown and HTML a number carries its spread
and its interval, `0.614 ± 0.010 [0.580, 0.641]`; in CSV each of them has a column of its own. Whatever a figure needs
to be read (data, fold, seeds, command) goes with every form of the table.
"""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vatrace.files import write_text

BLANK = "–"
SUFFIXES = (".md", ".csv", ".html")

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1a1a1a; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .6rem; }
th, td { border-bottom: 1px solid #d0d0d0; padding: .35rem .8rem; text-align: left; white-space: nowrap; }
thead th { border-bottom: 2px solid #1a1a1a; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { font-weight: 600; }
dd { margin: 0; }
"""


@dataclass(frozen=True)
class Number:
    """A figure: its value, its standard deviation and its interval, where there are any.

    Args:
        value: the figure.
        sd: standard deviation over seeds or folds, as the table's notes say.
        interval: (low, high).
        is_difference: written with its sign.
    """

    value: float
    sd: float | None = None
    interval: tuple[float, float] | None = None
    is_difference: bool = False

    def __str__(self) -> str:
        write = _signed if self.is_difference else _plain
        text = write(self.value)
        if self.sd is not None:
            text += f" ± {self.sd:.3f}"
        if self.interval is not None:
            text += f" [{write(self.interval[0])}, {write(self.interval[1])}]"
        return text


Cell = str | Number | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of results.

    Args:
        name: of its files, such as "table4".
        title: what it shows.
        caption: what it is measured on, in a sentence that stands by itself.
        columns: their names; the first names the rows.
        rows: a cell for each column.
        facts: what a figure needs to be read: data, fold, seeds, command and so on, in order.
        notes: sentences below the table.
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    facts: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.name} has {len(self.columns)} columns, but a row of {len(row)}: {row}.")


def write_table(folder: Path, table: Table) -> list[Path]:
    """Commit a table as `<name>.md`, `<name>.csv` and `<name>.html`; returns their paths."""
    texts = (to_markdown(table), to_csv(table), to_html(table))
    paths = [folder / f"{table.name}{suffix}" for suffix in SUFFIXES]
    for path, text in zip(paths, texts, strict=True):
        write_text(path, text)
    return paths


def to_markdown(table: Table) -> str:
    """The table as Markdown, with its caption above and its facts and notes below."""
    lines = [f"# {table.title}", "", table.caption, "", _pipes(table.columns)]
    lines.append(_pipes(["---"] * len(table.columns)))
    lines += [_pipes([_text(cell) for cell in row]) for row in table.rows]
    lines += ["", *(f"- {name}: {_fact(name, text)}" for name, text in table.facts.items())]
    lines += [f"- {note}" for note in table.notes]
    return "\n".join(lines) + "\n"


def to_csv(table: Table) -> str:
    """The table as CSV: a number's spread and interval in columns of their own, the facts in every row."""
    spreads = [_spread(table.rows, column) for column in range(len(table.columns))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = [
        part
        for name, (has_sd, has_interval) in zip(table.columns, spreads, strict=True)
        for part in (name, *[f"{name} sd"] * has_sd, *[f"{name} low", f"{name} high"] * has_interval)
    ]
    writer.writerow([*header, *table.facts])
    for row in table.rows:
        cells = [part for cell, spread in zip(row, spreads, strict=True) for part in _csv_cells(cell, *spread)]
        writer.writerow([*cells, *table.facts.values()])
    return text.getvalue()


def to_html(table: Table) -> str:
    """The table as a page that needs no other file."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in table.columns)
    body = "\n".join(
        "<tr>"
        + f'<th scope="row">{html.escape(_text(row[0]))}</th>'
        + "".join(f"<td>{html.escape(_text(cell))}</td>" for cell in row[1:])
        + "</tr>"
        for row in table.rows
    )
    facts = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in table.facts.items())
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in table.notes)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(table.title)}</title>'
        f"<style>{_STYLE}</style></head><body>\n<h1>{html.escape(table.title)}</h1>\n"
        f'<div class="scroll"><table><caption>{html.escape(table.caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n"
        f"<dl>{facts}</dl>\n<ul>{notes}</ul>\n</body></html>\n"
    )


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _text(cell: Cell) -> str:
    return BLANK if cell is None else str(cell)


def _fact(name: str, text: str) -> str:
    return f"`{text}`" if name == "command" else text


def _spread(rows: Sequence[Sequence[Cell]], column: int) -> tuple[bool, bool]:
    numbers = [row[column] for row in rows]
    return (
        any(isinstance(cell, Number) and cell.sd is not None for cell in numbers),
        any(isinstance(cell, Number) and cell.interval is not None for cell in numbers),
    )


def _csv_cells(cell: Cell, has_sd: bool, has_interval: bool) -> list[str]:
    if not isinstance(cell, Number):
        return [cell or "", *[""] * has_sd, *["", ""] * has_interval]
    sd = "" if cell.sd is None else f"{cell.sd:.6f}"
    interval = ("", "") if cell.interval is None else tuple(f"{end:.6f}" for end in cell.interval)
    return [f"{cell.value:.6f}", *[sd] * has_sd, *interval[: 2 * has_interval]]


def _plain(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
