"""The only place where a configuration becomes a network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from vatrace.config import ModelConfig
from vatrace.models.bdca import BdcaNetwork
from vatrace.models.concat import ConcatNetwork
from vatrace.models.framewise import FramewiseNetwork
from vatrace.models.late import LateNetwork
from vatrace.models.single import SingleNetwork
from vatrace.nn.bdca import BidirectionalDynamicCrossModalAttention
from vatrace.nn.encoder import FrameEncoder
from vatrace.nn.standardise import Standardise
from vatrace.nn.tcn import TemporalConvNet, TemporalConvNetEach

TemporalNetwork = BdcaNetwork | ConcatNetwork | SingleNetwork | FramewiseNetwork | LateNetwork

_VALENCE_AROUSAL = 2


def build_model(config: ModelConfig, *, visual_dim: int, audio_dims: Sequence[int]) -> TemporalNetwork:
    """Make the temporal model for features of these widths, with fresh weights.

    Every network takes `(visual, audio, visual_valid, audio_valid)`, gives a `Prediction`, and has `visual_scale` and
    `audio_scale`.

    Args:
        config: which model, and its sizes.
        visual_dim: values a frame of the visual stream.
        audio_dims: values a frame of each acoustic stream, in the order in which they stand side by side.
    """
    visual_scale, audio_scale = Standardise(visual_dim), Standardise(sum(audio_dims))
    if config.fusion == "framewise":
        head = nn.Linear(visual_dim, _VALENCE_AROUSAL)
        return FramewiseNetwork(visual_scale=visual_scale, audio_scale=audio_scale, head=head)
    if config.fusion == "late":
        return LateNetwork(
            visual_scale=visual_scale,
            audio_scale=audio_scale,
            face=nn.Linear(visual_dim, _VALENCE_AROUSAL),
            voice=nn.Linear(sum(audio_dims), _VALENCE_AROUSAL),
        )
    if config.fusion == "visual" or config.fusion == "audio":
        return SingleNetwork(
            config.fusion,
            visual_scale=visual_scale,
            audio_scale=audio_scale,
            tcn=_tcn(config, visual_dim) if config.fusion == "visual" else _audio_tcn(config, audio_dims),
            encoder=_encoder(config, config.dim),
            head=nn.Linear(config.dim, _VALENCE_AROUSAL),
        )
    if config.fusion == "concat":
        return ConcatNetwork(
            visual_scale=visual_scale,
            audio_scale=audio_scale,
            visual_tcn=_tcn(config, visual_dim),
            audio_tcn=_audio_tcn(config, audio_dims),
            encoder=_encoder(config, 2 * config.dim),
            head=nn.Linear(2 * config.dim, _VALENCE_AROUSAL),
        )
    return BdcaNetwork(
        visual_scale=visual_scale,
        audio_scale=audio_scale,
        visual_tcn=_tcn(config, visual_dim),
        audio_tcn=_audio_tcn(config, audio_dims),
        fusion=_bdca(config),
        encoder=_encoder(config, 2 * config.dim),
        head=nn.Linear(2 * config.dim, _VALENCE_AROUSAL),
    )


def _tcn(config: ModelConfig, input_dim: int) -> TemporalConvNet:
    return TemporalConvNet(
        input_dim,
        config.dim,
        layers=config.tcn_layers,
        kernel=config.tcn_kernel,
        causal=config.causal,
        dropout=config.dropout,
    )


def _audio_tcn(config: ModelConfig, audio_dims: Sequence[int]) -> TemporalConvNet | TemporalConvNetEach:
    if config.audio_tcns == "joint":
        return _tcn(config, sum(audio_dims))
    return TemporalConvNetEach([_tcn(config, each) for each in audio_dims], audio_dims, config.dim)


def _bdca(config: ModelConfig) -> BidirectionalDynamicCrossModalAttention:
    return BidirectionalDynamicCrossModalAttention(
        config.dim,
        gate=config.gate,
        directions=config.directions,
        temperature=config.temperature,
        gate_sees=config.gate_sees,
        gate_weighs=config.gate_weighs,
        heads=config.attention_heads,
        time=config.attention_time,
        reach_frames=config.attention_reach_frames,
        causal=config.causal_attention,
        activation=config.activation,
    )


def _encoder(config: ModelConfig, dim: int) -> FrameEncoder:
    return FrameEncoder(
        dim,
        layers=config.encoder_layers,
        heads=config.encoder_heads,
        feed_forward=config.feed_forward,
        dropout=config.dropout,
        causal=config.causal_attention,
    )
