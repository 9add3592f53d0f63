"""A worker that does what the name of the clip says, so that what a worker can do wrong can be tried."""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

FORK_SECONDS = 60


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def put(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def fork(first: Callable[[], object] = int) -> None:
    """Leave a process that holds our pipes, and note its number as the clip's file."""
    forked = os.fork()
    if forked == 0:
        first()
        time.sleep(FORK_SECONDS)
        os._exit(0)
    (Path(task["folder"]) / "fork").write_text(str(forked))


if "refuse" in sys.argv:
    say(fatal="the model is of paper")
    sys.exit()
if "vanish" in sys.argv:
    sys.exit()
say(ready=True, remark="stands in", missing=["calls", "what nobody knows"])
for line in sys.stdin:
    task = json.loads(line)
    say(progress=0.5, step="half way")
    match task["name"]:
        case "fine":
            say(done=True, process=os.getpid())
        case "sentence":
            say(error="It is no clip.")
        case "endless sentence":
            say(error="x" * 20_000)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            time.sleep(1000)
        case "busy":
            while True:
                say(progress=0.5, step="still at it")
                time.sleep(0.02)
        case "short and busy":
            say(seconds=0.001)
            while True:
                say(progress=0.5, step="still at it")
                time.sleep(0.02)
        case "spin":
            resource.setrlimit(resource.RLIMIT_CPU, (1, resource.RLIM_INFINITY))
            while True:
                pass
        case "babble":
            sys.stdout.write("Segmentation fault, and other things that are no JSON\n")
            sys.stdout.flush()
            time.sleep(1000)
        case "flood":
            sys.stdout.write("x" * 10_000_000)
            sys.stdout.flush()
            time.sleep(1000)
        case "odd":
            say(progress="a lot", step=["no", "text"], seconds=-1)
            say(progress=1e300)
            say(progress=None, seconds=float("nan"))
            say(done=True)
        case "list":
            sys.stdout.write("[1, 2]\n")
            sys.stdout.flush()
            time.sleep(1000)
        case "deep":
            put("[" * 60_000)
        case "deep step":
            put('{"step": ' + "[" * 60_000)
        case "huge number":
            put('{"seconds": 1' + "0" * 400 + "}")
            put('{"progress": 1' + "0" * 400 + "}")
            put('{"seconds": -1' + "0" * 400 + "}")
            say(done=True)
        case "number without end":
            put('{"seconds": 1' + "0" * 9000 + "}")
        case "half a character":
            put('{"step": "a\\ud800b"}')
            put('{"error": "x\\ud800\\n\\u001b[31m\\u202ey"}')
        case "error without words":
            put('{"error": {"a": 1}}')
        case "leave a fork":
            fork()
            time.sleep(1000)
        case "leave a fork in another session":
            fork(os.setsid)
            time.sleep(1000)
        case "crash and leave a fork":
            fork()
            os._exit(1)
