"""Nobody has two roles, nobody is forgotten, and nothing depends on the order of names."""

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from vatrace.datasets.splits import NUM_PARTS, Fold, fold, is_affwild2, leaks, source_of, tuning_clips
from vatrace.errors import DatasetError

SELECTIONS = ("apart", "scored")


def roles_of(made: Fold) -> list[set[str]]:
    """Sets that must not meet: the selection is the scored set where the fold says so."""
    return [set(made.train), set(made.scored)] + ([] if made.selection_is_scored else [set(made.selection)])


def sources(clips: set[str] | tuple[str, ...]) -> set[str]:
    return {source_of(clip) for clip in clips}


@st.composite
def corpora(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Splits that never separate a source, with and without a labelled test split; sources of one to five clips."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=25, max_size=60))
    kinds = draw(st.lists(st.sampled_from(("video{}_{}", "{}-30-640x360-{}", "s{:03d}-{}")), min_size=1))
    names = [[kinds[n % len(kinds)].format(n, k) for k in range(1, size + 1)] for n, size in enumerate(sizes)]
    test = draw(st.booleans())
    cuts = {"train": names[:15], "validation": names[15:20], "test": names[20:] if test else []}
    if not test:
        cuts["train"] = cuts["train"] + names[20:]
    return {split: tuple(name for group in groups for name in group) for split, groups in cuts.items()}


@pytest.mark.parametrize(
    ("clip", "source"),
    [
        ("122-60-1920x1080-1", "122-60-1920x1080"),
        ("122-60-1920x1080-5", "122-60-1920x1080"),
        ("10-60-1280x720_right", "10-60-1280x720"),
        ("10-60-1280x720", "10-60-1280x720"),
        ("24-30-1920x1080-2_left", "24-30-1920x1080"),
        ("video86_1", "video86"),
        ("video86_3", "video86"),
        ("video8", "video8"),  # no prefix matching: another video than video86
        ("video59_right", "video59"),
        ("s012-3", "s012"),
        ("s0123-0", "s0123"),
        ("112", "112"),
        ("interview-3", "interview-3"),  # an unknown name is its own source
    ],
)
def test_the_source_of_a_clip_is_read_from_its_name(clip: str, source: str) -> None:
    assert source_of(clip) == source


@settings(max_examples=60, deadline=None)
@given(
    corpora(),
    st.integers(0, NUM_PARTS),
    st.integers(0, 9),
    st.sampled_from(SELECTIONS),
    st.randoms(use_true_random=False),
)
def test_no_source_has_two_roles_and_order_changes_nothing(
    splits: dict[str, tuple[str, ...]], number: int, seed: int, selection: str, shuffler: random.Random
) -> None:
    made = fold(splits, number, seed=seed, selection=selection)
    found = [sources(role) for role in roles_of(made)]
    assert all(found)
    assert len(set.union(*found)) == sum(map(len, found))
    everybody = {*splits["train"], *splits["validation"]} | (set(splits["test"]) if number == 0 else set())
    chosen_by_test = number == 0 and splits["test"] and selection == "scored"  # the validation split has then no role
    assert set.union(*roles_of(made)) == (everybody - set(splits["validation"]) if chosen_by_test else everybody)
    if number:
        assert not {*made.train, *made.selection, *made.scored} & set(splits["test"])
    mixed = {split: tuple(shuffler.sample(clips, len(clips))) for split, clips in splits.items()}
    assert fold(mixed, number, seed=seed, selection=selection) == made


@settings(max_examples=30, deadline=None)
@given(corpora(), st.integers(0, 9))
def test_each_clip_is_scored_in_one_part_and_parts_are_of_like_size(
    splits: dict[str, tuple[str, ...]], seed: int
) -> None:
    parts = [fold(splits, number, seed=seed).scored for number in range(1, NUM_PARTS + 1)]
    assert sorted(clip for part in parts for clip in part) == sorted([*splits["train"], *splits["validation"]])
    largest_source = 5
    assert max(map(len, parts)) - min(map(len, parts)) <= largest_source


@settings(max_examples=30, deadline=None)
@given(corpora(), st.integers(0, NUM_PARTS), st.sampled_from(SELECTIONS), st.integers(0, 9))
def test_what_the_encoder_was_tuned_on_is_nowhere_and_its_sources_are_not_scored(
    splits: dict[str, tuple[str, ...]], number: int, selection: str, seed: int
) -> None:
    tuned_on = tuple(sorted(splits["train"]))[::7]
    try:
        made = fold(splits, number, seed=seed, selection=selection, exclude=tuned_on)
    except DatasetError:
        reject()  # all sources of a small part were tuned on; that this is refused is tested below
    assert not set.union(*map(set, (made.train, made.selection, made.scored))) & set(tuned_on)
    assert not (sources(made.selection) | sources(made.scored)) & sources(tuned_on)


def test_fold_0_scores_the_test_split_where_there_is_one() -> None:
    splits = {"train": ("a", "b"), "validation": ("c",), "test": ("d",)}
    made = fold(splits, 0)
    assert (made.train, made.selection, made.scored) == (("a", "b"), ("c",), ("d",))
    assert made.scored_name == "test"
    assert not made.selection_is_scored


def test_fold_0_of_affwild2_scores_its_validation_split_and_holds_out_a_sixth() -> None:
    splits = {
        "train": tuple(f"video{n}" for n in range(356)),
        "validation": tuple(f"{n}-30-640x360" for n in range(76)),
        "test": (),
    }
    assert is_affwild2(splits)
    made = fold(splits, 0)
    assert made.scored == tuple(sorted(splits["validation"]))
    assert len(made.selection) == 60  # the least number of clips that is a sixth of 356
    assert len(made.train) == 296
    assert not is_affwild2(splits | {"test": ("x",)})


def test_another_seed_gives_other_parts() -> None:
    splits = {"train": tuple(f"s{n:03d}-0" for n in range(40)), "validation": (), "test": ()}
    assert fold(splits, 1, seed=0).scored != fold(splits, 1, seed=1).scored


def test_the_chosen_by_part_is_the_next_one() -> None:
    splits = {"train": tuple(f"s{n:03d}-0" for n in range(40)), "validation": (), "test": ()}
    folds = {number: fold(splits, number) for number in range(1, 6)}
    assert [folds[n].selection for n in range(1, 6)] == [folds[n % 5 + 1].scored for n in range(1, 6)]


@settings(max_examples=30, deadline=None)
@given(corpora(), st.floats(0.05, 0.9), st.integers(0, 9))
def test_tuning_clips_are_whole_sources_of_the_training_split(
    splits: dict[str, tuple[str, ...]], share: float, seed: int
) -> None:
    chosen = tuning_clips(splits, share, seed)
    assert set(chosen) <= set(splits["train"])
    assert not sources(chosen) & sources(set(splits["train"]) - set(chosen))
    assert share * len(splits["train"]) <= len(chosen) < share * len(splits["train"]) + 5  # the largest source has 5


def test_a_role_without_a_clip_is_refused() -> None:
    with pytest.raises(DatasetError, match="no clip of this corpus has the split validation, to choose the epoch by"):
        fold({"train": ("a", "b"), "validation": (), "test": ("c",)}, 0)
    with pytest.raises(DatasetError, match=r"no clip of this corpus has the split validation or test, .*: --fold 1"):
        fold({"train": ("a", "b"), "validation": (), "test": ()}, 0)
    with pytest.raises(DatasetError, match="fold 1 of this corpus has no clip to learn from: it has too few"):
        fold({"train": ("a", "b"), "validation": (), "test": ()}, 1)
    with pytest.raises(DatasetError, match=r"tuned on 2 of these clips \(a, b\), and without them nothing is left to"):
        fold({"train": ("a", "b"), "validation": ("d",), "test": ("c",)}, 0, exclude=("a", "b"))
    with pytest.raises(DatasetError, match="folds 0 to 5, got 6"):
        fold({"train": ("a",), "validation": ("b",), "test": ("c",)}, 6)


def test_the_six_way_roll_is_that_of_the_older_systems() -> None:
    # Zhang Su's ABAW systems: the training list is cut at 0, 71, 142, 213, 284 and 356, the validation list is the
    # sixth part, and numpy.roll by the fold's number brings the scored part to the end.
    splits = {
        "train": tuple(f"{n:03d}" for n in range(356)),
        "validation": tuple(f"v{n:02d}" for n in range(76)),
        "test": (),
    }
    cuts = [0, 71, 142, 213, 284, 356]
    parts = [splits["train"][a:b] for a, b in pairwise(cuts)] + [splits["validation"]]
    for number in range(1, 6):
        rolled = [parts[int(index)] for index in np.roll(np.arange(6), number)]
        made = fold(splits, number, scheme="sucv", selection="scored")
        assert made.scored == rolled[-1]
        assert set(made.train) == {clip for part in rolled[:-1] for clip in part}
        apart = fold(splits, number, scheme="sucv")
        assert (apart.scored, apart.selection) == (rolled[-1], rolled[-2])
        assert set(apart.train) == {clip for part in rolled[:-2] for clip in part}
    assert fold(splits, 0, scheme="sucv") == fold(splits, 0)


def test_the_six_way_roll_learns_from_and_scores_one_source_and_that_is_found() -> None:
    # Twenty clips, cut after every fourth: the two parts of the third source fall on both sides of the first cut.
    names = [f"{n}-30-640x360" for n in range(10, 13)] + ["13-30-640x360-1", "13-30-640x360-2"]
    splits = {"train": tuple(names + [f"{n}-30-640x360" for n in range(20, 35)]), "validation": ("v",), "test": ()}
    assert leaks(fold(splits, 5, scheme="sucv")) == ("13-30-640x360",)
    for number in range(6):
        assert leaks(fold(splits, number)) == ()


@settings(max_examples=40, deadline=None)
@given(corpora(), st.integers(0, NUM_PARTS), st.integers(0, 9), st.sampled_from(SELECTIONS))
def test_folds_by_source_never_leak(splits: dict[str, tuple[str, ...]], number: int, seed: int, selection: str) -> None:
    assert leaks(fold(splits, number, seed=seed, selection=selection)) == ()


def test_sources_that_are_given_count_and_not_those_of_the_names() -> None:
    clips = tuple(f"clip{n}" for n in range(40))
    given_sources = {clip: f"actor{n % 8}" for n, clip in enumerate(clips)}
    splits = {"train": clips, "validation": (), "test": ()}
    for number in range(1, 6):
        made = fold(splits, number, sources=given_sources)
        roles = [{given_sources[clip] for clip in role} for role in (made.train, made.selection, made.scored)]
        assert sum(map(len, roles)) == len(set.union(*roles))
    assert leaks(fold(splits, 1), given_sources)  # by name alone every clip is a source of its own


def test_a_division_nobody_knows_is_refused() -> None:
    with pytest.raises(DatasetError, match="group5 or sucv, got 'loso'"):
        fold({"train": ("a",), "validation": ("b",), "test": ("c",)}, 1, scheme="loso")
