"""Bidirectional dynamic cross-modal attention (BDCA), Eq. 1-6 of the paper (III-D).

Both streams are (batch, frames, dim); the paper writes them as X in R^{d x L}. Eq. 2 adds the two modalities, so they
share one `dim`. A `valid` mask says where a modality was there: its invalid frames are no keys, and where it is
nowhere valid nothing is read from it and the gate rests on the other (ours). With default arguments and every frame
valid, each class does what the paper's equations say; what its other arguments do is ours, for ablations and variants.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vatrace.nn.attention import AttentionTime, TimedAttention

Activation = Literal["relu", "identity"]
Directions = Literal["both", "vdaa", "adva"]
GateSees = Literal["attended", "both", "validity"]
GateWeighs = Literal["attended", "read"]


class Attended(NamedTuple):
    """X_att and A `[batch, frames, dim]`, and where anything of the other modality could be read `[batch, frames]`."""

    stream: Tensor
    read: Tensor
    readable: Tensor


class CrossAttention(nn.Module):
    """Eq. 1-2: what one modality reads from the other, added to itself.

        A_v = Softmax(Q_v K_a^T / sqrt(d_a)) V_a        (1)
        X_att,v = ReLU(A_v + X_v)                       (2)

    Q_v is `query(original)`, K_a and V_a are `key(other)` and `value(other)`. The projections have no bias, after Eq.
    1, and there is one head, as it is written; the paper gives neither dropout nor normalisation here and we use none.

    Args:
        dim: values a frame of both streams.
        heads: attention heads.
        time: what the attention knows of time; see `TimedAttention`.
        reach_frames: how far it sees to either side in time `window`.
        causal: whether it reads nothing of the future.
        activation: what follows the sum; `identity` leaves the stream its sign.
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int = 1,
        time: AttentionTime = "none",
        reach_frames: int = 50,
        causal: bool = False,
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.attention = TimedAttention(heads=heads, time=time, reach_frames=reach_frames, causal=causal)
        self.activation = _activation(activation)

    def forward(
        self,
        original: Float[Tensor, "batch frames dim"],
        other: Float[Tensor, "batch frames dim"],
        other_valid: Bool[Tensor, "batch frames"],
    ) -> Attended:
        """X_att of the original stream: attended to the other one, over its valid frames."""
        read, readable = self.attention(self.query(original), self.key(other), self.value(other), other_valid)
        return Attended(self.activation(read + original), read, readable)


class DynamicGate(nn.Module):
    """Eq. 3-5: weigh the original stream against the attended one, frame by frame.

        W_go = X_att^T W_gl                             (3)
        G = Softmax(W_go / T) over its K = 2 columns    (4)
        X_att,g = ReLU(X (x) G_0 + X_att (x) G_1)       (5)

    W_gl is `weight`, [dim, 2], without bias; T is `temperature`. At .5 it sharpens the softmax, though the text says
    that it smooths. Column 0 weighs the original stream and column 1 the attended one, as Eq. 5 has it. The weight
    starts at zero (ours), so that training begins at one half each.

    A modality that is missing decides the weights (ours; the paper is silent): where the original is invalid and
    something of the other could be read they are (0, 1); where nothing could be read they are (1, 0).

    Args:
        dim: values a frame.
        temperature: T, above 0.
        sees: what W_gl is applied to. `attended`: X_att, as in Eq. 3. `both`: X_att and the other stream, side by side.
            `validity`: those and whether the original and the other are valid there, as 0 or 1.
        weighs: what is set against the original. `attended`: X_att, as in Eq. 5, which holds the original already.
            `read`: A of Eq. 1 alone, so that the weights say how much a frame rests on its own modality and how much
            on what was read from the other.
        activation: what follows the sum of Eq. 5.
    """

    def __init__(
        self,
        dim: int,
        *,
        temperature: float = 0.5,
        sees: GateSees = "attended",
        weighs: GateWeighs = "attended",
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        seen_dim = {"attended": dim, "both": 2 * dim, "validity": 2 * dim + 2}[sees]
        self.weight = nn.Parameter(torch.zeros(seen_dim, 2))
        self.temperature = temperature
        self.sees = sees
        self.weighs = weighs
        self.activation = _activation(activation)

    def forward(
        self,
        original: Float[Tensor, "batch frames dim"],
        attended: Attended,
        other: Float[Tensor, "batch frames dim"],
        original_valid: Bool[Tensor, "batch frames"],
        other_valid: Bool[Tensor, "batch frames"],
    ) -> tuple[Float[Tensor, "batch frames dim"], Float[Tensor, "batch frames 2"]]:
        """The gated stream, and the weights (original, attended) of each frame, which sum to 1."""
        seen = attended.stream
        if self.sees != "attended":
            seen = torch.cat([seen, other], dim=-1)
        if self.sees == "validity":
            seen = torch.cat([seen, torch.stack([original_valid, other_valid], dim=-1).to(seen.dtype)], dim=-1)
        gate_weights = torch.softmax(seen @ self.weight / self.temperature, dim=-1)
        gate_weights = _on_what_is_there(gate_weights, original_valid, attended.readable)
        weighed = attended.stream if self.weighs == "attended" else attended.read
        gated = self.activation(original * gate_weights[..., :1] + weighed * gate_weights[..., 1:])
        return gated, gate_weights


def _on_what_is_there(
    gate_weights: Float[Tensor, "batch frames 2"],
    original_valid: Bool[Tensor, "batch frames"],
    readable: Bool[Tensor, "batch frames"],
) -> Float[Tensor, "batch frames 2"]:
    certain = torch.stack([~readable, readable], dim=-1).to(gate_weights.dtype)  # (1, 0) or (0, 1)
    is_choice = original_valid & readable
    return torch.where(is_choice[..., None], gate_weights, certain)


class Fused(NamedTuple):
    """Both streams as one, and how each was weighed.

    `stream` is `[batch, frames, 2 dim]`; `gate_weights` is `[batch, frames, modality, 2]` with the modalities visual
    and audio and the weights (original, attended), or None where there is no gate.
    """

    stream: Tensor
    gate_weights: Tensor | None


class BidirectionalDynamicCrossModalAttention(nn.Module):
    """Eq. 6: VDAA and ADVA, each gated, side by side.

        X_fused = [X_att,gv; X_att,ga]                  (6)

    VDAA (visual-driven audio attention) is `visual_from_audio`: the query's modality comes first. ADVA is
    `audio_from_visual`.

    Args:
        dim: values a frame of each stream.
        gate: False leaves Eq. 3-5 out (Table IV, "BDCA w/o DW"): X_fused = [X_att,v; X_att,a], and no gate weights.
        directions: `both`, or one alone, the other half being its original stream with gate weights (1, 0): `vdaa` is
            [X_att,gv; X_a], `adva` is [X_v; X_att,ga].
        temperature: T of Eq. 4.
        gate_sees: what the gate's linear layer is given; see `DynamicGate`.
        gate_weighs: what the gate sets against the original; see `DynamicGate`.
        heads: attention heads.
        time: what the cross-attention knows of time; see `TimedAttention`.
        reach_frames: how far it sees to either side in time `window`.
        causal: whether it reads nothing of the future.
        activation: what follows the sums of Eq. 2 and 5.
    """

    def __init__(
        self,
        dim: int,
        *,
        gate: bool = True,
        directions: Directions = "both",
        temperature: float = 0.5,
        gate_sees: GateSees = "attended",
        gate_weighs: GateWeighs = "attended",
        heads: int = 1,
        time: AttentionTime = "none",
        reach_frames: int = 50,
        causal: bool = False,
        activation: Activation = "relu",
    ) -> None:
        super().__init__()

        def attention() -> CrossAttention:
            return CrossAttention(
                dim, heads=heads, time=time, reach_frames=reach_frames, causal=causal, activation=activation
            )

        def dynamic_gate() -> DynamicGate | None:
            if not gate:
                return None
            return DynamicGate(dim, temperature=temperature, sees=gate_sees, weighs=gate_weighs, activation=activation)

        self.has_gate = gate
        self.visual_from_audio = attention() if directions != "adva" else None
        self.audio_from_visual = attention() if directions != "vdaa" else None
        self.visual_gate = dynamic_gate() if directions != "adva" else None
        self.audio_gate = dynamic_gate() if directions != "vdaa" else None

    def forward(
        self,
        visual: Float[Tensor, "batch frames dim"],
        audio: Float[Tensor, "batch frames dim"],
        visual_valid: Bool[Tensor, "batch frames"],
        audio_valid: Bool[Tensor, "batch frames"],
    ) -> Fused:
        """Fuse both streams, frame by frame."""
        visual_out, visual_weights = _one_way(
            self.visual_from_audio, self.visual_gate, visual, audio, visual_valid, audio_valid
        )
        audio_out, audio_weights = _one_way(
            self.audio_from_visual, self.audio_gate, audio, visual, audio_valid, visual_valid
        )
        gate_weights = torch.stack([visual_weights, audio_weights], dim=2) if self.has_gate else None
        return Fused(stream=torch.cat([visual_out, audio_out], dim=-1), gate_weights=gate_weights)


def _one_way(
    attention: CrossAttention | None,
    gate: DynamicGate | None,
    original: Float[Tensor, "batch frames dim"],
    other: Float[Tensor, "batch frames dim"],
    original_valid: Bool[Tensor, "batch frames"],
    other_valid: Bool[Tensor, "batch frames"],
) -> tuple[Float[Tensor, "batch frames dim"], Float[Tensor, "batch frames 2"]]:
    """Half of X_fused and its weights; a part that is left out passes on what it was given, with all of the weight."""
    all_original = original.new_tensor([1.0, 0.0]).expand(*original.shape[:2], 2)
    if attention is None:
        return original, all_original
    attended = attention(original, other, other_valid)
    if gate is None:
        return attended.stream, all_original.flip(-1)
    gated: tuple[Tensor, Tensor] = gate(original, attended, other, original_valid, other_valid)
    return gated


def _activation(name: Activation) -> nn.Module:
    return nn.ReLU() if name == "relu" else nn.Identity()
