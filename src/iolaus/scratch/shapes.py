"""The operations that move numbers about and leave them as they are; their gradients take the same way back."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from iolaus.scratch.operations import unchanged
from iolaus.scratch.tensor import Operand, Rule, Tensor, apply
from iolaus.scratch.values import Array, method, special


@method
def reshape(x: Tensor, *shape: int) -> Tensor:
    return apply("reshape", lambda x: x.reshape(shape), (x, lambda g, _: g.reshape(*x.shape)))


@method
def flatten(x: Tensor, start_dim: int = 0) -> Tensor:
    """Makes one dimension of all those from `start_dim` on."""
    kept = x.shape[:start_dim]
    return x.reshape(*kept, math.prod(x.shape[len(kept) :]))


@method
def squeeze(x: Tensor, dim: int) -> Tensor:
    """Takes a dimension of size 1 away."""
    return apply("squeeze", lambda x: x.squeeze(dim), (x, lambda g, _: g.reshape(*x.shape)))


@method
def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """Puts a dimension of size 1 in."""
    return apply("unsqueeze", lambda x: np.expand_dims(x, dim), (x, lambda g, _: g.reshape(*x.shape)))


@method
def expand(x: Tensor, *shape: int) -> Tensor:
    """Repeats along dimensions of size 1, and along new ones in front, without using memory."""
    return apply("expand", lambda x: np.broadcast_to(x, shape), (x, unchanged))


@method
def permute(x: Tensor, *dims: int) -> Tensor:
    """Puts the dimensions in another order."""
    back = np.argsort([dim % x.ndim for dim in dims])
    return apply("permute", lambda x: x.transpose(dims), (x, lambda g, _: g.permute(*back)))


@method
def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Exchanges two dimensions."""
    return apply("transpose", lambda x: x.swapaxes(dim0, dim1), (x, lambda g, _: g.transpose(dim0, dim1)))


# Parts


@special("__getitem__")
def getitem(x: Tensor, index: Any) -> Tensor:
    """The part at an index, as in NumPy: numbers, slices, …, None, and arrays or tensors of integers or booleans."""
    index = _plain(index)
    return apply("[]", lambda x: x[index], (x, lambda g, _: scatter(g, index, x.shape)))


def scatter(parts: Tensor, index: Any, shape: tuple[int, ...]) -> Tensor:
    """Zeros with the parts added in at an index, the reverse of `getitem`: what was read twice receives twice."""

    def forward(parts: Array) -> Array:
        whole = np.zeros(shape, parts.dtype)
        if _may_repeat(index):
            np.add.at(whole, index, parts)
        else:
            whole[index] = parts  # many times faster
        return whole

    return apply("scatter", forward, (parts, lambda g, _: g[index]))


@special("__setitem__")
def setitem(x: Tensor, index: Any, value: Operand) -> None:
    x.copy_(value, _plain(index))


def _may_repeat(index: Any) -> bool:
    """Whether it may name a place twice, as only arrays of integers can."""
    arrays = [np.asarray(part) for part in (index if isinstance(index, tuple) else (index,)) if np.ndim(part)]
    return any(array.dtype.kind in "iu" for array in arrays)


def _plain(index: Any) -> Any:
    """The index with arrays in the place of tensors, which NumPy would take for sequences."""
    if isinstance(index, tuple):
        return tuple(_plain(part) for part in index)
    return index.data if isinstance(index, Tensor) else index


# Joining


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """One after the other along a dimension."""
    ends = np.cumsum([tensor.shape[dim] for tensor in tensors])

    def part(tensor: Tensor, end: int) -> tuple[Tensor, Rule]:
        before = (slice(None),) * (dim % tensor.ndim)
        return tensor, lambda g, _: g[(*before, slice(end - tensor.shape[dim], end))]

    return apply("cat", lambda *arrays: np.concatenate(arrays, dim), *map(part, tensors, ends))


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Side by side along a new dimension."""
    return cat([tensor.unsqueeze(dim) for tensor in tensors], dim)


def pad(x: Tensor, size: int) -> Tensor:
    """Zeros on all four sides of pictures: (…, H, W) gives (…, H + 2·size, W + 2·size)."""

    def forward(x: Array) -> Array:
        padded = np.zeros((*x.shape[:-2], x.shape[-2] + 2 * size, x.shape[-1] + 2 * size), x.dtype)
        padded[..., size:-size, size:-size] = x
        return padded

    return apply("pad", forward, (x, lambda g, _: g[..., size:-size, size:-size])) if size else x
