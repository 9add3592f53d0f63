import pytest
import torch

from vatrace.config import ModelConfig
from vatrace.models.bdca import BdcaNetwork
from vatrace.models.build import build_model

FRAMES = 40


@pytest.fixture(scope="module")
def network() -> BdcaNetwork:
    torch.manual_seed(0)
    made = build_model(ModelConfig(dim=16, encoder_heads=2, feed_forward=32), visual_dim=5, audio_dims=(3,))
    for gate in (made.fusion.visual_gate, made.fusion.audio_gate):
        torch.nn.init.normal_(gate.weight)
    return made.eval()


def inputs(batch: int = 2) -> list[torch.Tensor]:
    torch.manual_seed(1)
    everywhere = torch.ones(batch, FRAMES, dtype=torch.bool)
    return [torch.randn(batch, FRAMES, 5), torch.randn(batch, FRAMES, 3), everywhere, everywhere.clone()]


def test_it_gives_valence_arousal_and_gates_for_every_frame(network: BdcaNetwork) -> None:
    prediction = network(*inputs())
    assert prediction.values.shape == (2, FRAMES, 2)
    assert torch.allclose(prediction.gate_weights.sum(dim=-1), torch.ones(2, FRAMES, 2))


def test_padding_at_the_end_changes_nothing_before_it(network: BdcaNetwork) -> None:
    visual, audio, visual_valid, audio_valid = inputs()
    visual_valid[:, 30:] = False
    audio_valid[:, 30:] = False
    visual[:, 30:], audio[:, 30:] = 1e3, float("nan")
    padded = network(visual, audio, visual_valid, audio_valid).values[:, :30]
    short = network(visual[:, :30], audio[:, :30], visual_valid[:, :30], audio_valid[:, :30]).values
    assert torch.allclose(padded, short, atol=1e-5)


@pytest.mark.parametrize("lost", [2, 3])
def test_invalid_frames_of_one_modality_change_nothing_but_others_still_speak(network: BdcaNetwork, lost: int) -> None:
    given = inputs()
    given[lost][:, 10:20] = False
    clean = network(*given).values
    dirty = [each.clone() for each in given]
    dirty[lost - 2][:, 10:20] = 1e4
    assert torch.equal(network(*dirty).values, clean)
    assert bool(torch.isfinite(clean).all())


@pytest.mark.parametrize("lost", [(2,), (3,), (2, 3)])
def test_a_modality_that_is_never_there_leaves_finite_values(network: BdcaNetwork, lost: tuple[int, ...]) -> None:
    given = inputs()
    for index in lost:
        given[index][:] = False
    assert bool(torch.isfinite(network(*given).values).all())


def test_one_frame_is_enough(network: BdcaNetwork) -> None:
    given = [each[:, :1] for each in inputs()]
    assert bool(torch.isfinite(network(*given).values).all())


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    made = build_model(ModelConfig(dim=16, encoder_heads=2, feed_forward=32, dropout=0), visual_dim=5, audio_dims=(3,))
    made(*inputs()).values.square().sum().backward()
    silent = [
        name for name, parameter in made.named_parameters() if parameter.grad is None or parameter.grad.abs().sum() == 0
    ]
    assert silent == []


def test_the_papers_model_has_its_sizes() -> None:
    made = build_model(ModelConfig(), visual_dim=1024, audio_dims=(128, 39, 23))
    assert made.fusion.visual_gate.weight.shape == (128, 2)
    assert made.head.in_features == 256
    assert len(made.visual_tcn.blocks) == 4
    assert made.fusion.visual_gate.temperature == 0.5
