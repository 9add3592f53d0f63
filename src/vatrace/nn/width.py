"""How wide an encoder's description is; apart, as nothing here takes timm's two seconds to import."""

from typing import Any

from torch import nn


def encoded_dim(network: nn.Module) -> int:
    """Values a picture that a timm network without classifier gives."""
    width: Any = getattr(network, "head_hidden_size", None) or network.num_features  # Any: nn.Module's attributes
    return int(width)
