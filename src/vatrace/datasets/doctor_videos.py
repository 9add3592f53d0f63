"""What the videos of a data set say about themselves, and what is odd about them."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vatrace.datasets.findings import Case, Finding, found
from vatrace.errors import VatraceError
from vatrace.media.video import MediaInfo, probe, read_times

USUAL_FPS = 30.0
FPS_TOLERANCE = 0.01  # relative: 29.97 is 30
NAMED_FPS_TOLERANCE = 0.5  # frames a second: names have whole numbers
LATE_SECONDS = 0.1  # coders' own delays are below it
_FPS_IN_NAME = re.compile(r"\d+-(\d+)-\d+x\d+")
_NO_VIDEOS = (
    (b"version https://git-lfs", "is a pointer of git-lfs and not the video; `git lfs pull` fetches it"),
    (b"<!doctype html", "is a page of the web and not the video; the download failed"),
    (b"<html", "is a page of the web and not the video; the download failed"),
)


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """What is known of a video file.

    Args:
        path: the file.
        info: what it says about itself; None where it cannot be read.
        num_decoded: frames that can be decoded; None where that was not tried.
        problem: why it cannot be read; empty where it can.
        remarks: what decoding it said, of damage and broken clocks.
    """

    path: Path
    info: MediaInfo | None = None
    num_decoded: int | None = None
    problem: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def num_frames(self) -> int | None:
        """Frames decoded, else promised by the container; None where it promises none."""
        return self.num_decoded if self.num_decoded is not None or self.info is None else self.info.num_frames_promised


def look_at_video(task: tuple[Path, bool]) -> VideoFacts:
    """Read what a video says about itself, and count its frames if asked to. Never raises for a bad file.

    Args:
        task: the file, and whether to decode it.
    """
    path, decode = task
    try:
        with path.open("rb") as file:
            head = file.read(100).lstrip().lower()
        problem = next((said for start, said in _NO_VIDEOS if head.startswith(start)), "")
        if problem:
            return VideoFacts(path=path, problem=problem)
        info = probe(path)
        if not decode or not info.has_video:
            return VideoFacts(path=path, info=info)
        with _heard() as remarks:
            num_decoded = len(read_times(path))
        told = tuple(_without_path(remark, path) for remark in remarks)
        return VideoFacts(path=path, info=info, num_decoded=num_decoded, remarks=told)
    except OSError as error:
        return VideoFacts(path=path, problem=f"cannot be opened: {error.strerror or error}")
    except VatraceError as error:
        return VideoFacts(path=path, problem=_without_path(str(error), path))


def video_findings(videos: Sequence[VideoFacts], used: Collection[Path], folder: Path) -> list[Finding]:
    """What is odd about videos.

    Args:
        videos: what is known of each.
        used: those that clips belong to.
        folder: that names are to be relative to.
    """
    readable = [(_name(each, folder), each, each.info) for each in videos if each.info is not None]
    seen = [(name, each, info) for name, each, info in readable if info.has_video]
    rates = [(name, each.path.stem, info.average_fps) for name, each, info in seen if info.average_fps]
    broken = [each for each in videos if each.problem]
    return [
        *found("video-unreadable", [Case(_name(each, folder), each.problem) for each in broken if each.path in used]),
        *found(
            "unused-video-unreadable",
            [Case(_name(each, folder), each.problem) for each in broken if each.path not in used],
        ),
        *found(
            "no-picture",
            [Case(name) for name, each, info in readable if not info.has_video and each.path in used],
        ),
        *found("video-damaged", [Case(name, "; ".join(each.remarks)) for name, each, _ in seen if each.remarks]),
        *found(
            "frames-not-decodable",
            [
                Case(name, f"{each.num_decoded:,} decode, {info.num_frames_promised:,} promised")
                for name, each, info in seen
                if each.num_decoded is not None
                and info.num_frames_promised is not None
                and each.num_decoded != info.num_frames_promised
            ],
        ),
        *_rate_findings(rates),
        *found(
            "varying-rate",
            [Case(name, f"{_fps(info.average_fps)} on average") for name, _, info in seen if info.has_varying_rate],
        ),
        *found("silent", [Case(name) for name, _, info in seen if not info.has_audio]),
        *found(
            "late-sound",
            [
                Case(name, f"{abs(delay):.2f} s {'after' if delay > 0 else 'before'} the picture")
                for name, _, info in seen
                if (delay := info.sound_delay_seconds) is not None and abs(delay) > LATE_SECONDS
            ],
        ),
    ]


def _rate_findings(rates: Sequence[tuple[str, str, float]]) -> list[Finding]:
    odd = [(name, fps) for name, _, fps in rates if abs(fps / USUAL_FPS - 1) > FPS_TOLERANCE]
    numbers = Counter(round(fps) for _, fps in odd)
    return [
        *found(
            "odd-rate",
            [Case(name, _fps(fps)) for name, fps in odd],
            summary=f"about {', '.join(f'{fps} fps: {number}' for fps, number in sorted(numbers.items()))}",
        ),
        *found(
            "name-rate",
            [
                Case(name, f"{_fps(fps)} in the container")
                for name, stem, fps in rates
                if (told := _FPS_IN_NAME.match(stem)) and abs(int(told.group(1)) - fps) > NAMED_FPS_TOLERANCE
            ],
        ),
    ]


class _Ear(logging.Handler):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What decoding warns of in the block, instead of it going to the terminal."""
    logger, ear = logging.getLogger("vatrace.media"), _Ear()
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(ear)
    try:
        yield ear.heard
    finally:
        logger.removeHandler(ear)
        logger.propagate = propagated


def _without_path(text: str, path: Path) -> str:
    return text.replace(str(path), path.name).removeprefix(f"{path.name}: ").removeprefix(f"{path.name} ")


def _name(video: VideoFacts, folder: Path) -> str:
    return str(video.path.relative_to(folder) if video.path.is_relative_to(folder) else video.path)


def _fps(fps: float | None) -> str:
    return "unknown" if fps is None else f"{fps:.2f}".rstrip("0").rstrip(".") + " fps"
