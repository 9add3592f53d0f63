"""A masked autoencoder around a timm vision transformer (He et al. 2022; paper, III-B).

Three quarters of the patches are hidden; the encoder sees the rest; a small decoder fills in the hidden ones. Only the
encoder is kept. Positions are fixed: sinusoids in a fresh encoder, as the paper has them (III-B), and those it has
learnt with in one that was trained before.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from vatrace.nn.hierarchy import run_block
from vatrace.nn.positions import sinusoidal_grid


class Reconstruction(NamedTuple):
    """What became of some pictures.

    Args:
        errors: mean squared error over the hidden patches of each picture, `[batch]`.
        patches: predicted values of every patch, `[batch, patches, values]`.
        hidden: which patches were hidden, `[batch, patches]`.
    """

    errors: Tensor
    patches: Tensor
    hidden: Tensor

    @property
    def loss(self) -> Tensor:
        """Mean over all hidden patches; every picture has as many."""
        return self.errors.mean()


class MaskedAutoencoder(nn.Module):
    """Encoder, mask, decoder, loss on normalised pixels.

    Args:
        encoder: a timm vision transformer with a CLS token; its position embedding is not trained.
        decoder_dim: values a patch in the decoder.
        decoder_depth: blocks of the decoder.
        decoder_heads: attention heads of the decoder.
        mask_ratio: share of the patches that are hidden.
        gradient_checkpointing: whether blocks keep only their inputs and compute the rest once more for the gradient.

    Raises:
        ValueError: the encoder has no CLS token or no position embedding.
    """

    def __init__(
        self,
        encoder: VisionTransformer,
        *,
        decoder_dim: int,
        decoder_depth: int,
        decoder_heads: int,
        mask_ratio: float = 0.75,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.mask_ratio = mask_ratio
        self.gradient_checkpointing = gradient_checkpointing
        rows, columns = encoder.patch_embed.grid_size
        self.patch_pixels = int(encoder.patch_embed.patch_size[0])
        fixed_positions(encoder).requires_grad_(False)
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
        squares = ((patches.float() - target) ** 2).mean(dim=-1)  # [batch, patches]
        errors = torch.where(hidden, squares, 0.0).sum(dim=1) / hidden.sum(dim=1)
        return Reconstruction(errors, patches, hidden)

    def _encode(self, images: Tensor, visible: Tensor) -> Tensor:
        encoder = self.encoder
        tokens = encoder._pos_embed(encoder.patch_embed(images))
        prefix, patches = tokens[:, : encoder.num_prefix_tokens], tokens[:, encoder.num_prefix_tokens :]
        patches = patches.gather(1, visible[:, :, None].expand(-1, -1, patches.shape[2]))
        tokens = encoder.norm_pre(torch.cat([prefix, patches], dim=1))
        for block in encoder.blocks:
            tokens = run_block(block, tokens, self.gradient_checkpointing)
        normed: Tensor = encoder.norm(tokens)
        return normed

    def _decode(self, tokens: Tensor, visible: Tensor) -> Tensor:
        num_prefix = self.encoder.num_prefix_tokens
        tokens = self.to_decoder(tokens)
        positions: Tensor = self.decoder_positions  # type: ignore[assignment]  # buffers are typed Tensor | Module
        full = self.mask_token.expand(len(tokens), positions.shape[1], -1)
        seen = tokens[:, num_prefix:].to(full.dtype)
        full = full.scatter(1, visible[:, :, None].expand(-1, -1, tokens.shape[2]), seen)
        sequence = torch.cat([tokens[:, :num_prefix], full + positions], dim=1)
        for block in self.decoder_blocks:
            sequence = run_block(block, sequence, self.gradient_checkpointing)
        pixels: Tensor = self.to_pixels(self.decoder_norm(sequence[:, num_prefix:]))
        return pixels


def use_sinusoidal_positions(encoder: VisionTransformer) -> None:
    """Give a fresh encoder fixed sinusoidal positions; the CLS token has none (He et al. 2022).

    Raises:
        ValueError: the encoder has no CLS token or no position embedding.
    """
    positions = fixed_positions(encoder)
    rows, columns = encoder.patch_embed.grid_size
    with torch.no_grad():
        positions.zero_()
        positions[:, -rows * columns :] = sinusoidal_grid(rows, columns, encoder.embed_dim)
    positions.requires_grad_(False)


def fixed_positions(encoder: VisionTransformer) -> nn.Parameter:
    """The position embedding of an encoder that a masked autoencoder can be built around.

    Raises:
        ValueError: the encoder has no CLS token or no position embedding.
    """
    if encoder.pos_embed is None or encoder.cls_token is None:
        raise ValueError("the vision transformer needs a CLS token and a position embedding, as the paper's has.")
    return encoder.pos_embed


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
