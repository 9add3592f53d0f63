"""A run of the server, from the first worker to the last deleted file."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from vatrace.errors import NothingFound
from vatrace.inference.choice import ModelChoice
from vatrace.web.addresses import shown_hosts
from vatrace.web.app import Served, build_app
from vatrace.web.confine import MISSING, hide_memory
from vatrace.web.guard import MAX_HEAD_BYTES, Guard, HostCheck, exposed_hosts, loopback_hosts
from vatrace.web.jobs import Workshop, worker_command
from vatrace.web.limits import MIB, Limits
from vatrace.web.live import Live, live_command
from vatrace.web.protocol import impatient_protocol
from vatrace.web.shelf import Shelf

FOLDER_PREFIX = "vatrace-serve-"
LOCK_FILE = ".running"
MAX_CONNECTIONS = 256
MAX_LIVE_MESSAGE_BYTES = 4 * MIB
_STOP_SECONDS = 1  # for what is being answered when the server is stopped

Say = Callable[[str], None]


def run(choice: ModelChoice, *, host: str, port: int, limits: Limits, say: Say, page: str = "") -> None:
    """Serve until Ctrl-C, SIGTERM or SIGHUP; then end the workers and delete every clip.

    Args:
        choice: the model.
        host: address to listen on.
        port: to listen on; 0 takes a free one.
        limits: what is taken.
        say: told the address, and little else.
        page: part of the page to open, such as `live`.

    Raises:
        NothingFound: there is no such model.
        ModelError: the model cannot be loaded.
        OSError: the port is taken.
    """
    model = choice.folder
    if not model.is_dir():
        raise NothingFound(f"there is no model folder at {model}.")
    hide_memory()  # from the processes that read clips, which are this person's too
    with _listening(host, port) as listener, _run_folder() as folder:
        command = worker_command(choice, limits)
        live = Live(live_command(choice, limits), folder)
        asyncio.run(_serve(listener, Workshop(Shelf(folder, limits), command), live, model, say, page))


async def _serve(listener: socket.socket, workshop: Workshop, live: Live, model: Path, say: Say, page: str) -> None:
    host, port = listener.getsockname()[:2]
    stopping = asyncio.Event()
    with _signals(stopping):
        say(f"loading the model {model} ...")
        starting = asyncio.create_task(workshop.start())
        if not await _before(starting, stopping):
            return
        facts = starting.result()
        if facts.remark:
            say(f"model {model}: {facts.remark}")
        for part in facts.missing:
            say(f"this system does not keep the process that reads clips from what it need not do: {MISSING[part]}.")
        token = secrets.token_urlsafe(32)
        served = Served(workshop=workshop, model=model.name, facts=facts, live=live)
        guard = Guard(build_app(served), token, port, _host_check(host, port))
        server = _server(guard, workshop.shelf.limits)
        try:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            first, *others = (f"http://{each}:{port}/?token={token}" for each in shown_hosts(host))
            say(f"open {first}{f'#{page}' if page else ''}")
            for other in others:
                say(f"from another machine: {other}")
            say("Ctrl-C ends it and deletes its clips.")
            await _before(serving, stopping)
            server.should_exit = True
            await serving
        finally:
            await workshop.stop()


async def _before(task: asyncio.Task[object], stopping: asyncio.Event) -> bool:
    """Wait for a task or for the signal to stop; returns whether it is the task that ended."""
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return task.done()


def _server(app: Guard, limits: Limits) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=impatient_protocol(
            limits.header_seconds, write_seconds=limits.write_seconds, most_connections=MAX_CONNECTIONS * 3 // 4
        ),
        ws="wsproto",
        ws_max_size=MAX_LIVE_MESSAGE_BYTES,
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",  # its lines hold addresses, and its tracebacks whatever a request held
        access_log=False,
        proxy_headers=False,  # nobody is in front of us; else X-Forwarded-For would be believed
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """uvicorn, which leaves signals to us: it would repeat them after its end, before the clips are deleted."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _signals(stopping: asyncio.Event) -> Iterator[None]:
    """Let Ctrl-C and its like set an event."""
    loop = asyncio.get_running_loop()
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))
        for number in (getattr(signal, name) for name in names if hasattr(signal, name))
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        if hasattr(signal, "SIGHUP"):  # on Windows it would let two servers have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except socket.gaierror as error:
            raise NothingFound(f"--host {host} is not an address or a name that this machine knows.") from error
        except OSError as error:
            is_port = error.errno in (errno.EADDRINUSE, errno.EACCES)
            advice = "choose another --port" if is_port else "choose another --host"
            raise NothingFound(f"{host}:{port} cannot be listened on ({error.strerror}); {advice}.") from error
        listener.listen(MAX_CONNECTIONS)
        yield listener


@contextmanager
def _run_folder() -> Iterator[Path]:
    """A folder of this run that nobody else may enter, deleted at the end; those of killed runs are deleted first."""
    root = Path(tempfile.gettempdir())
    for old in root.glob(f"{FOLDER_PREFIX}*"):
        if _is_left_over(old):
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))  # mode 0700
    try:
        with (folder / LOCK_FILE).open("w") as lock:
            _try_lock(lock.fileno())
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_left_over(folder: Path) -> bool:
    """Whether a run's folder is ours and no process holds its lock."""
    with contextlib.suppress(OSError), (folder / LOCK_FILE).open("r+") as lock:
        return not folder.is_symlink() and _try_lock(lock.fileno())
    return False


def _try_lock(descriptor: int) -> bool:
    """Take the lock of a run; it goes with the process, however that ends."""
    try:
        import fcntl
    except ImportError:  # Windows: folders of killed runs stay until the system clears them
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _host_check(host: str, port: int) -> HostCheck:
    if host == "127.0.0.1":
        return loopback_hosts(port)
    return exposed_hosts(port, [socket.gethostname(), host])
