"""Checks gradients against what calculus says a gradient is: how much the result moves when an input moves a little."""

from collections.abc import Callable

import numpy as np

from iolaus.scratch.tensor import Tensor, grad
from iolaus.scratch.values import Array


def check_gradients(
    f: Callable[..., Tensor], *inputs: Tensor, eps: float = 1e-6, atol: float = 1e-6, rtol: float = 1e-4
) -> bool:
    """True if `f`'s gradients with respect to all inputs that need one agree with finite differences.

    `f` may return any shape: then a fixed random weighting of its numbers is differentiated. Inputs must be float64.
    Raises ValueError that says where they differ, and by how much.
    """
    asked = [number for number, x in enumerate(inputs) if x.requires_grad]
    if not asked:
        raise ValueError("no input needs a gradient: make one with requires_grad=True")
    output = f(*inputs)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, output.shape)
    found = grad((output * weights).sum(), [inputs[number] for number in asked])
    for number, gradient in zip(asked, found, strict=True):
        x = inputs[number]
        if x.dtype != np.float64:
            raise ValueError(f"input {number} is {x.dtype}, too coarse for finite differences: use float64")
        expected = _central_differences(lambda: float((f(*inputs).data * weights).sum()), x, eps)
        _compare(gradient.data, expected, number, atol, rtol)
    return True


def _central_differences(f: Callable[[], float], x: Tensor, eps: float) -> Array:
    """(f(x + eps) - f(x - eps)) / (2 eps), for each number of x in turn."""
    start = x.data

    def moved(index: tuple[int, ...], distance: float) -> float:
        x.data = start.copy()
        x.data[index] += distance
        return f()

    slopes = np.zeros_like(start)
    try:
        for index in np.ndindex(start.shape):
            slopes[index] = (moved(index, eps) - moved(index, -eps)) / (2 * eps)
    finally:
        x.data = start
    return slopes


def _compare(found: Array, expected: Array, number: int, atol: float, rtol: float) -> None:
    wrong = ~np.isclose(found, expected, atol=atol, rtol=rtol)
    if wrong.any():
        index = tuple(int(position) for position in np.argwhere(wrong)[0])
        raise ValueError(
            f"the gradient with respect to input {number} is wrong at {index}: backward says {found[index]:.6g}, "
            f"finite differences say {expected[index]:.6g} ({wrong.sum()} of {wrong.size} numbers differ)"
        )
