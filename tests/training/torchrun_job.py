"""Train the temporal model on made-up clips, alone or under torchrun, and write down the loss of every step."""

import json
import sys
from pathlib import Path

import torch

from tests.training.made import IDENTITIES, MFCC_DIM, VISUAL_DIM, make_clip
from vatrace.config import ModelConfig, TrainConfig, WindowConfig
from vatrace.models.checkpoint import FeatureSpec
from vatrace.training.progress import Step
from vatrace.training.temporal import TemporalSetup, train_temporal
from vatrace.training.world import joined_world


def main(folder: Path, out: Path, parts: int, dropout: float) -> None:
    torch.set_num_threads(1)
    losses = []

    def note(step: Step) -> None:
        losses.append(step.shown["loss"])

    with joined_world("cpu") as world:
        clips = [make_clip(folder / str(world.rank), f"clip{index}", seed=index) for index in range(5)]
        setup = TemporalSetup(
            features=FeatureSpec(
                visual_dim=VISUAL_DIM, acoustic=("mfcc",), audio_dims=(MFCC_DIM,), identities=IDENTITIES
            ),
            model=ModelConfig(
                dim=16, tcn_layers=2, encoder_layers=1, encoder_heads=2, feed_forward=32, dropout=dropout
            ),
            window=WindowConfig(window_frames=80, stride_frames=50),
            train=TrainConfig(epochs=4, batch_windows=8, warmup_epochs=1, parts=parts, modality_dropout=0.3, seed=3),
            provenance={},
        )
        saved = train_temporal(clips[:4], clips[4:], setup, out, world=world, on_step=note)
        assert (out / "metrics.jsonl").is_file() or not world.is_first
    name = f"losses-{world.rank}.json"
    digest = sum(float(value.double().sum()) for value in saved.network.state_dict().values())
    (out / name).write_text(json.dumps({"losses": losses, "digest": digest}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
