"""What can be chosen, one frozen dataclass a concern; checked when made.

A configuration is saved with every run and every model, and inference reads it from there, never from these defaults.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

Config = TypeVar("Config")
PictureLoss = Literal["mse", "ccc", "ccc+mse"]
Fusion = Literal["bdca", "concat", "visual", "audio", "framewise", "late"]
AudioTcns = Literal["joint", "each"]
Directions = Literal["both", "vdaa", "adva"]
GateSees = Literal["attended", "both", "validity"]
GateWeighs = Literal["attended", "read"]
Activation = Literal["relu", "identity"]
AttentionTime = Literal["none", "distance", "rotary", "window"]
LONGEST_SMOOTHING_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """How a long clip is cut for the temporal model (paper, IV-C: 300 frames, stride 200).

    Args:
        window_frames: frames a window.
        stride_frames: frames between the starts of two windows.
        smooth_seconds: each predicted value becomes the mean over so much time around it; 0 leaves it (the paper names
            no smoothing).
    """

    window_frames: int = 300
    stride_frames: int = 200
    smooth_seconds: float = 0.0

    def __post_init__(self) -> None:
        _positive(self, "window_frames", "stride_frames")
        if self.stride_frames > self.window_frames:
            raise ValueError(
                f"stride_frames ({self.stride_frames}) exceeds window_frames ({self.window_frames}), which would leave "
                f"frames unpredicted; choose stride_frames <= {self.window_frames}."
            )
        if not 0 <= self.smooth_seconds <= LONGEST_SMOOTHING_SECONDS:
            raise ValueError(
                f"smooth_seconds must be in [0, {LONGEST_SMOOTHING_SECONDS:g}], got {self.smooth_seconds}."
            )


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which temporal model, and its sizes. The defaults are the paper's (III-D, IV-C) and, where it is silent, ours.

    Args:
        fusion: `bdca`, the paper's model; `concat`, both streams side by side; `visual` or `audio` alone; `framewise`,
            a linear layer on each frame's visual features; `late`, a linear layer a channel, joined frame by frame.
        dim: values a frame and modality inside.
        tcn_layers: residual blocks of each TCN.
        tcn_kernel: frames a convolution of theirs sees at once.
        causal: whether the TCNs look only back.
        audio_tcns: `joint`, one TCN for all audio features side by side; `each`, one a feature set, joined by a
            linear layer.
        gate: whether BDCA weighs its streams; False is Table IV's "BDCA w/o DW".
        directions: `both`, or `vdaa` or `adva` alone.
        temperature: T of the gate (Eq. 4).
        gate_sees: what the gate is given: the `attended` stream (Eq. 3), `both` that and the other stream, or with
            `validity` also whether either is there.
        gate_weighs: what the gate sets against the original stream; the `attended` one, original included (Eq. 5), or
            what was `read` from the other alone.
        activation: of Eq. 2 and 5; `identity` leaves the streams their sign.
        attention_heads: of the cross-attention.
        attention_time: its sense of time, `none` in the paper; a learned penalty on the `distance` in frames, `rotary`
            positions, or a `window` of frames.
        attention_reach_frames: how far a frame sees to either side in that window.
        causal_attention: whether cross-attention and transformer encoder look only back, as live use needs; the paper's
            look both ways.
        encoder_layers: layers of the transformer encoder.
        encoder_heads: its attention heads.
        feed_forward: its feed-forward width.
        dropout: share of values dropped in TCNs and encoder, in training.
    """

    fusion: Fusion = "bdca"
    dim: int = 128
    tcn_layers: int = 4
    tcn_kernel: int = 5
    causal: bool = True
    audio_tcns: AudioTcns = "joint"
    gate: bool = True
    directions: Directions = "both"
    temperature: float = 0.5
    gate_sees: GateSees = "attended"
    gate_weighs: GateWeighs = "attended"
    activation: Activation = "relu"
    attention_heads: int = 1
    attention_time: AttentionTime = "none"
    attention_reach_frames: int = 50
    causal_attention: bool = False
    encoder_layers: int = 2
    encoder_heads: int = 4
    feed_forward: int = 512
    dropout: float = 0.1

    def __post_init__(self) -> None:
        _positive(
            self, "dim", "tcn_layers", "tcn_kernel", "temperature", "encoder_layers", "encoder_heads", "feed_forward"
        )
        _positive(self, "attention_heads", "attention_reach_frames")
        _known_choices(self)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}.")
        self._check_widths()
        self._check_no_option_is_idle()

    def _check_widths(self) -> None:
        times, width = ("", self.dim) if self.fusion in ("visual", "audio") else ("2 x ", 2 * self.dim)
        has_encoder = self.fusion not in _LINEAR
        if width % self.encoder_heads and has_encoder:
            raise ValueError(f"encoder_heads ({self.encoder_heads}) must divide {times}dim ({width}).")
        if width % 2 and has_encoder:
            raise ValueError(f"dim ({self.dim}) must be even, as sines and cosines come in pairs.")
        if self.dim % self.attention_heads:
            raise ValueError(f"attention_heads ({self.attention_heads}) must divide dim ({self.dim}).")
        if self.attention_time == "rotary" and self.dim // self.attention_heads % 2:
            raise ValueError(
                f"rotary attention needs an even number of values a head, got dim {self.dim} over "
                f"{self.attention_heads} heads; choose others."
            )

    def _check_no_option_is_idle(self) -> None:
        """A model must not be called by an option that it does not have."""
        idle = {}
        if self.fusion != "bdca":
            idle = dict.fromkeys(_BDCA_ONLY, f"fusion is {self.fusion}, not bdca")
        elif not self.gate:
            idle = dict.fromkeys(("temperature", "gate_sees", "gate_weighs"), "there is no gate")
        if self.attention_time != "window":
            idle.setdefault("attention_reach_frames", f"attention_time is {self.attention_time}, not window")
        if self.fusion in ("visual", "framewise"):
            idle["audio_tcns"] = f"fusion is {self.fusion}, which does not listen"
        if self.fusion == "late":
            idle["audio_tcns"] = "fusion is late, which has no TCN"
        for name, reason in idle.items():
            default = next(entry.default for entry in fields(self) if entry.name == name)
            if getattr(self, name) != default:
                raise ValueError(
                    f"{name} ({getattr(self, name)}) would change nothing: {reason}; leave it at {default}."
                )


_LINEAR = ("framewise", "late")  # fusions without TCN and encoder
_BDCA_ONLY = (
    "gate",
    "directions",
    "temperature",
    "gate_sees",
    "gate_weighs",
    "activation",
    "attention_heads",
    "attention_time",
    "attention_reach_frames",
)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How the temporal model is trained (paper, IV-C; batch, decay and length are ours, the paper gives none).

    Args:
        epochs: times the windows are gone through, at most.
        batch_windows: windows of one optimiser step, over all processes and parts; the CCC is over all of them.
        lr_start: learning rate at the first step.
        lr_peak: learning rate after the warm-up, and again after each restart.
        warmup_epochs: epochs in which it rises linearly.
        restart_epochs: epochs from the end of the warm-up to the first restart, in which it falls as a cosine.
        restart_factor: each such stretch is so many times as long as the one before.
        weight_decay: of AdamW.
        gradient_clip: largest norm of the gradient.
        patience_epochs: epochs without a better one after which the training ends.
        parts: pieces in which each process takes its share of a batch, where memory is short.
        modality_dropout: share of the windows that lose face or voice for a stretch (ours; the paper names none).
        seed: same seed, same model.
    """

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
    parts: int = 1
    modality_dropout: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        _positive(
            self, "epochs", "batch_windows", "lr_start", "lr_peak", "restart_epochs", "restart_factor", "gradient_clip"
        )
        _positive(self, "parts")
        if not 0 <= self.modality_dropout <= 1:
            raise ValueError(f"modality_dropout must be in [0, 1], got {self.modality_dropout}.")
        if self.lr_start > self.lr_peak:
            raise ValueError(f"lr_start ({self.lr_start}) must not exceed lr_peak ({self.lr_peak}).")


class PixelStatistics(NamedTuple):
    """Mean and standard deviation of each channel (red, green, blue) on [0, 1] pixels."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


PAPER_PIXELS = PixelStatistics((0.389,) * 3, (0.198,) * 3)  # paper, IV-C
# What the paper's numbers are the averages of, measured on the aligned crops of Aff-Wild2's training videos by the
# code its authors published.
CHANNEL_PIXELS = PixelStatistics((0.471, 0.363, 0.333), (0.220, 0.193, 0.180))


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """A vision transformer or CNN and how its pictures are prepared.

    Args:
        architecture: a timm model name, or `expression7`, the small network of the starter model.
        arguments: what overrides that architecture's sizes, such as `{"depth": 6}`.
        image_pixels: side of the square picture the network takes.
        mean: mean of each channel (red, green, blue) on [0, 1] pixels (paper, IV-C: .389, one number for all three).
        std: standard deviation of each channel on [0, 1] pixels (paper, IV-C: .198).
    """

    architecture: str
    arguments: dict[str, Any] = field(default_factory=dict)  # Any: timm's own keywords
    image_pixels: int = 224
    mean: tuple[float, ...] = PAPER_PIXELS.mean
    std: tuple[float, ...] = PAPER_PIXELS.std

    def __post_init__(self) -> None:
        _positive(self, "image_pixels")
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "std", tuple(self.std))
        if len(self.mean) != 3 or len(self.std) != 3:
            raise ValueError(f"mean and std need a number a channel, got {self.mean} and {self.std}.")


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """Masked-autoencoder pre-training (He et al. 2022; 75 % masked, loss on normalised pixels).

    Args:
        epochs: times the pictures are gone through.
        batch_images: pictures of one optimiser step, over all parts.
        lr_peak: learning rate after the warm-up; He et al. take 1.5e-4 x batch_images / 256.
        warmup_epochs: epochs of linear warm-up.
        weight_decay: of AdamW.
        mask_ratio: share of the patches that are hidden, between 0 and 1.
        decoder_dim: values a patch in the decoder; small, for a small encoder. He et al. take 512 for every ViT.
        decoder_depth: blocks of the decoder; He et al. take 8.
        decoder_heads: attention heads of the decoder; He et al. take 16.
        parts: pieces a batch is gone through in, to save memory; the gradient is that of the whole batch.
        bf16: compute in bfloat16 where that is safe; weights stay in float32.
        gradient_checkpointing: keep only what goes into each block and compute it again for the gradient.
        seed: same seed, same encoder.
    """

    epochs: int = 20
    batch_images: int = 64
    lr_peak: float = 1.5e-3
    warmup_epochs: float = 2.0
    weight_decay: float = 0.05
    mask_ratio: float = 0.75
    decoder_dim: int = 96
    decoder_depth: int = 2
    decoder_heads: int = 4
    parts: int = 1
    bf16: bool = False
    gradient_checkpointing: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        _positive(self, "epochs", "batch_images", "lr_peak", "decoder_dim", "decoder_depth", "decoder_heads", "parts")
        if not 0 < self.mask_ratio < 1:
            raise ValueError(f"mask_ratio must be in (0, 1), got {self.mask_ratio}.")
        if self.decoder_dim % 4 or self.decoder_dim % self.decoder_heads:
            raise ValueError(
                f"decoder_dim ({self.decoder_dim}) must be a multiple of 4, for its positions, and of decoder_heads "
                f"({self.decoder_heads})."
            )
        _enough_images(self.parts, self.batch_images)


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """Hierarchical fine-tuning of the visual encoder (paper, III-B: lower two thirds frozen).

    The rate and the dropout are those of the code the paper's authors published (with batches of 32); the paper gives
    none.

    Args:
        epochs: times the pictures, or `images_per_epoch` of them, are gone through.
        images_per_epoch: a fresh random choice of so many pictures an epoch; 0 takes all.
        batch_images: pictures of one optimiser step, over all parts; the CCC is over all of them.
        loss: `mse`, `ccc` (1 - CCC), or their sum.
        lr_peak: learning rate after the warm-up.
        warmup_epochs: epochs of linear warm-up.
        weight_decay: of AdamW, on all trained weights.
        layer_decay: each block learns so many times slower than the one above it (He et al. 2022 take .75); none: all
            learn alike.
        dropout: in the head.
        frozen_fraction: share of the blocks that stay as pre-trained, beside patch embedding, positions and CLS token.
            0 trains everything, those included, and is the only choice for a network that is no vision transformer.
        rotation_degrees: random rotation (paper, IV-C: 10).
        smallest_crop: smallest area share of the random resized crop.
        colour_jitter: how far colour, contrast and brightness are changed at random, 0 to 1 (ours; the paper names
            none).
        parts: pieces a batch is gone through in, to save memory; the gradient is that of the whole batch.
        bf16: compute in bfloat16 where that is safe; weights stay in float32.
        gradient_checkpointing: keep only what goes into each trained block and compute it again for the gradient.
        seed: same seed, same encoder.
    """

    epochs: int = 8
    images_per_epoch: int = 0
    batch_images: int = 64
    loss: PictureLoss = "ccc+mse"
    lr_peak: float = 3e-5
    warmup_epochs: float = 0.5
    weight_decay: float = 0.05
    layer_decay: float | None = None
    dropout: float = 0.4
    frozen_fraction: float = 2 / 3
    rotation_degrees: float = 10.0
    smallest_crop: float = 0.8
    colour_jitter: float = 0.0
    parts: int = 1
    bf16: bool = False
    gradient_checkpointing: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        _positive(self, "epochs", "batch_images", "lr_peak", "parts")
        if self.loss not in get_args(PictureLoss):
            raise ValueError(f"loss must be one of {', '.join(get_args(PictureLoss))}, got {self.loss!r}.")
        if self.images_per_epoch < 0:
            raise ValueError(f"images_per_epoch must be 0 (all) or more, got {self.images_per_epoch}.")
        if not 0 <= self.frozen_fraction <= 1:
            raise ValueError(f"frozen_fraction must be in [0, 1], got {self.frozen_fraction}.")
        if self.layer_decay is not None and not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay must be in (0, 1], or none to switch it off, got {self.layer_decay}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}.")
        if not 0 < self.smallest_crop <= 1:
            raise ValueError(f"smallest_crop must be in (0, 1], got {self.smallest_crop}.")
        if not 0 <= self.colour_jitter <= 1:
            raise ValueError(f"colour_jitter must be in [0, 1], got {self.colour_jitter}.")
        _enough_images(self.parts, self.batch_images)


@dataclass(frozen=True, kw_only=True)
class DemoSize:
    """How much the demonstration does; the default takes some minutes on two cores.

    The encoder learns from many people seen briefly, the temporal model from others seen for longer.

    Args:
        encoder_subjects: drawn people who teach the encoder.
        encoder_seconds: length of each of their clips.
        subjects: drawn people of the corpus; some of them choose the epoch, some are scored.
        seconds: length of each of their clips.
        crop_every: the encoder sees one frame of so many.
        pretrain_epochs: of the masked autoencoder.
        finetune_epochs: of tuning it to valence and arousal.
        train_epochs: of the temporal model.
        new_clip_seconds: length of the clip that the trace is made of.
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


def _known_choices(config: object) -> None:
    for name, kind in get_type_hints(type(config)).items():
        if get_origin(kind) is Literal and getattr(config, name) not in get_args(kind):
            raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}, got {getattr(config, name)!r}.")


def _positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not value > 0:
            raise ValueError(f"{name} must be above 0, got {value}.")


def _enough_images(parts: int, batch_images: int) -> None:
    if parts > batch_images:
        raise ValueError(f"parts ({parts}) exceeds batch_images ({batch_images}), so some would be empty.")
