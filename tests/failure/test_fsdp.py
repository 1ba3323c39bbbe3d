"""trainer=fsdp as far as a machine without GPUs goes: what is asked for, and what is refused. It is not run here."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.strategies import FSDPStrategy, StrategyRegistry

from iolaus.config.check import check
from iolaus.config.compose import compose, options
from iolaus.optimizers import parameter_groups
from tests.failure.fits import parts


def test_it_saves_one_whole_checkpoint() -> None:
    """And not a folder of shards, which no verb could read."""
    strategy = StrategyRegistry.get(compose(["trainer=fsdp"]).config.trainer.strategy)
    assert isinstance(strategy, FSDPStrategy)
    assert strategy._state_dict_type == "full"
    assert strategy.kwargs["use_orig_params"] is True  # the groups of an optimizer go by the parameters' names


@pytest.mark.skipif(torch.cuda.is_available(), reason="has the GPU that this asks for in vain")
def test_without_a_gpu_it_is_refused() -> None:
    (problem,) = check(compose(["trainer=fsdp"]))
    assert problem == "trainer=fsdp: torch finds no accelerator of the kind gpu here: type trainer=cpu."


def test_what_cannot_be_is_refused() -> None:
    clipped = ["trainer=fsdp", "trainer.accelerator=auto", "trainer.gradient_clip_val=1.0"]
    (problem,) = check(compose(clipped))
    assert "type +trainer.gradient_clip_algorithm=value" in problem
    (problem,) = check(compose(["trainer=ddp", "trainer.accelerator=cpu", "trainer.strategy=ddp_fork"]))
    assert problem == "trainer.strategy=ddp_fork: processes are started all the same way: type ddp."


def test_flattened_weights_decay_as_they_would_have(tmp_path: Path) -> None:
    """FSDP keeps the parameters, and puts slices of one flat vector in them."""
    _, task, _ = parts(tmp_path, "model=cnn")
    task._trainer = SimpleNamespace(estimated_stepping_batches=10, max_epochs=1)  # type: ignore[assignment]
    expected = [{**group, "params": list(group["params"])} for group in parameter_groups(task.model)]
    for parameter in task.model.parameters():
        parameter.data = parameter.data.flatten()
    groups = task.configure_optimizers()["optimizer"].param_groups
    assert [group["name"] for group in groups] == [group["name"] for group in expected]
    assert len({group["weight_decay"] for group in groups}) == 2
    for group, other in zip(groups, expected, strict=True):
        assert [id(parameter) for parameter in group["params"]] == [id(parameter) for parameter in other["params"]]


@pytest.mark.parametrize("name", options("optimizer"))
def test_an_optimizer_that_needs_whole_matrices_is_refused(name: str) -> None:
    """The rule is tried on each: an optimizer works on slices if it moves them as it moves the whole."""
    sharded = ["trainer=fsdp", "trainer.accelerator=auto", f"optimizer={name}"]
    problems = [problem for problem in check(compose(sharded)) if problem.startswith("optimizer=")]
    refused = (
        f"optimizer={name}: it looks at whole matrices, of which trainer.strategy=fsdp leaves each process a slice: "
    )
    assert [problem.startswith(refused) for problem in problems] == ([True] if name in ("muon", "lamb") else [])
    assert check(compose(["trainer=cpu", f"optimizer={name}"])) == []


def test_several_machines_are_refused() -> None:
    (problem,) = check(compose(["trainer=ddp", "trainer.accelerator=cpu", "trainer.num_nodes=2"]))
    assert problem.startswith("trainer.num_nodes=2: a run's processes are all on one machine")
