import math

import pytest
import timm
import torch

from vatrace.nn.mae import MaskedAutoencoder, normalised_patches, use_sinusoidal_positions
from vatrace.nn.positions import sinusoidal_grid, sinusoidal_positions


def encoder(**changes: object) -> timm.models.VisionTransformer:
    torch.manual_seed(0)
    sizes = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 3, "num_heads": 2}
    return timm.create_model("vit_tiny_patch16_224", num_classes=0, **(sizes | changes))


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


def test_each_picture_has_its_own_error_and_their_mean_is_the_loss() -> None:
    model = autoencoder().eval()
    images, noise = torch.randn(3, 3, 32, 32), torch.rand(3, 16)
    together = model(images, noise)
    alone = torch.cat([model(images[row : row + 1], noise[row : row + 1]).errors for row in range(3)])
    assert torch.allclose(together.errors, alone, rtol=1e-5)
    assert float(together.loss.detach()) == pytest.approx(float(alone.mean().detach()), rel=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{}, {"reg_tokens": 2}, {"no_embed_class": True}, {"pre_norm": True}, {"dynamic_img_size": True}],
    ids=["plain", "registers", "CLS without position", "norm before the blocks", "any size"],
)
def test_the_encoder_sees_its_tokens_as_in_timms_own_forward(changes: dict[str, object]) -> None:
    torch.manual_seed(0)
    network = encoder(**changes).eval()
    model = MaskedAutoencoder(network, decoder_dim=16, decoder_depth=1, decoder_heads=2).eval()
    images = torch.randn(2, 3, 32, 32)
    everything = torch.arange(16).expand(2, -1)
    with torch.no_grad():
        assert torch.allclose(model._encode(images, everything), network.forward_features(images), atol=1e-6)


def test_a_fresh_encoder_gets_sinusoids_for_its_patches_and_none_for_its_first_tokens() -> None:
    for changes, rows in (({}, 17), ({"reg_tokens": 2}, 19), ({"no_embed_class": True}, 16)):
        network = encoder(**changes)
        use_sinusoidal_positions(network)
        assert network.pos_embed.shape == (1, rows, 32)
        assert torch.equal(network.pos_embed[0, -16:], sinusoidal_grid(4, 4, 32))
        assert not network.pos_embed[0, :-16].any()
        assert not network.pos_embed.requires_grad


def test_an_encoder_keeps_the_positions_it_has_and_does_not_train_them() -> None:
    network = encoder()
    before = network.pos_embed.clone()
    MaskedAutoencoder(network, decoder_dim=16, decoder_depth=1, decoder_heads=2)
    assert torch.equal(network.pos_embed, before)
    assert not network.pos_embed.requires_grad


def test_without_a_cls_token_there_is_no_autoencoder() -> None:
    with pytest.raises(ValueError, match="needs a CLS token"):
        MaskedAutoencoder(
            encoder(class_token=False, global_pool="avg"), decoder_dim=16, decoder_depth=1, decoder_heads=2
        )


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
