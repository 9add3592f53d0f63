"""What tuning and pre-training ViT-L cost: memory by what is kept, and one optimiser step on this machine.

    python benchmarks/encoder_memory.py [--architecture vit_large_patch16_224] [--batch 32] [--count-only]

First it counts, from the code: bytes of weights, gradients and AdamW's moments, and bytes that autograd keeps a
picture. It does so by looking at every tensor that one forward pass saves, at one and at two pictures; the difference
is a picture. Then it takes one step with random weights in a process of its own, and prints its seconds and its peak of
resident memory, the saving of the state included.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from vatrace.config import EncoderConfig, FinetuneConfig, PretrainConfig
from vatrace.datasets.crops import CropReader, list_crops
from vatrace.features.visual import VisualEncoder, build_network, timm_config
from vatrace.nn.hierarchy import parameter_groups
from vatrace.training.finetune import LabelledCrops, PictureJob, picture_regressor
from vatrace.training.loop import Plan, run
from vatrace.training.pretrain import masked_autoencoder

GB = 1e9
MAE_DECODER = {"decoder_dim": 512, "decoder_depth": 8, "decoder_heads": 16}  # He et al. 2022, for every ViT


@dataclass(frozen=True)
class Kept:
    """Bytes that a step holds: of all weights, of gradients and moments of the trained ones, and a picture."""

    weights: int
    gradients: int
    moments: int
    once: int
    a_picture: int

    def total(self, batch: int) -> int:
        return self.weights + self.gradients + self.moments + self.once + batch * self.a_picture


def count(network: nn.Module, config: EncoderConfig, bf16: bool) -> Kept:
    """Count what training this network keeps; activations from what one forward pass saves for the gradient."""
    inputs = [[torch.randn(number, 3, config.image_pixels, config.image_pixels)] for number in (1, 2)]
    if hasattr(network, "mask_ratio"):
        patches = network.encoder.patch_embed.num_patches
        inputs = [[images, torch.rand(len(images), patches)] for (images,) in inputs]
    one, two = (saved_bytes(network.train(), each, bf16) for each in inputs)
    trained = sum(each.nbytes for each in network.parameters() if each.requires_grad)
    weights = sum(each.nbytes for each in network.parameters())
    return Kept(weights, trained, 2 * trained, 2 * one - two, two - one)


def saved_bytes(network: nn.Module, inputs: list[Tensor], bf16: bool) -> int:
    """Bytes that autograd keeps in one forward pass, each piece of memory once, without the weights themselves."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        alias = tensor.detach()  # the tensor itself would hold the graph that holds it
        if alias.untyped_storage().data_ptr() not in weights:
            kept[alias.untyped_storage().data_ptr()] = alias
        return alias

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        network(*inputs)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def print_counts(encoder: VisualEncoder, batch: int) -> None:
    print(f"{encoder.config.architecture}, GB (1e9 bytes) at batch {batch}; MB a picture")
    print(f"{'':<46}{'weights':>9}{'grads':>8}{'AdamW':>8}{'once':>8}{'MB/pic':>9}{'kept':>8}{'sum':>8}")
    for bf16 in (False, True):
        for checkpointing in (False, True):
            for fraction in (2 / 3, 0):
                config = FinetuneConfig(frozen_fraction=fraction, gradient_checkpointing=checkpointing)
                what = "tuning, upper third" if fraction else "tuning, everything"
                network: nn.Module = picture_regressor(encoder, config)
                print_row(what, count(network, encoder.config, bf16), batch, bf16, checkpointing)
            autoencoder = masked_autoencoder(
                encoder, PretrainConfig(gradient_checkpointing=checkpointing, **MAE_DECODER)
            )
            print_row("masked autoencoder", count(autoencoder, encoder.config, bf16), batch, bf16, checkpointing)


def print_row(what: str, kept: Kept, batch: int, bf16: bool, checkpointing: bool) -> None:
    name = f"{what}, {'bf16' if bf16 else 'fp32'}{', checkpointing' if checkpointing else ''}"
    fixed = "".join(f"{each / GB:8.2f}" for each in (kept.gradients, kept.moments, kept.once))
    pictures = f"{kept.a_picture / 1e6:9.1f}{batch * kept.a_picture / GB:8.2f}"
    print(f"{name:<46}{kept.weights / GB:9.2f}{fixed}{pictures}{kept.total(batch) / GB:8.2f}", flush=True)


def take_a_step(architecture: str, batch: int, parts: int, checkpointing: bool) -> None:
    """One step of tuning on pictures of noise; prints seconds and the peak of this process."""
    encoder = untrained(architecture)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = noise_pictures(folder, batch, encoder.config.image_pixels)
        config = FinetuneConfig(batch_images=batch, parts=parts, gradient_checkpointing=checkpointing)
        network = picture_regressor(encoder, config)
        optimizer = torch.optim.AdamW(parameter_groups(network, None), weight_decay=config.weight_decay)
        plan = Plan(seed=0, epochs=1, batch=batch, learning_rate=lambda _: config.lr_peak, parts=parts)
        began, took = time.perf_counter(), []
        run(
            network,
            optimizer,
            PictureJob(pictures, encoder.config, config),
            plan,
            folder / "run",
            settings="",
            on_step=lambda _: took.append(time.perf_counter() - began),
        )
    print(
        f"batch {batch} in {parts} part(s){', checkpointing' if checkpointing else ''}: {took[0]:.1f} s a step, "
        f"peak {peak_bytes() / GB:.2f} GB resident, {torch.get_num_threads()} threads",
        flush=True,
    )


def peak_bytes() -> int:
    """Most resident memory of this process so far (Linux; `ru_maxrss` would begin with that of its parent)."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def untrained(architecture: str) -> VisualEncoder:
    torch.manual_seed(0)
    config = timm_config(architecture, "paper")
    return VisualEncoder(config=config, network=build_network(config), identity="")


def noise_pictures(folder: Path, number: int, pixels: int) -> LabelledCrops:
    random = np.random.default_rng(0)
    (folder / "clip").mkdir()
    for index in range(number):
        picture = random.integers(0, 256, (pixels, pixels, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / "clip" / f"{index + 1:05d}.jpg"), picture)
    labels = random.uniform(-1, 1, (number, 2)).astype(np.float32)
    return LabelledCrops(CropReader(list_crops(folder, ["clip"]), pixels), labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--architecture", default="vit_large_patch16_224")
    parser.add_argument("--batch", type=int, default=32, help="pictures that the counts are for")
    parser.add_argument("--count-only", action="store_true", help="count, and take no step")
    parser.add_argument("--step", nargs=3, type=int, metavar=("BATCH", "PARTS", "CHECKPOINTING"), help="take one step")
    given = parser.parse_args()
    if given.step:
        take_a_step(given.architecture, given.step[0], given.step[1], bool(given.step[2]))
    elif given.count_only:
        print_counts(untrained(given.architecture), given.batch)
    else:
        # Each in a process of its own: the memory of one is not in the peak of the next.
        itself = [sys.executable, __file__, "--architecture", given.architecture]
        subprocess.run([*itself, "--batch", str(given.batch), "--count-only"], check=True)
        for step in ((8, 1, 0), (32, 4, 0), (32, 1, 0), (32, 1, 1)):
            subprocess.run([*itself, "--step", *map(str, step)], check=True)


if __name__ == "__main__":
    main()
