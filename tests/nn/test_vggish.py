import torch
from torch.nn import functional as F

from tests.reference.vggish import LAYOUT
from vatrace.nn.vggish import Vggish


def test_tensors_have_the_names_and_shapes_of_torchvggish():
    with torch.device("meta"):
        state = Vggish().state_dict()
    expected = {f"{name}.weight": shape for name, shape in LAYOUT.items()}
    expected |= {f"{name}.bias": shape[:1] for name, shape in LAYOUT.items()}
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == expected


def test_forward_is_the_published_layers_in_order_with_channels_last_before_the_embedding():
    torch.manual_seed(0)
    network = Vggish().eval()
    state = network.state_dict()
    patches = torch.randn(2, 1, 96, 64)

    maps = patches
    for name, halve in ((0, True), (3, True), (6, False), (8, True), (11, False), (13, True)):
        maps = F.relu(F.conv2d(maps, state[f"features.{name}.weight"], state[f"features.{name}.bias"], padding=1))
        maps = F.max_pool2d(maps, 2) if halve else maps
    assert maps.shape == (2, 512, 6, 4)
    # TensorFlow flattens row by row, then band by band, with the channels running fastest.
    flat = torch.stack([maps[:, :, row, band] for row in range(6) for band in range(4)], dim=1).reshape(2, -1)
    for name in (0, 2, 4):
        flat = F.relu(F.linear(flat, state[f"embeddings.{name}.weight"], state[f"embeddings.{name}.bias"]))

    with torch.inference_mode():
        embeddings = network(patches)
    assert embeddings.shape == (2, 128)
    assert (embeddings >= 0).all()
    assert (embeddings > 0).any()
    torch.testing.assert_close(embeddings, flat)
