"""An encoder split by depth: a lower part that stays as it is, an upper part that learns (paper, III-B).

The paper freezes "the patch embedding layer and the first 16 Transformer blocks" of 24 and trains the rest with a
regression head. Positions and CLS token come before the first block and are frozen with it.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vatrace.nn.width import encoded_dim


class PictureRegressor(nn.Module):
    """Encoder, then LayerNorm, dropout and a linear layer to valence and arousal (paper, III-B: "regression head").

    The frozen part computes without gradients and always as in evaluation: it drops nothing and keeps no activations.

    Args:
        encoder: any timm network without classifier; a vision transformer where something is frozen.
        dropout: before the linear layer.
        frozen_fraction: share of the blocks that stay as they are, beside all that comes before the first block; with
            0 everything is trained.
        gradient_checkpointing: whether the trained blocks keep only their inputs and compute the rest once more.

    Raises:
        ValueError: something shall be frozen by depth, and the encoder is no vision transformer.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        dropout: float,
        frozen_fraction: float = 0.0,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        dim = encoded_dim(encoder)
        self.encoder = encoder
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Dropout(dropout), nn.Linear(dim, 2))
        self.num_frozen = freeze_lower_blocks(encoder, frozen_fraction)
        self.has_frozen = frozen_fraction > 0
        self.gradient_checkpointing = gradient_checkpointing
        if gradient_checkpointing and not isinstance(encoder, VisionTransformer):
            encoder.set_grad_checkpointing(True)  # type: ignore[operator]  # a method of every timm network

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 2"]:
        """Valence and arousal of each picture."""
        is_split = isinstance(self.encoder, VisionTransformer)
        values: Tensor = self.head(self._encode_by_depth(images) if is_split else self.encoder(images))
        return values

    def train(self, mode: bool = True) -> PictureRegressor:
        """Switch dropout on or off, in the trained part only."""
        super().train(mode)
        if self.has_frozen and isinstance(self.encoder, VisionTransformer):
            below = (self.encoder.pos_drop, self.encoder.patch_drop, self.encoder.norm_pre, self.encoder.patch_embed)
            for part in (*below, *list(self.encoder.blocks)[: self.num_frozen]):
                part.eval()
        return self

    def _encode_by_depth(self, images: Tensor) -> Tensor:
        encoder = self.encoder
        assert isinstance(encoder, VisionTransformer), "only vision transformers come here"
        blocks = list(encoder.blocks)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.has_frozen):
            tokens = encoder._pos_embed(encoder.patch_embed(images))
            tokens = encoder.norm_pre(encoder.patch_drop(tokens))
            for block in blocks[: self.num_frozen]:
                tokens = block(tokens)
        for block in blocks[self.num_frozen :]:
            tokens = run_block(block, tokens, self.gradient_checkpointing)
        encoded: Tensor = encoder.forward_head(encoder.norm(tokens))
        return encoded


def run_block(block: nn.Module, tokens: Tensor, gradient_checkpointing: bool) -> Tensor:
    """One block; with checkpointing it keeps its input alone and is computed once more for the gradient."""
    if gradient_checkpointing and torch.is_grad_enabled():
        out: Tensor = checkpoint(block, tokens, use_reentrant=False)
    else:
        out = block(tokens)
    return out


def freeze_lower_blocks(encoder: nn.Module, frozen_fraction: float) -> int:
    """Freeze patch embedding, positions, CLS token and the first blocks (paper, III-B: 16 of 24, two thirds).

    Args:
        encoder: a timm vision transformer, or any network where nothing shall be frozen.
        frozen_fraction: share of the blocks to freeze, rounded to the nearest block; 0 makes everything trainable.

    Returns:
        How many blocks are frozen.

    Raises:
        ValueError: something shall be frozen, and the encoder is no vision transformer.
    """
    encoder.requires_grad_(True)
    if frozen_fraction == 0:
        return 0
    if not isinstance(encoder, VisionTransformer):
        raise ValueError(f"{type(encoder).__name__} is no vision transformer; nothing can be frozen by depth.")
    num_frozen = round(len(encoder.blocks) * frozen_fraction)
    tokens = [each for each in (encoder.pos_embed, encoder.cls_token, encoder.reg_token) if each is not None]
    for part in (encoder.patch_embed, encoder.norm_pre, *tokens, *list(encoder.blocks)[:num_frozen]):
        part.requires_grad_(False)
    return num_frozen


def layer_decay_scale(name: str, num_blocks: int, decay: float) -> float:
    """How much slower a weight learns than the head: decay ** (num_blocks + 1 - layer) (He et al. 2022).

    Layer 0 is all that comes before the first block, layer i + 1 is block i, and the final norm and the head are layer
    num_blocks + 1. For ViT-L and .75, blocks 16 and 23 get .100 and .75.

    Args:
        name: of the parameter in a vision transformer, such as `blocks.3.mlp.fc1.weight`.
        num_blocks: how many blocks the transformer has.
        decay: in (0, 1].
    """
    if name.startswith("blocks."):
        layer = int(name.split(".")[1]) + 1
    elif name.startswith(("patch_embed", "pos_embed", "cls_token", "reg_token", "norm_pre")):
        layer = 0
    else:
        layer = num_blocks + 1
    return float(decay ** (num_blocks + 1 - layer))


def parameter_groups(network: PictureRegressor, layer_decay: float | None) -> list[dict[str, Any]]:
    """The trained weights, as an optimiser takes them: one group, or one a layer with its `lr_scale`.

    Raises:
        ValueError: layers shall learn at different rates, and the encoder is no vision transformer.
    """
    if layer_decay is None:
        return [{"params": [each for each in network.parameters() if each.requires_grad]}]
    if not isinstance(network.encoder, VisionTransformer):
        raise ValueError(f"{type(network.encoder).__name__} is no vision transformer; it has no rate a block.")
    num_blocks = len(network.encoder.blocks)
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            scale = layer_decay_scale(name.removeprefix("encoder."), num_blocks, layer_decay)
            groups.setdefault(scale, []).append(parameter)
    return [{"params": parameters, "lr_scale": scale} for scale, parameters in groups.items()]
