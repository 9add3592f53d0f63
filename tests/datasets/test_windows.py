from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.made import MFCC_DIM, VISUAL_DIM, make_clip
from vatrace.config import WindowConfig
from vatrace.datasets.windows import LabelledClip, WindowDataset, model_input, stack


def test_a_batch_has_what_is_on_disk_and_pads_with_invalid_frames(tmp_path: Path) -> None:
    long, short = make_clip(tmp_path, "long", 0, frames=100), make_clip(tmp_path, "short", 1, frames=30)
    dataset = WindowDataset([long, short], WindowConfig(window_frames=60, stride_frames=50), ["mfcc"])
    assert [(clip, piece.start, piece.stop) for clip, piece in dataset.items] == [(0, 0, 60), (0, 40, 100), (1, 0, 30)]
    batch = dataset.batch([1, 2])
    assert batch.visual.shape == (2, 60, VISUAL_DIM)
    assert batch.audio.shape == (2, 60, MFCC_DIM)
    whole = long.features.read()
    assert torch.equal(batch.visual[0], torch.from_numpy(whole.streams["visual"].values[40:100]))
    assert batch.visual_valid[0].tolist() == whole.streams["visual"].valid[40:100].tolist()
    assert torch.allclose(batch.label[0, :, 1], torch.from_numpy(long.label.arousal[40:100]).float())
    for valid in (batch.visual_valid, batch.audio_valid, batch.label_valid):
        assert not valid[1, 30:].any()
    assert batch.label_valid[1, :30].all()


def test_a_window_without_a_label_is_left_out(tmp_path: Path) -> None:
    clip = make_clip(tmp_path, "clip", 0, frames=100)
    clip.label.valid[:60] = False
    dataset = WindowDataset([clip], WindowConfig(window_frames=60, stride_frames=50), ["mfcc"])
    assert [(piece.start, piece.stop) for _, piece in dataset.items] == [(40, 100)]
    batch = dataset.batch([0])
    assert batch.label_valid[0].sum() == 40
    assert bool(torch.isfinite(batch.label).all())


def test_acoustic_streams_stand_side_by_side_in_the_order_asked_for(tmp_path: Path) -> None:
    features = make_clip(tmp_path, "clip", 0, frames=20).features.read()
    doubled = model_input(features, ["mfcc", "mfcc"])
    assert np.array_equal(doubled.audio, np.tile(features.streams["mfcc"].values, 2))
    assert len(stack([doubled]).visual) == 1


def test_fewer_labels_than_frames_are_refused(tmp_path: Path) -> None:
    one, other = make_clip(tmp_path, "one", 0, frames=20), make_clip(tmp_path, "other", 1, frames=19)
    with pytest.raises(ValueError, match="one: 20 frames of features, 19 of labels"):
        LabelledClip(one.features, other.label)


def test_labels_beyond_the_last_frame_are_in_no_window(tmp_path: Path) -> None:
    one, longer = make_clip(tmp_path, "one", 0, frames=20), make_clip(tmp_path, "longer", 1, frames=22)
    clip = LabelledClip(one.features, longer.label)
    dataset = WindowDataset([clip], WindowConfig(window_frames=12, stride_frames=10), ["mfcc"])
    assert [(piece.start, piece.stop) for _, piece in dataset.items] == [(0, 12), (8, 20)]
    assert dataset.batch([1]).label_valid.sum() == 12


def test_no_window_reaches_over_a_gap_in_time(tmp_path: Path) -> None:
    clip = make_clip(tmp_path, "clip", 0, frames=100)
    times = clip.label.times_seconds + np.where(np.arange(100) < 30, 0, 10)
    cut = LabelledClip(clip.features, replace(clip.label, times_seconds=times))
    dataset = WindowDataset([cut], WindowConfig(window_frames=60, stride_frames=50), ["mfcc"])
    assert [(piece.start, piece.stop) for _, piece in dataset.items] == [(0, 30), (30, 90), (40, 100)]
