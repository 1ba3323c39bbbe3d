"""The operations that make few numbers of many: along some dimensions `dim`, or along all of them."""

import numpy as np

from iolaus.scratch.operations import exp
from iolaus.scratch.tensor import Tensor, apply
from iolaus.scratch.values import Array, method

Dim = int | tuple[int, ...] | None


def kept(shape: tuple[int, ...], dim: Dim) -> tuple[int, ...]:
    """The shape after a reduction that keeps every reduced dimension with size 1, so that it broadcasts back."""
    dims = range(len(shape)) if dim is None else [d % len(shape) for d in np.atleast_1d(dim)]
    return tuple(1 if number in dims else size for number, size in enumerate(shape))


@method
def sum(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Every summand gets the gradient of the sum."""
    return apply(
        "sum",
        lambda x: x.sum(dim, keepdims=keepdim),
        (x, lambda g, _: g.reshape(*kept(x.shape, dim)).expand(*x.shape)),
    )


@method
def mean(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    total = sum(x, dim, keepdim)
    return total / (x.data.size // total.data.size)


@method
def var(x: Tensor, dim: Dim = None, keepdim: bool = False, *, correction: int = 1) -> Tensor:
    """The mean squared distance from the mean, with n - `correction` for n."""
    squares = (x - mean(x, dim, keepdim=True)) ** 2
    total = sum(squares, dim, keepdim)
    return total / (x.data.size // total.data.size - correction)


@method
def amax(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The largest number; where several are, they share the gradient equally."""

    def rule(g: Tensor, y: Tensor) -> Tensor:
        shape = kept(x.shape, dim)
        is_largest = (x.data == y.data.reshape(shape)).astype(x.dtype)
        return g.reshape(*shape) * (is_largest / is_largest.sum(dim, keepdims=True))

    return apply("max", lambda x: x.max(dim, keepdims=keepdim), (x, rule))


@method
def amin(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    return -amax(-x, dim, keepdim)


@method
def logsumexp(x: Tensor, dim: int, keepdim: bool = False) -> Tensor:
    """log Σ exp(x). The largest is taken out first, so that nothing overflows."""

    def forward(x: Array) -> Array:
        largest = x.max(dim, keepdims=True)
        total = largest + np.log(np.exp(x - largest).sum(dim, keepdims=True))
        return total if keepdim else total.squeeze(dim)

    def rule(g: Tensor, y: Tensor) -> Tensor:
        shape = kept(x.shape, dim)
        return g.reshape(*shape) * exp(x - y.reshape(*shape))

    return apply("logsumexp", forward, (x, rule))
