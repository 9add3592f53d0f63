import pytest
import torch

from vatrace.config import TrainConfig
from vatrace.training.schedule import warmup_then_cosine, warmup_then_restarts

PAPER = {"lr_start": 3e-5, "lr_peak": 5e-3, "warmup_epochs": 5.0, "restart_epochs": 10.0, "restart_factor": 2}


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (0.0, 3e-5),  # start of the warm-up
        (2.5, (3e-5 + 5e-3) / 2),  # half-way up
        (5.0, 5e-3),  # end of the warm-up
        (10.0, 2.5e-3),  # middle of the first cosine
        (15.0, 5e-3),  # restart; the next cosine is twice as long
        (25.0, 2.5e-3),
        (35.0, 5e-3),
    ],
)
def test_the_papers_schedule_at_its_start_its_peak_and_its_restarts(epoch: float, rate: float) -> None:
    assert warmup_then_restarts(epoch, **PAPER) == pytest.approx(rate, rel=1e-12)


def test_after_the_warm_up_it_is_torchs_own_cosine_with_warm_restarts() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=5e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=10, T_mult=2)
    optimizer.step()
    for quarter in range(200):
        scheduler.step(quarter / 4)
        assert warmup_then_restarts(5 + quarter / 4, **PAPER) == pytest.approx(
            optimizer.param_groups[0]["lr"], abs=1e-12
        )


def test_the_default_configuration_has_the_papers_rates() -> None:
    assert (TrainConfig().lr_start, TrainConfig().lr_peak, TrainConfig().warmup_epochs) == (3e-5, 5e-3, 5.0)


def test_one_cosine_goes_from_zero_to_the_peak_and_back_to_zero() -> None:
    rates = [warmup_then_cosine(e, lr_peak=1.0, warmup_epochs=2.0, epochs=10) for e in (0, 1, 2, 6, 10)]
    assert rates == pytest.approx([0, 0.5, 1, 0.5, 0])
