"""What is known to be in the release of Aff-Wild2 for the 8th ABAW challenge (CVPR 2025), valence-arousal task.

Counts of files, rows and -5 rows only, taken from the annotation folders, the list of the test set, the template of a
submission and the names of the raw videos. Nothing of the data set itself is here.
"""

from __future__ import annotations

from vatrace.datasets.splits import AFFWILD2_CLIPS

RELEASE = "ABAW-8"

KNOWN_COUNTS: dict[tuple[str, str], int] = {
    ("train", "annotations"): AFFWILD2_CLIPS["train"],
    ("train", "rows"): 1_682_057,
    ("train", "labelled"): 1_679_857,
    ("train", "unlabelled"): 2_200,
    ("validation", "annotations"): AFFWILD2_CLIPS["validation"],
    ("validation", "rows"): 383_814,
    ("validation", "labelled"): 382_021,
    ("validation", "unlabelled"): 1_793,
    ("challenge test set", "clips"): 162,
    ("challenge test set", "rows of the template"): 927_210,
    ("videos", "files"): 598,
    ("people", "videos of two people"): 16,
    ("people", "sources"): 559,
}
"""By group and thing, as `vatrace.datasets.doctor` counts them."""
