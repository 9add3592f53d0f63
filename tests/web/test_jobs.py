"""Workers that crash, hang, babble or never end: the clip fails with a sentence, and the next one is made."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from vatrace.errors import ModelError
from vatrace.web.child import MAX_SENTENCE, number, sentence
from vatrace.web.jobs import CRASHED, TOO_SLOW, Workshop
from vatrace.web.limits import Limits
from vatrace.web.shelf import CLIP_FILE, Clip, Shelf

COMMAND = (sys.executable, str(Path(__file__).parent / "stand_in_worker.py"))
QUICK = {"silence_seconds": 0.5, "grace_seconds": 1.5, "work_factor": 1e-6}


def add(workshop: Workshop, name: str) -> Clip:
    with workshop.shelf.incoming(name, 1) as clip:
        (clip.folder / CLIP_FILE).write_bytes(b"x")
    workshop.submit(clip)
    return clip


async def outcome(workshop: Workshop, clip: Clip) -> Clip:
    async with asyncio.timeout(20):
        while (now := workshop.shelf.get(clip.id)) is not None and now.state not in ("done", "failed"):
            await asyncio.sleep(0.01)
    assert now is not None
    return now


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "stand_in_worker.py" in " ".join(child.cmdline())]


def is_gone(process: psutil.Process, seconds: float) -> bool:
    """Whether a process ends; it may stay in the list as a zombie, where the first process asks after nobody."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False


def in_workshop(folder: Path, use: Callable[[Workshop], Awaitable[None]], **limits: float) -> None:
    async def whole() -> None:
        workshop = Workshop(Shelf(folder, Limits(**{**QUICK, **limits})), COMMAND)  # type: ignore[arg-type]
        facts = await workshop.start()
        assert (facts.remark, facts.missing) == ("stands in", ("calls",))
        try:
            await use(workshop)
        finally:
            async with asyncio.timeout(10):
                await workshop.stop()
        assert workers() == [], "nobody is left when it has stopped"

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("sentence", "It is no clip."),
        ("endless sentence", "x" * MAX_SENTENCE),
        ("crash", CRASHED),
        ("hang", TOO_SLOW),
        ("busy", TOO_SLOW),
        ("short and busy", TOO_SLOW),
        ("spin", TOO_SLOW),
        ("babble", CRASHED),
        ("flood", CRASHED),
        ("list", CRASHED),
        ("deep", CRASHED),
        ("deep step", CRASHED),
        ("number without end", CRASHED),
        (
            "half a character",
            "x\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31m"
            "\N{REPLACEMENT CHARACTER}y",
        ),
        ("error without words", CRASHED),
    ],
)
def test_a_clip_that_goes_wrong_says_so_and_the_next_is_made(name: str, error: str, tmp_path: Path) -> None:
    async def use(workshop: Workshop) -> None:
        wrong, right = add(workshop, name), add(workshop, "fine")
        failed, done = await outcome(workshop, wrong), await outcome(workshop, right)
        # What ended a process gets lost where somebody else in this one has asked for it first: it is then a crash.
        errors = {error, CRASHED} if name == "spin" else {error}
        assert failed.error in errors
        assert (failed.state, failed.step) == ("failed", "")
        assert (done.state, done.error, done.progress) == ("done", "", 1.0)

    in_workshop(tmp_path, use, **({"silence_seconds": 10} if name == "spin" else {}))


def test_what_a_worker_says_that_makes_no_sense_moves_no_bar_beyond_its_end(tmp_path: Path) -> None:
    seen: list[Clip] = []

    async def use(workshop: Workshop) -> None:
        update = workshop.shelf.update

        def noted(clip_id: str, **facts: object) -> None:
            update(clip_id, **facts)  # type: ignore[arg-type]
            now = workshop.shelf.get(clip_id)
            assert now is not None
            seen.append(now)

        workshop.shelf.update = noted  # type: ignore[method-assign]
        assert (await outcome(workshop, add(workshop, "odd"))).state == "done"

    in_workshop(tmp_path, use)
    assert [each.progress for each in seen] == [0.0, 0.5, 0.0, 1.0, 0.0, 1.0]


def test_a_number_that_is_larger_than_any_is_none_and_the_work_goes_on(tmp_path: Path) -> None:
    async def use(workshop: Workshop) -> None:
        done = await outcome(workshop, add(workshop, "huge number"))
        assert (done.state, done.error) == ("done", "")

    in_workshop(tmp_path, use)


@pytest.mark.parametrize(
    ("told", "heard"),
    [(1, 1.0), (True, 1.0), (-0.5, -0.5), (10**400, None), (float("nan"), None), (float("inf"), None), ("1", None)],
)
def test_only_finite_numbers_are_numbers(told: object, heard: float | None) -> None:
    assert number(told) == heard


def test_a_sentence_can_be_sent_whatever_it_was() -> None:
    assert sentence("no f\u00e4ce \ud83d\udc00\x00") == "no f\u00e4ce \ufffd\ufffd\ufffd"
    assert sentence(["a"]) == ""


@pytest.mark.parametrize("name", ["leave a fork", "leave a fork in another session", "crash and leave a fork"])
def test_what_a_worker_leaves_behind_is_ended_or_at_least_not_waited_for(name: str, tmp_path: Path) -> None:
    forks: list[psutil.Process] = []

    async def use(workshop: Workshop) -> None:
        clip = add(workshop, name)
        async with asyncio.timeout(10):
            while not (file := clip.folder / "fork").is_file() or not file.read_text():
                await asyncio.sleep(0.01)
        forks.append(psutil.Process(int(file.read_text())))
        if not name.startswith("crash"):
            assert forks[0].is_running()
            workshop.remove(clip.id)
        assert (await outcome(workshop, add(workshop, "fine"))).state == "done"

    in_workshop(tmp_path, use, silence_seconds=100, grace_seconds=100)
    try:
        if "another session" not in name:
            assert is_gone(forks[0], seconds=5)
    finally:
        if forks[0].is_running():
            forks[0].kill()


def test_a_worker_is_kept_for_many_clips_and_replaced_after_a_crash(tmp_path: Path) -> None:
    async def use(workshop: Workshop) -> None:
        (first,) = workers()
        for _ in range(3):
            await outcome(workshop, add(workshop, "fine"))
        assert workers() == [first]
        await outcome(workshop, add(workshop, "crash"))
        await outcome(workshop, add(workshop, "fine"))
        (second,) = workers()
        assert second != first

    in_workshop(tmp_path, use)


def test_after_so_many_clips_a_fresh_worker_is_started(tmp_path: Path) -> None:
    async def use(workshop: Workshop) -> None:
        seen = []
        for _ in range(5):
            await outcome(workshop, add(workshop, "fine"))
            seen.extend(workers())
        assert [seen.index(each) for each in seen] == [0, 0, 2, 2, 4]

    in_workshop(tmp_path, use, clips_per_worker=2)


def test_a_clip_that_is_removed_while_it_is_worked_on_stops_the_work(tmp_path: Path) -> None:
    async def use(workshop: Workshop) -> None:
        hanging, waiting, right = add(workshop, "hang"), add(workshop, "hang"), add(workshop, "fine")
        while hanging.progress < 0.5:
            await asyncio.sleep(0.01)
            hanging = workshop.shelf.get(hanging.id) or hanging
        assert workshop.remove(waiting.id)
        assert workshop.remove(hanging.id)
        assert not workshop.remove(hanging.id)
        assert (await outcome(workshop, right)).state == "done"
        assert [path.name for path in tmp_path.iterdir()] == [right.id]

    in_workshop(tmp_path, use, silence_seconds=15, grace_seconds=15)


def test_a_clip_is_deleted_when_it_was_kept_long_enough_and_never_while_it_is_worked_on(tmp_path: Path) -> None:
    async def use(workshop: Workshop) -> None:
        hanging = add(workshop, "hang")
        with workshop.shelf.incoming("old", 1) as old:
            pass
        workshop.shelf.update(old.id, state="failed", error="It is old.")
        async with asyncio.timeout(10):
            while workshop.shelf.get(old.id) is not None:
                await asyncio.sleep(0.01)
        assert not old.folder.exists()
        assert workshop.shelf.get(hanging.id) is not None
        assert hanging.folder.exists()

    in_workshop(tmp_path, use, keep_seconds=0.1, silence_seconds=15, grace_seconds=15)


def test_a_clip_that_somebody_looks_at_is_kept_and_says_until_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("vatrace.web.shelf.time.monotonic", lambda: now)
    shelf = Shelf(tmp_path, Limits(keep_seconds=60))
    with shelf.incoming("a", 1) as clip:
        pass

    def expires_in() -> object:
        found = shelf.get(clip.id)
        assert found is not None
        return found.to_json(60)["expires_in"]

    assert expires_in() is None, "it waits"
    shelf.update(clip.id, state="done")
    now = 1059.5
    assert expires_in() == 1
    shelf.look_at(clip.id)
    assert expires_in() == 60
    now = 1119.0
    assert (shelf.expired(), expires_in()) == ([], 1)
    now = 1120.0
    assert ([each.id for each in shelf.expired()], expires_in()) == ([clip.id], 0)
    shelf.look_at("gone")  # it may have been removed meanwhile


@pytest.mark.parametrize(("how", "sentence"), [("refuse", "the model is of paper"), ("vanish", "did not start")])
def test_a_model_that_cannot_be_loaded_is_said_at_once(how: str, sentence: str, tmp_path: Path) -> None:
    workshop = Workshop(Shelf(tmp_path, Limits()), (*COMMAND, how))
    with pytest.raises(ModelError, match=sentence):
        asyncio.run(workshop.start())


def test_limits_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match=r"max_clips is 0; it must be above 0\."):
        Limits(max_clips=0)
