"""Which models a configuration can name, and how the others are refused."""

import pytest

from vatrace.config import ModelConfig, from_dict, to_dict


def test_the_defaults_are_the_papers_model() -> None:
    paper = ModelConfig()
    assert (paper.fusion, paper.gate, paper.directions, paper.temperature) == ("bdca", True, "both", 0.5)
    assert (paper.attention_heads, paper.attention_time, paper.gate_sees) == (1, "none", "attended")
    assert (paper.dim, paper.tcn_layers, paper.activation) == (128, 4, "relu")


def test_a_variant_survives_being_plain_data() -> None:
    variant = ModelConfig(attention_time="window", attention_reach_frames=30, directions="vdaa", audio_tcns="each")
    assert from_dict(ModelConfig, to_dict(variant)) == variant


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fusion": "sum"}, "fusion must be one of bdca, concat, visual, audio, framewise, late, got 'sum'"),
        ({"directions": "one"}, "directions must be one of both, vdaa, adva, got 'one'"),
        ({"attention_time": "alibi"}, "attention_time must be one of none, distance, rotary, window, got 'alibi'"),
        ({"gate_sees": "all"}, "gate_sees must be one of attended, both, validity, got 'all'"),
        ({"activation": "gelu"}, "activation must be one of relu, identity, got 'gelu'"),
        ({"audio_tcns": "two"}, "audio_tcns must be one of joint, each, got 'two'"),
        ({"attention_heads": 3}, r"attention_heads \(3\) must divide dim \(128\)"),
        ({"attention_heads": 0}, "attention_heads must be above 0, got 0"),
        ({"attention_time": "window", "attention_reach_frames": 0}, "attention_reach_frames must be above 0, got 0"),
        ({"fusion": "audio", "dim": 6}, r"encoder_heads \(4\) must divide dim \(6\)"),
        ({"fusion": "visual", "dim": 5, "encoder_heads": 1}, r"dim \(5\) must be even"),
        (
            {"dim": 6, "attention_heads": 2, "attention_time": "rotary"},
            "rotary attention needs an even number of values a head, got dim 6 over 2 heads",
        ),
    ],
)
def test_impossible_choices_are_refused_with_what_was_given(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fusion": "concat", "gate": False}, r"gate \(False\) would change nothing: fusion is concat, not bdca"),
        ({"fusion": "visual", "attention_time": "rotary"}, r"attention_time \(rotary\) would change nothing"),
        ({"fusion": "visual", "audio_tcns": "each"}, r"audio_tcns \(each\) .* fusion is visual, which does not listen"),
        ({"gate": False, "gate_sees": "both"}, r"gate_sees \(both\) would change nothing: there is no gate"),
        ({"gate": False, "temperature": 1.0}, r"temperature \(1.0\) .* leave it at 0.5"),
        ({"attention_reach_frames": 20}, r"attention_reach_frames \(20\) .* attention_time is none, not window"),
    ],
)
def test_an_option_that_the_model_does_not_have_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**values)
