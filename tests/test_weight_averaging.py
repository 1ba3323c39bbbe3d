"""What callbacks do to weights: the mean of late epochs, exactly and across a resume; and a pull towards zero."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from iolaus.callbacks.l1 import L1
from iolaus.optimizers import parameter_groups
from tests.conftest import Command

SMALL = ("model=cnn", "model.dim=4", "model.num_layers=1", "+trainer.limit_train_batches=4", "optimizer.lr=0.01")
Weights = dict[str, torch.Tensor]


def kept(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)


def test_the_mean_of_late_epochs_is_kept_also_across_a_resume(command: Command, tmp_path: Path) -> None:
    on = "callbacks.swa.start=1"
    for number in (1, 2, 3):  # the weights at the end of each epoch: training goes on from them, whatever is averaged
        overrides = ["run_dir=run", on] if number == 1 else ["resume=run"]
        result = command(*(SMALL if number == 1 else ()), *overrides, f"trainer.max_epochs={number}")
        assert result.returncode == 0, result.stderr
        torch.save(kept(tmp_path / "run"), tmp_path / f"{number}.pt")
    first, second, third = (torch.load(tmp_path / f"{number}.pt", weights_only=True) for number in (1, 2, 3))
    assert "current_model_state" not in first  # there is no mean yet
    ends: list[Weights] = [second["current_model_state"], third["current_model_state"]]
    for name, mean in third["state_dict"].items():
        if mean.is_floating_point():
            torch.testing.assert_close(mean, (ends[0][name] + ends[1][name]) / 2)
    result = command(*SMALL, on, "run_dir=whole", "trainer.max_epochs=3")
    assert result.returncode == 0, result.stderr
    whole = kept(tmp_path / "whole")
    for part in ("state_dict", "current_model_state"):
        for name, value in whole[part].items():
            assert torch.equal(value, third[part][name]), name


def test_before_an_average_has_begun_the_weights_are_their_own(command: Command, tmp_path: Path) -> None:
    late = ["callbacks.ema.decay=0.9", "callbacks.ema.update_starting_at_step=6"]
    result = command(*SMALL, *late, "run_dir=late", "trainer.max_epochs=1")
    assert result.returncode == 0, result.stderr
    assert "callbacks.ema averages nothing: a run of 4 steps has fewer than two" in result.stdout
    assert command(*SMALL, "run_dir=without", "trainer.max_epochs=1").returncode == 0
    averaged, own = kept(tmp_path / "late"), kept(tmp_path / "without")
    assert "current_model_state" not in averaged
    for name, value in own["state_dict"].items():
        assert torch.equal(averaged["state_dict"][name], value), name
    assert command("resume=late", "trainer.max_epochs=3").returncode == 0
    assert "current_model_state" in kept(tmp_path / "late")


def test_two_means_at_once_are_refused(command: Command) -> None:
    result = command(*SMALL, "callbacks.swa.start=0", "callbacks.ema.decay=0.9", "trainer.max_epochs=1")
    assert result.returncode == 2
    assert "callbacks.swa and callbacks.ema both replace the weights" in result.stderr


def test_l1_pulls_weights_but_not_biases_by_its_strength() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimizer = torch.optim.SGD(parameter_groups(model), lr=1.0)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    L1(strength=0.1).on_before_optimizer_step(SimpleNamespace(), SimpleNamespace(), optimizer)  # type: ignore[arg-type]
    optimizer.step()
    for name, parameter in model.named_parameters():
        pull = 0.1 * before[name].sign() if name == "0.weight" else 0.0
        torch.testing.assert_close(parameter.detach(), before[name] - pull)


def test_l1_makes_weights_small(command: Command, tmp_path: Path) -> None:
    sizes = []
    for strength in ("null", "0.01"):
        result = command(*SMALL, f"callbacks.l1.strength={strength}", f"run_dir=by-{strength}", "trainer.max_epochs=2")
        assert result.returncode == 0, result.stderr
        weights = kept(tmp_path / f"by-{strength}")["state_dict"]
        sizes.append(sum(value.abs().sum().item() for name, value in weights.items() if name.endswith("conv.weight")))
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize("override", ["callbacks.swa.start=-1", "callbacks.l1.strength=0"])
def test_what_means_nothing_is_refused(override: str) -> None:
    from iolaus.cli.settle import explain_all

    assert any(override.partition("=")[0] in problem for problem in explain_all([override]))
