"""One forward pass before any data are read: some shapes that cannot be are found only there."""

import inspect
from collections.abc import Callable
from functools import singledispatch

import torch
from torch import Tensor, nn

from iolaus.spec import Image, Input, Series, Text

_NUM_SAMPLES = 2  # batch norm refuses one


def rehearse(build: Callable[[], nn.Module], input: Input) -> None:
    """Runs the model that `build` makes: on the meta device, which has shapes only and costs nothing.

    A model that fails there may do things that need values; then it is tried for real.

    Raises:
        ValueError: if it cannot read such an input.
    """
    with torch.device("meta"):
        model = build()
    if _num_required(model) != 1:  # its task gives it more than the input
        return
    try:
        model.train()(_example(input, "meta"))
    except Exception:
        _try_for_real(build(), input)


def _try_for_real(model: nn.Module, input: Input) -> None:
    try:
        model.train()(_example(input, "cpu"))
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(reason if "model." in reason else f"its layers do not fit {input}: {reason}") from error


def _num_required(model: nn.Module) -> int:
    parameters = inspect.signature(model.forward).parameters.values()
    return sum(parameter.default is parameter.empty for parameter in parameters)


@singledispatch
def _example(input: Input, device: str) -> Tensor:
    raise AssertionError(f"no example for {input} on {device}")


@_example.register
def _(input: Image, device: str) -> Tensor:
    return torch.zeros(_NUM_SAMPLES, input.channels, input.height, input.width, device=device)


@_example.register
def _(input: Text, device: str) -> Tensor:
    return torch.ones(_NUM_SAMPLES, input.length, dtype=torch.long, device=device)


@_example.register
def _(input: Series, device: str) -> Tensor:
    return torch.zeros(_NUM_SAMPLES, input.length, input.channels, device=device)
