import math

import pytest
import torch
from torch.nn import functional as F

from vatrace.nn.bdca import BidirectionalDynamicCrossModalAttention, CrossAttention, DynamicGate

BATCH, FRAMES, DIM = 2, 7, 6


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def streams() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(BATCH, FRAMES, DIM), torch.randn(BATCH, FRAMES, DIM)


def all_valid() -> torch.Tensor:
    return torch.ones(BATCH, FRAMES, dtype=torch.bool)


def test_eq_1_and_2_frame_by_frame_with_plain_loops() -> None:
    visual, audio = streams()
    attention = CrossAttention(DIM)
    result = attention(visual, audio, all_valid()).detach()
    q, k, v = (part.weight.detach() for part in (attention.query, attention.key, attention.value))
    for b in range(BATCH):
        for t in range(FRAMES):
            scores = [float((q @ visual[b, t]) @ (k @ audio[b, s])) / math.sqrt(DIM) for s in range(FRAMES)]
            weights = [math.exp(score) / sum(map(math.exp, scores)) for score in scores]
            attended = sum(w * (v @ audio[b, s]) for s, w in enumerate(weights))
            assert torch.allclose(result[b, t], torch.relu(attended + visual[b, t]), atol=1e-5)


def test_the_query_comes_from_the_original_stream_and_the_keys_from_the_other() -> None:
    visual, audio = streams()
    attention = CrossAttention(DIM)
    changed = audio.clone()
    changed[:, 3] += 1
    moved = (attention(visual, changed, all_valid()) - attention(visual, audio, all_valid())).abs().amax(dim=(0, 2))
    assert (moved > 0).all()  # every query sees every key
    changed = visual.clone()
    changed[:, 3] += 1
    moved = (attention(changed, audio, all_valid()) - attention(visual, audio, all_valid())).abs().amax(dim=(0, 2))
    assert moved[3] > 0
    assert moved[[0, 1, 2, 4, 5, 6]].max() == 0  # a query is of its own frame only


def test_what_stands_in_invalid_key_frames_changes_nothing() -> None:
    visual, audio = streams()
    attention = CrossAttention(DIM)
    valid = all_valid()
    valid[:, 2:4] = False
    changed = audio.clone()
    changed[:, 2:4] = 1e4
    assert torch.equal(attention(visual, audio, valid), attention(visual, changed, valid))


def test_where_the_other_modality_is_nowhere_valid_nothing_is_read_from_it() -> None:
    visual, audio = streams()
    none = torch.zeros(BATCH, FRAMES, dtype=torch.bool)
    assert torch.equal(CrossAttention(DIM)(visual, audio, none), F.relu(visual))


def test_eq_3_and_4_gate_weights_sum_to_one_and_follow_the_softmax_at_its_temperature() -> None:
    original, attended = streams()
    gate = DynamicGate(DIM, temperature=0.5)
    torch.nn.init.normal_(gate.weight)
    _, weights = gate(original, attended)
    assert torch.allclose(weights.sum(dim=-1), torch.ones(BATCH, FRAMES))
    logits = torch.einsum("bfd,dk->bfk", attended, gate.weight)
    first = torch.exp(logits[..., 0] / 0.5) / (torch.exp(logits[..., 0] / 0.5) + torch.exp(logits[..., 1] / 0.5))
    assert torch.allclose(weights[..., 0], first, atol=1e-6)


def test_a_lower_temperature_sharpens_the_gate() -> None:
    original, attended = streams()
    cold, warm = DynamicGate(DIM, temperature=0.5), DynamicGate(DIM, temperature=1.0)
    torch.nn.init.normal_(warm.weight)
    cold.weight = warm.weight
    sharpness = [gate(original, attended)[1].amax(dim=-1) for gate in (cold, warm)]
    assert (sharpness[0] >= sharpness[1]).all()
    assert sharpness[0].mean() > sharpness[1].mean()


def test_training_begins_at_one_half_each() -> None:
    _, weights = DynamicGate(DIM)(*streams())
    assert torch.equal(weights, torch.full((BATCH, FRAMES, 2), 0.5))


@pytest.mark.parametrize("column", [0, 1])
def test_eq_5_a_gate_forced_to_one_column_leaves_relu_of_that_stream(column: int) -> None:
    original, attended = streams()
    attended = attended.abs() + 0.1  # positive, so that one large weight forces the softmax
    gate = DynamicGate(DIM)
    with torch.no_grad():
        gate.weight[:, column] = 1e3
    gated, weights = gate(original, attended)
    assert torch.equal(weights[..., column], torch.ones(BATCH, FRAMES))
    assert torch.allclose(gated, F.relu((original, attended)[column]))


def test_eq_6_is_both_gated_streams_side_by_side() -> None:
    visual, audio = streams()
    fusion = BidirectionalDynamicCrossModalAttention(DIM)
    fused = fusion(visual, audio, all_valid(), all_valid())
    attended = fusion.visual_from_audio(visual, audio, all_valid())
    assert torch.allclose(fused.stream[..., :DIM], F.relu(0.5 * visual + 0.5 * attended), atol=1e-6)
    assert fused.stream.shape == (BATCH, FRAMES, 2 * DIM)
    assert fused.gate_weights.shape == (BATCH, FRAMES, 2, 2)


def test_swapping_the_modalities_and_their_weights_swaps_the_halves() -> None:
    visual, audio = streams()
    visual_valid, audio_valid = all_valid(), all_valid()
    visual_valid[:, :2] = False
    fusion = BidirectionalDynamicCrossModalAttention(DIM)
    for gate in (fusion.visual_gate, fusion.audio_gate):
        torch.nn.init.normal_(gate.weight)
    swapped = BidirectionalDynamicCrossModalAttention(DIM)
    swapped.visual_from_audio, swapped.audio_from_visual = fusion.audio_from_visual, fusion.visual_from_audio
    swapped.visual_gate, swapped.audio_gate = fusion.audio_gate, fusion.visual_gate
    one = fusion(visual, audio, visual_valid, audio_valid)
    other = swapped(audio, visual, audio_valid, visual_valid)
    assert torch.equal(one.stream, torch.cat([other.stream[..., DIM:], other.stream[..., :DIM]], dim=-1))
    assert torch.equal(one.gate_weights, other.gate_weights.flip(2))
