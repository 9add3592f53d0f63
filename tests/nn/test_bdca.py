import math

import pytest
import torch
from torch.nn import functional as F

from vatrace.nn.bdca import Attended, BidirectionalDynamicCrossModalAttention, CrossAttention, DynamicGate

BATCH, FRAMES, DIM = 2, 7, 6


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def streams() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(BATCH, FRAMES, DIM), torch.randn(BATCH, FRAMES, DIM)


def all_valid() -> torch.Tensor:
    return torch.ones(BATCH, FRAMES, dtype=torch.bool)


def gated(
    gate: DynamicGate, original: torch.Tensor, attended: torch.Tensor, other: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a gate makes of two streams where every frame of both modalities is there."""
    everywhere = all_valid()
    other = original if other is None else other  # the paper's gate does not look at it
    return gate(original, Attended(attended, attended, everywhere), other, everywhere, everywhere)


def test_eq_1_and_2_frame_by_frame_with_plain_loops() -> None:
    visual, audio = streams()
    attention = CrossAttention(DIM)
    result = attention(visual, audio, all_valid()).stream.detach()
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
    before = attention(visual, audio, all_valid()).stream
    moved = (attention(visual, changed, all_valid()).stream - before).abs().amax(dim=(0, 2))
    assert (moved > 0).all()  # every query sees every key
    changed = visual.clone()
    changed[:, 3] += 1
    moved = (attention(changed, audio, all_valid()).stream - before).abs().amax(dim=(0, 2))
    assert moved[3] > 0
    assert moved[[0, 1, 2, 4, 5, 6]].max() == 0  # a query is of its own frame only


def test_what_stands_in_invalid_key_frames_changes_nothing() -> None:
    visual, audio = streams()
    attention = CrossAttention(DIM)
    valid = all_valid()
    valid[:, 2:4] = False
    changed = audio.clone()
    changed[:, 2:4] = 1e4
    assert torch.equal(attention(visual, audio, valid).stream, attention(visual, changed, valid).stream)


def test_where_the_other_modality_is_nowhere_valid_nothing_is_read_from_it() -> None:
    visual, audio = streams()
    none = torch.zeros(BATCH, FRAMES, dtype=torch.bool)
    attended = CrossAttention(DIM)(visual, audio, none)
    assert torch.equal(attended.stream, F.relu(visual))
    assert not attended.readable.any()


def test_eq_3_and_4_gate_weights_sum_to_one_and_follow_the_softmax_at_its_temperature() -> None:
    original, attended = streams()
    gate = DynamicGate(DIM, temperature=0.5)
    torch.nn.init.normal_(gate.weight, std=0.1)
    _, weights = gated(gate, original, attended)
    assert torch.allclose(weights.sum(dim=-1), torch.ones(BATCH, FRAMES))
    logits = torch.einsum("bfd,dk->bfk", attended, gate.weight)
    first = torch.exp(logits[..., 0] / 0.5) / (torch.exp(logits[..., 0] / 0.5) + torch.exp(logits[..., 1] / 0.5))
    assert torch.allclose(weights[..., 0], first, atol=1e-6)


def test_a_lower_temperature_sharpens_the_gate() -> None:
    original, attended = streams()
    cold, warm = DynamicGate(DIM, temperature=0.5), DynamicGate(DIM, temperature=1.0)
    torch.nn.init.normal_(warm.weight)
    cold.weight = warm.weight
    sharpness = [gated(gate, original, attended)[1].amax(dim=-1) for gate in (cold, warm)]
    assert (sharpness[0] >= sharpness[1]).all()
    assert sharpness[0].mean() > sharpness[1].mean()


def test_training_begins_at_one_half_each() -> None:
    _, weights = gated(DynamicGate(DIM), *streams())
    assert torch.equal(weights, torch.full((BATCH, FRAMES, 2), 0.5))


@pytest.mark.parametrize("column", [0, 1])
def test_eq_5_a_gate_forced_to_one_column_leaves_relu_of_that_stream(column: int) -> None:
    original, attended = streams()
    attended = attended.abs() + 0.1  # positive, so that one large weight forces the softmax
    gate = DynamicGate(DIM)
    with torch.no_grad():
        gate.weight[:, column] = 1e3
    result, weights = gated(gate, original, attended)
    assert torch.equal(weights[..., column], torch.ones(BATCH, FRAMES))
    assert torch.allclose(result, F.relu((original, attended)[column]))


def test_in_eq_5_the_original_comes_through_whole_whatever_the_gate_says() -> None:
    """X_att holds X (Eq. 2): where X and X + A are positive, X G_0 + X_att G_1 = X + G_1 A, as docs/paper.md says."""
    original, read = (stream.abs() + 0.1 for stream in streams())
    read = read - 0.1  # so small that the sum stays positive
    gate = DynamicGate(DIM)
    torch.nn.init.normal_(gate.weight, std=0.1)
    attended = Attended(F.relu(original + read), read, all_valid())
    result, weights = (each.detach() for each in gate(original, attended, original, all_valid(), all_valid()))
    assert 0.2 < float(weights[..., 1].min()) < float(weights[..., 1].max()) < 0.98
    assert torch.allclose(result, original + weights[..., 1:] * read, atol=1e-6)


def test_a_gate_over_what_was_read_weighs_the_two_modalities_and_nothing_that_holds_both() -> None:
    original, read = streams()
    attended = Attended(F.relu(original + read), read, all_valid())
    gate = DynamicGate(DIM, weighs="read")
    result, weights = gate(original, attended, original, all_valid(), all_valid())
    assert torch.equal(weights, torch.full((BATCH, FRAMES, 2), 0.5))
    assert torch.allclose(result, F.relu(original / 2 + read / 2))
    paper, _ = DynamicGate(DIM)(original, attended, original, all_valid(), all_valid())
    assert torch.allclose(paper, F.relu(original / 2 + F.relu(original + read) / 2))


def test_eq_6_is_both_gated_streams_side_by_side() -> None:
    visual, audio = streams()
    fusion = BidirectionalDynamicCrossModalAttention(DIM)
    fused = fusion(visual, audio, all_valid(), all_valid())
    attended = fusion.visual_from_audio(visual, audio, all_valid()).stream
    assert torch.allclose(fused.stream[..., :DIM], F.relu(0.5 * visual + 0.5 * attended), atol=1e-6)
    assert fused.stream.shape == (BATCH, FRAMES, 2 * DIM)
    assert fused.gate_weights.shape == (BATCH, FRAMES, 2, 2)


def test_swapping_the_modalities_and_their_weights_swaps_the_halves() -> None:
    visual, audio = streams()
    visual_valid, audio_valid = all_valid(), all_valid()
    visual_valid[:, :2] = False
    fusion = BidirectionalDynamicCrossModalAttention(DIM)
    for gate in (fusion.visual_gate, fusion.audio_gate):
        torch.nn.init.normal_(gate.weight, std=0.1)
    swapped = BidirectionalDynamicCrossModalAttention(DIM)
    swapped.visual_from_audio, swapped.audio_from_visual = fusion.audio_from_visual, fusion.visual_from_audio
    swapped.visual_gate, swapped.audio_gate = fusion.audio_gate, fusion.visual_gate
    one = fusion(visual, audio, visual_valid, audio_valid)
    other = swapped(audio, visual, audio_valid, visual_valid)
    assert torch.equal(one.stream, torch.cat([other.stream[..., DIM:], other.stream[..., :DIM]], dim=-1))
    assert torch.equal(one.gate_weights, other.gate_weights.flip(2))


def fusions(**options: object) -> BidirectionalDynamicCrossModalAttention:
    fusion = BidirectionalDynamicCrossModalAttention(DIM, **options)
    for gate in (fusion.visual_gate, fusion.audio_gate):
        if gate is not None:
            torch.nn.init.normal_(gate.weight, std=0.1)
    return fusion


def test_where_all_is_there_the_gate_is_eq_3_to_5_and_nothing_else() -> None:
    visual, audio = streams()
    fusion = fusions()
    attended = fusion.visual_from_audio(visual, audio, all_valid()).stream
    weights = torch.softmax(attended @ fusion.visual_gate.weight / 0.5, dim=-1)
    expected = F.relu(visual * weights[..., 0:1] + attended * weights[..., 1:2])
    fused = fusion(visual, audio, all_valid(), all_valid())
    assert torch.equal(fused.gate_weights[:, :, 0], weights)
    assert torch.equal(fused.stream[..., :DIM], expected)


def test_a_missing_modality_decides_the_weights_where_it_is_missing_and_nowhere_else() -> None:
    visual, audio = streams()
    visual_valid, audio_valid = all_valid(), all_valid()
    visual_valid[0, 2:4] = False  # no face for a while: the audio can be read
    audio_valid[1] = False  # a silent clip: no audio can be read
    visual_valid[1, 5] = False
    fusion = fusions()
    weights = fusion(visual, audio, visual_valid, audio_valid).gate_weights
    free = by_eq_3_and_4(fusion, visual, audio, visual_valid, audio_valid)
    original, attended = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    for t in range(FRAMES):
        expected = attended if t in (2, 3) else free[0, t, 0]
        assert torch.equal(weights[0, t, 0], expected)
        assert torch.equal(weights[0, t, 1], free[0, t, 1])  # the audio is there, and a face is in other frames
        assert torch.equal(weights[1, t, 0], original)  # also where the face is missing too: nothing could be read
        assert torch.equal(weights[1, t, 1], attended)  # no sound, but a face


def by_eq_3_and_4(
    fusion: BidirectionalDynamicCrossModalAttention,
    visual: torch.Tensor,
    audio: torch.Tensor,
    visual_valid: torch.Tensor,
    audio_valid: torch.Tensor,
) -> torch.Tensor:
    """The weights that the gates would give if nothing were decided for them."""
    visual_attended = fusion.visual_from_audio(visual, audio, audio_valid).stream
    audio_attended = fusion.audio_from_visual(audio, visual, visual_valid).stream
    pairs = ((visual_attended, fusion.visual_gate), (audio_attended, fusion.audio_gate))
    return torch.stack([torch.softmax(x @ gate.weight / 0.5, dim=-1) for x, gate in pairs], dim=2)


def test_in_a_window_the_gate_rests_on_the_original_where_nothing_is_within_reach() -> None:
    visual, audio = streams()
    audio_valid = all_valid()
    audio_valid[:, 3:] = False
    weights = fusions(time="window", reach_frames=1)(visual, audio, all_valid(), audio_valid).gate_weights[:, :, 0]
    assert torch.equal(weights[:, 4:], torch.tensor([1.0, 0.0]).expand(BATCH, 3, 2))
    assert bool((weights[:, :4, 1] > 0).all())  # frame 3 still reaches frame 2


def test_without_weighting_the_attended_streams_stand_side_by_side() -> None:
    visual, audio = streams()
    fusion = fusions(gate=False)
    fused = fusion(visual, audio, all_valid(), all_valid())
    halves = [
        fusion.visual_from_audio(visual, audio, all_valid()).stream,
        fusion.audio_from_visual(audio, visual, all_valid()).stream,
    ]
    assert torch.equal(fused.stream, torch.cat(halves, dim=-1))
    assert fused.gate_weights is None


@pytest.mark.parametrize(("directions", "kept"), [("vdaa", 1), ("adva", 0)])
@pytest.mark.parametrize("gate", [True, False])
def test_one_direction_alone_leaves_the_other_half_as_it_came(directions: str, kept: int, gate: bool) -> None:
    given = streams()
    torch.manual_seed(1)
    fusion = fusions(directions=directions, gate=gate)
    fused = fusion(*given, all_valid(), all_valid())
    halves = fused.stream.split(DIM, dim=-1)
    assert torch.equal(halves[kept], given[kept])
    both = fusions(gate=gate)
    both.load_state_dict(fusion.state_dict(), strict=False)
    assert torch.equal(halves[1 - kept], both(*given, all_valid(), all_valid()).stream.split(DIM, dim=-1)[1 - kept])
    if gate:
        assert torch.equal(fused.gate_weights[:, :, kept], torch.tensor([1.0, 0.0]).expand(BATCH, FRAMES, 2))
        assert bool((fused.gate_weights[:, :, 1 - kept] > 0).all())


def test_a_gate_that_sees_both_streams_and_validity_is_a_linear_layer_of_all_of_them() -> None:
    original, attended = streams()
    other, other_valid = torch.randn(BATCH, FRAMES, DIM), all_valid()
    other_valid[:, 2:5] = False
    for sees, rows in (("both", 2 * DIM), ("validity", 2 * DIM + 2)):
        gate = DynamicGate(DIM, sees=sees)
        torch.nn.init.normal_(gate.weight, std=0.1)
        assert gate.weight.shape == (rows, 2)
        _, weights = gate(original, Attended(attended, attended, all_valid()), other, all_valid(), other_valid)
        for b in range(BATCH):
            for t in range(FRAMES):
                logits = attended[b, t] @ gate.weight[:DIM] + other[b, t] @ gate.weight[DIM : 2 * DIM]
                if sees == "validity":
                    logits = logits + gate.weight[2 * DIM] + float(other_valid[b, t]) * gate.weight[2 * DIM + 1]
                assert torch.allclose(weights[b, t], torch.softmax(logits / 0.5, dim=0), atol=1e-6)


def test_without_its_rectifiers_the_fused_stream_keeps_its_sign() -> None:
    visual, audio = streams()
    fusion = fusions(activation="identity")
    attended = fusion.visual_from_audio(visual, audio, all_valid()).stream
    read, _ = fusion.visual_from_audio.attention(
        fusion.visual_from_audio.query(visual),
        fusion.visual_from_audio.key(audio),
        fusion.visual_from_audio.value(audio),
        all_valid(),
    )
    assert torch.equal(attended, read + visual)
    fused = fusion(visual, audio, all_valid(), all_valid())
    weights = fused.gate_weights[:, :, 0]
    assert torch.equal(fused.stream[..., :DIM], visual * weights[..., :1] + attended * weights[..., 1:])
    assert float(fused.stream.detach().min()) < 0
