import os
import re
import statistics
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from vatrace.datasets.splits import source_of

# The counts of the ABAW-8 release: files, rows, unlabelled rows, shortest, median and longest clip.
PUBLISHED = {
    "train": (356, 1_682_057, 2_200, 263, 3899, 47_435),
    "validation": (76, 383_814, 1_793, 73, 4089, 18_189),
    "test": (162, 927_210, 0, 128, 4230, 26_618),
}


@pytest.fixture
def rehearsal(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of benchmarks/, which import one another as scripts do."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import rehearsal
    import rehearsal_corpus
    import rehearsal_stages

    modules: dict[str, ModuleType] = {"run": rehearsal, "corpus": rehearsal_corpus, "stages": rehearsal_stages}
    return SimpleNamespace(**modules)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_rehearsed_corpus_has_the_published_counts_and_lengths(rehearsal: SimpleNamespace, seed: int) -> None:
    clips = rehearsal.corpus.drawn_clips(1.0, seed)
    for split, published in PUBLISHED.items():
        rows = [clip.rows for clip in clips if clip.split == split]
        unlabelled = sum(stop - start for clip in clips if clip.split == split for start, stop in [clip.unlabelled])
        found = (len(rows), sum(rows), unlabelled, min(rows), statistics.median(rows), max(rows))
        assert found == published


def test_a_rehearsal_of_another_seed_has_other_lengths_and_the_same_seed_the_same(rehearsal: SimpleNamespace) -> None:
    clips = rehearsal.corpus.drawn_clips(1.0, 0)
    assert clips == rehearsal.corpus.drawn_clips(1.0, 0)
    assert [clip.rows for clip in clips] != [clip.rows for clip in rehearsal.corpus.drawn_clips(1.0, 1)]


def test_the_rehearsed_names_have_the_published_forms_and_no_source_is_in_two_splits(
    rehearsal: SimpleNamespace,
) -> None:
    clips = rehearsal.corpus.drawn_clips(1.0, 0)
    names = [clip.name for clip in clips]
    forms = {"N": r"\d+", "N-fps-WxH": r"\d+-\d+-\d+x\d+(-\d)?", "videoN": r"video\d+(_\d)?"}
    counts = Counter(form for name in names for form, like in forms.items() if _is_form(like, name))
    assert counts == {"N": 328, "N-fps-WxH": 158, "videoN": 108}
    assert len(set(names)) == 594
    splits = {(source_of(clip.name), clip.split) for clip in clips}
    assert len(splits) == len({source for source, _ in splits}) == 559
    sides = Counter(name.rpartition("_")[2] for name in names if name.endswith(("_left", "_right")))
    assert sides == {"left": 14, "right": 15}  # 13 of both, and one and two beside a person without a suffix


def test_a_small_rehearsal_goes_through_all_that_was_written_and_notices_a_lost_row(
    rehearsal: SimpleNamespace, tmp_path: Path
) -> None:
    stages = rehearsal.stages
    assert stages.make(tmp_path, 0.002, 0)["features_files"] == 594
    assert stages.labels(tmp_path)["train"]["rows"] == 3364  # 1,682,057 x .002
    assert stages.windows(tmp_path)["test"] == 162  # the longest test clip has 53 frames
    assert stages.epoch(tmp_path)["windows"] >= 350  # of 356 clips, less those of few rows and none labelled
    assert stages.evaluation(tmp_path)["clips"] == 76
    assert stages.submission(tmp_path)["rows"] == 1854
    assert stages.check(tmp_path)["verdict"].startswith("PASS")
    annotation = next((tmp_path / "corpus").rglob("Train_Set/*.txt"))
    *rows, _ = annotation.read_text().splitlines()
    annotation.write_text("\n".join(rows) + "\n")
    with pytest.raises(stages.DifferenceError, match="of train: found 33"):
        stages.labels(tmp_path)


def test_the_memory_looked_at_is_what_a_process_holds(rehearsal: SimpleNamespace) -> None:
    before = rehearsal.run.memory_of(os.getpid())["RssAnon"]
    held = np.ones(400_000_000, np.uint8)  # so much that what else the process gives back meanwhile is little beside it
    after = rehearsal.run.memory_of(os.getpid())["RssAnon"]
    assert held[:: 1 << 20].all()
    assert 300e6 < after - before < 500e6


def _is_form(like: str, name: str) -> bool:
    return re.fullmatch(rf"{like}(_left|_right)?", name) is not None
