"""Stands in for the process behind a live connection: `python live_stub.py KIND`. It says what it was given.

Numbers under the names of a value alone reach the page, so there: `valence` is how many samples were heard, `arousal`
the kind of the message, and `face_score` the number of this process.
"""

from __future__ import annotations

import json
import os
import sys
import time

from vatrace.web.live_wire import SOUND
from vatrace.web.live_worker import read_messages

SLOW_SECONDS = 0.1
FORK_SECONDS = 200
BAD_LINES = {
    "deep": "[" * 60_000,
    "deep in a value": '{"time": ' + "[" * 60_000,
    "huge time": '{"time": 1' + "0" * 400 + "}",
    "no time": '{"valence": 0.5}',
    "time in words": '{"time": "noon"}',
    "no words": '{"error": ["a"]}',
}
ODD_VALUE = '{"time": 1, "valence": 1' + "0" * 400 + ', "arousal": NaN, "face": "\\ud800", "\\ud800": 1}'


def say(**facts: object) -> None:
    line(json.dumps(facts))


def line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def fork_with_the_pipes() -> None:
    """Leave a process of another session that holds our pipes, and say its number."""
    forked = os.fork()
    if forked == 0:
        os.setsid()
        time.sleep(FORK_SECONDS)
        os._exit(0)


def main(kind: str) -> None:
    if kind == "fatal":
        say(fatal="The model looks ahead.")
        return
    if kind == "forking":
        fork_with_the_pipes()
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
        if kind in BAD_LINES:
            line(BAD_LINES[kind])
            continue
        if kind == "odd":
            line(ODD_VALUE)
            continue
        say(time=message.time_seconds, valence=heard, arousal=message.kind, face_score=os.getpid(), html="<b>")


if __name__ == "__main__":
    main(sys.argv[1])
