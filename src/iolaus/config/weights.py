"""Whether a checkpoint's weights fit what a config builds, told from their names and shapes alone."""

from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor

from iolaus.config import build
from iolaus.spec import Input, Target


def misfit(config: DictConfig, input: Input, target: Target, weights: dict[str, Any]) -> str | None:
    """The first weight that is missing, left over or of another shape, in words; None if all of them fit.

    Nothing is allocated: sizes in a stranger's checkpoint can be any number.
    """
    with torch.device("meta"):
        model = build.factory(config, "model")(*build.asked(config, input, target))
        build.build_finetuning(config).adapt(model)
        task = build.build_task(config, model, input, target)
    return first_difference(task.state_dict(), weights)


def first_difference(expected: dict[str, Tensor], weights: dict[str, Any]) -> str | None:
    """The same for a task that is built."""
    for name in expected.keys() | weights.keys():
        found = weights.get(name)
        if name not in expected:
            return f"{name} has no place in it"
        if not isinstance(found, Tensor) or found.shape != expected[name].shape:
            shape = tuple(found.shape) if isinstance(found, Tensor) else "missing"
            return f"{name} is {shape} and should be {tuple(expected[name].shape)}"
    return None
