"""`vatrace synth --quirks`: a small procedural corpus with every quirk of Aff-Wild2's release, in the official folders.

Videos and crops are drawn film by film; a film's crops are all there before its video is. The texts are written when
every film is done, `quirks.json` last.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.files import remove_parts, write_bytes, write_json, write_text
from vatrace.recipes.parallel import in_processes
from vatrace.recipes.quirks_list import JUNK, crop_frames, describe
from vatrace.recipes.synth import claim, truth_text
from vatrace.recipes.watch import SILENCE, Watch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vatrace.synth.corpus import Clip
    from vatrace.synth.film import Film
    from vatrace.synth.quirk_videos import Person, Video

QUIRKS_LIST = "quirks.json"
EXPRESSION_FOLDER = Path("annotations") / "EXPR_Recognition_Challenge"
TEST_LIST = Path("names_of_videos_in_each_test_set") / "Valence_Arousal_Estimation_Challenge_test_set_release.txt"
TEMPLATE = Path("CVPR_6th_ABAW_VA_test_set_example.txt")
OTHER_TASKS = {"AU": "AU1,AU2", "Expr": "Expression"}
UNALIGNED_FOLDER = "cropped"
CROP_PIXELS = 112
UNALIGNED_MARGIN = 1.2  # of the landmarks' own extent, on every side
NO_EXPRESSION = -1


def synth_quirks(out: Path, *, seconds: float, seed: int, workers: int = 0, watch: Watch = SILENCE) -> Path:
    """Write the corpus of `vatrace.synth.quirks`.

    Args:
        out: folder to write.
        seconds: length of a film of usual length.
        seed: same seed, same corpus, byte for byte.
        workers: processes; 0 takes one a core.

    Raises:
        ValueError: too short for every quirk.
        DatasetError: the folder holds something else.
    """
    from vatrace.synth.quirk_videos import VIDEOS
    from vatrace.synth.quirks import MIN_SECONDS

    if not seconds >= MIN_SECONDS or seed < 0:
        raise ValueError(
            f"--quirks needs --seconds of {MIN_SECONDS:g} or more, for its gaps to be there, and --seed of 0 or more; "
            f"got {seconds:g} and {seed}."
        )
    num_subjects = len({person.subject for video in VIDEOS for person in video.people})
    claim(out, {"quirks": True, "subjects": num_subjects, "seconds": seconds, "seed": seed})
    todo = [index for index, video in enumerate(VIDEOS) if not (out / video.path).is_file()]
    if not todo and (out / QUIRKS_LIST).is_file():
        return out
    try:
        with watch.track("drawing films", len(VIDEOS)) as advance:
            advance(len(VIDEOS) - len(todo))
            for _, result in in_processes(_make_film, [(out, index, seed, seconds) for index in todo], workers=workers):
                if isinstance(result, Exception):
                    raise result
                advance(1)
    finally:
        for folder in {(out / video.path).parent for video in VIDEOS}:
            remove_parts(folder)
    _write_texts(out, seed, seconds)
    return out


def _make_film(task: tuple[Path, int, int, float]) -> None:
    from vatrace.media.encode import write_video
    from vatrace.synth.quirk_videos import VIDEOS
    from vatrace.synth.quirks import LATE_SECONDS, plan_film

    out, index, seed, seconds = task
    video = VIDEOS[index]
    film = plan_film(video, seed, seconds)
    start_seconds = LATE_SECONDS if video.sound == "late" else 0.0
    write_video(
        out / video.path,
        _pictures(out, video, film),
        size=film.size,
        fps=video.fps,
        times_seconds=film.times_seconds if video.fps is None else None,
        waveform=None if video.sound == "none" else _sound(film, video.sample_rate_hz, start_seconds),
        sample_rate_hz=video.sample_rate_hz,
        waveform_start_seconds=start_seconds,
    )


def _sound(film: Film, sample_rate_hz: int, start_seconds: float) -> NDArray[np.float32]:
    from math import gcd

    import numpy as np
    from scipy.signal import resample_poly

    from vatrace.synth.film import soundtrack

    whole, from_hz = soundtrack(film), film.people[0].sample_rate_hz
    common = gcd(sample_rate_hz, from_hz)
    resampled = resample_poly(whole, sample_rate_hz // common, from_hz // common)
    return np.asarray(np.clip(resampled[round(start_seconds * sample_rate_hz) :], -1, 1), np.float32)


def _pictures(out: Path, video: Video, film: Film) -> Iterator[NDArray[np.uint8]]:
    """The pictures of a film; a person's crops are written on the way."""
    from vatrace.datasets.crops import encode_picture
    from vatrace.faces.alignment import align_face
    from vatrace.synth.film import shoot

    wanted = [crop_frames(person, film, number) for number, person in enumerate(video.people)]
    last = max([film.num_frames, *(frame + 1 for frames in wanted for frame in frames)])
    for frame, shot in zip(range(last), shoot(film), strict=False):
        for person, face, frames in zip(video.people, shot.faces, wanted, strict=True):
            if face is None or frame not in frames:
                continue
            name = f"{person.clip}/{frame + 1:05d}.jpg"
            crop = align_face(shot.pixels, face.astype("float32"), CROP_PIXELS)
            write_bytes(out / str(person.crops) / name, encode_picture(crop))
            if person.has_unaligned:
                write_bytes(out / UNALIGNED_FOLDER / name, encode_picture(_box(shot.pixels, face)))
        if frame < film.num_frames:
            yield shot.pixels


def _box(pixels: NDArray[np.uint8], face: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The face in an upright box, as large as it is in the picture."""
    low, high = face.min(axis=0), face.max(axis=0)
    margin = UNALIGNED_MARGIN * (high - low)
    left, top = (low - margin).clip(0).astype(int)
    right, bottom = (high + margin).astype(int)
    return pixels[top:bottom, left:right]


def _write_texts(out: Path, seed: int, seconds: float) -> None:
    from vatrace.datasets.affwild2 import SPLIT_FOLDERS, TASK_FOLDER, write_annotation
    from vatrace.synth.quirk_videos import VIDEOS
    from vatrace.synth.quirks import labels_of, plan_film

    films = [(video, plan_film(video, seed, seconds)) for video in VIDEOS]
    rows: dict[str, int] = {}  # of the test clips
    for video, film in films:
        for person, clip in zip(video.people, film.people, strict=True):
            write_text(out / "truth" / f"{person.clip}.csv", truth_text(clip.truth))
            if video.split == "test":
                rows[person.clip] = film.num_frames + person.extra_rows
            elif video.split != "none":
                path = Path(SPLIT_FOLDERS[video.split]) / f"{person.clip}.txt"
                labels = labels_of(person, clip, film.num_frames)
                write_annotation(out / TASK_FOLDER / path, labels, decimals=person.decimals)
                if person.has_expressions:
                    _write_expressions(out / EXPRESSION_FOLDER / path, person, clip, len(labels))
    write_text(out / TEST_LIST, "".join(f"{clip}\n" for clip in rows))
    template = [f"{clip}/{row:05d}.jpg,0.5,-0.5\n" for clip, number in rows.items() for row in range(1, number + 1)]
    write_text(out / TEMPLATE, "".join(["image_location,valence,arousal\n", *template]))
    for task, columns in OTHER_TASKS.items():  # they lie beside it, and come first by name
        write_text(out / TEMPLATE.name.replace("_VA_", f"_{task}_"), f"image_location,{columns}\n998/00001.jpg\n")
    _write_orphan_crops(out)
    for name, content in JUNK.items():
        write_bytes(out / name, content)
    write_json(out / QUIRKS_LIST, describe(films))


def _write_expressions(path: Path, person: Person, clip: Clip, num_rows: int) -> None:
    from vatrace.synth.circumplex import EXPRESSIONS, name_expressions
    from vatrace.synth.quirks import inside

    names = name_expressions(clip.truth)[:num_rows]
    names[inside(person.unnamed, num_rows)] = NO_EXPRESSION
    write_text(path, "\n".join([",".join(EXPRESSIONS), *map(str, names.tolist())]) + "\n")


def _write_orphan_crops(out: Path) -> None:
    """A few crops of somebody else under a name that nothing else has."""
    from vatrace.synth.quirk_videos import FIRST_CROPS, ORPHAN_CROPS

    crops = sorted((out / FIRST_CROPS / "106").glob("*.jpg"))[:5]
    for number, path in enumerate(crops, start=1):
        write_bytes(out / FIRST_CROPS / ORPHAN_CROPS / f"{number:05d}.jpg", path.read_bytes())
