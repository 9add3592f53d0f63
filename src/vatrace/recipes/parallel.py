"""Do the same thing to many items in several processes, and stop them all at once when asked to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from vatrace.errors import VatraceError

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int = 0,
    prepare: Callable[..., None] | None = None,
    settings: tuple[Any, ...] = (),  # Any: what `prepare` takes
) -> Iterator[tuple[Item, Result | VatraceError | OSError]]:
    """Call a function for every item; what is done first comes first.

    Args:
        function: of a module, as it is called in other processes.
        items: what to call it with.
        workers: processes; 0 takes one a core, and never more than there are items.
        prepare: called once in each process before anything else, with `settings`.
        settings: for `prepare`.

    Yields:
        An item with its result, or with the `VatraceError` or `OSError` that it ended in.

    Raises:
        Exception: any other error of the function; nothing goes on after it.
    """
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
    from multiprocessing import get_context

    if not items:
        return
    number = min(workers or os.cpu_count() or 1, len(items))
    pool = ProcessPoolExecutor(
        number, mp_context=get_context("spawn"), initializer=_begin, initargs=(prepare, settings)
    )
    try:
        waiting: dict[Future[Result], Item] = {pool.submit(function, item): item for item in items}
        pending: set[Future[Result]] = set(waiting)
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                error = future.exception()
                if error is not None and not isinstance(error, VatraceError | OSError):
                    raise error
                yield waiting[future], error or future.result()
        pool.shutdown()
    except BaseException:
        # Ctrl-C, or an error: what runs is ended now and not after its clip; files are committed whole, so nothing is
        # torn.
        end_workers()
        pool.shutdown(wait=False, cancel_futures=True)
        raise


_had_to_end = False  # whether processes of this one were ended before their work was


def end_workers() -> bool:
    """End every process that works for this one, at once; returns whether there ever was one to end."""
    global _had_to_end
    import multiprocessing

    for worker in multiprocessing.active_children():
        _had_to_end = True
        worker.kill()
        worker.join(timeout=2)
    return _had_to_end


def _begin(prepare: Callable[..., None] | None, settings: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what happens
    if prepare is not None:
        prepare(*settings)
