import pytest
import torch

from vatrace.config import ModelConfig
from vatrace.models.build import build_model
from vatrace.models.late import LateNetwork

SEEN = torch.tensor([[True, True, False, False]])
HEARD = torch.tensor([[True, False, True, False]])


def late() -> LateNetwork:
    """Face reads (0.5, 0.2) x its one feature, voice (0, 0.4) x its one feature; joined as .9/.6 and 0/.5."""
    network = build_model(ModelConfig(fusion="late"), visual_dim=1, audio_dims=(1,))
    assert isinstance(network, LateNetwork)
    with torch.no_grad():
        network.face.weight.copy_(torch.tensor([[0.5], [0.2]]))
        network.voice.weight.copy_(torch.tensor([[0.0], [0.4]]))
        network.face.bias.zero_()
        network.voice.bias.zero_()
        network.joint.copy_(torch.tensor([[0.9, 0.6], [0.0, 0.5]]))
        network.joint_bias.copy_(torch.tensor([0.0, 0.01]))
        network.alone.copy_(torch.tensor([[0.8, 0.7], [0.0, 0.3]]))
    return network.eval()


def values_of(network: LateNetwork, visual: float, audio: float) -> torch.Tensor:
    streams = (torch.full((1, 4, 1), visual), torch.full((1, 4, 1), audio))
    with torch.inference_mode():
        return network(*streams, SEEN, HEARD).values[0]


def test_channels_are_joined_by_their_weights_and_one_alone_by_its_slope() -> None:
    both, face, voice, nothing = values_of(late(), visual=1.0, audio=-2.0)
    assert both.tolist() == pytest.approx([0.9 * 0.5, 0.6 * 0.2 + 0.5 * 0.4 * -2 + 0.01])
    assert face.tolist() == pytest.approx([0.8 * 0.5, 0.7 * 0.2])
    assert voice[1].item() == pytest.approx(0.3 * 0.4 * -2)
    assert nothing.tolist() == [0.0, 0.0]


def test_a_channel_without_a_say_gives_no_value_and_not_the_middle() -> None:
    voice = values_of(late(), visual=1.0, audio=1.0)[2]
    assert voice.isnan().tolist() == [True, False]


def test_a_fresh_model_gives_a_value_wherever_something_is_there() -> None:
    network = build_model(ModelConfig(fusion="late"), visual_dim=1, audio_dims=(1,))
    assert isinstance(network, LateNetwork)
    assert values_of(network.eval(), 1.0, 1.0).isfinite().all()


def test_gates_are_the_shares_of_the_weights_and_all_or_nothing_where_one_channel_is_missing() -> None:
    with torch.inference_mode():
        gates = late()(torch.ones(1, 4, 1), torch.ones(1, 4, 1), SEEN, HEARD).gate_weights
    assert gates is not None
    share = (0.9 + 0.6) / (0.9 + 0.6 + 0.5)
    expected = [[[share, 1 - share], [1 - share, share]], [[1, 0], [0, 1]], [[0, 1], [1, 0]]]
    for frame, wanted in enumerate(expected):
        assert gates[0, frame].flatten().tolist() == pytest.approx([number for row in wanted for number in row])
    assert torch.allclose(gates.sum(dim=-1), torch.ones(1, 4, 2))


def test_a_feature_far_from_all_that_was_seen_counts_as_three_deviations() -> None:
    network = late()
    network.audio_scale.set(torch.tensor([10.0]), torch.tensor([2.0]))
    far, limit = values_of(network, 0.0, 1e9)[2, 1], values_of(network, 0.0, 16.0)[2, 1]
    assert far.item() == pytest.approx(limit.item())
    assert limit.item() == pytest.approx(0.3 * 0.4 * 3)


def test_options_of_a_tcn_are_refused() -> None:
    with pytest.raises(ValueError, match=r"audio_tcns \(each\) would change nothing: fusion is late, which has no TCN"):
        ModelConfig(fusion="late", audio_tcns="each")
