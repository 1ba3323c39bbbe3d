"""Compares the engine with torch in float64: results, gradients, and gradients of gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from iolaus.scratch import Module, Tensor, grad

TOLERANCE = 1e-10

few = settings(max_examples=15, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
shapes = array_shapes(min_dims=1, max_dims=3, max_side=4)


def numbers(seed: int, *shape: int) -> np.ndarray:
    """Normally distributed, and so without ties."""
    return np.random.default_rng(seed).standard_normal(shape)


def close(ours: Any, theirs: Any, tolerance: float = TOLERANCE) -> None:
    theirs = theirs.numpy(force=True) if isinstance(theirs, torch.Tensor) else theirs
    ours = np.asarray(ours)
    assert ours.shape == np.shape(theirs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def same(ours: Callable[..., Tensor], theirs: Callable[..., torch.Tensor], *arrays: np.ndarray) -> None:
    """Both give the same of these arrays; so do their gradients and, where there are any, those of the gradients."""
    mine = [Tensor(array, requires_grad=array.dtype.kind == "f") for array in arrays]
    yours = [torch.tensor(array, requires_grad=array.dtype.kind == "f") for array in arrays]
    result, expected = ours(*mine), theirs(*yours)
    close(result, expected)
    weights = numbers(1, *result.shape)
    floats = [number for number, x in enumerate(mine) if x.requires_grad]
    mine, yours = [mine[number] for number in floats], [yours[number] for number in floats]
    gradients = grad((result * weights).sum(), mine, create_graph=True)
    expected = torch.autograd.grad((expected * torch.tensor(weights)).sum(), yours, create_graph=True)
    for ours_, theirs_ in zip(gradients, expected, strict=True):
        close(ours_, theirs_)
    _same_second_gradients(mine, yours, gradients, expected)


def _same_second_gradients(mine: list, yours: list, gradients: tuple, expected: tuple) -> None:
    """Of the sum of all squared gradients. What is straight has none; torch may still give zeros."""
    for total in (sum((g * g).sum() for g in gradients), sum((g * g).sum() for g in expected)):
        if total.requires_grad:
            total.backward()
    for x, y in zip(mine, yours, strict=True):
        close(np.zeros(x.shape) if x.grad is None else x.grad, torch.zeros_like(y) if y.grad is None else y.grad)


def same_module(
    ours: Module, theirs: torch.nn.Module, *arrays: np.ndarray, call: Callable[..., Any] | None = None
) -> None:
    """Both modules with the same weights give the same, gradients with respect to inputs and parameters included."""
    theirs = theirs.double()
    wanted = {name for name, _ in ours.named_tensors()}
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items() if name in wanted})
    call = call or (lambda module, *inputs: module(*inputs))
    same(lambda *inputs: call(ours, *inputs), lambda *inputs: call(theirs, *inputs), *arrays)
    for name, parameter in ours.named_parameters():
        parameter.grad = theirs.get_parameter(name).grad = None
    for module, kind in ((ours, Tensor), (theirs, torch.tensor)) if list(ours.parameters()) else ():
        result = call(module, *map(kind, arrays))
        (result * kind(numbers(2, *result.shape))).sum().backward()
    for name, parameter in ours.named_parameters():
        close(parameter.grad, theirs.get_parameter(name).grad)
    for name, tensor in ours.named_tensors():
        close(tensor, theirs.state_dict()[name])
