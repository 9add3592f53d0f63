"""The process behind a live connection: `python -m vatrace.web.live_worker MODEL ...`, started by `vatrace.web.live`.

It loads the model, says so, and then reads messages (`live_wire`), each after its length in four bytes; for a picture
or a moment it answers with one line of JSON. It is confined as the one that reads clips is, as it decodes pictures.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from vatrace.errors import VatraceError, where
from vatrace.inference.choice import ModelChoice
from vatrace.web.confine import confine, end_with_parent, limit_memory_and_files
from vatrace.web.limits import Limits
from vatrace.web.live_wire import MOMENT, SOUND, Message, samples_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vatrace.inference.live import LivePredictor, LiveValue

Tell = Callable[..., None]

LENGTH = struct.Struct("<I")
DECIMALS = 6


def main() -> None:
    """Answer until the server closes the pipe, or ends."""
    told = json.loads(sys.argv[1])
    end_with_parent(told["parent"])
    choice = ModelChoice.from_json(told["choice"])
    # What is missing, the process that reads clips has told.
    confine(read=choice.files(), write=[Path.cwd()], private=Path(told["private"]))
    tell = _teller()
    try:
        predictor = _loaded(choice)
    except (VatraceError, OSError) as error:
        tell(fatal=str(error))
        return
    limit_memory_and_files(Limits(**told["limits"]).memory_bytes, file_bytes=0)
    tell(ready=True)
    for message in read_messages(sys.stdin.buffer):
        answer(message, predictor, tell)


def answer(message: Message, predictor: LivePredictor, tell: Tell) -> None:
    """Work on one message, and tell what came of it unless it is sound.

    Args:
        message: picture, sound, or moment.
        predictor: what remembers those before.
        tell: called with the value, or with `error`, a sentence.
    """
    try:
        if message.kind == SOUND:
            predictor.add_sound(samples_of(message), message.time_seconds)
            return
        pixels = None if message.kind == MOMENT else decode_picture(message.payload)
        if message.kind != MOMENT and pixels is None:
            tell(error="A picture that came is damaged.")
            return
        value = predictor.add_picture(pixels, message.time_seconds)
    except Exception as error:  # whatever a library does not expect; the person is told, and the connection ends
        tell(error=f"A picture could not be worked on: internal error ({where(error)}).")
        return
    tell(**({"skipped": True} if value is None else value_json(value)))


def value_json(value: LiveValue) -> dict[str, float | None]:
    """A value as the page reads it, like a frame of a trace: `time` in seconds, 0 or 1, None where there is nothing."""
    facts = {name: _number(fact) for name, fact in asdict(value).items()}
    return {"time": facts.pop("time_seconds"), **facts}


def decode_picture(data: bytes) -> NDArray[np.uint8] | None:
    """Pixels `[height, width, 3]` RGB of a JPEG; None where it is damaged."""
    import cv2
    import numpy as np

    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture, np.uint8)


def read_messages(stream: BinaryIO) -> Iterator[Message]:
    """Messages, each after its length, until the stream ends."""
    while len(length := stream.read(LENGTH.size)) == LENGTH.size:
        yield Message.unpacked(stream.read(LENGTH.unpack(length)[0]))


def _number(fact: float | bool | None) -> float | None:
    if isinstance(fact, bool):
        return int(fact)
    return None if fact is None else round(fact, DECIMALS) + 0.0  # `+ 0.0`: no -0.0


def _loaded(choice: ModelChoice) -> LivePredictor:
    from vatrace.inference.live import LivePredictor

    return LivePredictor(choice.load())


def _teller() -> Tell:
    """Lines to the server on what was standard output; what libraries print there goes nowhere."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def tell(**facts: object) -> None:
        out.write(json.dumps(facts) + "\n")
        out.flush()

    return tell


if __name__ == "__main__":
    main()
