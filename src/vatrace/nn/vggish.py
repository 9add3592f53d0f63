"""VGGish: the network that turns 0.96 s of log-mel spectrogram into 128 numbers.

Hershey et al., "CNN Architectures for Large-Scale Audio Classification", ICASSP 2017: VGG configuration A with its last
stage left out. Layers have the names and the order of torchvggish, whose conversion of Google's weights is the public
checkpoint. (The paper, III-C, says VGGSound; VGGish was trained on YouTube-8M and is used here as published.)
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

NUM_ROWS = 96  # 10 ms each
NUM_BANDS = 64
EMBEDDING_DIM = 128
HIDDEN_DIM = 4096
STAGES = ((64,), (128,), (256, 256), (512, 512))  # channels of the convolutions before each halving


class Vggish(nn.Module):
    """Convolutions (`features`), then three linear layers (`embeddings`), each followed by a ReLU, also the last.

    The embedding is raw: neither the PCA nor the quantisation of the AudioSet release is applied.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*_convolutions())
        halvings = 2 ** len(STAGES)
        self.embeddings = nn.Sequential(
            nn.Linear(STAGES[-1][-1] * (NUM_ROWS // halvings) * (NUM_BANDS // halvings), HIDDEN_DIM),
            nn.ReLU(),
            nn.Linear(HIDDEN_DIM, HIDDEN_DIM),
            nn.ReLU(),
            nn.Linear(HIDDEN_DIM, EMBEDDING_DIM),
            nn.ReLU(),
        )

    def forward(self, log_mel: Float[Tensor, "batch 1 96 64"]) -> Float[Tensor, "batch 128"]:
        """Embed patches.

        Args:
            log_mel: rows of 10 ms by mel bands, log(x + 0.01).

        Returns:
            Embeddings, none negative.
        """
        maps = self.features(log_mel)  # [batch, 512, 6, 4]
        channels_last = maps.permute(0, 2, 3, 1)  # TensorFlow's order, in which the linear layers were trained
        embeddings: Tensor = self.embeddings(channels_last.flatten(1))
        return embeddings


def _convolutions() -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 1
    for stage in STAGES:
        for width in stage:
            layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return layers
