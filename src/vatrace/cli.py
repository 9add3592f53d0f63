"""The command line: `vatrace COMMAND ...`.

One command is one file in `recipes/`; its function's signature is its options and its docstring is its help. A command
is one word or two (`submission check` is `submission_check` there). Nothing heavy is imported before it is called. Data
go to standard output, talk goes to standard error. Exit codes: 0 done, 1 some failed, 2 usage, 3 nothing found, 130
interrupted.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vatrace.recipes.watch import Advance

DONE, SOME_FAILED, USAGE, NOTHING_FOUND, INTERRUPTED = 0, 1, 2, 3, 130

COMMANDS = {
    "demo": "go the whole way once, from nothing to a trace, on drawn faces",
    "predict": "write the valence-arousal trace of your own videos",
    "serve": "open a page on this machine for traces of your own clips",
    "live": "open that page at the camera, and see the trace as it comes",
    "export": "write traces for ELAN, Praat, players, pandas, or drawn into the clip",
    "synth": "make a corpus of drawn talking faces with known truth",
    "doctor": "say what of a data set is there, and what is odd about it",
    "crops": "cut out and align the face of every frame",
    "weights": "download what is not part of vatrace: VGGish, another face network",
    "starter": "make the starter model again, and measure it",
    "extract": "make the features of videos",
    "pretrain": "teach an encoder faces without labels (masked autoencoder)",
    "finetune": "tune the upper third of an encoder to valence and arousal",
    "train": "train the temporal model (BDCA) on a corpus",
    "evaluate": "score a model on the clips kept for that",
    "convert cremad": "make a corpus of CREMA-D, with what raters perceived as labels",
    "submission make": "write a challenge submission from one model or several",
    "submission check": "find what is wrong with a challenge submission",
    "crossval": "train and score a model on every fold",
    "reproduce": "make the tables and figures of the paper",
}

# Commands that are no recipe: the page is a way in, as this file is.
_ABOVE_RECIPES = {"serve": "vatrace.web.serve", "live": "vatrace.web.live_page"}

USAGE_TEXT = """usage: vatrace COMMAND ... [--help]

vatrace turns a video with sound into a trace: valence and arousal, frame by frame, with what each value rests on.

commands:
{commands}

examples:
  vatrace demo                                 see the whole thing work, on drawn faces
  vatrace predict interview.mp4 --out results  a trace of your own clip
  vatrace predict --help                       everything about one command

exit codes: 0 done, 1 some failed, 2 usage, 3 nothing found, 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    # What torch made need not be searched for rubbish once more as the process ends: that takes half a second.
    atexit.register(gc.freeze)
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(_usage(), end="", file=sys.stdout if given else sys.stderr)
        return DONE if given else USAGE
    if given[0] in ("-V", "--version"):
        from vatrace import __version__

        print(f"vatrace {__version__}")
        return DONE
    for words in (2, 1):
        if " ".join(given[:words]) in COMMANDS:
            return _guarded(" ".join(given[:words]), given[words:])
    return _group(given[0], given[1:])


def _group(word: str, arguments: Sequence[str]) -> int:
    """Help on the commands that begin with a word, or a usage error where there is no such command."""
    if any(name.startswith(f"{word} ") for name in COMMANDS):
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            print(_group_usage(word), end="", file=sys.stdout if arguments else sys.stderr)
            return DONE if arguments else USAGE
        word = f"{word} {arguments[0]}"
    near = _did_you_mean(word) or _did_you_mean(" ".join([word, *arguments[:1]]))
    _say(f"vatrace: there is no command {word!r}.{near} `vatrace --help` lists all.")
    return USAGE


def _guarded(command: str, arguments: Sequence[str]) -> int:
    """Run a command, and turn what a user can do something about into a sentence and an exit code."""
    from vatrace.errors import NothingFound, VatraceError, shown
    from vatrace.options import UsageError

    try:
        return _run(command, arguments)
    except UsageError as error:
        _say(f"vatrace {command}: {shown(error)} `vatrace {command} --help` says what it takes.")
        return USAGE
    except KeyboardInterrupt:
        from vatrace.recipes.parallel import end_workers

        had_workers = end_workers()  # wherever the interrupt came, nothing of ours goes on in the background
        _say("\nstopped. What was finished is kept; the same command goes on from there.")
        if had_workers:  # a pool's own threads may wait for ever for processes that were killed
            sys.stdout.flush()
            os._exit(INTERRUPTED)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; that is no error, but Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except NothingFound as error:
        _say(f"vatrace {command}: {shown(error)}")
        return NOTHING_FOUND
    except VatraceError as error:
        _say(f"vatrace {command}: {shown(error)}")
        return SOME_FAILED
    except OSError as error:
        _say(f"vatrace {command}: {error.strerror or error}: {shown(error.filename or '')}".rstrip(": ") + ".")
        return SOME_FAILED
    except ValueError as error:
        if not _is_about_options(error):
            raise
        _say(f"vatrace {command}: {shown(error)}")
        return USAGE


def _run(command: str, arguments: Sequence[str]) -> int:
    from vatrace.options import parse_options

    recipe = _recipe(command)
    options = parse_options(command, recipe, arguments)
    result = recipe(**options, watch=Terminal())
    code = _conclude(result)
    sys.stdout.flush()  # here, where a reader that has gone is understood
    return code


def _recipe(command: str) -> Callable[..., Any]:  # Any: what a recipe gives back differs
    name = command.replace(" ", "_")
    module = _ABOVE_RECIPES.get(name, f"vatrace.recipes.{name}")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _conclude(result: object) -> int:
    """Print what a recipe gives back, and say what failed."""
    from vatrace.errors import NothingFound, shown
    from vatrace.recipes.watch import BatchResult, Verdict

    if isinstance(result, dict):
        print(json.dumps(result, indent=2))
        return DONE
    if isinstance(result, Verdict):
        print(result.text)
        return result.exit_code
    if not isinstance(result, BatchResult):
        if os.environ.get("RANK", "0") == "0":  # under torchrun the first process speaks for all
            print(result)
        return DONE
    for path in result.done:
        print(_as_data(path))
    for name, error in result.failed:
        _say(shown(f"failed: {name}: {error}" if name not in str(error) else f"failed: {error}"))
    if result.failed and not result.done and all(isinstance(error, NothingFound) for _, error in result.failed):
        return NOTHING_FOUND
    return SOME_FAILED if result.failed else DONE


def _as_data(path: Path) -> str:
    """A name on standard output: as it is for a program, escaped for a person, and where it is not even text."""
    from vatrace.errors import shown

    name = str(path)
    is_text = name == name.encode("utf-8", "replace").decode("utf-8")
    return name if is_text and not sys.stdout.isatty() else shown(name)


class Terminal:
    """A person at a terminal: bars with an estimate there, plain lines in a pipe or a log.

    Whatever is said may hold the name of a file, which may hold anything: control characters are escaped.
    """

    def __init__(self) -> None:
        self.is_live = sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def say(self, text: str) -> None:
        """Print a line of talk."""
        from vatrace.errors import shown

        _say("\n".join(map(shown, text.split("\n"))))

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Advance]:
        """Follow something long: a bar with an estimate at a terminal, a line now and then elsewhere."""
        from vatrace.errors import shown

        label = shown(label)
        with _bar(label, total) if self.is_live else _lines(label, total) as advance:
            yield advance


@contextmanager
def _bar(label: str, total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<22}", markup=False),  # a name in brackets is no colour
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[shown]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total or None, shown="")

        def advance(
            steps: int = 1,
            *,
            done: int | None = None,
            total: int | None = None,
            shown: Mapping[str, float] | None = None,
        ) -> None:
            if total is not None:
                progress.update(task, total=total)
            progress.update(
                task, completed=done, advance=None if done is not None else steps, shown=_numbers(shown or {})
            )

        yield advance


@contextmanager
def _lines(label: str, total: int) -> Iterator[Advance]:
    began, told, count, known_total = time.monotonic(), time.monotonic(), 0, total

    def advance(
        steps: int = 1, *, done: int | None = None, total: int | None = None, shown: Mapping[str, float] | None = None
    ) -> None:
        nonlocal told, count, known_total
        count = done if done is not None else count + steps
        known_total = total or known_total
        now = time.monotonic()
        if now - told >= 15 and 0 < count < known_total:
            left = (now - began) / count * (known_total - count)
            _say(f"{label}: {count} of {known_total}, about {_clock(left)} left {_numbers(shown or {})}".rstrip())
            told = now

    yield advance
    took = time.monotonic() - began
    if took >= 1:
        _say(f"{label}: done in {_clock(took)}")


def _numbers(numbers: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in numbers.items())


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _usage() -> str:
    return USAGE_TEXT.format(commands=_listed(COMMANDS))


def _group_usage(word: str) -> str:
    """What the commands that begin with a word do."""
    commands = {name: text for name, text in COMMANDS.items() if name.startswith(f"{word} ")}
    return (
        f"usage: vatrace {word} COMMAND ... [--help]\n\ncommands:\n{_listed(commands)}\n\n"
        f"`vatrace {next(iter(commands))} --help` says everything about one.\n"
    )


def _listed(commands: Mapping[str, str]) -> str:
    width = max(map(len, commands))
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in commands.items())


def _did_you_mean(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(
        name, list(dict.fromkeys([*COMMANDS, *(each.partition(" ")[0] for each in COMMANDS)])), n=1
    )
    return f" Did you mean {near[0]!r}?" if near else ""


def _is_about_options(error: ValueError) -> bool:
    """Whether an error was raised by a check of options, and not by work beneath it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    source = Path(trace.tb_frame.f_code.co_filename)
    package = Path(__file__).parent
    checks = (
        package / "inference" / "choice.py",
        package / "web" / "serve.py",
        package / "config.py",
        package / "report" / "formats.py",
        package / "training" / "world.py",
        package / "training" / "loop.py",
    )
    return (source.parent == package / "recipes" and source.stem != "parallel") or source in checks
