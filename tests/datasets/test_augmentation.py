import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from vatrace.datasets.augmentation import Change, apply_change, draw_change, draw_colours, recolour

WHOLE = (0.0, 0.0, 1.0, 1.0)


def noise(pixels: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (pixels, pixels, 3), dtype=np.uint8)


def test_no_change_is_the_same_picture() -> None:
    assert np.array_equal(apply_change(noise(), Change(0.0, False, WHOLE)), noise())


def test_mirrored_is_exactly_left_for_right() -> None:
    assert np.array_equal(apply_change(noise(), Change(0.0, True, WHOLE)), noise()[:, ::-1])


def test_a_quarter_turn_is_exact() -> None:
    turned = apply_change(noise(), Change(90.0, False, WHOLE))
    assert np.array_equal(turned, np.rot90(noise(), 1)) or np.array_equal(turned, np.rot90(noise(), -1))


def test_a_cut_of_half_the_side_shows_that_half_at_twice_the_size() -> None:
    ramp = np.broadcast_to((8 * np.arange(16))[None, :, None], (16, 16, 3)).astype(np.uint8).copy()
    cut = apply_change(ramp, Change(0.0, False, (0.25, 0.25, 0.5, 0.5)))
    # Column u shows the place 4 + (u + .5) / 2 of the ramp, where column x of it lies at x + .5 and is worth 8 x.
    expected = 8 * (4 + (np.arange(16) + 0.5) / 2 - 0.5)
    assert np.abs(cut[5, :, 0] - expected).max() <= 0.5


@pytest.mark.parametrize("mirrored", [False, True])
def test_all_together_does_what_torchvision_does_one_after_the_other(mirrored: bool) -> None:
    rows, columns = np.mgrid[0:96, 0:96] / 96
    picture = np.stack([127 + 90 * np.sin(7 * columns + rows), 250 * rows, 250 * columns * rows], axis=2).astype(
        np.uint8
    )
    ours = apply_change(picture, Change(8.0, mirrored, (12 / 96, 24 / 96, 60 / 96, 48 / 96)))
    image = torch.from_numpy(picture).permute(2, 0, 1)
    image = reference.rotate(image, 8.0, interpolation=InterpolationMode.BILINEAR)
    image = reference.horizontal_flip(image) if mirrored else image
    image = reference.resized_crop(image, top=24, left=12, height=48, width=60, size=[96, 96], antialias=True)
    # Both interpolate, torchvision twice; a box or an angle that is off by a pixel or a degree costs far more.
    assert np.abs(ours.astype(float) - image.permute(1, 2, 0).numpy()).mean() < 1.0


def test_changes_stay_within_what_was_asked_for_and_use_it() -> None:
    random = np.random.default_rng(0)
    drawn = [draw_change(random, rotation_degrees=10, smallest_crop=0.8) for _ in range(400)]
    degrees, areas = np.array([each.degrees for each in drawn]), np.array([each.box[2] * each.box[3] for each in drawn])
    assert -10 <= degrees.min() < -9
    assert 9 < degrees.max() <= 10
    assert 0.8 <= areas.min() < 0.82
    assert 0.95 < areas.max() <= 1
    assert 150 < sum(each.mirrored for each in drawn) < 250
    for each in drawn:
        left, top, width, height = each.box
        assert min(left, top) >= 0
        assert max(left + width, top + height) <= 1 + 1e-12
        assert 3 / 4 <= width / height <= 4 / 3


def test_the_same_key_draws_the_same_change() -> None:
    one, other = (draw_change(np.random.default_rng(7), rotation_degrees=10, smallest_crop=0.8) for _ in range(2))
    assert one == other


def test_without_strength_colours_stay() -> None:
    assert draw_colours(np.random.default_rng(0), 0.0).tolist() == [1, 1, 0, 0, 0]
    images = torch.randn(2, 3, 4, 4)
    assert torch.allclose(recolour(images, torch.tensor([[1.0, 1, 0, 0, 0]] * 2)), images)


def test_a_picture_is_faded_then_stretched_then_shifted() -> None:
    pixel = torch.tensor([0.9, 0.0, -0.3]).reshape(1, 3, 1, 1)  # its grey is .2
    changed = recolour(pixel, torch.tensor([[0.5, 2.0, 0.1, 0.0, -0.1]]))
    # half way to grey: .55, .1, -.05; doubled: 1.1, .2, -.1; shifted by .1, 0, -.1
    assert changed.flatten().tolist() == pytest.approx([1.2, 0.2, -0.2])


def test_each_picture_has_its_own_colours() -> None:
    images = torch.ones(2, 3, 1, 1)
    changed = recolour(images, torch.tensor([[1.0, 3.0, 0, 0, 0], [1.0, 1.0, 0, 5.0, 0]]))
    assert changed.reshape(2, 3).tolist() == [[3, 3, 3], [1, 6, 1]]
