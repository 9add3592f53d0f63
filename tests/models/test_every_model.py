"""What holds for every model that a configuration can name: each option is here at least once."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from vatrace.config import ModelConfig, WindowConfig
from vatrace.models.build import TemporalNetwork, build_model
from vatrace.models.checkpoint import FeatureSpec, SavedModel, load_model, save_model
from vatrace.models.prediction import Prediction

VISUAL_DIM, AUDIO_DIMS, FRAMES = 5, (3, 4), 24
SMALL = {"dim": 8, "tcn_layers": 2, "encoder_layers": 1, "encoder_heads": 2, "feed_forward": 16, "dropout": 0.0}
LIVE = {"causal": True, "causal_attention": True}

FUSIONS: dict[str, dict[str, object]] = {
    "bdca": {},
    "concat": {"fusion": "concat"},
    "visual": {"fusion": "visual"},
    "audio": {"fusion": "audio"},
    "framewise": {"fusion": "framewise"},
    "late": {"fusion": "late"},
}
OPTIONS: dict[str, dict[str, object]] = {
    "no gate": {"gate": False},
    "vdaa": {"directions": "vdaa"},
    "adva": {"directions": "adva"},
    "vdaa without gate": {"directions": "vdaa", "gate": False},
    "two heads": {"attention_heads": 2},
    "looking ahead": {"causal": False},
    "a tcn a feature set": {"audio_tcns": "each"},
    "a tcn a feature set, concatenated": {"fusion": "concat", "audio_tcns": "each"},
    "a tcn a feature set, audio alone": {"fusion": "audio", "audio_tcns": "each"},
    "distance": {"attention_time": "distance", "attention_heads": 2},
    "rotary": {"attention_time": "rotary", "attention_heads": 2},
    "window": {"attention_time": "window", "attention_reach_frames": 3},
    "gate sees both": {"gate_sees": "both"},
    "gate sees validity": {"gate_sees": "validity"},
    "gate weighs what was read": {"gate_weighs": "read"},
    "no rectifiers": {"activation": "identity"},
    "live": LIVE,
    "live, distance": {**LIVE, "attention_time": "distance"},
    "live, rotary": {**LIVE, "attention_time": "rotary"},
    "live, window": {**LIVE, "attention_time": "window", "attention_reach_frames": 3},
    "live, one tcn a feature set": {**LIVE, "audio_tcns": "each"},
    "live, concat": {**LIVE, "fusion": "concat"},
    "live, visual": {**LIVE, "fusion": "visual"},
    "live, audio": {**LIVE, "fusion": "audio"},
    "all at once": {
        "causal": False,
        "audio_tcns": "each",
        "directions": "adva",
        "attention_heads": 2,
        "attention_time": "distance",
        "gate_sees": "validity",
        "activation": "identity",
        "temperature": 1.0,
    },
}
EVERY = {**FUSIONS, **OPTIONS}
every_model = pytest.mark.parametrize("options", EVERY.values(), ids=EVERY.keys())


def config_of(options: dict[str, object]) -> ModelConfig:
    return ModelConfig(**{**SMALL, **options})


def network_of(options: dict[str, object]) -> TemporalNetwork:
    """A network that is no longer at its start, where gates weigh by one half whatever they see."""
    torch.manual_seed(0)
    network = build_model(config_of(options), visual_dim=VISUAL_DIM, audio_dims=AUDIO_DIMS)
    for name, parameter in network.named_parameters():
        if name.endswith("gate.weight"):
            torch.nn.init.normal_(parameter)
    return network.eval()


def inputs(batch: int = 2) -> list[torch.Tensor]:
    torch.manual_seed(1)
    everywhere = torch.ones(batch, FRAMES, dtype=torch.bool)
    return [torch.randn(batch, FRAMES, width) for width in (VISUAL_DIM, sum(AUDIO_DIMS))] + [
        everywhere,
        everywhere.clone(),
    ]


def with_gaps() -> list[torch.Tensor]:
    """No face in frames 4-7, no sound in 6-11: both are missing in 6 and 7."""
    given = inputs()
    given[2][:, 4:8] = False
    given[3][:, 6:12] = False
    return given


def loss_of(prediction: Prediction) -> torch.Tensor:
    torch.manual_seed(2)
    return F.mse_loss(prediction.values, torch.randn(prediction.values.shape))


@every_model
def test_one_step_moves_every_parameter_and_a_saved_model_predicts_what_the_trained_one_does(
    options: dict[str, object], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    config = config_of(options)
    network = build_model(config, visual_dim=VISUAL_DIM, audio_dims=AUDIO_DIMS)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    loss_of(network(*with_gaps())).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name
        assert bool((parameter.grad != 0).any()), f"{name} learns nothing"
    optimizer.step()

    spec = FeatureSpec(visual_dim=VISUAL_DIM, acoustic=("vggish", "mfcc"), audio_dims=AUDIO_DIMS, identities={})
    save_model(tmp_path, SavedModel(network=network, model=config, window=WindowConfig(), features=spec))
    loaded = load_model(tmp_path)
    assert loaded.model == config
    with torch.inference_mode():
        one, other = network.eval()(*with_gaps()), loaded.network(*with_gaps())
    assert torch.equal(one.values, other.values)
    assert (one.gate_weights is None) == (other.gate_weights is None)
    if one.gate_weights is not None:
        assert torch.equal(one.gate_weights, other.gate_weights)


@every_model
def test_padding_at_the_end_changes_nothing_before_it(options: dict[str, object]) -> None:
    network = network_of(options)
    short = [each[:, :15] for each in with_gaps()]
    padded = with_gaps()
    padded[0][:, 15:], padded[1][:, 15:] = 1e3, float("nan")
    padded[2][:, 15:] = padded[3][:, 15:] = False
    alone, beside = network(*short), network(*padded)
    assert torch.allclose(beside.values[:, :15], alone.values, atol=1e-5)
    if alone.gate_weights is not None:
        assert torch.allclose(beside.gate_weights[:, :15], alone.gate_weights, atol=1e-5)


@every_model
def test_what_stands_in_invalid_frames_changes_nothing(options: dict[str, object]) -> None:
    network = network_of(options)
    given, dirty = with_gaps(), with_gaps()
    dirty[0][:, 4:8], dirty[1][:, 6:12] = float("nan"), 1e4
    assert torch.equal(network(*given).values, network(*dirty).values)


@every_model
def test_a_clip_gives_the_same_alone_as_beside_one_with_other_gaps(options: dict[str, object]) -> None:
    network = network_of(options)
    given = with_gaps()
    given[2][1], given[3][1] = ~given[2][1], False
    together = network(*given)
    for clip in range(2):
        alone = network(*[each[clip : clip + 1] for each in given])
        assert torch.allclose(together.values[clip], alone.values[0], atol=1e-5)


@pytest.mark.parametrize(
    ("no_face", "no_sound"),
    [
        (slice(0, 0), slice(None)),
        (slice(None), slice(0, 0)),
        (slice(None), slice(None)),
        (slice(0, 9), slice(0, 12)),
        (slice(9, 20), slice(9, 20)),
        (slice(15, None), slice(9, None)),
    ],
    ids=["silent", "no face", "neither", "both missing first", "both missing for a while", "both missing at the end"],
)
@every_model
def test_a_missing_modality_leaves_finite_values_and_gradients(
    options: dict[str, object], no_face: slice, no_sound: slice
) -> None:
    network = network_of(options).train()
    given = inputs()
    given[2][0, no_face] = False  # the other clip of the batch is whole
    given[3][0, no_sound] = False
    prediction = network(*given)
    assert bool(torch.isfinite(prediction.values).all())
    loss_of(prediction).backward()
    assert all(bool(torch.isfinite(p.grad).all()) for p in network.parameters() if p.grad is not None)
    with torch.inference_mode():
        assert bool(torch.isfinite(network.eval()(*given).values).all())


LIVE_MODELS = {name: options for name, options in OPTIONS.items() if name.startswith("live")}


@pytest.mark.parametrize("options", [*LIVE_MODELS.values(), FUSIONS["framewise"]], ids=[*LIVE_MODELS, "framewise"])
@pytest.mark.parametrize("now", [3, 7, 17])
def test_a_live_models_output_depends_on_nothing_of_the_future(options: dict[str, object], now: int) -> None:
    """Not on what will be seen and heard, nor on whether anything will, nor on how long it goes on."""
    network = network_of(options)
    given, changed = with_gaps(), with_gaps()
    changed[0][:, now:] += 3
    changed[1][:, now:] -= 3
    changed[2][:, now:], changed[3][:, now:] = ~changed[2][:, now:], False
    changed[2][1, :now] = given[2][1, :now] = False  # the second clip has neither yet
    changed[3][1, :now] = given[3][1, :now] = False
    one, other = network(*given), network(*changed)
    until_now = network(*[each[:, :now] for each in given])
    for later in (other, until_now):
        assert torch.allclose(one.values[:, :now], later.values[:, :now], atol=1e-6)
        if one.gate_weights is not None:
            assert torch.allclose(one.gate_weights[:, :now], later.gate_weights[:, :now], atol=1e-6)
    assert not torch.allclose(one.values[:, now:], other.values[:, now:], atol=1e-3)


@pytest.mark.parametrize(("fusion", "unseen"), [("visual", 1), ("audio", 0), ("framewise", 1)])
def test_a_model_of_one_modality_does_not_look_at_the_other(fusion: str, unseen: int) -> None:
    network = network_of({"fusion": fusion})
    given, changed = with_gaps(), with_gaps()
    changed[unseen] += 5
    changed[unseen + 2][:] = ~changed[unseen + 2]
    one, other = network(*given), network(*changed)
    assert torch.equal(one.values, other.values)
    assert one.gate_weights is None
    seen = 1 - unseen
    changed[seen] += 5
    assert not torch.equal(one.values, network(*changed).values)


def test_the_baseline_is_a_linear_layer_on_the_z_scores_of_each_frame() -> None:
    network = network_of({"fusion": "framewise"})
    network.visual_scale.set(torch.arange(5.0), torch.arange(1.0, 6.0))
    given = with_gaps()
    values = network(*given).values
    z_scores = (given[0] - torch.arange(5.0)) / torch.arange(1.0, 6.0)
    expected = z_scores @ network.head.weight.T + network.head.bias
    seen = given[2]
    assert torch.allclose(values[seen], expected[seen], atol=1e-6)
    assert torch.equal(values[~seen], network.head.bias.expand(int((~seen).sum()), 2))


def test_concatenation_differs_from_the_papers_model_in_the_fusion_alone() -> None:
    bdca, concat = network_of({}), network_of({"fusion": "concat"})
    weights = {name: value for name, value in bdca.state_dict().items() if not name.startswith("fusion.")}
    concat.load_state_dict(weights)  # strictly: the same parts of the same sizes
    given = with_gaps()
    encoded = [
        concat.visual_tcn(concat.visual_scale(given[0]), given[2]),
        concat.audio_tcn(concat.audio_scale(given[1]), given[3]),
    ]
    expected = bdca.head(bdca.encoder(torch.cat(encoded, dim=-1), given[2] | given[3]))
    assert torch.equal(concat(*given).values, expected)
    assert not torch.equal(concat(*given).values, bdca(*given).values)
