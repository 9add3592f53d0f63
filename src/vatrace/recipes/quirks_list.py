"""What is odd about which clip of the corpus with every quirk, in numbers: the content of its `quirks.json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vatrace.synth.film import Film
    from vatrace.synth.quirk_videos import Person, Video

NOTE = (
    "Frames, rows and crops are counted from 1, spans are [first, last]. Drawn faces, for testing; no evidence about "
    "people."
)
JUNK = {  # what other systems leave in folders; readers have to pass over it
    "batch1/.DS_Store": b"\x00\x00\x00\x01Bud1",
    "cropped_aligned/106/Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "annotations/VA_Estimation_Challenge/Train_Set/._106.txt": b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X",
}


def describe(films: Sequence[tuple[Video, Film]]) -> dict[str, Any]:  # Any: JSON
    """Everything that `quirks.json` says.

    Args:
        films: every video of the corpus with its film.

    Returns:
        `quirks` (each with the clips that have it), `videos` and `clips` (each with its numbers), `orphan_crops`.
    """
    from vatrace.synth.quirk_videos import FIRST_CROPS, ORPHAN_CROPS
    from vatrace.synth.quirks import QUIRKS

    pairs = [(video, person) for video, _ in films for person in video.people]
    listed = [
        {
            "name": each.name,
            "says": each.says,
            "clips": sorted(who.clip for video, who in pairs if each.is_in(video, who)),
        }
        for each in QUIRKS
    ]
    orphan = {
        "name": "orphan_crops",
        "says": "crops of a clip that has no labels and no video",
        "clips": [ORPHAN_CROPS],
    }
    junk = {"name": "junk", "says": "files that other systems leave behind", "clips": [], "files": sorted(JUNK)}
    return {
        "note": NOTE,
        "quirks": [*listed, orphan, junk],
        "videos": {video.path: _about_video(video, film) for video, film in films},
        "clips": {
            person.clip: _about_clip(video, film, number)
            for video, film in films
            for number, person in enumerate(video.people)
        },
        "orphan_crops": f"{FIRST_CROPS}/{ORPHAN_CROPS}",
    }


def crop_frames(person: Person, film: Film, number: int) -> set[int]:
    """Frames of which a person has a crop.

    Args:
        person: whose.
        film: in which the person is.
        number: of the person in the film, from left to right.

    Returns:
        Frames, counted from 0; `film.num_frames` is the one after the last that can be decoded.
    """
    from vatrace.synth.film import faces_at
    from vatrace.synth.quirks import inside

    if person.crops is None:
        return set()
    is_left_out = inside(person.no_crops, film.num_frames)
    frames = [frame for frame in range(film.num_frames) if not is_left_out[frame]]
    if person.has_extra_crop:
        frames.append(film.num_frames)
    return {frame for frame in frames if faces_at(film, frame)[number] is not None}


def _about_video(video: Video, film: Film) -> dict[str, Any]:
    from vatrace.synth.quirks import LATE_SECONDS

    starts = {"whole": 0.0, "late": LATE_SECONDS, "none": None}
    cut = film.close_up
    return {
        "split": video.split,
        "clips": [person.clip for person in video.people],
        "frames": film.num_frames,
        "fps": None if video.fps is None else str(video.fps),
        "seconds": round(film.length_seconds, 6),
        "size": list(film.size),
        "sound_start_seconds": starts[video.sound],
        "sound_rate_hz": None if video.sound == "none" else video.sample_rate_hz,
        "close_up": None
        if cut is None
        else {"clip": video.people[cut.person].clip, "frames": [cut.first + 1, cut.stop]},
    }


def _about_clip(video: Video, film: Film, number: int) -> dict[str, Any]:
    import numpy as np

    from vatrace.synth.film import faces_at
    from vatrace.synth.quirks import inside

    person = video.people[number]
    num_rows = film.num_frames + person.extra_rows
    is_seen = np.array([faces_at(film, frame)[number] is not None for frame in range(film.num_frames)])
    has_crop = np.zeros(film.num_frames + 1, np.bool_)
    has_crop[list(crop_frames(person, film, number))] = True
    return {
        "split": video.split,
        "video": video.path,
        "place": "only" if len(video.people) == 1 else ("left", "right")[number],
        "frames": film.num_frames,
        "rows": None if video.split == "none" else num_rows,
        "unlabelled_rows": _spans(inside(person.unlabelled, num_rows)),
        "decimals": person.decimals,
        "has_expressions": person.has_expressions,
        "rows_without_expression": _spans(inside(person.unnamed, num_rows)) if person.has_expressions else [],
        "frames_without_face": _spans(~is_seen),
        "crops": person.crops,
        "num_crops": int(has_crop.sum()),
        "frames_without_crop": _spans(~has_crop[: film.num_frames]),
        "extra_crops": [film.num_frames + 1] if has_crop[-1] else [],
    }


def _spans(is_in: NDArray[np.bool_]) -> list[list[int]]:
    """First and last of each run of True, counted from 1."""
    import numpy as np

    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_in, [False]]).astype(np.int8)))
    return [[int(first) + 1, int(stop)] for first, stop in edges.reshape(-1, 2)]
