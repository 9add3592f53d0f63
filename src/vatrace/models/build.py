"""The only place where a configuration becomes a network."""

from __future__ import annotations

from dataclasses import asdict

from vatrace.config import ModelConfig
from vatrace.models.bdca import BdcaNetwork


def build_model(config: ModelConfig, *, visual_dim: int, audio_dim: int) -> BdcaNetwork:
    """Make the temporal model for features of these widths, with fresh weights."""
    return BdcaNetwork(visual_dim, audio_dim, **asdict(config))
