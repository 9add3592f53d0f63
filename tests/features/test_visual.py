from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from vatrace.config import EncoderConfig
from vatrace.errors import ModelError, NothingFound
from vatrace.features.visual import (
    build_network,
    encoder_from_timm,
    load_encoder,
    make_encoder,
    normalise_images,
    prepare_images,
    save_encoder,
    timm_config,
)

SMALL = EncoderConfig(
    architecture="vit_tiny_patch16_224",
    arguments={"patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2},
    image_pixels=32,
)
NAME = "test_vit.r160_in1k"  # timm's own test network: 160 pixels, a third of a million weights


def crops(number: int = 3, pixels: int = 224) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (number, pixels, pixels, 3), dtype=np.uint8))


def test_a_vision_transformer_gives_its_cls_token_after_the_final_norm() -> None:
    torch.manual_seed(0)
    encoder = make_encoder(SMALL, build_network(SMALL))
    images = prepare_images(np.stack(crops()), SMALL)
    with torch.inference_mode():
        tokens = encoder.network.eval().forward_features(images)
    assert np.allclose(encoder.encode(crops()), tokens[:, 0].numpy(), atol=1e-6)
    assert encoder.dim == 32


def test_pictures_are_normalised_as_the_paper_prints_it() -> None:
    image = prepare_images(np.full((1, 32, 32, 3), 255, np.uint8), SMALL)
    assert torch.allclose(image, torch.full_like(image, (1 - 0.389) / 0.198))


def test_channels_stay_red_green_blue() -> None:
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[..., 0] = 255
    assert float(prepare_images(red, SMALL)[0, 0].mean()) > 0 > float(prepare_images(red, SMALL)[0, 2].mean())


def test_no_pictures_give_no_rows() -> None:
    assert make_encoder(SMALL, build_network(SMALL)).encode([]).shape == (0, 32)


def test_an_encoder_folder_gives_the_same_encoder_back(tmp_path: Path) -> None:
    encoder = make_encoder(SMALL, build_network(SMALL), ["clip-b", "clip-a"])
    save_encoder(tmp_path, encoder)
    loaded = load_encoder(tmp_path)
    assert loaded.identity == encoder.identity
    assert loaded.config == SMALL
    assert loaded.tuned_on == ("clip-a", "clip-b")
    assert np.array_equal(loaded.encode(crops()), encoder.encode(crops()))


def test_an_identity_tells_weights_and_preparation_apart() -> None:
    torch.manual_seed(0)
    one, other = build_network(SMALL), build_network(SMALL)
    brighter = EncoderConfig(
        architecture=SMALL.architecture, arguments=SMALL.arguments, image_pixels=32, mean=(0.5, 0.5, 0.5)
    )
    assert (
        len(
            {
                make_encoder(SMALL, one).identity,
                make_encoder(SMALL, other).identity,
                make_encoder(brighter, one).identity,
            }
        )
        == 3
    )


def test_a_list_of_tuning_videos_that_was_changed_is_refused(tmp_path: Path) -> None:
    save_encoder(tmp_path, make_encoder(SMALL, build_network(SMALL), ["clip-a"]))
    path = tmp_path / "encoder.json"
    path.write_text(path.read_text().replace('"clip-a"', '"clip-b"'))
    with pytest.raises(ModelError, match=r"list of tuning videos .* was changed"):
        load_encoder(tmp_path)


def test_an_empty_folder_is_no_encoder(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match="no encoder folder"):
        load_encoder(tmp_path)


@pytest.mark.parametrize("form", ["timm.safetensors", "mae.pth", "plain.pth"])
def test_any_timm_network_by_name_takes_a_checkpoint_by_path(tmp_path: Path, form: str) -> None:
    torch.manual_seed(0)
    source = timm.create_model(NAME, pretrained=False)
    state = source.state_dict()
    if form.endswith(".safetensors"):
        save_file(state, tmp_path / form)
    elif form == "mae.pth":  # the layout of facebookresearch/mae, with its decoder
        torch.save(
            {"model": {**state, "mask_token": torch.zeros(1), "decoder_embed.weight": torch.zeros(2)}}, tmp_path / form
        )
    else:
        torch.save(state, tmp_path / form)
    encoder = encoder_from_timm(NAME, weights=tmp_path / form)
    images = prepare_images(np.stack(crops(2)), encoder.config)
    with torch.inference_mode():
        timms_own = source.eval().forward_features(images)[:, 0]
    assert encoder.config.image_pixels == 160
    assert np.abs(encoder.encode(crops(2)) - timms_own.numpy()).max() < 1e-6


def test_pictures_of_a_timm_network_are_normalised_as_chosen() -> None:
    timms_own = encoder_from_timm(NAME, random_weights=True).config
    assert timms_own.mean == timm.get_pretrained_cfg(NAME).mean
    paper = encoder_from_timm(NAME, random_weights=True, pixels="paper").config
    assert (paper.mean, paper.std, paper.image_pixels) == ((0.389,) * 3, (0.198,) * 3, 160)
    channels = encoder_from_timm(NAME, random_weights=True, pixels="channels").config
    # The paper's numbers are the averages of those of the channels.
    assert [np.mean(channels.mean), np.mean(channels.std)] == pytest.approx([0.389, 0.198], abs=5e-4)


def test_bytes_that_lie_anywhere_are_normalised_as_inference_does_it() -> None:
    pictures = np.stack(crops(2, 32))
    assert torch.equal(normalise_images(torch.from_numpy(pictures), SMALL), prepare_images(pictures, SMALL))
    red = normalise_images(torch.full((1, 32, 32, 3), 51, dtype=torch.uint8), timm_config(NAME, "channels"))
    assert float(red[0, 0, 0, 0]) == pytest.approx((51 / 255 - 0.471) / 0.220, abs=1e-6)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))  # type: ignore[return-value]

    torch.save({"model": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(ModelError, match="tensors only"):
        encoder_from_timm(NAME, weights=tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_of_another_network_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    save_file({"something.else": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match=r"tensors missing .* 1 unknown \(something.else\)"):
        encoder_from_timm(NAME, weights=tmp_path / "other.safetensors")


def test_an_unknown_name_says_which_are_near() -> None:
    with pytest.raises(ModelError, match=r"timm has no model 'resnet5000'. Near: .*resnet"):
        encoder_from_timm("resnet5000", random_weights=True)


def test_a_hub_that_cannot_be_reached_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    encoder = encoder_from_timm(NAME, random_weights=True)
    assert encoder.dim == 64
    monkeypatch.setattr("timm.models._builder.load_pretrained", unreachable)
    with pytest.raises(ModelError, match="Give a file with --weights, or --random-weights"):
        encoder_from_timm(NAME)


def test_the_expression_network_is_known_by_name_and_comes_back_with_its_shift(tmp_path: Path) -> None:
    config = EncoderConfig(architecture="expression7", arguments={"logit_shift": [0.0] * 6 + [1.5]}, image_pixels=64)
    encoder = make_encoder(config, build_network(config).eval())
    save_encoder(tmp_path, encoder)
    back = load_encoder(tmp_path)
    assert back.identity == encoder.identity
    assert back.dim == 7
    assert np.array_equal(back.encode(crops()), encoder.encode(crops()))
    assert back.encode(crops()).sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_pixels": 224}, "expression7 takes pictures of 64 pixels, got 224"),
        ({"arguments": {"depth": 6}}, "expression7 cannot be made with .*depth"),
        ({"arguments": {"logit_shift": [1.0]}}, "logit_shift needs 7 numbers"),
    ],
)
def test_an_expression_network_of_another_shape_is_refused(change: dict[str, object], message: str) -> None:
    options: dict[str, object] = {"architecture": "expression7", "image_pixels": 64} | change
    with pytest.raises(ModelError, match=message):
        build_network(EncoderConfig(**options))  # type: ignore[arg-type]  # one wrong option at a time
