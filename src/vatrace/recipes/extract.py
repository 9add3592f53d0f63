"""`vatrace extract`: features of videos, one file a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vatrace.errors import FeatureError, VatraceError
from vatrace.files import remove_parts
from vatrace.recipes.inputs import Film, Films, find_films
from vatrace.recipes.parallel import in_processes
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.features.extract import Appearance, FeaturePipeline
    from vatrace.features.visual import VisualEncoder

DEFAULT_ACOUSTIC = ("mfcc",)
GPU_WORKERS = 2  # each keeps its own encoders on the card
_How = tuple[str, Path | None, bool, tuple[str, ...], Path | None, str]  # what `make_pipeline` takes


def extract(
    videos: Sequence[str],
    *,
    out: Path = Path("features"),
    encoder: str = "vit_large_patch16_224.mae",
    weights: Path | None = None,
    random_weights: bool = False,
    acoustic: tuple[str, ...] = DEFAULT_ACOUSTIC,
    vggish_weights: Path | None = None,
    faces: Literal["found", "official"] = "found",
    workers: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    watch: Watch = SILENCE,
) -> BatchResult:
    """Make the features of videos: OUT/<clip>.safetensors, on each video's own frame clock.

    Of a corpus every clip is made, each person of a two-person video under the name of the annotation; of any other
    video the main person. The encoder of a timm network is kept as OUT/encoder, for `vatrace train`.
    Clips whose features are there, of the same file and made in the same way, are kept.

    Example: vatrace extract demo/corpus --out features --encoder demo/encoder --acoustic mfcc,egemaps

    Args:
        videos: files, folders, patterns, or corpora (Aff-Wild2 as unpacked, or a folder with a manifest.csv).
        out: folder to write.
        encoder: an encoder folder of ours, or the name of any timm network.
        weights: a checkpoint for a timm network; without it they are fetched from the hub.
        random_weights: leave a timm network untrained.
        acoustic: which of mfcc (39), egemaps (23, needs openSMILE), prosody (36), vggish (128) and vggish_pca (128,
            after Google's PCA); docs/features.md describes them.
        vggish_weights: the file vggish-10086976.pth; without it the one that `vatrace weights vggish` fetched.
        faces: found looks for them in the film; official takes the aligned pictures that the corpus brings.
        workers: processes; 0 takes one a core, and two where the encoder is on a GPU: each keeps one of its own.
        device: of the visual encoder; auto takes a GPU if there is one.
    """
    from vatrace.features.visual import save_encoder

    how = (encoder, weights, random_weights, tuple(acoustic), vggish_weights, device)
    found = find_films(videos, faces)
    if not Path(encoder).is_dir() and weights is None and not random_weights:
        watch.say(f"the weights of {encoder} are taken from the Hugging Face hub, unless they were fetched before")
    pipeline = make_pipeline(*how)  # what cannot be made is said now, in one sentence, and not once a clip
    if not Path(encoder).is_dir():
        save_encoder(out / "encoder", pipeline.visual, {"recipe": "as timm has it", "weights": str(weights or "")})
    return _extract_all(found, (out,), how, (), workers=workers, watch=watch)


def extract_by(
    found: Films,
    encoders: Mapping[Path, Path],
    *,
    acoustic: tuple[str, ...] = DEFAULT_ACOUSTIC,
    vggish_weights: Path | None = None,
    workers: int = 0,
    watch: Watch = SILENCE,
) -> BatchResult:
    """The features of several encoders at once: each film is decoded, and its faces are found, only once.

    Args:
        found: films, and who in them.
        encoders: encoder folders, by the folder that gets their features.
        acoustic: see `extract`.
        vggish_weights: see `extract`.
        workers: processes; 0 takes one a core.
        watch: told about progress.
    """
    first, *others = (str(folder) for folder in encoders.values())
    how = (first, None, False, tuple(acoustic), vggish_weights, "auto")
    make_pipeline(*how)
    return _extract_all(found, tuple(encoders), how, tuple(others), workers=workers, watch=watch)


def _extract_all(
    found: Films, outs: Sequence[Path], how: _How, others: Sequence[str], *, workers: int, watch: Watch
) -> BatchResult:
    from vatrace.features.store import write_manifest
    from vatrace.training.world import choose_device

    workers = workers or (GPU_WORKERS if choose_device(how[-1]).type == "cuda" else 0)
    tasks = [(film, tuple(outs)) for film in found.films]
    for out in outs:
        remove_parts(out)
    done: list[Path] = []
    failed = list(found.failed)
    try:
        with watch.track("extracting features", len(tasks)) as advance:
            for (film, _), result in in_processes(
                _extract_film, tasks, workers=workers, prepare=_prepare, settings=(how, others)
            ):
                if isinstance(result, VatraceError | OSError):
                    failed.append((str(film.path), result))
                else:
                    done.extend(feature_path(out, person) for out in outs for person in film.people)
                advance(1)
    finally:
        for out in outs:
            remove_parts(out)
    for out in outs:
        if any(file.parent == out for file in done):
            write_manifest(out)
    return BatchResult(tuple(sorted(done)), tuple(sorted(failed, key=str)))


def feature_path(folder: Path, person: Appearance) -> Path:
    """Where the features of a person are."""
    return folder / f"{person.name}.safetensors"


def make_pipeline(
    encoder: str,
    weights: Path | None,
    random_weights: bool,
    acoustic: Sequence[str],
    vggish_weights: Path | None,
    device: str = "auto",
    *,
    num_threads: int | None = None,
) -> FeaturePipeline:
    """What a person asked for on the command line, ready to extract."""
    from vatrace.faces.detection import FaceDetector
    from vatrace.features.acoustic import acoustic_extractor
    from vatrace.features.extract import FeaturePipeline

    return FeaturePipeline(
        detector=FaceDetector(num_threads=num_threads),
        visual=load_visual(encoder, weights, random_weights, device),
        acoustic=[acoustic_extractor(name, weights=vggish_weights) for name in acoustic],
    )


_pipeline: FeaturePipeline | None = None  # one a process
_encoders: Sequence[VisualEncoder] = ()  # the pipeline's, and those whose features are made beside


def _prepare(how: _How, others: Sequence[str]) -> None:
    global _encoders, _pipeline
    import torch

    torch.set_num_threads(1)  # as many processes as cores: more threads would only wait for each other
    _pipeline = make_pipeline(*how, num_threads=1)
    _encoders = (_pipeline.visual, *(load_visual(other, None, False, how[-1]) for other in others))


def _extract_film(task: tuple[Film, tuple[Path, ...]]) -> None:
    """Make what is not there yet: each person of a film by each encoder that has not described all of them."""
    from vatrace.features.store import save_features

    film, outs = task
    assert _pipeline is not None, "_prepare runs first in every process"
    wanted = [
        (out, encoder)
        for out, encoder in zip(outs, _encoders, strict=True)
        if not all(_is_current(film.path, person, out, replace(_pipeline, visual=encoder)) for person in film.people)
    ]
    if wanted:
        made = _pipeline.extract_people([encoder for _, encoder in wanted], film.path, film.people)
        for person, by_encoder in zip(film.people, made, strict=True):
            for (out, _), features in zip(wanted, by_encoder, strict=True):
                save_features(feature_path(out, person), features)


def load_visual(encoder: str, weights: Path | None, random_weights: bool, device: str = "auto") -> VisualEncoder:
    """The encoder a person named, on a device: a folder of ours, or a timm network."""
    from vatrace.features.visual import encoder_from_timm, load_encoder
    from vatrace.training.world import choose_device

    if Path(encoder).is_dir():
        loaded = load_encoder(Path(encoder))
    else:
        loaded = encoder_from_timm(encoder, weights=weights, random_weights=random_weights)
    loaded.network.to(choose_device(device))
    return loaded


def _is_current(path: Path, person: Appearance, folder: Path, pipeline: FeaturePipeline) -> bool:
    from vatrace.features.extract import source_digest
    from vatrace.features.store import open_features

    out = feature_path(folder, person)
    if not out.is_file() or not path.is_file():
        return False
    try:
        there = open_features(out)
    except FeatureError:
        return False  # damaged: made again
    return there.identities == pipeline.identities_of(person) and there.source_sha256 == source_digest(path, person)
