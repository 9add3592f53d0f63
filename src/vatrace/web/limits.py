"""How much of everything the server takes."""

from __future__ import annotations

from dataclasses import dataclass

KIB, MIB, GIB = 2**10, 2**20, 2**30


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a clip, and all clips together, may take.

    Args:
        max_bytes: a clip's size.
        max_seconds: a clip's length.
        max_clips: kept at the same time.
        keep_seconds: a clip is deleted this long after it was last worked on or looked at.
        quota_bytes: all clips with what was made of them.
        spare_bytes: left free on the disk.
        uploads_at_once: how many clips may be coming in; more are asked to try again.
        stall_seconds: an upload that gives nothing for so long is ended.
        min_bytes_per_second: an upload that is slower on average, after a first `stall_seconds`, is ended.
        header_seconds: what may pass until the head of a request is there.
        write_seconds: an answer of which nothing is read for so long is ended; a player that was paused asks again.
        workers: processes that read clips.
        clips_per_worker: then a fresh one is started, so that nothing that leaks can pile up.
        memory_bytes: address space a worker may take beyond what it has with the model loaded.
        file_bytes: the largest file a worker may write.
        grace_seconds: working time that every clip gets.
        work_factor: working time a clip gets for each second of its length, and the same in processor time.
        silence_seconds: a worker that tells of no progress for so long is ended.

    Raises:
        ValueError: one of them is not above 0.
    """

    max_bytes: int = 500 * MIB
    max_seconds: float = 1800.0
    max_clips: int = 20
    keep_seconds: float = 3600.0
    quota_bytes: int = 4 * GIB
    spare_bytes: int = 256 * MIB
    uploads_at_once: int = 8
    stall_seconds: float = 10.0
    min_bytes_per_second: int = 16 * KIB
    header_seconds: float = 8.0
    write_seconds: float = 60.0
    workers: int = 1
    clips_per_worker: int = 200
    memory_bytes: int = 2 * GIB
    file_bytes: int = GIB
    grace_seconds: float = 120.0
    work_factor: float = 60.0
    silence_seconds: float = 300.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0 and name != "spare_bytes":
                raise ValueError(f"{name} is {value}; it must be above 0.")

    def work_seconds(self, clip_seconds: float | None) -> float:
        """How long a clip may be worked on; one that does not say its length gets what the longest would."""
        return self.grace_seconds + self.work_factor * (self.max_seconds if clip_seconds is None else clip_seconds)
