import math

import pytest
import torch

from vatrace.nn.attention import TimedAttention
from vatrace.nn.positions import rotary

BATCH, FRAMES, DIM = 2, 9, 8


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def streams() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return tuple(torch.randn(BATCH, FRAMES, DIM) for _ in range(3))


def with_gaps() -> torch.Tensor:
    """The first clip hears nothing in frames 2-5, the second one only in frame 6."""
    valid = torch.ones(BATCH, FRAMES, dtype=torch.bool)
    valid[0, 2:6] = False
    valid[1] = False
    valid[1, 6] = True
    return valid


def by_loops(query, key, value, valid, *, heads=1, allowed=lambda q, k: True, penalty=lambda head, q, k: 0.0):
    """Attention written out, number by number; `allowed` and `penalty` say what is added to the paper's Eq. 1."""
    part = DIM // heads
    out = torch.zeros(BATCH, FRAMES, DIM)
    for b in range(BATCH):
        for head in range(heads):
            own = slice(head * part, (head + 1) * part)
            for q in range(FRAMES):
                keys = [k for k in range(FRAMES) if valid[b, k] and allowed(q, k)]
                scores = [
                    float(query[b, q, own] @ key[b, k, own]) / math.sqrt(part) - penalty(head, q, k) for k in keys
                ]
                total = sum(map(math.exp, scores))
                for k, score in zip(keys, scores, strict=True):
                    out[b, q, own] += math.exp(score) / total * value[b, k, own]
    return out


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_every_head_attends_with_its_own_share_of_the_values(heads: int) -> None:
    given = streams()
    read, _ = TimedAttention(heads=heads)(*given, with_gaps())
    torch.testing.assert_close(read, by_loops(*given, with_gaps(), heads=heads), atol=1e-5, rtol=0)


@pytest.mark.parametrize("causal", [False, True])
def test_a_penalty_of_its_own_slope_for_every_frame_of_distance_is_added_to_each_heads_scores(causal: bool) -> None:
    given = streams()
    attention = TimedAttention(heads=2, time="distance", causal=causal)
    with torch.no_grad():
        attention.slope.copy_(torch.tensor([-1.0, 0.5]))
    softplus = [math.log(1 + math.exp(slope)) for slope in (-1.0, 0.5)]
    expected = by_loops(
        *given,
        with_gaps(),
        heads=2,
        allowed=lambda q, k: k <= q or not causal,
        penalty=lambda head, q, k: softplus[head] * abs(q - k),
    )
    torch.testing.assert_close(attention(*given, with_gaps())[0].detach(), expected, atol=1e-5, rtol=0)


def test_the_penalty_starts_at_one_in_twenty_five_frames() -> None:
    slope = TimedAttention(heads=3, time="distance").slope.detach()
    assert torch.allclose(25 * torch.log1p(slope.exp()), torch.ones(3))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("reach", [1, 2, 50])
def test_a_window_reads_only_keys_within_reach_and_nothing_where_none_of_them_is_valid(
    reach: int, causal: bool
) -> None:
    given = streams()
    attention = TimedAttention(time="window", reach_frames=reach, causal=causal)
    read, readable = attention(*given, with_gaps())
    expected = by_loops(*given, with_gaps(), allowed=lambda q, k: abs(q - k) <= reach and (k <= q or not causal))
    torch.testing.assert_close(read, expected, atol=1e-5, rtol=0)
    for b in range(BATCH):
        for q in range(FRAMES):
            reached = range(max(0, q - reach), q + 1 if causal else min(FRAMES, q + reach + 1))
            assert bool(readable[b, q]) == any(bool(with_gaps()[b, k]) for k in reached)
    assert torch.equal((read == 0).all(dim=-1), ~readable)


def test_rotary_attention_is_attention_of_turned_queries_and_keys() -> None:
    query, key, value = streams()
    attention = TimedAttention(heads=2, time="rotary")
    turned = []
    for stream in (query, key):
        out = stream.clone()
        for frame in range(FRAMES):
            for head in range(2):
                for pair in range(2):  # 4 values a head: wavelengths of 2 pi x 1 and 2 pi x 100 frames
                    at = 4 * head + 2 * pair
                    angle = frame * (1.0, 0.01)[pair]
                    x, y = stream[:, frame, at], stream[:, frame, at + 1]
                    out[:, frame, at] = x * math.cos(angle) - y * math.sin(angle)
                    out[:, frame, at + 1] = x * math.sin(angle) + y * math.cos(angle)
        turned.append(out)
    expected = by_loops(*turned, value, with_gaps(), heads=2)
    torch.testing.assert_close(attention(query, key, value, with_gaps())[0], expected, atol=1e-5, rtol=0)


def test_products_of_turned_queries_and_keys_depend_on_their_distance_alone() -> None:
    query, key = torch.randn(DIM, dtype=torch.float64), torch.randn(DIM, dtype=torch.float64)
    queries, keys = (rotary(each.expand(1, 1, 300, DIM)) for each in (query, key))
    scores = (queries @ keys.transpose(2, 3))[0, 0]
    for distance in (0, 1, 37, -37, 250):
        diagonal = scores.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[:1], atol=1e-4)  # angles are made in float32
    assert abs(float(scores[0, 0] - query @ key)) < 1e-9  # no distance, no turn
    assert abs(float(scores[0, 1] - scores[1, 0])) > 1e-3  # before and after are told apart


@pytest.mark.parametrize("time", ["none", "distance", "rotary", "window"])
def test_causal_attention_reads_nothing_of_the_future(time: str) -> None:
    attention = TimedAttention(time=time, causal=True)
    given, valid = streams(), with_gaps()
    changed = [each.clone() for each in given]
    for each in changed:
        each[:, 6:] += 10
    later = valid.clone()
    later[:, 6:] = ~later[:, 6:]
    for before, after in zip(attention(*given, valid), attention(*changed, later), strict=True):
        assert torch.equal(before[:, :6], after[:, :6])


@pytest.mark.parametrize("time", ["none", "distance", "rotary", "window"])
def test_where_nothing_may_be_read_zero_is_read_and_gradients_stay_finite(time: str) -> None:
    attention = TimedAttention(time=time, reach_frames=2)
    given = [each.requires_grad_() for each in streams()]
    read, readable = attention(*given, torch.zeros(BATCH, FRAMES, dtype=torch.bool))
    assert torch.equal(read, torch.zeros(BATCH, FRAMES, DIM))
    assert not readable.any()
    read.sum().backward()
    assert all(bool(torch.isfinite(each.grad).all()) for each in given)
