"""What the rows of a run rest on: a corpus, the encoders, and the features of each; whatever is there is kept.

In the folder of the run, `corpus/` and `faces/` are drawn where no data are given, `crops/` are of the clips that teach
the encoders, `encoders/<kind>/` and `features/<kind>/` are there for each kind of encoder that a row wants.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.config import to_dict
from vatrace.errors import ModelError, NothingFound
from vatrace.files import hash_of, sha256_of
from vatrace.recipes.crops import crop_films
from vatrace.recipes.extract import extract_by
from vatrace.recipes.finetune import finetune
from vatrace.recipes.inputs import FaceSource, Films, films_of
from vatrace.recipes.once import is_done
from vatrace.recipes.pretrain import crop_folders, pretrain
from vatrace.recipes.rows import EncoderKind, EncoderPlan, People, Size
from vatrace.recipes.synth import DESCRIPTION, DRAWN_REMARK, synth
from vatrace.recipes.trainings import Failure
from vatrace.recipes.watch import Watch

if TYPE_CHECKING:
    from vatrace.features.visual import VisualEncoder


@dataclass(frozen=True, kw_only=True)
class Data:
    """Where clips and labels come from.

    Args:
        corpus: folder that the tables are of.
        teaching: folder that the encoders are taught by; the same one, or drawn people of its own.
        tuning: names of the clips in `teaching` that teach the encoders; no row learns from them or is scored on them.
        is_drawn: whether the faces are drawn.
        is_affwild2: whether it is Aff-Wild2, so that the paper's figures belong beside ours.
    """

    corpus: Path
    teaching: Path
    tuning: tuple[str, ...]
    is_drawn: bool
    is_affwild2: bool

    @property
    def set_aside(self) -> tuple[str, ...]:
        """Clips of the corpus itself that the encoders are taught by."""
        return self.tuning if self.teaching == self.corpus else ()

    @property
    def remark(self) -> str:
        """A sentence that goes with every model."""
        return DRAWN_REMARK if self.is_drawn else ""


def given_data(folder: Path, size: Size) -> Data:
    """Data that are there, in the official layout: a share of the training clips teaches the encoders."""
    from vatrace.datasets.corpus import open_corpus
    from vatrace.datasets.splits import is_affwild2, tuning_clips

    opened = open_corpus(folder)
    splits = opened.splits
    return Data(
        corpus=folder,
        teaching=folder,
        tuning=tuning_clips(splits, size.tuning_share, sources=opened.sources),
        is_drawn=(folder / DESCRIPTION).is_file(),
        is_affwild2=is_affwild2(splits),
    )


def drawn_data(out: Path, size: Size, *, workers: int, watch: Watch) -> Data:
    """Draw the corpus of a size; other people teach the encoders.

    Raises:
        NothingFound: the size draws nothing, so data have to be given.
    """
    from vatrace.datasets.corpus import open_corpus

    if size.drawn is None:
        raise NothingFound(f"this size needs data: name a folder with --data, or take --size drawn ({size.title}).")
    teaching = _draw(out / "faces", size.drawn.encoder, size.drawn.seed, workers, watch)
    corpus = _draw(out / "corpus", size.drawn.model, size.drawn.seed, workers, watch)
    everybody = sorted(clip for clips in open_corpus(teaching).splits.values() for clip in clips)
    return Data(corpus=corpus, teaching=teaching, tuning=tuple(everybody), is_drawn=True, is_affwild2=False)


def _draw(out: Path, people: People, seed: int, workers: int, watch: Watch) -> Path:
    return synth(
        out,
        subjects=people.subjects,
        clips_per_subject=people.clips_per_subject,
        seconds=people.seconds,
        seed=seed,
        first_subject=people.first_subject,
        validation_subjects=people.validation_subjects,
        test_subjects=people.test_subjects,
        workers=workers,
        watch=watch,
    )


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Makes encoders and features where they are not there yet.

    Args:
        out: folder of the whole run.
        size: what to make.
        data: from what.
        external: encoder folder or timm name of the encoder of others; "" where there is none.
        external_weights: checkpoint for it, instead of the hub's.
        weights: checkpoint to start the encoder from, instead of what the size says.
        vggish_weights: the weights of VGGish, where its features are wanted.
        faces: found in the films, or the official pictures that the corpus brings.
        workers: processes; 0 takes one a core.
        watch: told about progress.
        failed: gets the clips of which nothing could be made, with the reason.
    """

    out: Path
    size: Size
    data: Data
    external: str
    external_weights: Path | None
    weights: Path | None
    vggish_weights: Path | None
    faces: FaceSource
    workers: int
    watch: Watch
    failed: list[tuple[str, Failure]] = field(default_factory=list)

    def encoder(self, kind: EncoderKind) -> Path:
        """The folder of an encoder.

        Raises:
            VatraceError: it cannot be made.
        """
        if kind == "external":
            return self._external()
        if kind == "baseline":
            start = self._start(self.size.baseline, "baseline-start", None)
            return self._tuned(start, self.size.baseline, "baseline")
        start = self._pretrained(self.size.encoder)
        return start if kind == "pretrained" else self._tuned(start, self.size.encoder, "tuned")

    def features(self, encoders: Mapping[EncoderKind, Path]) -> dict[EncoderKind, Path]:
        """The folder of features of each encoder; every film is gone through once for all of them."""
        import torch

        outs: dict[EncoderKind, Path] = {kind: self.out / "features" / kind for kind in encoders}
        if not encoders:
            return outs
        torch.cuda.empty_cache()  # what tuning has kept on a GPU; the processes below need it
        made = extract_by(
            self._films(),
            {outs[kind]: folder for kind, folder in encoders.items()},
            acoustic=self.size.acoustic,
            vggish_weights=self.vggish_weights,
            workers=self.workers,
            watch=self.watch,
        )
        self._note(made.failed)
        return outs

    def without_features(self, folders: Sequence[Path]) -> tuple[str, ...]:
        """Labelled clips that do not teach the encoders and of which one of these folders has no features."""
        return tuple(
            clip
            for clip in self._labelled()
            if not all((folder / f"{clip}.safetensors").is_file() for folder in folders)
        )

    def _folder(self, name: str) -> Path:
        return self.out / "encoders" / name

    def _external(self) -> Path:
        if not self.external:
            raise NothingFound("no encoder of others was given; name a folder or a timm network with --external.")
        if Path(self.external).is_dir():
            return Path(self.external)
        from vatrace.features.visual import encoder_from_timm, save_encoder

        folder = self._folder("external")
        of_file = sha256_of(self.external_weights) if self.external_weights else ""
        settings = hash_of([self.external, of_file])
        if not is_done(folder / "encoder.json", settings):
            encoder = encoder_from_timm(self.external, weights=self.external_weights)
            notes = {"settings": settings, "recipe": "as timm has it", "weights": str(self.external_weights or "hub")}
            save_encoder(folder, encoder, notes)
        return folder

    def _pretrained(self, plan: EncoderPlan) -> Path:
        """The encoder before its tuning: as its weights are, or taught faces by hiding parts of them."""
        if plan.pretrain is None:
            return self._start(plan, "start", self.weights)
        is_fresh = plan.weights == "random" and self.weights is None
        crops = self._crops()
        return pretrain(
            crops,
            out=self._folder("pretrained"),
            clips=self._with_crops(crops),
            encoder=plan.start if is_fresh else self._start(plan, "start", self.weights),
            config=plan.pretrain,
            workers=self._loaders(),
            watch=self.watch,
        )

    def _start(self, plan: EncoderPlan, name: str, weights: Path | None) -> Path:
        """An encoder as it is before it learns anything here."""
        from vatrace.features.visual import save_encoder

        source = str(weights) if weights else plan.weights
        of_file = sha256_of(Path(source)) if Path(source).is_file() else ""
        settings = hash_of([to_dict(plan.start), source, of_file])
        folder = self._folder(name)
        if not is_done(folder / "encoder.json", settings):
            save_encoder(folder, _starting(plan, source), {"settings": settings, "weights": source})
        return folder

    def _tuned(self, start: Path, plan: EncoderPlan, name: str) -> Path:
        crops = self._crops()
        return finetune(
            crops,
            corpus=self.data.teaching,
            clips=self._with_crops(crops),
            encoder=start,
            out=self._folder(name),
            config=plan.finetune,
            workers=self._loaders(),
            watch=self.watch,
        )

    def _loaders(self) -> int:
        """Processes that load pictures ahead: a GPU would wait for them; on a CPU they would only take its cores."""
        import torch

        return (self.workers or os.cpu_count() or 0) if torch.cuda.is_available() else 0

    def _crops(self) -> Path:
        """Where the face pictures of the clips that teach the encoders are."""
        from vatrace.datasets.corpus import open_corpus

        if self.faces == "official":
            return self.data.teaching
        teaching = open_corpus(self.data.teaching)
        found = films_of([teaching.clip(name) for name in self.data.tuning])
        made = crop_films(found, self.out / "crops", every=self.size.crop_every, workers=self.workers, watch=self.watch)
        self._note(made.failed)
        return self.out / "crops"

    def _with_crops(self, crops: Path) -> tuple[str, ...]:
        """Those of the clips that teach the encoders of which there are face pictures; the others were listed."""
        folders = crop_folders(crops)
        return tuple(clip for clip in self.data.tuning if clip in folders)

    def _films(self) -> Films:
        """Films of every labelled clip that does not teach the encoders."""
        from vatrace.datasets.corpus import open_corpus

        corpus = open_corpus(self.data.corpus)
        return films_of([corpus.clip(name) for name in self._labelled()], self.faces)

    def _labelled(self) -> list[str]:
        from vatrace.datasets.corpus import open_corpus

        everybody = {clip.name for clip in open_corpus(self.data.corpus).labelled}
        return sorted(everybody - set(self.data.set_aside))

    def _note(self, failed: Sequence[tuple[str, Failure]]) -> None:
        """Keep what failed, each thing once."""
        known = {name for name, _ in self.failed}
        self.failed.extend(each for each in failed if each[0] not in known)


def _starting(plan: EncoderPlan, source: str) -> VisualEncoder:
    import torch

    from vatrace.features.visual import build_network, encoder_from_file, encoder_from_timm, make_encoder

    if source == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # untrained weights are the same in every run
            return make_encoder(plan.start, build_network(plan.start))
    if source != "hub":
        return encoder_from_file(plan.start, Path(source))
    if plan.start.arguments:
        raise ModelError(f"the hub has no weights for {plan.start.architecture} with {plan.start.arguments}.")
    return make_encoder(plan.start, encoder_from_timm(plan.start.architecture).network)


def encoder_kinds(kinds: Sequence[EncoderKind]) -> list[EncoderKind]:
    """Each kind once, in the order in which they build on each other."""
    order: tuple[EncoderKind, ...] = ("pretrained", "tuned", "baseline", "external")
    return [kind for kind in order if kind in kinds]
