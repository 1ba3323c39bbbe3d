"""What only a forward pass finds out is found out before the run."""

import pytest
import torch
from torch import Tensor, nn

from iolaus.config.check import check
from iolaus.config.compose import compose
from iolaus.config.rehearsal import rehearse
from iolaus.spec import Image, Series


def test_a_norm_that_has_nothing_to_average_is_named() -> None:
    (problem,) = check(compose(["model=cnn", "model.norm=instance", "model.num_layers=4"]))
    assert problem.startswith("model.norm=instance compares the places of a feature map")


def test_what_needs_values_is_tried_for_real() -> None:
    tried: list[tuple[str, torch.Size]] = []

    class Gated(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            tried.append((x.device.type, x.shape))
            return x if x.sum() > 0 else -x

    rehearse(Gated, Series(channels=3, length=5))
    assert tried == [("meta", torch.Size([2, 5, 3])), ("cpu", torch.Size([2, 5, 3]))]


def test_what_needs_more_than_an_input_is_its_tasks_to_run() -> None:
    built: list[nn.Module] = []

    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            built.append(self)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            raise AssertionError("its task gives it two")

    rehearse(Pair, Series(channels=3, length=5))
    assert len(built) == 1


def test_layers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="its layers do not fit Image"):
        rehearse(lambda: nn.Sequential(nn.Flatten(), nn.Linear(63, 2)), Image(1, 8, 8))
    rehearse(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), Image(1, 8, 8))  # and what fits is not
    assert torch.get_default_device().type == "cpu"
