import math

import pytest
import timm
import torch

from vatrace.nn.hierarchy import freeze_lower_blocks
from vatrace.nn.mae import MaskedAutoencoder, normalised_patches
from vatrace.nn.positions import sinusoidal_grid, sinusoidal_positions


def encoder(depth: int = 3) -> timm.models.VisionTransformer:
    torch.manual_seed(0)
    return timm.create_model(
        "vit_tiny_patch16_224",
        num_classes=0,
        img_size=32,
        patch_size=8,
        embed_dim=32,
        depth=depth,
        num_heads=2,
    )


def autoencoder() -> MaskedAutoencoder:
    return MaskedAutoencoder(encoder(), decoder_dim=16, decoder_depth=1, decoder_heads=2)


def test_three_quarters_of_the_patches_are_hidden_those_with_the_largest_noise() -> None:
    noise = torch.rand(4, 16)
    hidden = autoencoder()(torch.randn(4, 3, 32, 32), noise).hidden
    assert hidden.sum(dim=1).tolist() == [12] * 4
    for row in range(4):
        assert noise[row][hidden[row]].min() > noise[row][~hidden[row]].max()


def test_hidden_pixels_cannot_reach_the_reconstruction() -> None:
    model = autoencoder().eval()
    images, noise = torch.randn(2, 3, 32, 32), torch.rand(2, 16)
    before = model(images, noise)
    changed = images.clone()
    for row in range(2):
        for patch in torch.nonzero(before.hidden[row]).flatten().tolist():
            top, left = 8 * (patch // 4), 8 * (patch % 4)
            changed[row, :, top : top + 8, left : left + 8] = 5.0
    assert torch.allclose(model(changed, noise).patches, before.patches, atol=1e-6)


def test_the_loss_is_over_hidden_patches_only() -> None:
    model = autoencoder().eval()
    images, noise = torch.randn(2, 3, 32, 32), torch.rand(2, 16)
    result = model(images, noise)
    error = ((result.patches - normalised_patches(images, 8)) ** 2).mean(dim=-1)
    assert float(result.loss.detach()) == pytest.approx(float(error.detach()[result.hidden].mean()), rel=1e-6)


def test_patches_come_in_reading_order_with_mean_zero_and_variance_one() -> None:
    images = torch.arange(3 * 32 * 32, dtype=torch.float32).reshape(1, 3, 32, 32)
    patches = normalised_patches(images, 8)
    assert patches.shape == (1, 16, 192)
    assert torch.allclose(patches.mean(dim=-1), torch.zeros(1, 16), atol=1e-4)
    assert torch.allclose(patches.var(dim=-1), torch.ones(1, 16), atol=1e-3)
    second = images[0, :, 0:8, 8:16].permute(1, 2, 0).flatten()  # top row, second column: rows, columns, channels
    assert torch.allclose(patches[0, 1], (second - second.mean()) / second.std(), atol=1e-3)


def test_a_small_autoencoder_learns_to_fill_in() -> None:
    torch.manual_seed(0)
    model = autoencoder()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    ramp = torch.linspace(-1, 1, 32)
    images = torch.stack([(a * ramp[:, None] + b * ramp[None, :]).expand(3, 32, 32) for a, b in torch.randn(16, 2)])
    losses = []
    for _ in range(120):
        loss = model(images, torch.rand(16, 16)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.35 * sum(losses[:10])


def test_the_lower_two_thirds_stay_bit_identical_while_the_rest_moves() -> None:
    network = encoder(depth=6)
    assert freeze_lower_blocks(network, 2 / 3) == 4
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
    network(torch.randn(2, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    for name, value in network.state_dict().items():
        frozen = name.startswith(
            ("patch_embed", "cls_token", "pos_embed", "blocks.0", "blocks.1", "blocks.2", "blocks.3")
        )
        assert torch.equal(value, before[name]) == frozen, name


def test_of_the_papers_24_blocks_16_are_frozen() -> None:
    with torch.device("meta"):
        network = timm.create_model("vit_large_patch16_224", num_classes=0)
    assert freeze_lower_blocks(network, 2 / 3) == 16
    frozen = {
        name.split(".")[1]
        for name, p in network.named_parameters()
        if name.startswith("blocks.") and not p.requires_grad
    }
    assert frozen == {str(index) for index in range(16)}


def test_positions_are_sines_and_cosines() -> None:
    table = sinusoidal_positions(5, 4)
    assert float(table[3, 0]) == pytest.approx(math.sin(3))
    assert float(table[3, 1]) == pytest.approx(math.cos(3))
    assert float(table[3, 2]) == pytest.approx(math.sin(3 / 100))  # 10000 ** (2 / 4)
    grid = sinusoidal_grid(2, 3, 8)
    assert torch.equal(grid[5, :4], sinusoidal_positions(2, 4)[1])  # last patch: row 1
    assert torch.equal(grid[5, 4:], sinusoidal_positions(3, 4)[2])  # column 2
    with pytest.raises(ValueError, match="even"):
        sinusoidal_positions(5, 3)
