"""Stands in for the process behind a live connection: `python live_stub.py KIND`. It says what it was given."""

from __future__ import annotations

import json
import os
import sys
import time

from vatrace.web.live_wire import SOUND
from vatrace.web.live_worker import read_messages

SLOW_SECONDS = 0.1


def say(**facts: object) -> None:
    line(json.dumps(facts))


def line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(kind: str) -> None:
    if kind == "fatal":
        say(fatal="The model looks ahead.")
        return
    if kind == "babbling":
        line("no JSON")
        return
    say(ready=True)
    heard = 0
    for message in read_messages(sys.stdin.buffer):
        if message.kind == SOUND:
            heard += message.num_samples
            continue
        if kind == "crashing":
            os._exit(1)
        if kind == "failing":
            say(error="A picture that came is damaged.")
            continue
        if kind == "slow":
            time.sleep(SLOW_SECONDS)
        if kind == "hanging":
            time.sleep(60)
        say(time=message.time_seconds, kind=message.kind, heard=heard, pid=os.getpid())


if __name__ == "__main__":
    main(sys.argv[1])
