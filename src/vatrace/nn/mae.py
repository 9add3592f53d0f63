"""A masked autoencoder around a timm vision transformer (He et al. 2022; paper, III-B).

Three quarters of the patches are hidden; the encoder sees the rest; a small decoder fills in the hidden ones. Only the
encoder is kept. Positions are fixed sinusoids, as the paper has them (III-B).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from vatrace.nn.positions import sinusoidal_grid


class Reconstruction(NamedTuple):
    """Loss over the hidden patches, the predicted patches, and which were hidden (True)."""

    loss: Tensor
    patches: Tensor
    hidden: Tensor


class MaskedAutoencoder(nn.Module):
    """Encoder, mask, decoder, loss on normalised pixels.

    Args:
        encoder: a timm vision transformer with a CLS token; its position embedding is set to fixed sinusoids.
        decoder_dim: values a patch in the decoder.
        decoder_depth: blocks of the decoder.
        decoder_heads: attention heads of the decoder.
        mask_ratio: share of the patches that are hidden.
    """

    def __init__(
        self,
        encoder: VisionTransformer,
        *,
        decoder_dim: int,
        decoder_depth: int,
        decoder_heads: int,
        mask_ratio: float = 0.75,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.mask_ratio = mask_ratio
        rows, columns = encoder.patch_embed.grid_size
        self.patch_pixels = int(encoder.patch_embed.patch_size[0])
        use_sinusoidal_positions(encoder)
        self.to_decoder = nn.Linear(encoder.embed_dim, decoder_dim)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder_dim))
        self.register_buffer("decoder_positions", sinusoidal_grid(rows, columns, decoder_dim)[None], persistent=False)
        self.decoder_blocks = nn.ModuleList(
            Block(decoder_dim, decoder_heads, qkv_bias=True) for _ in range(decoder_depth)
        )
        self.decoder_norm = nn.LayerNorm(decoder_dim)
        self.to_pixels = nn.Linear(decoder_dim, self.patch_pixels**2 * 3)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], noise: Float[Tensor, "batch patches"]
    ) -> Reconstruction:
        """Hide the patches with the largest `noise`, and reconstruct them."""
        num_visible = max(1, round(noise.shape[1] * (1 - self.mask_ratio)))
        order = noise.argsort(dim=1)
        visible = order[:, :num_visible].sort(dim=1).values
        hidden = torch.ones_like(noise, dtype=torch.bool).scatter(1, visible, False)
        patches = self._decode(self._encode(images, visible), visible)
        target = normalised_patches(images, self.patch_pixels)
        error = ((patches - target) ** 2).mean(dim=-1)  # [batch, patches]
        return Reconstruction(error[hidden].mean(), patches, hidden)

    def _encode(self, images: Tensor, visible: Tensor) -> Tensor:
        encoder = self.encoder
        positions, cls_token = cls_and_positions(encoder)
        tokens = encoder.patch_embed(images) + positions[:, 1:]
        tokens = tokens.gather(1, visible[:, :, None].expand(-1, -1, tokens.shape[2]))
        cls = (cls_token + positions[:, :1]).expand(len(images), -1, -1)
        tokens = torch.cat([cls, tokens], dim=1)
        for block in encoder.blocks:
            tokens = block(tokens)
        normed: Tensor = encoder.norm(tokens)
        return normed

    def _decode(self, tokens: Tensor, visible: Tensor) -> Tensor:
        tokens = self.to_decoder(tokens)
        positions: Tensor = self.decoder_positions  # type: ignore[assignment]  # buffers are typed Tensor | Module
        full = self.mask_token.expand(len(tokens), positions.shape[1], -1)
        full = full.scatter(1, visible[:, :, None].expand(-1, -1, tokens.shape[2]), tokens[:, 1:].to(full.dtype))
        sequence = torch.cat([tokens[:, :1], full + positions], dim=1)
        for block in self.decoder_blocks:
            sequence = block(sequence)
        pixels: Tensor = self.to_pixels(self.decoder_norm(sequence[:, 1:]))
        return pixels


def use_sinusoidal_positions(encoder: VisionTransformer) -> None:
    """Give the encoder fixed sinusoidal positions; the CLS token has none (He et al. 2022)."""
    rows, columns = encoder.patch_embed.grid_size
    grid = sinusoidal_grid(rows, columns, encoder.embed_dim)
    with torch.no_grad():
        cls_and_positions(encoder)[0].copy_(torch.cat([torch.zeros(1, encoder.embed_dim), grid])[None])
    cls_and_positions(encoder)[0].requires_grad_(False)


def cls_and_positions(encoder: VisionTransformer) -> tuple[nn.Parameter, nn.Parameter]:
    """Position embedding and CLS token of an encoder.

    Raises:
        ValueError: it has none.
    """
    if encoder.pos_embed is None or encoder.cls_token is None:
        raise ValueError("the vision transformer needs a CLS token and a position embedding, as the paper's has.")
    return encoder.pos_embed, encoder.cls_token


def normalised_patches(
    images: Float[Tensor, "batch 3 height width"], patch_pixels: int
) -> Float[Tensor, "batch patches values"]:
    """Pixels of each patch in reading order (row, column, channel), with mean 0 and variance 1 in every patch."""
    batch, channels, height, width = images.shape
    rows, columns = height // patch_pixels, width // patch_pixels
    patches = images.reshape(batch, channels, rows, patch_pixels, columns, patch_pixels)
    patches = patches.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)  # [batch, rows * columns, pixels * 3]
    mean, variance = patches.mean(dim=-1, keepdim=True), patches.var(dim=-1, keepdim=True)
    return (patches - mean) / (variance + 1e-6).sqrt()


def freeze_lower_blocks(encoder: VisionTransformer, frozen_fraction: float) -> int:
    """Freeze patch embedding, positions, CLS token and the first blocks (paper, III-B: 16 of 24, two thirds).

    Args:
        encoder: a timm vision transformer.
        frozen_fraction: share of the blocks to freeze, rounded to the nearest block.

    Returns:
        How many blocks are frozen.
    """
    num_frozen = round(len(encoder.blocks) * frozen_fraction)
    encoder.requires_grad_(True)
    for part in (encoder.patch_embed, *cls_and_positions(encoder), *list(encoder.blocks)[:num_frozen]):
        part.requires_grad_(False)
    return num_frozen
