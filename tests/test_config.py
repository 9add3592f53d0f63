import pytest

from vatrace.config import EncoderConfig, ModelConfig, TrainConfig, WindowConfig, from_dict, to_dict


@pytest.mark.parametrize(
    "config", [ModelConfig(dim=64), TrainConfig(seed=3), EncoderConfig(architecture="resnet50", image_pixels=96)]
)
def test_a_configuration_survives_being_plain_data(config: ModelConfig | TrainConfig | EncoderConfig) -> None:
    assert from_dict(type(config), to_dict(config)) == config


def test_an_unknown_key_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match="WindowConfig has no window; it has smooth_seconds, stride_frames, window_frames"
    ):
        from_dict(WindowConfig, {"window": 3})


def test_a_stride_beyond_the_window_says_what_to_choose() -> None:
    with pytest.raises(ValueError, match="choose stride_frames <= 300"):
        WindowConfig(stride_frames=400)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dim": 0}, "dim must be above 0, got 0"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"dim": 5, "encoder_heads": 4}, r"encoder_heads \(4\) must divide 2 x dim \(10\)"),
    ],
)
def test_impossible_sizes_are_refused_with_their_value(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**values)  # type: ignore[arg-type]


def test_a_start_above_the_peak_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lr_start \(0.1\) must not exceed lr_peak \(0.005\)"):
        TrainConfig(lr_start=0.1)
