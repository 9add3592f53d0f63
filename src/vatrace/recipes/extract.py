"""`vatrace extract`: features of videos, one file a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import FeatureError, VatraceError
from vatrace.files import remove_parts, sha256_of
from vatrace.recipes.inputs import find_videos, unique_names
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
    watch: Watch = SILENCE,
) -> BatchResult:
    """Make the features of videos: OUT/<clip>.safetensors, on each video's own frame clock.

    Clips whose features are there, of the same file and made in the same way, are kept.

    Example: vatrace extract corpus/videos --out features --encoder demo/encoder --acoustic '[mfcc, egemaps]'

    Args:
        videos: files, folders or patterns.
        out: folder to write.
        encoder: an encoder folder of ours, or the name of any timm network.
        weights: a checkpoint for a timm network; without it they are fetched from the hub.
        random_weights: leave a timm network untrained.
        acoustic: which of mfcc (39), egemaps (23, needs openSMILE) and vggish (128, needs its weights).
        vggish_weights: the file vggish-10086976.pth.
    """
    from vatrace.faces.detection import FaceDetector
    from vatrace.features.acoustic import acoustic_extractor
    from vatrace.features.extract import FeaturePipeline
    from vatrace.features.store import write_manifest

    paths = find_videos(videos)
    pipeline = FeaturePipeline(
        detector=FaceDetector(),
        visual=load_visual(encoder, weights, random_weights),
        acoustic=[acoustic_extractor(name, weights=vggish_weights if name == "vggish" else None) for name in acoustic],
    )
    remove_parts(out)
    done, failed = [], []
    with watch.track("extracting features", len(paths)) as advance:
        for name, path in unique_names(paths).items():
            try:
                done.append(extract_clip(path, out / f"{name}.safetensors", pipeline))
            except VatraceError as error:
                failed.append((str(path), error))
            advance(1)
    if done:
        write_manifest(out)
    return BatchResult(tuple(done), tuple(failed))


def extract_clip(path: Path, out: Path, pipeline: FeaturePipeline) -> Path:
    """Make the features of one clip, unless they are there, of the same file and made in the same way."""
    from vatrace.features.store import save_features

    if not _is_current(path, out, pipeline):
        save_features(out, pipeline.extract(path))
    return out


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
