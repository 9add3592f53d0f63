"""Where the time of a trace goes, stage by stage, against the limits of this machine; all in one run.

    python benchmarks/pipeline.py [VIDEO] [--model demo/run/fold0]

Prints milliseconds a frame and how many times faster than real time each stage is, on one clip (a drawn one of 20
seconds if none is given). The limits beside it are this machine's decode rate and its float32 matrix product.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vatrace.faces.alignment import aligned_crops
from vatrace.faces.tracking import track_main_face
from vatrace.inference.video import VideoPredictor
from vatrace.media.audio import read_audio
from vatrace.media.video import read_frames
from vatrace.synth.corpus import plan_clip, write_clip


def seconds_of(work: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """The best of some repeats, and what the work gave."""
    best, result = float("inf"), None
    for _ in range(repeats):
        began = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - began)
    return best, result


def matmul_gflops() -> float:
    left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return 2 * 1024**3 / seconds_of(lambda: left @ right, repeats=20)[0] / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--model", type=Path, default=Path("demo/run/fold0"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.video or Path(folder) / "drawn.mp4"
        if given.video is None:
            write_clip(plan_clip(0, 999, 0, 20.0), path)
        report(path, VideoPredictor.from_folder(given.model))


def report(path: Path, predictor: VideoPredictor) -> None:
    pipeline = predictor.pipeline
    decode, times = seconds_of(lambda: [frame.time_seconds for frame in read_frames(path)])
    track_time, track = seconds_of(lambda: track_main_face(read_frames(path), pipeline.detector))
    crop_time, _ = seconds_of(lambda: sum(1 for _ in aligned_crops(read_frames(path), track)))
    crops = [crop for _, crop in islice(aligned_crops(read_frames(path), track), 64)]
    encode_time, _ = seconds_of(lambda: pipeline.visual.encode(crops))
    sound_time, waveform = seconds_of(lambda: read_audio(path))
    rows = [
        ("decode (limit)", decode / len(times)),
        ("decode, detect and track", track_time / len(times)),
        ("decode and align", crop_time / len(times)),
        ("visual encoder", encode_time / max(len(crops), 1)),
        ("decode sound", sound_time / len(times)),
    ]
    for each in pipeline.acoustic if waveform is not None else ():
        extract_time, _ = seconds_of(
            lambda e=each: e.extract(waveform.samples, waveform.start_seconds, np.array(times))
        )
        rows.append((each.name, extract_time / len(times)))
    features = pipeline.extract(path)
    model_time, _ = seconds_of(lambda: predictor.predictor.trace(features))
    rows.append(("temporal model", model_time / len(times)))
    whole, _ = seconds_of(lambda: predictor.predict(path), repeats=1)
    rows.append(("the whole trace", whole / len(times)))
    frame_seconds = (times[-1] - times[0]) / max(len(times) - 1, 1)
    limits = f"{torch.get_num_threads()} threads, float32 matmul {matmul_gflops():.0f} GFLOP/s"
    print(f"{path.name}: {len(times)} frames; {limits}")
    for name, seconds in rows:
        print(f"{name:<26}{seconds * 1e3:8.2f} ms a frame{frame_seconds / seconds:8.1f} x real time")


if __name__ == "__main__":
    main()
