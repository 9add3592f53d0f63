import pytest
import timm
import torch
from torch import nn

from vatrace.nn.hierarchy import (
    PictureRegressor,
    freeze_lower_blocks,
    layer_decay_scale,
    parameter_groups,
)
from vatrace.nn.width import encoded_dim


def vit(name: str = "vit_tiny_patch16_224", **changes: object) -> nn.Module:
    torch.manual_seed(0)
    sizes = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 6, "num_heads": 2}
    return timm.create_model(name, num_classes=0, **(sizes | changes))


def frozen(name: str) -> bool:
    return name.startswith(("patch_embed", "cls_token", "pos_embed", "blocks.0", "blocks.1", "blocks.2", "blocks.3"))


def test_the_lower_two_thirds_stay_bit_identical_while_the_rest_moves() -> None:
    network = PictureRegressor(vit(), dropout=0.1, frozen_fraction=2 / 3)
    assert network.num_frozen == 4
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW(parameter_groups(network, 0.75), lr=1e-2, weight_decay=0.1)
    network(torch.randn(2, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]) == frozen(name.removeprefix("encoder.")), name


def test_of_the_papers_24_blocks_16_are_frozen() -> None:
    with torch.device("meta"):
        network = timm.create_model("vit_large_patch16_224.mae", num_classes=0)
    assert freeze_lower_blocks(network, 2 / 3) == 16
    still = {
        name.split(".")[1] if name.startswith("blocks.") else name
        for name, parameter in network.named_parameters()
        if not parameter.requires_grad
    }
    assert still == {*map(str, range(16)), "patch_embed.proj.weight", "patch_embed.proj.bias", "cls_token", "pos_embed"}


def test_nothing_frozen_means_nothing_at_all() -> None:
    network = vit()
    freeze_lower_blocks(network, 2 / 3)
    assert freeze_lower_blocks(network, 0) == 0
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_network_without_blocks_cannot_be_frozen_by_depth() -> None:
    with torch.device("meta"):
        network = timm.create_model("resnet18", num_classes=0)
    with pytest.raises(ValueError, match="ResNet is no vision transformer"):
        freeze_lower_blocks(network, 0.5)


@pytest.mark.parametrize("fraction", [0, 0.5, 1])
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("vit_tiny_patch16_224", {}),
        ("vit_tiny_patch16_224", {"global_pool": "avg"}),
        ("vit_tiny_patch16_224", {"reg_tokens": 2, "no_embed_class": True, "pre_norm": True, "dynamic_img_size": True}),
        ("deit_tiny_distilled_patch16_224", {}),
        ("vit_base_patch16_siglip_224", {}),
    ],
    ids=["plain", "mean", "registers", "distilled", "attention pool"],
)
def test_split_by_depth_a_transformer_computes_what_timm_computes(name: str, changes: dict, fraction: float) -> None:
    encoder = vit(name, **changes)
    network = PictureRegressor(encoder, dropout=0, frozen_fraction=fraction).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(images), network.head(encoder(images)))


def test_the_frozen_part_drops_nothing_and_the_trained_part_does() -> None:
    network = PictureRegressor(vit(drop_path_rate=0.5, pos_drop_rate=0.5), dropout=0.5, frozen_fraction=0.5).train()
    training = {name for name, part in network.encoder.named_modules() if part.training}
    assert not {name for name in training if name.startswith(("pos_drop", "blocks.0", "blocks.1", "blocks.2"))}
    assert {"blocks.3.drop_path1", "blocks.5.drop_path2", "norm"} <= training
    assert network.head[1].training
    assert not network.eval().head[1].training


def saved_bytes(network: nn.Module, images: torch.Tensor) -> int:
    """Bytes kept for the gradient, weights left out."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        alias = tensor.detach()  # the tensor itself would hold the graph that holds it
        if alias.untyped_storage().data_ptr() not in weights:
            kept[alias.untyped_storage().data_ptr()] = alias
        return alias

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(images)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def test_frozen_blocks_keep_nothing_and_checkpointed_ones_keep_their_input_alone() -> None:
    images = torch.randn(4, 3, 32, 32)

    def kept(**options: object) -> int:
        return saved_bytes(PictureRegressor(vit(), dropout=0, **options).train(), images)  # type: ignore[arg-type]

    a_block_input = 4 * 17 * 32 * 4  # pictures, tokens, values, bytes
    whole, third, none = (kept(frozen_fraction=each) for each in (0, 2 / 3, 1))
    assert (third - none) / (whole - none) == pytest.approx(1 / 3, abs=0.05)
    again = kept(frozen_fraction=2 / 3, gradient_checkpointing=True)
    assert again - none == pytest.approx(2 * a_block_input, abs=1000)


@pytest.mark.parametrize("name", ["vit", "resnet18"])
def test_checkpointing_changes_no_gradient(name: str) -> None:
    found = []
    for gradient_checkpointing in (False, True):
        torch.manual_seed(0)
        encoder = vit() if name == "vit" else timm.create_model(name, num_classes=0)
        network = PictureRegressor(encoder, dropout=0.3, gradient_checkpointing=gradient_checkpointing)
        torch.manual_seed(2)
        network(torch.randn(2, 3, *((32, 32) if name == "vit" else (64, 64)))).square().sum().backward()
        found.append([parameter.grad for parameter in network.parameters()])
    assert sum(bool(gradient.abs().max() > 1e-4) for gradient in found[0]) >= len(found[0]) / 2
    assert all(torch.allclose(one, other, rtol=1e-4, atol=1e-6) for one, other in zip(*found, strict=True))


def test_layers_learn_at_the_rates_of_the_mae_recipe() -> None:
    # ViT-L at decay .75: He et al.'s fine-tuning gives blocks 16 to 23 these scales, and the head 1.
    scales = [layer_decay_scale(f"blocks.{index}.attn.qkv.weight", 24, 0.75) for index in range(16, 24)]
    assert scales == pytest.approx([0.100, 0.134, 0.178, 0.237, 0.316, 0.422, 0.563, 0.75], abs=6e-4)
    assert layer_decay_scale("patch_embed.proj.weight", 24, 0.75) == 0.75**25
    assert layer_decay_scale("norm.weight", 24, 0.75) == layer_decay_scale("head.2.weight", 24, 0.75) == 1


def test_every_trained_weight_is_in_one_group_with_its_rate() -> None:
    network = PictureRegressor(vit(depth=3), dropout=0, frozen_fraction=0)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    groups = {
        group["lr_scale"]: {names[id(each)].split(".")[1] for each in group["params"]}
        for group in parameter_groups(network, 0.5)
    }
    assert set(groups) == {1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0}  # stem, three blocks, head
    assert groups[1 / 16] == {"cls_token", "pos_embed", "patch_embed"}
    assert groups[1.0] == {"norm", "0", "2"}
    assert sum(len(group["params"]) for group in parameter_groups(network, 0.5)) == len(names)
    upper = parameter_groups(PictureRegressor(vit(depth=3), dropout=0, frozen_fraction=2 / 3), 0.5)
    assert sorted(group["lr_scale"] for group in upper) == [0.5, 1.0]


def test_a_network_without_blocks_has_no_rate_a_block() -> None:
    with torch.device("meta"):
        network = PictureRegressor(timm.create_model("resnet18", num_classes=0), dropout=0)
    with pytest.raises(ValueError, match="no rate a block"):
        parameter_groups(network, 0.75)
    assert len(parameter_groups(network, None)) == 1


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_100", "vit_tiny_patch16_224"])
def test_the_width_of_a_row_is_what_the_network_gives(name: str) -> None:
    network = timm.create_model(name, num_classes=0).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 224, 224)).shape == (1, encoded_dim(network))


def test_the_head_is_layernorm_dropout_linear() -> None:
    network = PictureRegressor(vit(), dropout=0.4)
    assert [type(part).__name__ for part in network.head] == ["LayerNorm", "Dropout", "Linear"]
    assert network.head[1].p == 0.4
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 2)
