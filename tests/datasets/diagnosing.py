"""A diagnosis in this process, and how tests look into it."""

from __future__ import annotations

from pathlib import Path

from vatrace.datasets.doctor import Diagnosis, examine, look
from vatrace.datasets.doctor_videos import look_at_video
from vatrace.datasets.findings import Case


def diagnosed(folder: Path, *, decode: bool = False, is_known: bool = False) -> Diagnosis:
    holdings = look(folder)
    return examine(holdings, [look_at_video((path, decode)) for path in holdings.videos], is_known=is_known)


def cases(diagnosis: Diagnosis, kind: str) -> dict[str, Case]:
    return {case.name: case for finding in diagnosis.findings if finding.kind == kind for case in finding.cases}


def kinds(diagnosis: Diagnosis) -> set[str]:
    return {finding.kind for finding in diagnosis.findings}


def count(diagnosis: Diagnosis, group: str, thing: str) -> int:
    return next(each.here for each in diagnosis.counts if (each.group, each.thing) == (group, thing))
