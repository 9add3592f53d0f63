import pytest
import torch
from torch import nn

from vatrace.nn.encoder import FrameEncoder
from vatrace.nn.positions import sinusoidal_positions

DIM, FRAMES = 8, 12


def encoder(causal: bool = False) -> FrameEncoder:
    torch.manual_seed(0)
    return FrameEncoder(DIM, layers=2, heads=2, feed_forward=16, dropout=0.1, causal=causal).eval()


def test_it_is_torchs_transformer_encoder_with_sinusoidal_positions() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(DIM, 2, 16, 0.1, batch_first=True, norm_first=True)
    theirs = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(DIM), enable_nested_tensor=False).eval()
    ours = encoder()
    theirs.load_state_dict(ours.state_dict())
    stream = torch.randn(3, FRAMES, DIM)
    valid = torch.arange(FRAMES)[None] < torch.tensor([12, 7, 1])[:, None]
    expected = theirs(stream + sinusoidal_positions(FRAMES, DIM), src_key_padding_mask=~valid)
    assert torch.allclose(ours(stream, valid)[valid], expected[valid], atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_a_causal_frame_reads_itself_and_valid_frames_before_it(training: bool) -> None:
    """What moves when a frame moves is that frame and, where it is valid, all that follow."""
    network = encoder(causal=True)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
    network.train(training)
    stream, valid = torch.randn(1, FRAMES, DIM), torch.ones(1, FRAMES, dtype=torch.bool)
    valid[:, [0, 1, 5]] = False  # among them the first ones, which have nothing before them
    before = network(stream, valid).detach()
    assert bool(torch.isfinite(before).all())
    for frame in range(FRAMES):
        changed = stream.clone()
        changed[:, frame] += torch.randn(DIM)
        moved = (network(changed, valid).detach() - before).abs().amax(dim=(0, 2)) > 0
        reached = set(range(frame, FRAMES)) if bool(valid[0, frame]) else {frame}
        assert set(torch.nonzero(moved).flatten().tolist()) == reached
