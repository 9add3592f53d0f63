"""`vatrace doctor`: the truth about a data set as it lies on a disk."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import shown
from vatrace.recipes.parallel import in_processes
from vatrace.recipes.watch import SILENCE, Verdict, Watch

if TYPE_CHECKING:
    from vatrace.datasets.doctor import Count, Diagnosis
    from vatrace.datasets.doctor_videos import VideoFacts
    from vatrace.datasets.findings import Finding

FAILED = 1
WIDTH = 100  # columns of the report
EXAMPLES = 3  # of each finding are shown; --json has all


def doctor(
    folder: Path,
    *,
    decode: bool = False,
    json: bool = False,
    workers: int = 0,
    watch: Watch = SILENCE,
) -> Verdict:
    """Say what of Aff-Wild2, or of another corpus, is in a folder, what is odd about it, and what will be done.

    Counts annotations, rows, videos and face pictures against those of the known release; finds what is missing, left
    over, double, unreadable or at odds: labels and frames, frame rates, sound, crops, the challenge's test set. Reads
    the whole of Aff-Wild2, unpacked as it came or only in part, a corpus of `vatrace synth`, or a folder with a
    manifest.csv. Writes nothing. The exit code is 1 where there is an error, and 0 with warnings and notes.

    Example: vatrace doctor Aff-Wild2

    Args:
        folder: of the data set, whatever of it is there.
        decode: count the frames that can be decoded, which goes through every video; else the containers are believed.
        json: print everything as JSON, with the names of all that was found.
        workers: processes; 0 takes one a core.
    """
    from json import dumps

    from vatrace.datasets.doctor import examine, look
    from vatrace.recipes.synth import remark_of

    holdings = look(folder)
    remark = remark_of(folder)
    is_known = holdings.layout is not None and not remark
    videos = _look_at_videos(holdings.videos, decode, workers, watch)
    with watch.track("reading labels, counting crops", len(holdings.clips)) as advance:
        diagnosis = examine(holdings, videos, is_known=is_known, on_clip=advance)
    what = _what_it_is(is_known, remark)
    if json:
        about = {"folder": str(folder), "what": what, "decoded": decode}
        return Verdict(dumps(about | diagnosis.as_json(), indent=2), diagnosis.passed, _code(diagnosis))
    return Verdict(report_text(diagnosis, f"{folder}: {what}", decode=decode), diagnosis.passed, _code(diagnosis))


def report_text(diagnosis: Diagnosis, title: str, *, decode: bool) -> str:
    """What a person reads: counts, findings, and a last line that says how it stands.

    Args:
        diagnosis: what was found.
        title: the first line.
        decode: whether frames were decoded.
    """
    paragraphs = [*_wrapped(shown(title)), "", *_table(diagnosis.counts)]
    for finding in diagnosis.findings:
        paragraphs += ["", *_finding_lines(finding)]
    if not decode and diagnosis.findings:
        claim = "Numbers of frames are the containers' own claims; --decode counts those that can be decoded."
        paragraphs += ["", *_wrapped(claim)]
    return "\n".join([*paragraphs, "", _last_line(diagnosis)])


def _look_at_videos(paths: Sequence[Path], decode: bool, workers: int, watch: Watch) -> list[VideoFacts]:
    from vatrace.datasets.doctor_videos import VideoFacts, look_at_video

    facts = []
    with watch.track("decoding videos" if decode else "reading what videos say", len(paths)) as advance:
        for (path, _), result in in_processes(look_at_video, [(path, decode) for path in paths], workers=workers):
            facts.append(result if isinstance(result, VideoFacts) else VideoFacts(path=path, problem=str(result)))
            advance(1)
    return sorted(facts, key=lambda each: each.path)


def _what_it_is(is_known: bool, remark: str) -> str:
    from vatrace.datasets.known import RELEASE

    if is_known:
        return f"taken for Aff-Wild2, beside it the known counts of the {RELEASE} release"
    return "a procedural corpus of drawn faces, no evidence about people" if remark else "a corpus with a manifest"


def _code(diagnosis: Diagnosis) -> int:
    return 0 if diagnosis.passed else FAILED


def _table(counts: Sequence[Count]) -> list[str]:
    from vatrace.datasets.known import RELEASE

    has_known = any(count.known is not None for count in counts)
    lines = [f"{'':42}{'here':>14}{RELEASE if has_known else '':>14}".rstrip()]
    group = ""
    for count in counts:
        known = "" if count.known is None else f"{count.known:,}"
        verdict = "   differs" if count.known is not None and count.known != count.here else ""
        name = "" if count.group == group else count.group
        lines.append(f"{name:<20}{count.thing:<22}{count.here:>14,}{known:>14}{verdict}".rstrip())
        group = count.group
    return lines


def _finding_lines(finding: Finding) -> list[str]:
    number = f": {len(finding.cases):,}" if len(finding.cases) > 1 else ""
    summary = f" ({finding.summary})" if finding.summary else ""
    lines = _wrapped(f"{finding.severity}: {finding.title}{number}{summary}", "", "  ")
    for case in finding.cases[:EXAMPLES]:
        lines += _wrapped(f"{shown(case.name)}{f': {shown(case.detail)}' if case.detail else ''}", "    ", "      ")
    if len(finding.cases) > EXAMPLES:
        lines.append(f"    and {len(finding.cases) - EXAMPLES:,} more")
    return lines + _wrapped(f"-> {finding.remedy}", "  ", "     ")


def _last_line(diagnosis: Diagnosis) -> str:
    said = ", ".join(
        f"{number} kind{'' if number == 1 else 's'} of {severity}"
        for severity in ("error", "warning", "note")
        if (number := diagnosis.number_of(severity))
    )
    verdict = "PASS" if diagnosis.passed else "ATTENTION"
    return f"{verdict}: {said or 'nothing odd was found'}"


def _wrapped(text: str, first: str = "", further: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=further,
        break_on_hyphens=False,
    )
