import pytest
import torch

from vatrace.nn.tcn import TemporalConvNet, TemporalConvNetEach


def seen_by(network: TemporalConvNet, frame: int, frames: int) -> list[int]:
    """Frames of the input that move one frame of the output, by its gradient."""
    stream = torch.randn(1, frames, 3, requires_grad=True)
    network.eval()(stream, torch.ones(1, frames, dtype=torch.bool))[0, frame].sum().backward()
    return torch.nonzero(stream.grad[0].abs().sum(dim=1)).flatten().tolist()


def test_the_papers_network_sees_exactly_121_frames_back_and_none_ahead() -> None:
    torch.manual_seed(0)
    network = TemporalConvNet(3, 8)
    assert network.receptive_field_frames == 121  # 1 + 2 x 4 x (1 + 2 + 4 + 8)
    assert seen_by(network, 150, 200) == list(range(150 - 120, 151))


def test_a_non_causal_network_sees_as_far_ahead_as_back() -> None:
    torch.manual_seed(0)
    network = TemporalConvNet(3, 8, layers=2, kernel=3, causal=False)
    assert network.receptive_field_frames == 13
    assert seen_by(network, 20, 40) == list(range(14, 27))


@pytest.mark.parametrize("causal", [True, False])
def test_a_clip_gives_the_same_alone_and_padded_beside_a_longer_one(causal: bool) -> None:
    torch.manual_seed(0)
    network = TemporalConvNet(3, 8, layers=3, causal=causal).eval()
    short = torch.randn(1, 20, 3)
    padded = torch.cat([short, torch.randn(1, 15, 3)], dim=1)
    valid = torch.arange(35)[None] < 20
    alone = network(short, valid[:, :20])
    assert torch.allclose(network(padded, valid)[:, :20], alone, atol=1e-6)


def test_invalid_frames_change_no_output_even_as_nan() -> None:
    torch.manual_seed(0)
    network = TemporalConvNet(3, 8, layers=2).eval()
    valid = torch.ones(2, 30, dtype=torch.bool)
    valid[:, 10:14] = False
    stream = torch.randn(2, 30, 3)
    dirty = stream.clone()
    dirty[:, 10:14] = float("nan")
    assert torch.equal(network(stream, valid), network(dirty, valid))


def test_the_initialisation_is_seen_in_the_first_forward() -> None:
    """Setting .weight after weight_norm has no effect; here the wrapped weight is the initialised one."""
    torch.manual_seed(0)
    convolution = TemporalConvNet(64, 64, layers=1).blocks[0].first
    bound = (2**0.5) * (6 / (64 * 5 + 64 * 5)) ** 0.5  # Xavier's uniform bound with gain sqrt(2)
    assert convolution.weight.abs().max() <= bound * (1 + 1e-6)
    assert convolution.weight.abs().max() > 0.95 * bound


def test_a_non_causal_network_with_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="odd kernel to stay centred, got 4"):
        TemporalConvNet(3, 8, kernel=4, causal=False)


def test_a_network_a_feature_set_encodes_each_on_its_own_and_joins_them() -> None:
    torch.manual_seed(0)
    networks = [TemporalConvNet(width, 8, layers=2) for width in (3, 5)]
    each = TemporalConvNetEach(networks, (3, 5), 8).eval()
    stream, valid = torch.randn(2, 20, 8), torch.ones(2, 20, dtype=torch.bool)
    valid[:, 15:] = False
    encoded = torch.cat([networks[0](stream[..., :3], valid), networks[1](stream[..., 3:], valid)], dim=-1)
    assert torch.equal(each(stream, valid), encoded @ each.join.weight.T + each.join.bias)
