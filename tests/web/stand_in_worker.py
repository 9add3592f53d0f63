"""A worker that does what the name of the clip says, so that what a worker can do wrong can be tried."""

import json
import os
import resource
import signal
import sys
import time


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if "refuse" in sys.argv:
    say(fatal="the model is of paper")
    sys.exit()
if "vanish" in sys.argv:
    sys.exit()
say(ready=True, remark="stands in", is_confined=False)
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
        case "tower":
            sys.stdout.write("[" * 60_000 + "\n")
            sys.stdout.flush()
            time.sleep(1000)
        case "huge":
            sys.stdout.write('{"seconds": 1' + "0" * 400 + ', "progress": 1' + "0" * 400 + "}\n")
            say(done=True)
        case "half":
            sys.stdout.write('{"error": "half a \\ud800 character"}\n')
            sys.stdout.flush()
        case "forks":
            if os.fork() == 0:
                time.sleep(1000)
            say(progress=0.1)
            time.sleep(1000)
        case "list":
            sys.stdout.write("[1, 2]\n")
            sys.stdout.flush()
            time.sleep(1000)
