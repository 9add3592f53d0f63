"""What a check of a submission finds, as plain data.

A finding has a kind; a kind has a name, a severity and a meaning. An error is what the challenge's rules forbid or what
a reader may stumble over so that rows are lost. A warning is what an ordinary reader takes, or what may be meant.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from vatrace.datasets.submission import shown, video_of

Severity = Literal["error", "warning"]

EXAMPLES = 5  # of each kind are kept

KINDS: dict[str, tuple[Severity, str]] = {
    "empty": ("error", "the file is empty"),
    "not-text": ("error", "the file is no text; nothing after this was checked"),
    "encoding": ("error", "the text is not in UTF-8"),
    # With the mark the first column is called "\ufeffimage_location", which a reader that goes by names does not find.
    "byte-order-mark": (
        "error",
        "the text begins with a byte-order mark, which becomes part of the first column's name",
    ),
    "line-ends": ("error", r"a lone carriage return (\r) stands where lines should end with \n"),
    "windows-line-ends": ("warning", r"lines end with \r\n instead of \n"),
    "no-last-newline": ("warning", "the last line has no end; it may have been cut"),
    "line-too-long": ("error", "a line is far too long for a row; nothing after this was checked"),
    "delimiter": ("error", "fields are not separated by commas; nothing after this was checked"),
    "header": ("error", "the first line is not the header"),
    "swapped-columns": ("error", "the header has arousal before valence"),
    "blank-line": ("error", "a blank line, which shifts or ends what some readers take"),
    "field-count": ("error", "a row has not three fields"),
    "missing-video": ("error", "a video of the template has no row at all"),
    "truncated-video": ("error", "the last rows of a video are missing"),
    "missing-row": ("error", "a row of the template is missing"),
    "extra-video": ("error", "a video that the template does not have"),
    "extra-row": ("error", "a row that the template does not have"),
    "wrong-name": ("error", "a location is spelt otherwise than in the template, so that its row counts as missing"),
    "duplicate-row": ("error", "a row is there more than once"),
    "out-of-order": ("error", "a row comes after one that the template has later"),
    "not-a-number": ("error", "a value is no number"),
    "nan": ("error", "a value is NaN"),
    "infinite": ("error", "a value is infinite"),
    "unlabelled-marker": (
        "error",
        "a value is -5, which marks an unlabelled frame in annotations; it is no prediction",
    ),
    "out-of-range": ("error", "a value is outside [-1, 1]"),
    "spaces": ("warning", "a value has spaces around it"),
    "frozen-tail": ("warning", "a video ends in a hundred rows or more of one value, as if it had been cut off"),
    "constant-video": ("warning", "all rows of a video have the same value, so that nothing was predicted for it"),
}


@dataclass(frozen=True)
class Example:
    """Where a finding was made.

    Args:
        line: number of the line, the first is 1; None where it is about no single line.
        video: name of the video; empty where it is about none.
        found: what is there.
        expected: what should be there.
    """

    line: int | None
    video: str
    found: str
    expected: str


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found.

    Args:
        kind: one of `KINDS`.
        count: how often; of `missing-video`, `truncated-video`, `extra-video` and `constant-video`, in how many videos.
        examples: the first few.
    """

    kind: str
    count: int
    examples: tuple[Example, ...]

    @property
    def severity(self) -> Severity:
        """Whether the submission can pass with it."""
        return KINDS[self.kind][0]

    @property
    def meaning(self) -> str:
        """The kind in words."""
        return KINDS[self.kind][1]


@dataclass(frozen=True, kw_only=True)
class SubmissionReport:
    """What a check found.

    Args:
        findings: errors first, each kind once.
        rows: how many rows after the header the submission has.
        videos: of how many videos.
        expected_rows: how many the template has.
        expected_videos: of how many videos.
    """

    findings: tuple[Finding, ...]
    rows: int
    videos: int
    expected_rows: int
    expected_videos: int

    @property
    def passed(self) -> bool:
        """Whether there is no error; warnings do not count."""
        return not any(finding.severity == "error" for finding in self.findings)

    def as_json(self) -> dict[str, Any]:  # Any: numbers and words, as JSON has them
        """The same for programs."""
        findings = [
            {"severity": finding.severity, "meaning": finding.meaning} | asdict(finding) for finding in self.findings
        ]
        return asdict(self) | {"passed": self.passed, "findings": findings}


class Findings:
    """Findings while they are being made: counts them, and keeps the first few of each kind."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._examples: dict[str, list[Example]] = {kind: [] for kind in KINDS}

    def add(
        self, kind: str, *, line: int | None = None, video: str | bytes = "", found: str | bytes, expected: str | bytes
    ) -> None:
        """One more of a kind.

        Args:
            kind: one of `KINDS`.
            line: number of the line.
            video: its name, or the location of one of its rows.
            found: what is there, in words, or as the bytes of the file.
            expected: what should be there.
        """
        self._counts[kind] += 1
        if len(self._examples[kind]) < EXAMPLES:  # there may be a million more, so only these are put into words
            name = video_of(video) if isinstance(video, bytes) else video
            told = [shown(each) if isinstance(each, bytes) else each for each in (found, expected)]
            self._examples[kind].append(Example(line, name, *told))

    def all(self) -> tuple[Finding, ...]:
        """What was found, errors first, otherwise in the order of `KINDS`."""
        found = [Finding(kind, count, tuple(self._examples[kind])) for kind, count in self._counts.items() if count]
        return tuple(sorted(found, key=lambda finding: finding.severity))  # "error" comes before "warning"
