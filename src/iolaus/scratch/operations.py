"""The operations that work number by number: each is what it computes, and the rules of its gradients.

A rule takes `g`, the gradient with respect to the result, and `y`, the result; it gives the gradient with respect to
the operand it stands beside. Shapes that were broadcast are summed back by `backward`, so no rule has to care.
"""

import math
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from iolaus.scratch.tensor import Operand, Tensor, apply, no_grad
from iolaus.scratch.values import Array, method, special, symbol


def unchanged(g: Tensor, _: Tensor) -> Tensor:
    """The rule of what passes its gradient on as it is."""
    return g


# Arithmetic


@symbol("add")
def add(a: Tensor, b: Tensor) -> Tensor:
    return apply("+", operator.add, (a, unchanged), (b, unchanged))


@symbol("sub")
def sub(a: Tensor, b: Tensor) -> Tensor:
    return apply("-", operator.sub, (a, unchanged), (b, lambda g, _: -g))


@symbol("mul")
def mul(a: Tensor, b: Tensor) -> Tensor:
    return apply("*", operator.mul, (a, lambda g, _: g * b), (b, lambda g, _: g * a))


@symbol("truediv")
def div(a: Tensor, b: Tensor) -> Tensor:
    return apply("/", operator.truediv, (a, lambda g, _: g / b), (b, lambda g, y: -g * y / b))


@symbol("pow")
def pow(a: Tensor, b: Tensor) -> Tensor:
    def of_base(g: Tensor, _: Tensor) -> Tensor:
        return g * b * a ** (b - (b.data != 0))  # b - 1; but where b is 0 that would be 0 · a⁻¹, perhaps 0 · ∞

    def of_exponent(g: Tensor, y: Tensor) -> Tensor:
        return g * y * log(where(a.data == 0, 1.0, a))  # 0ᵇ does not change with b

    return apply("**", operator.pow, (a, of_base), (b, of_exponent))


@symbol("matmul")
def matmul(a: Tensor, b: Tensor) -> Tensor:
    """(…, I, J) @ (…, J, K) gives (…, I, K), where … is broadcast. A vector stands for one row, or one column."""
    if a.ndim and b.ndim and a.shape[-1] != b.shape[max(b.ndim - 2, 0)]:
        raise ValueError(f"'@' does not fit the shapes {a.shape} and {b.shape}: its inner dimensions must be equal")
    if b.ndim == 1:
        return (a @ b.reshape(-1, 1)).squeeze(-1)
    if a.ndim == 1:
        return (a.reshape(1, -1) @ b).squeeze(-2)
    if a.ndim > 2 and b.ndim == 2 and a.data.size:  # many rows times one matrix: one product, not one for each batch
        return (a.reshape(-1, a.shape[-1]) @ b).reshape(*a.shape[:-1], b.shape[-1])
    return apply("@", operator.matmul, (a, lambda g, _: g @ b.mT), (b, lambda g, _: a.mT @ g))


@special("__neg__")
def neg(x: Tensor) -> Tensor:
    return apply("-", operator.neg, (x, lambda g, _: -g))


# Functions


@method
def exp(x: Tensor) -> Tensor:
    """eˣ is its own slope."""
    return apply("exp", np.exp, (x, lambda g, y: g * y))


@method
def log(x: Tensor) -> Tensor:
    return apply("log", np.log, (x, lambda g, _: g / x))


@method
def sqrt(x: Tensor) -> Tensor:
    return apply("sqrt", np.sqrt, (x, lambda g, y: g / (2 * y)))


@method
def sin(x: Tensor) -> Tensor:
    return apply("sin", np.sin, (x, lambda g, _: g * cos(x)))


@method
def cos(x: Tensor) -> Tensor:
    return apply("cos", np.cos, (x, lambda g, _: -g * sin(x)))


@method
def tanh(x: Tensor) -> Tensor:
    return apply("tanh", np.tanh, (x, lambda g, y: g * (1 - y * y)))


_erf = np.frompyfunc(math.erf, 1, 1)  # NumPy has none; Python's is exact to the last digit, and slow


@method
def erf(x: Tensor) -> Tensor:
    """The error function: 2/√π times the area under exp(-t²) from 0 to x."""
    return apply(
        "erf",
        lambda x: np.asarray(_erf(x), dtype=x.dtype),
        (x, lambda g, _: g * exp(-x * x) * (2 / math.sqrt(math.pi))),
    )


@method
def abs(x: Tensor) -> Tensor:
    return apply("abs", np.abs, (x, lambda g, _: g * np.sign(x.data)))


# Choices: the gradient goes where the value came from.


def where(condition: Operand, a: Operand, b: Operand) -> Tensor:
    """`a` where the condition holds, `b` elsewhere."""
    holds = np.asarray(condition, dtype=bool)
    first, second = _alike(a, b)
    return apply(
        "where",
        lambda a, b: np.where(holds, a, b),
        (first, lambda g, _: where(holds, g, 0.0)),
        (second, lambda g, _: where(holds, 0.0, g)),
    )


def maximum(a: Operand, b: Operand) -> Tensor:
    """The larger of two; where they are equal, each gets half the gradient."""
    a, b = _alike(a, b)

    def share(x: Tensor, other: Tensor) -> Array:
        return np.where(x.data == other.data, 0.5, x.data > other.data).astype(x.dtype)

    return apply("maximum", np.maximum, (a, lambda g, _: g * share(a, b)), (b, lambda g, _: g * share(b, a)))


def minimum(a: Operand, b: Operand) -> Tensor:
    """The smaller of two; where they are equal, each gets half the gradient."""
    a, b = _alike(a, b)
    return -maximum(-a, -b)


@method
def clamp(x: Tensor, min: float = -math.inf, max: float = math.inf) -> Tensor:
    """`x` within limits; beyond them nothing moves it, so the gradient is 0."""
    inside = (x.data >= min) & (x.data <= max)
    return apply("clamp", lambda x: np.clip(x, min, max), (x, lambda g, _: g * inside))


def _alike(a: Operand, b: Operand) -> tuple[Tensor, Tensor]:
    if isinstance(b, Tensor):
        return b.like(a), b
    a = a if isinstance(a, Tensor) else Tensor(a)
    return a, a.like(b)


# Copies


@method
def clone(x: Tensor) -> Tensor:
    """The same numbers in memory of their own."""
    return apply("clone", lambda x: np.array(x, order="C"), (x, unchanged))


@method
def to(x: Tensor, dtype: npt.DTypeLike) -> Tensor:
    """The same numbers in another precision. Integers leave the graph."""
    if np.dtype(dtype).kind != "f":
        return Tensor(x, dtype=dtype)
    return apply("to", lambda x: x.astype(dtype), (x, lambda g, _: g.to(x.dtype)))


@method
def detach(x: Tensor) -> Tensor:
    """The same numbers in the same memory, outside the graph."""
    with no_grad():
        return apply("detach", lambda x: x.view(), (x, unchanged))


@method
def become(x: Tensor, result: Tensor) -> Tensor:
    """What `x += …` leaves under the name x: x with the result written into it or, where that is recorded, the result.

    Raises ValueError for a recorded change of a leaf, whose gradient would have nowhere to go.
    """
    return result if result.requires_grad and not (x.is_leaf and x.requires_grad) else x.copy_(result)


# Comparisons: true or false, without gradients.


def _compare(name: str) -> None:
    compare = getattr(operator, name)

    @special(f"__{name}__")
    def compared(a: Tensor, b: Any) -> Tensor:
        return Tensor(compare(a.data, np.asarray(b)))


for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _compare(_name)


@method
def argmax(x: Tensor, dim: int | None = None) -> Tensor:
    """Where the largest number is: the first of them at a tie."""
    return Tensor(x.data.argmax(dim))
