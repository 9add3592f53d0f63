"""`vatrace submission check`: find what is wrong with a challenge submission before the organisers do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.recipes.watch import SILENCE, Verdict, Watch

if TYPE_CHECKING:
    from vatrace.datasets.submission_report import Example, Finding, SubmissionReport

FAILED = 1


def submission_check(
    submission: Path,
    *,
    template: Path,
    json: bool = False,
    watch: Watch = SILENCE,
) -> Verdict:
    """Check a submission to the valence-arousal task of ABAW, made by any program, against the organisers' template.

    Finds missing, cut, extra, repeated, misspelt and misplaced rows and videos, values that are no numbers in [-1, 1],
    the marker -5, a wrong header, wrong encoding and line ends; warns of videos whose values never change. Says of each
    kind how often it is there and where the first few are. The last line begins with PASS or FAIL; the exit code is 0
    or 1. Warnings alone pass.

    Example: vatrace submission check submission.txt --template CVPR_6th_ABAW_VA_test_set_example.txt

    Args:
        submission: the file that would be handed in.
        template: the organisers' file with all rows; only its first column counts.
        json: print the findings as JSON instead.
    """
    from json import dumps

    from vatrace.datasets.submission_check import check_submission

    report = check_submission(submission, template)
    text = dumps(report.as_json(), indent=2) if json else report_text(report)
    return Verdict(text, report.passed, 0 if report.passed else FAILED)


def report_text(report: SubmissionReport) -> str:
    """Findings as a person reads them; the last line says PASS or FAIL."""
    paragraphs = [_finding_text(finding) for finding in report.findings]
    return "\n".join([*paragraphs, _last_line(report)])


def _finding_text(finding: Finding) -> str:
    lines = [f"{finding.severity}: {finding.kind}, {finding.count:,} x: {finding.meaning}"]
    lines += [f"    {_example_text(example)}" for example in finding.examples]
    if finding.count > len(finding.examples):
        lines.append(f"    and {finding.count - len(finding.examples):,} more")
    return "\n".join(lines)


def _example_text(example: Example) -> str:
    where = [f"line {example.line:,}"] if example.line else []
    where += [f"video {example.video}"] if example.video else []
    return f"{', '.join(where) or 'the file'}: found {example.found}, expected {example.expected}"


def _last_line(report: SubmissionReport) -> str:
    kinds = [finding.severity for finding in report.findings]
    return (
        f"{'PASS' if report.passed else 'FAIL'}: {report.rows:,} of {report.expected_rows:,} rows, "
        f"{report.videos:,} of {report.expected_videos:,} videos; "
        f"{kinds.count('error')} kind(s) of error, {kinds.count('warning')} of warning"
    )
