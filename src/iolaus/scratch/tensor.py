"""Automatic differentiation: a tensor that remembers how it was computed, and can find the way back.

Every operation leaves a trace in its result: the operands it was computed from and, for each of them, a rule that turns
the gradient with respect to the result into the gradient with respect to the operand. Together the traces are a graph.
`backward` walks it from the last result to the first inputs, and visits a tensor only after everything that was
computed from it, when its gradient is complete: the chain rule, applied once per operation (reverse mode; Linnainmaa
1970, Rumelhart, Hinton & Williams 1986).

This file knows graphs and no calculus; `operations.py` and its neighbours know the rules and nothing of graphs. The
rules are written in tensor operations themselves, so a gradient can be recorded like any other result, and
differentiated again. Names and meanings are torch's.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from iolaus.scratch.values import Values

Operand = Union["Tensor", npt.ArrayLike]
Rule = Callable[["Tensor", "Tensor"], "Tensor"]  # (gradient, result) -> gradient with respect to the operand
Edge = tuple["Tensor", Rule | None, int]  # operand, its rule if it needs a gradient, its version when it was used


class _Mode(threading.local):
    recording = True


_mode = _Mode()


@contextmanager
def set_grad_enabled(enabled: bool) -> Iterator[None]:
    """Says for a block of code, or (as a decorator) for a function, whether operations leave a trace."""
    before, _mode.recording = _mode.recording, enabled
    try:
        yield
    finally:
        _mode.recording = before


def no_grad() -> Any:
    """Within it operations leave no trace: they are faster, and tensors may be changed in place."""
    return set_grad_enabled(False)


class Tensor(Values):
    """Numbers, the trace of how they came about, and the gradient of a later result with respect to them.

    Raises ValueError for data that are not numbers, and for integers that are asked to have gradients.
    """

    __slots__ = ("__weakref__", "_computed_at", "_requires_grad", "edges", "grad", "operation")

    def __init__(self, data: Operand, *, dtype: npt.DTypeLike | None = None, requires_grad: bool = False) -> None:
        super().__init__(data, dtype)
        self._computed_at = 0  # in which version of the values an operation left them
        self.edges: tuple[Edge, ...] | None = ()  # the trace; None once it was freed
        self.operation = ""
        self.grad: Tensor | None = None
        self.requires_grad = requires_grad

    @property
    def requires_grad(self) -> bool:
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._data.dtype.kind != "f":
            raise ValueError(f"a tensor of {self.dtype} cannot have gradients: make it one of floats with dtype=float")
        if not value and not self.is_leaf:
            raise ValueError(f"the result of {self.operation!r} is part of a graph: use detach() to leave it")
        self._requires_grad = bool(value)

    @property
    def is_leaf(self) -> bool:
        """Whether it was given, not computed from what needs gradients. Only leaves keep their gradient."""
        return self.edges == ()

    def __repr__(self) -> str:
        numbers = np.array2string(self._data, separator=", ", precision=4, prefix="Tensor(")
        return f"Tensor({numbers}{', requires_grad=True' if self._requires_grad else ''})"

    def like(self, other: Operand) -> "Tensor":
        """`other` as a tensor; a plain number takes this tensor's precision, as in NumPy."""
        if isinstance(other, Tensor):
            return other
        is_plain = isinstance(other, bool | int | float)
        return Tensor(other, dtype=np.result_type(self._data, other) if is_plain else None)

    def copy_(self, other: Operand, index: Any = ...) -> "Tensor":
        """Writes `other` into this tensor's memory. Refused where it would have to be recorded."""
        other = self.like(other)
        if _mode.recording and (self._requires_grad or other._requires_grad):
            raise ValueError("a change in place is not recorded: do it under no_grad(), or make a new tensor")
        if not np.can_cast(other.dtype, self.dtype, "same_kind"):
            raise ValueError(f"numbers of {other.dtype} do not fit into a tensor of {self.dtype}")
        self._data[index] = other._data
        self._version[0] += 1
        return self

    def backward(
        self, gradient: Operand | None = None, *, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Adds to `grad` of every leaf behind this tensor the gradient with respect to it.

        gradient: of what is finally wanted with respect to this tensor, in its shape; 1 if this is a single number.
        retain_graph: keeps the graph for another backward; otherwise it is freed on the way.
        create_graph: records how the gradients are computed, so that they can be differentiated again.
        """

        def accumulate(tensor: Tensor, gradient: Tensor) -> None:
            if tensor.is_leaf:  # a copy, because a rule may pass one gradient on to two operands
                tensor.grad = gradient.clone() if tensor.grad is None else tensor.grad + gradient

        _walk_back(self, gradient, accumulate, retain_graph, create_graph)


def apply(operation: str, forward: Callable[..., Any], *operands: tuple[Tensor, Rule]) -> Tensor:
    """`forward` of the operands' arrays; the result remembers the operands and their rules.

    Raises ValueError, with the shapes of all operands, where they do not fit.
    """
    try:
        data = np.asarray(forward(*[operand._data for operand, _ in operands]))
    except ValueError as error:
        shapes = " and ".join(str(operand.shape) for operand, _ in operands)
        raise ValueError(f"{operation!r} does not fit the shapes {shapes}: {str(error).strip()}") from None
    first = operands[0][0]
    is_view = data.base is not None and np.may_share_memory(data, first._data)
    result = Tensor.__new__(Tensor)
    result._data, result.grad, result.operation, result.edges = data, None, operation, ()
    result._version = first._version if is_view else [0]
    result._computed_at = result._version[0]
    result._requires_grad = _mode.recording and any([x._requires_grad for x, _ in operands])  # noqa: C419 (faster)
    if result._requires_grad:
        result.edges = tuple([(x, rule if x._requires_grad else None, x._version[0]) for x, rule in operands])
    return result


def grad(
    output: Tensor,
    inputs: Sequence[Tensor],
    gradient: Operand | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of `output` with respect to `inputs`, which may lie within the graph. Options as in `backward`."""
    found: dict[Tensor, Tensor | None] = dict.fromkeys(inputs)

    def keep(tensor: Tensor, gradient: Tensor) -> None:
        if tensor in found:
            found[tensor] = gradient

    _walk_back(output, gradient, keep, retain_graph, create_graph)
    gradients = tuple(gradient for x in inputs if (gradient := found[x]) is not None)
    if len(gradients) < len(inputs):
        absent = [number for number, x in enumerate(inputs) if found[x] is None]
        raise ValueError(f"input {absent[0]} had no part in the output, or needs no gradient")
    return gradients


def _walk_back(
    output: Tensor,
    gradient: Operand | None,
    receive: Callable[[Tensor, Tensor], None],
    retain_graph: bool | None,
    create_graph: bool,
) -> None:
    """Hands every tensor that needs a gradient to `receive`, with its complete gradient: from the output backwards."""
    pending = {output: _first_gradient(output, gradient)}
    order = _operands_first(output)
    frees = not (create_graph if retain_graph is None else retain_graph)
    with set_grad_enabled(create_graph):
        while order:
            tensor = order.pop()
            complete = pending.pop(tensor)
            receive(tensor, complete)
            for operand, rule, _ in tensor.edges or ():
                if rule:
                    part = _fit(rule(complete, tensor), operand)
                    pending[operand] = pending[operand] + part if operand in pending else part
            if frees and tensor.edges:
                tensor.edges = None


def _first_gradient(output: Tensor, gradient: Operand | None) -> Tensor:
    if not output.requires_grad:
        raise ValueError("nothing behind this tensor needs a gradient: make an input with requires_grad=True")
    if gradient is None and output.data.size != 1:
        raise ValueError(
            f"backward starts from one number, not from shape {output.shape}: sum() it, or pass a gradient"
        )
    first = Tensor(np.ones_like(output.data)) if gradient is None else output.like(gradient)
    if first.shape != output.shape:
        raise ValueError(f"the gradient's shape {first.shape} is not the tensor's {output.shape}")
    return first


def _operands_first(output: Tensor) -> list[Tensor]:
    """Every tensor behind `output` that needs a gradient, operands before their results.

    On a stack of its own: Python's would overflow after a thousand operations in a row.
    """
    order: list[Tensor] = []
    seen: set[Tensor] = set()
    stack = [(output, False)]
    while stack:
        tensor, is_done = stack.pop()
        if is_done:
            order.append(tensor)
        elif tensor not in seen:
            seen.add(tensor)
            stack.append((tensor, True))
            stack += [(operand, False) for operand, rule, _ in _checked(tensor) if rule]
    return order


def _checked(tensor: Tensor) -> tuple[Edge, ...]:
    """The trace, if the values it speaks of are still there. Checked before any gradient moves."""
    if tensor.edges is None:
        raise ValueError(
            f"the graph behind {tensor.operation!r} was freed by an earlier backward: call that with retain_graph=True"
        )
    stale = [operand for operand, _, version in tensor.edges if operand._version[0] != version]
    if stale or (tensor.edges and tensor._version[0] != tensor._computed_at):
        raise ValueError(
            f"the {'operand' if stale else 'result'} of {tensor.operation!r} of shape {(*stale, tensor)[0].shape} was "
            "changed in place: gradients would be wrong; call backward before, or change a clone()"
        )
    return tensor.edges


def _fit(gradient: Tensor, operand: Tensor) -> Tensor:
    """Sums over whatever broadcasting repeated, so that the gradient has the shape of its operand."""
    if gradient.shape != operand.shape:
        num_new = gradient.ndim - operand.ndim
        repeated = [num_new + dim for dim, size in enumerate(operand.shape) if size == 1]
        gradient = gradient.sum((*range(num_new), *repeated)).reshape(*operand.shape)
    return gradient if gradient.dtype == operand.dtype else gradient.to(operand.dtype)
