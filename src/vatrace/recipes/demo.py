"""`vatrace demo`: the whole way, from nothing to a trace of a clip, on drawn faces.

Faces -> crops -> masked autoencoder -> hierarchical fine-tuning; a corpus of other people -> features -> BDCA -> score
on unseen subjects -> report of a new clip. Every step keeps what is there, so a second run reuses it and a stopped run
goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vatrace.config import DemoSize, FinetuneConfig, ModelConfig, PretrainConfig, TrainConfig
from vatrace.errors import FeatureError
from vatrace.files import hash_of, write_bytes, write_json
from vatrace.recipes.crops import crops
from vatrace.recipes.evaluate import evaluate
from vatrace.recipes.extract import extract
from vatrace.recipes.finetune import finetune
from vatrace.recipes.once import is_done
from vatrace.recipes.predict import predict
from vatrace.recipes.pretrain import SMALL_ENCODER, crop_folders, pretrain
from vatrace.recipes.synth import synth
from vatrace.recipes.train import train
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.synth.corpus import Clip

REMARK = "Trained on drawn faces of a procedural corpus: for demonstration, and no evidence about people."
ACOUSTIC = ("mfcc", "egemaps")
SMALL_MODEL = ModelConfig(dim=64, feed_forward=256)  # half the paper's width, for two cores


def demo(
    *,
    out: Path = Path("demo"),
    seed: int = 0,
    size: DemoSize = DemoSize(),  # noqa: B008  (frozen)
    watch: Watch = SILENCE,
) -> dict[str, Any]:  # Any: numbers and words, as JSON has them
    """Go the whole way once: draw a corpus, extract features, train, score on unseen subjects, and report a new clip.

    Leaves report.html, trace.csv, trace.png and scores.json in OUT. What is there from an earlier run is reused.
    All of it is on drawn faces and no evidence about people.

    Example: vatrace demo

    Args:
        out: folder to write.
        seed: same seed, same figures.
        size: how much to do.
    """
    faces = synth(
        out / "faces",
        subjects=size.encoder_subjects,
        clips_per_subject=1,
        seconds=size.encoder_seconds,
        seed=seed,
        watch=watch,
    )
    encoder = _make_encoder(out, faces, seed, size, watch)
    corpus = synth(
        out / "corpus",
        subjects=size.subjects,
        clips_per_subject=1,
        seconds=size.seconds,
        seed=seed,
        first_subject=size.encoder_subjects,
        watch=watch,
    )
    features = out / "features"
    videos = [str(corpus / "videos")]
    _all_done(extract(videos, out=features, encoder=str(encoder), acoustic=ACOUSTIC, watch=watch))
    model = train(
        corpus,
        features=features,
        encoder=encoder,
        out=out / "run" / "fold0",
        acoustic=ACOUSTIC,
        model=SMALL_MODEL,
        config=TrainConfig(epochs=size.train_epochs, batch_windows=8, seed=seed),
        remark=REMARK,
        watch=watch,
    )
    scores = _scores(evaluate(model, corpus=corpus, features=features, watch=watch), corpus, seed)
    write_json(out / "scores.json", scores)
    _report_new_clip(out, model, scores, seed, size, watch)
    _tell(out, scores, watch)
    return scores


def _make_encoder(out: Path, faces: Path, seed: int, size: DemoSize, watch: Watch) -> Path:
    """The paper's visual recipe whole: masked autoencoder, then the upper third tuned to valence and arousal."""
    _all_done(crops([str(faces / "videos")], out=out / "crops", every=size.crop_every, watch=watch))
    pretrained = pretrain(
        out / "crops",
        out=out / "pretrained",
        encoder=SMALL_ENCODER,
        config=PretrainConfig(epochs=size.pretrain_epochs, seed=seed),
        watch=watch,
    )
    return finetune(
        out / "crops",
        corpus=faces,
        clips=tuple(crop_folders(out / "crops")),  # everybody: who is scored is in another corpus
        encoder=pretrained,
        out=out / "encoder",
        config=_tuning(size, seed),
        watch=watch,
    )


def _tuning(size: DemoSize, seed: int) -> FinetuneConfig:
    """A fresh small network needs a higher rate than the paper's, and 64 pixels bear less turning and cutting."""
    return FinetuneConfig(
        epochs=size.finetune_epochs,
        batch_images=64,
        lr_peak=2e-3,
        rotation_degrees=2.0,
        smallest_crop=0.95,
        colour_jitter=1.0,
        seed=seed,
    )


def _scores(scores: dict[str, Any], corpus: Path, seed: int) -> dict[str, Any]:
    from vatrace.datasets.corpus import open_corpus

    subjects = {clip.split("-")[0] for clip in open_corpus(corpus).splits["test"]}
    about = {"seed": seed, "subjects": len(subjects), "data": "procedural corpus of drawn faces, unseen subjects"}
    return scores | about


def _report_new_clip(out: Path, model: Path, scores: dict[str, Any], seed: int, size: DemoSize, watch: Watch) -> None:
    from vatrace.report.export import read_trace_csv
    from vatrace.report.figures import Shade, save_figure, trace_figure
    from vatrace.report.page import write_report

    clip = _new_clip(out, seed, size)
    _all_done(predict([str(out / "new_clip.mp4")], out=out / "new_clip", model=model, watch=watch))
    trace = read_trace_csv(out / "new_clip" / "new_clip.csv")
    write_bytes(out / "trace.csv", (out / "new_clip" / "new_clip.csv").read_bytes())
    shades = [Shade(each.channel, each.kind, each.start_seconds, each.end_seconds) for each in clip.episodes]
    note = "A drawn face and a computed voice: no evidence about people."
    save_figure(
        trace_figure(trace, truth=clip.annotation, episodes=shades, title="A clip the model has never seen", note=note),
        out / "trace.png",
    )
    write_report(
        out / "report.html",
        video=out / "new_clip.mp4",
        trace=trace,
        truth=clip.annotation,
        episodes=shades,
        scores={name: value for name, value in scores.items() if name not in ("fold", "clips", "data")},
        title="A trace of a clip the model has never seen",
        lead="Valence and arousal, frame by frame, with what each value rests on.",
        notes=[
            "Faces are drawn and voices are computed: all figures are on drawn faces, and no evidence about people.",
            "A trace estimates expressed affect as raters would mark it, not what a person feels. "
            "It is not for judging people.",
        ],
        facts=_report_facts(scores, model),
    )


def _new_clip(out: Path, seed: int, size: DemoSize) -> Clip:
    """A clip of a subject who is not in the corpus at all."""
    from vatrace.synth.corpus import plan_clip, write_clip

    clip = plan_clip(seed, size.encoder_subjects + size.subjects, 0, size.new_clip_seconds)
    about = {"seed": seed, "subject": clip.subject.number, "seconds": size.new_clip_seconds}
    if not is_done(out / "new_clip.json", hash_of(about)) or not (out / "new_clip.mp4").is_file():
        write_clip(clip, out / "new_clip.mp4")
        write_json(out / "new_clip.json", {"notes": about | {"settings": hash_of(about)}})
    return clip


def _report_facts(scores: dict[str, Any], model: Path) -> dict[str, str]:
    return {
        "Data": "procedural corpus, drawn faces",
        "Scored on": f"{scores['subjects']} subjects, {scores['frames']} frames, in neither training nor validation",
        "Fold": "0, the corpus's own split",
        "Seed": str(scores["seed"]),
        "Model": f"BDCA, {model}",
        "Command": "make demo",
    }


def _tell(out: Path, scores: dict[str, Any], watch: Watch) -> None:
    watch.say(
        f"On {scores['subjects']} drawn subjects the model never saw ({scores['frames']} frames, seed "
        f"{scores['seed']}): CCC valence {scores['valence_ccc']:.3f}, arousal {scores['arousal_ccc']:.3f}, "
        f"mean {scores['mean_ccc']:.3f}."
    )
    watch.say("These are drawn faces: the figures show that the whole chain works, and nothing about people.")
    watch.say(f"Report: {out / 'report.html'}   Trace: {out / 'trace.csv'}   Picture: {out / 'trace.png'}")


def _all_done(result: BatchResult) -> None:
    """A demonstration has no bad files: one that fails is a fault of ours or of the machine."""
    if result.failed:
        name, error = result.failed[0]
        raise FeatureError(f"{len(result.failed)} clips failed, the first {name}: {error}") from error
