"""What can be chosen, one frozen dataclass a concern; checked when made.

A configuration is saved with every run and every model, and inference reads it from there, never from these defaults.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

Config = TypeVar("Config")


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """How a long clip is cut for the temporal model (paper, IV-C: 300 frames, stride 200)."""

    window_frames: int = 300
    stride_frames: int = 200

    def __post_init__(self) -> None:
        _positive(self, "window_frames", "stride_frames")
        if self.stride_frames > self.window_frames:
            raise ValueError(
                f"stride_frames ({self.stride_frames}) exceeds window_frames ({self.window_frames}), which would leave "
                f"frames unpredicted; choose stride_frames <= {self.window_frames}."
            )


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sizes of the temporal model (paper, III-D and IV-C; what the paper leaves open is ours and said in `nn/`)."""

    dim: int = 128
    tcn_layers: int = 4
    tcn_kernel: int = 5
    causal: bool = True
    temperature: float = 0.5
    encoder_layers: int = 2
    encoder_heads: int = 4
    feed_forward: int = 512
    dropout: float = 0.1

    def __post_init__(self) -> None:
        _positive(
            self, "dim", "tcn_layers", "tcn_kernel", "temperature", "encoder_layers", "encoder_heads", "feed_forward"
        )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}.")
        if (2 * self.dim) % self.encoder_heads:
            raise ValueError(f"encoder_heads ({self.encoder_heads}) must divide 2 x dim ({2 * self.dim}).")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How the temporal model is trained (paper, IV-C; batch, decay and length are ours, the paper gives none)."""

    epochs: int = 40
    batch_windows: int = 16
    lr_start: float = 3e-5
    lr_peak: float = 5e-3
    warmup_epochs: float = 5.0
    restart_epochs: float = 15.0
    restart_factor: int = 2
    weight_decay: float = 1e-2
    gradient_clip: float = 1.0
    patience_epochs: int = 15
    seed: int = 0

    def __post_init__(self) -> None:
        _positive(
            self, "epochs", "batch_windows", "lr_start", "lr_peak", "restart_epochs", "restart_factor", "gradient_clip"
        )
        if self.lr_start > self.lr_peak:
            raise ValueError(f"lr_start ({self.lr_start}) must not exceed lr_peak ({self.lr_peak}).")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """A timm vision transformer or CNN and how its pictures are prepared.

    Args:
        architecture: a timm model name.
        arguments: what overrides that architecture's sizes, such as `{"depth": 6}`.
        image_pixels: side of the square picture the network takes.
        mean: mean of each channel on [0, 1] pixels (paper, IV-C: .389, one number for all three).
        std: standard deviation of each channel on [0, 1] pixels (paper, IV-C: .198).
    """

    architecture: str
    arguments: dict[str, Any] = field(default_factory=dict)  # Any: timm's own keywords
    image_pixels: int = 224
    mean: tuple[float, ...] = (0.389, 0.389, 0.389)
    std: tuple[float, ...] = (0.198, 0.198, 0.198)

    def __post_init__(self) -> None:
        _positive(self, "image_pixels")
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "std", tuple(self.std))
        if len(self.mean) != 3 or len(self.std) != 3:
            raise ValueError(f"mean and std need a number a channel, got {self.mean} and {self.std}.")


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """Masked-autoencoder pre-training (He et al. 2022; 75 % masked, loss on normalised pixels)."""

    epochs: int = 20
    batch_images: int = 64
    lr_peak: float = 1.5e-3
    warmup_epochs: float = 2.0
    weight_decay: float = 0.05
    mask_ratio: float = 0.75
    decoder_dim: int = 96
    decoder_depth: int = 2
    decoder_heads: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        _positive(self, "epochs", "batch_images", "lr_peak", "decoder_dim", "decoder_depth", "decoder_heads")
        if not 0 < self.mask_ratio < 1:
            raise ValueError(f"mask_ratio must be in (0, 1), got {self.mask_ratio}.")


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """Hierarchical fine-tuning of the visual encoder (paper, III-B: lower two thirds frozen).

    Args:
        frozen_fraction: share of the blocks that stay as pre-trained, beside patch embedding, positions and CLS token.
        rotation_degrees: random rotation (paper, IV-C: 10).
        smallest_crop: smallest area share of the random resized crop.
        colour_jitter: how far colour, contrast and brightness are changed at random, 0 to 1 (ours; the paper names
            none).
    """

    epochs: int = 8
    batch_images: int = 64
    lr_peak: float = 1e-3
    warmup_epochs: float = 0.5
    weight_decay: float = 0.05
    dropout: float = 0.4
    frozen_fraction: float = 2 / 3
    rotation_degrees: float = 10.0
    smallest_crop: float = 0.8
    colour_jitter: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        _positive(self, "epochs", "batch_images", "lr_peak")
        if not 0 <= self.frozen_fraction <= 1:
            raise ValueError(f"frozen_fraction must be in [0, 1], got {self.frozen_fraction}.")


@dataclass(frozen=True, kw_only=True)
class DemoSize:
    """How much the demonstration does; the default takes some minutes on two cores.

    The encoder learns from many people seen briefly, the temporal model from others seen for longer.
    """

    encoder_subjects: int = 110
    encoder_seconds: float = 2.5
    subjects: int = 64
    seconds: float = 12.0
    crop_every: int = 3
    pretrain_epochs: int = 20
    finetune_epochs: int = 24
    train_epochs: int = 25
    new_clip_seconds: float = 30.0


def to_dict(config: Any) -> dict[str, Any]:  # Any: any dataclass of this module
    """A configuration as plain data that JSON and YAML can write."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}


def from_dict(kind: type[Config], values: dict[str, Any]) -> Config:  # Any: values as read from a file
    """Make a configuration from plain data.

    Raises:
        ValueError: a key that the configuration does not have.
    """
    known = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]  # Config is always a dataclass here
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}.")
    return kind(**values)


def _positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not value > 0:
            raise ValueError(f"{name} must be above 0, got {value}.")
