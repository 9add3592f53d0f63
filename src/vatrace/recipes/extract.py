"""`vatrace extract`: features of videos, one file a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import FeatureError, VatraceError
from vatrace.files import remove_parts, sha256_of
from vatrace.recipes.inputs import find_videos, unique_names
from vatrace.recipes.parallel import in_processes
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.features.extract import FeaturePipeline
    from vatrace.features.visual import VisualEncoder

DEFAULT_ACOUSTIC = ("mfcc",)


def extract(
    videos: Sequence[str],
    *,
    out: Path = Path("features"),
    encoder: str = "vit_large_patch16_224.mae",
    weights: Path | None = None,
    random_weights: bool = False,
    acoustic: tuple[str, ...] = DEFAULT_ACOUSTIC,
    vggish_weights: Path | None = None,
    workers: int = 0,
    watch: Watch = SILENCE,
) -> BatchResult:
    """Make the features of videos: OUT/<clip>.safetensors, on each video's own frame clock.

    The encoder of a timm network is kept as OUT/encoder, for `vatrace train`.
    Clips whose features are there, of the same file and made in the same way, are kept.

    Example: vatrace extract corpus/videos --out features --encoder demo/encoder --acoustic '[mfcc, egemaps]'

    Args:
        videos: files, folders or patterns.
        out: folder to write.
        encoder: an encoder folder of ours, or the name of any timm network.
        weights: a checkpoint for a timm network; without it they are fetched from the hub.
        random_weights: leave a timm network untrained.
        acoustic: which of mfcc (39), egemaps (23, needs openSMILE), vggish (128) and vggish_pca (128, after Google's
            PCA); docs/features.md describes them.
        vggish_weights: the file vggish-10086976.pth; without it the one that `vatrace weights vggish` fetched.
        workers: processes; 0 takes one a core.
    """
    from vatrace.features.store import write_manifest
    from vatrace.features.visual import save_encoder

    how = (encoder, weights, random_weights, tuple(acoustic), vggish_weights)
    tasks = [(path, out / f"{name}.safetensors") for name, path in unique_names(find_videos(videos)).items()]
    if not Path(encoder).is_dir() and weights is None and not random_weights:
        watch.say(f"the weights of {encoder} are taken from the Hugging Face hub, unless they were fetched before")
    pipeline = make_pipeline(*how)  # what cannot be made is said now, in one sentence, and not once a clip
    if not Path(encoder).is_dir():
        save_encoder(out / "encoder", pipeline.visual, {"recipe": "as timm has it", "weights": str(weights or "")})
    remove_parts(out)
    done, failed = [], []
    try:
        with watch.track("extracting features", len(tasks)) as advance:
            for (path, file), result in in_processes(
                _extract_clip, tasks, workers=workers, prepare=_prepare, settings=how
            ):
                if isinstance(result, VatraceError | OSError):
                    failed.append((str(path), result))
                else:
                    done.append(file)
                advance(1)
    finally:
        remove_parts(out)
    if done:
        write_manifest(out)
    return BatchResult(tuple(sorted(done)), tuple(sorted(failed, key=str)))


def make_pipeline(
    encoder: str,
    weights: Path | None,
    random_weights: bool,
    acoustic: Sequence[str],
    vggish_weights: Path | None,
    *,
    num_threads: int | None = None,
) -> FeaturePipeline:
    """What a person asked for on the command line, ready to extract."""
    from vatrace.faces.detection import FaceDetector
    from vatrace.features.acoustic import acoustic_extractor
    from vatrace.features.extract import FeaturePipeline

    return FeaturePipeline(
        detector=FaceDetector(num_threads=num_threads),
        visual=load_visual(encoder, weights, random_weights),
        acoustic=[acoustic_extractor(name, weights=vggish_weights) for name in acoustic],
    )


_pipeline: FeaturePipeline | None = None  # one a process


def _prepare(
    encoder: str, weights: Path | None, random_weights: bool, acoustic: Sequence[str], vggish_weights: Path | None
) -> None:
    global _pipeline
    import torch

    torch.set_num_threads(1)  # as many processes as cores: more threads would only wait for each other
    _pipeline = make_pipeline(encoder, weights, random_weights, acoustic, vggish_weights, num_threads=1)


def _extract_clip(task: tuple[Path, Path]) -> None:
    from vatrace.features.store import save_features

    path, out = task
    assert _pipeline is not None, "_prepare runs first in every process"
    if not _is_current(path, out, _pipeline):
        save_features(out, _pipeline.extract(path))


def load_visual(encoder: str, weights: Path | None, random_weights: bool) -> VisualEncoder:
    """The encoder a person named: a folder of ours, or a timm network."""
    from vatrace.features.visual import encoder_from_timm, load_encoder

    if Path(encoder).is_dir():
        return load_encoder(Path(encoder))
    return encoder_from_timm(encoder, weights=weights, random_weights=random_weights)


def _is_current(path: Path, out: Path, pipeline: FeaturePipeline) -> bool:
    from vatrace.features.store import open_features

    if not out.is_file() or not path.is_file():
        return False
    try:
        there = open_features(out)
    except FeatureError:
        return False  # damaged: made again
    return dict(there.identities) == pipeline.identities and there.source_sha256 == sha256_of(path)
