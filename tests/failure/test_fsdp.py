"""trainer=fsdp as far as a machine without GPUs goes: what is asked for, and what is refused. It is not run here."""

import pytest
import torch
from lightning.pytorch.strategies import FSDPStrategy, StrategyRegistry

from iolaus.config.check import check
from iolaus.config.compose import compose


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
