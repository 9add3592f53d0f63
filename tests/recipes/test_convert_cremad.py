"""CREMA-D, small and made up, becomes a corpus like any other, and everything left out is said."""

from __future__ import annotations

import csv
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.datasets.cremad_table import vote_line, write_votes
from tests.media.flash import write_flash
from vatrace.cli import main
from vatrace.config import EncoderConfig
from vatrace.datasets.corpus import open_corpus
from vatrace.datasets.splits import fold
from vatrace.errors import DatasetError, NothingFound
from vatrace.features.store import open_features
from vatrace.features.visual import save_encoder
from vatrace.media.video import read_times
from vatrace.recipes.convert_cremad import convert_cremad
from vatrace.recipes.extract import extract
from vatrace.recipes.watch import Silence
from vatrace.synth.corpus import plan_clip, write_clip
from vatrace.training.pretrain import fresh_encoder

ACTORS = [str(1000 + number) for number in range(1, 13)]
CLIPS = [
    f"{actor}_{sentence}_{emotion}_XX" for actor in ACTORS for sentence in ("DFA", "IEO") for emotion in ("ANG", "HAP")
]
VOTES = {"ANG": {"A": (8, 75.0), "N": (2, 50.0)}, "HAP": {"H": (10, 60.0)}}


class Ear(Silence):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder as git has it: films, sound, and the table of votes."""
    folder = tmp_path / "CREMA-D"
    (folder / "VideoFlash").mkdir(parents=True)
    (folder / "AudioWAV").mkdir()
    lines = []
    for number, clip in enumerate(CLIPS, 1):
        write_flash(folder / "VideoFlash" / f"{clip}.flv", [27, 60, 93])
        (folder / "AudioWAV" / f"{clip}.wav").touch()
        votes = VOTES[clip.split("_")[2]]
        lines.append(vote_line(clip, "voice", {"N": (9, 40.0)}, number))
        lines.append(vote_line(clip, "face", votes, number))
        lines.append(vote_line(clip, "audio-visual", {**votes, "S": (10, 100.0)}, number))
    write_votes(folder / "votes.csv", *lines)
    return folder


def rows_of(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as file:
        return {row["clip"]: row for row in csv.DictReader(file)}


def test_every_clip_has_the_values_of_each_kind_of_raters(clone: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    result = convert_cremad(clone, votes=clone / "votes.csv", out=out)
    assert result.done == (out / "manifest.csv", out / "README.md")
    assert not result.failed
    rows = rows_of(out)
    assert list(rows) == sorted(CLIPS)
    angry = rows["1001_DFA_ANG_XX"]
    # face: 8 of 10 at 75 is .6 of anger (-.51, .59), the rest neutral; audio-visual: half as much, and half of sad
    assert float(angry["valence_face"]) == pytest.approx(-0.306)
    assert float(angry["arousal_face"]) == pytest.approx(0.354)
    assert float(angry["valence_audio_visual"]) == pytest.approx(-0.153 - 0.315)
    assert float(angry["arousal_audio_visual"]) == pytest.approx(0.177 - 0.135)
    assert (angry["valence"], angry["arousal"]) == (angry["valence_audio_visual"], angry["arousal_audio_visual"])
    assert (angry["valence_voice"], angry["entropy_voice"], angry["raters_voice"]) == ("0.000000", "0.000000", "9")
    assert (angry["raters_face"], angry["raters_audio_visual"]) == ("10", "20")
    assert (angry["subject"], angry["acted_emotion"], angry["acted_level"]) == ("1001", "ANG", "XX")


@pytest.mark.parametrize("raters", ["face", "voice", "audio-visual"])
def test_the_label_is_that_of_the_raters_who_were_asked_for(clone: Path, tmp_path: Path, raters: str) -> None:
    convert_cremad(clone, votes=clone / "votes.csv", raters=raters, out=tmp_path / "corpus")  # type: ignore[arg-type]
    column = raters.replace("-", "_")
    for row in rows_of(tmp_path / "corpus").values():
        assert (row["valence"], row["arousal"]) == (row[f"valence_{column}"], row[f"arousal_{column}"])
    assert f"those of the {raters} raters" in (tmp_path / "corpus" / "README.md").read_text()


def test_the_result_is_a_corpus_in_which_no_actor_has_two_roles(clone: Path, tmp_path: Path) -> None:
    convert_cremad(clone, votes=clone / "votes.csv", out=tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    assert {split: len(names) for split, names in corpus.splits.items()} == {"train": 32, "validation": 8, "test": 8}
    assert len(set(corpus.sources.values())) == len(ACTORS)
    for number in range(6):
        made = fold(corpus.splits, number, sources=corpus.sources)
        actors = [{clip[:4] for clip in clips} for clips in (made.train, made.selection, made.scored)]
        assert all(actors)
        assert sum(map(len, actors)) == len(set.union(*actors))
    clip = corpus.clip("1001_IEO_HAP_XX")
    assert clip.video is not None
    times = read_times(clip.video)
    label = clip.label(times)
    assert label.valid.all()
    np.testing.assert_allclose(label.valence, [0.5 * 0.6 * 0.76 - 0.5 * 0.63] * 3, atol=1e-6)


def test_films_stay_where_they_are_and_both_folders_can_move_together(clone: Path, tmp_path: Path) -> None:
    convert_cremad(clone, votes=clone / "votes.csv", out=tmp_path / "deep" / "corpus")
    row = rows_of(tmp_path / "deep" / "corpus")["1001_DFA_ANG_XX"]
    assert row["video"] == "../../CREMA-D/VideoFlash/1001_DFA_ANG_XX.flv"
    shutil.move(tmp_path / "deep", tmp_path / "moved" / "deep")
    shutil.move(clone, tmp_path / "moved" / "CREMA-D")
    video = open_corpus(tmp_path / "moved" / "deep" / "corpus").clip("1001_DFA_ANG_XX").video
    assert video is not None
    assert video.is_file()


def test_roles_depend_on_seed_and_votes_and_not_on_what_was_fetched(clone: Path, tmp_path: Path) -> None:
    convert_cremad(clone, votes=clone / "votes.csv", seed=5, out=tmp_path / "all")
    splits = {clip: row["split"] for clip, row in rows_of(tmp_path / "all").items()}
    for film in sorted((clone / "VideoFlash").iterdir())[::3]:
        film.unlink()
    convert_cremad(clone, votes=clone / "votes.csv", seed=5, out=tmp_path / "some")
    some = rows_of(tmp_path / "some")
    assert 0 < len(some) < len(splits)
    assert all(row["split"] == splits[clip] for clip, row in some.items())
    convert_cremad(clone, votes=clone / "votes.csv", seed=6, out=tmp_path / "other")
    assert any(row["split"] != splits[clip] for clip, row in rows_of(tmp_path / "other").items())


def test_the_same_command_twice_gives_the_same_bytes(clone: Path, tmp_path: Path) -> None:
    written = []
    for _ in range(2):
        convert_cremad(clone, votes=clone / "votes.csv", out=tmp_path / "corpus")
        written.append([(tmp_path / "corpus" / name).read_bytes() for name in ("manifest.csv", "README.md")])
    assert written[0] == written[1]


def test_what_cannot_be_taken_is_listed_and_the_rest_is_written(clone: Path, tmp_path: Path) -> None:
    films = clone / "VideoFlash"
    checksums = clone / "list.csv"
    lines = [f"VideoFlash/{path.name},{hashlib.sha256(path.read_bytes()).hexdigest()},1" for path in films.iterdir()]
    checksums.write_text("\n".join(["path,sha256,size", *lines]) + "\n")
    (films / "1001_DFA_ANG_XX.flv").unlink()
    (films / "1001_DFA_HAP_XX.flv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n")
    write_flash(films / "1002_DFA_ANG_XX.flv", [0, 40])
    write_flash(films / "1099_DFA_ANG_XX.flv", [0, 40])
    write_flash(films / "holiday.flv", [0, 40])
    table = clone / "votes.csv"
    kept = [line for line in table.read_text().splitlines() if not ("1003_IEO_HAP" in line and line.startswith('"3'))]
    table.write_text("\n".join(kept) + "\n")

    result = convert_cremad(clone, votes=table, checksums=checksums, out=tmp_path / "corpus")
    said = {clip: str(error) for clip, error in result.failed}
    for clip, expected in {
        "1001_DFA_ANG_XX": "there is no film of 1001_DFA_ANG_XX",
        "1001_DFA_HAP_XX": "git lfs pull",
        "1002_DFA_ANG_XX": "damaged or another file",
        "1003_IEO_HAP_XX": "nobody of the audio-visual raters voted on 1003_IEO_HAP_XX",
        "1099_DFA_ANG_XX": "the table of votes has no 1099_DFA_ANG_XX",
        "holiday": "the table of votes has no holiday",
    }.items():
        assert expected in said.pop(clip)
    assert not said
    assert len(rows_of(tmp_path / "corpus")) == len(CLIPS) - 4


def test_raters_that_are_missing_beside_the_chosen_ones_leave_empty_fields_and_are_said(
    clone: Path, tmp_path: Path
) -> None:
    table = clone / "votes.csv"
    kept = [line for line in table.read_text().splitlines() if not ("1003_IEO_HAP" in line and line.startswith('"1'))]
    table.write_text("\n".join(kept) + "\n")
    ear = Ear()
    assert not convert_cremad(clone, votes=table, out=tmp_path / "corpus", watch=ear).failed
    row = rows_of(tmp_path / "corpus")["1003_IEO_HAP_XX"]
    assert [row[f"{value}_voice"] for value in ("valence", "arousal", "entropy", "raters")] == [""] * 4
    assert ear.lines == ["1 clips have no votes of voice raters (1003_IEO_HAP_XX): empty columns"]


def test_a_clone_without_its_large_files_is_told_so_once(clone: Path, tmp_path: Path) -> None:
    for film in (clone / "VideoFlash").iterdir():
        film.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n")
    with pytest.raises(DatasetError, match=r"all 48 films in .* are git-lfs pointers; run `git lfs pull` there"):
        convert_cremad(clone, votes=clone / "votes.csv", out=tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_nothing_is_written_where_no_clip_is_left(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    write_flash(tmp_path / "films" / "holiday.flv", [0])
    result = convert_cremad(tmp_path / "films", votes=clone / "votes.csv", out=tmp_path / "corpus")
    assert not result.done
    assert len(result.failed) == len(CLIPS) + 1
    assert not (tmp_path / "corpus").exists()
    with pytest.raises(NothingFound, match="there is no folder"):
        convert_cremad(tmp_path / "gone", votes=clone / "votes.csv", out=tmp_path / "corpus")


def test_the_readme_beside_the_manifest_names_the_licence_and_what_was_computed(clone: Path, tmp_path: Path) -> None:
    convert_cremad(clone, votes=clone / "votes.csv", seed=9, out=tmp_path / "corpus")
    text = (tmp_path / "corpus" / "README.md").read_text()
    for part in ("Contains information from CREMA-D", "Open Database License", "circumplex", "seed 9"):
        assert part in text


def test_the_command_ends_with_one_where_something_failed(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["convert", "cremad", str(clone), "--votes", str(clone / "votes.csv"), "--raters", "face"]
    assert main([*given, "--out", str(tmp_path / "corpus")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(tmp_path / "corpus" / name) for name in ("manifest.csv", "README.md")
    ]
    (clone / "VideoFlash" / "1001_DFA_ANG_XX.flv").unlink()
    assert main([*given, "--out", str(tmp_path / "corpus")]) == 1
    assert "failed: there is no film of 1001_DFA_ANG_XX" in capsys.readouterr().err
    assert main(["convert", "cremad", str(tmp_path / "gone"), *given[3:], "--out", str(tmp_path / "corpus")]) == 3


def test_features_of_a_clip_in_flash_are_made_from_the_corpus_on_its_own_clock(tmp_path: Path) -> None:
    clips = [f"{actor}_DFA_HAP_XX" for actor in ACTORS[:3]]
    for number, clip in enumerate(clips):
        write_clip(plan_clip(3, number, 0, 0.6), tmp_path / "films" / f"{clip}.flv")
    table = write_votes(tmp_path / "votes.csv", *(vote_line(clip, "audio-visual", {"H": (9, 50.0)}) for clip in clips))
    convert_cremad(tmp_path / "films", votes=table, out=tmp_path / "corpus")
    tiny = EncoderConfig(
        architecture="vit_tiny_patch16_224",
        arguments={"embed_dim": 16, "depth": 1, "num_heads": 2},
        image_pixels=32,
    )
    save_encoder(tmp_path / "encoder", fresh_encoder(tiny, 0))
    extract([str(tmp_path / "corpus")], out=tmp_path / "features", encoder=str(tmp_path / "encoder"), workers=1)
    corpus = open_corpus(tmp_path / "corpus")
    for clip in clips:
        file = open_features(tmp_path / "features" / f"{clip}.safetensors")
        label = corpus.clip(clip).label(file.read_times())
        assert len(label) == file.num_frames == 15
        assert label.valence[0] == pytest.approx(0.38, abs=1e-6)
