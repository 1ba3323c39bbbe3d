"""The numbers of a tensor: an array that counts its changes, and what can be written with it.

`Values` holds the data and declares the symbols and words (`a + b`, `x.exp()`). What they mean is said where the
operations are, which hand their functions over with `@symbol` and `@method`. `Tensor` adds the trace and the gradient.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Operation = TypeVar("Operation", bound=Callable[..., Any])


class Values:
    """Numbers in any shape; `data` is copied, so they share no memory with what they were made from.

    Raises ValueError for what is not a real number.
    """

    __slots__ = ("_data", "_version")
    __array_ufunc__ = None  # makes `array * tensor` ask the tensor, instead of leaving the graph

    if TYPE_CHECKING:  # what a type checker has to know of the functions that `symbol` and `special` bring

        def __add__(self, other: Any) -> Self: ...
        def __radd__(self, other: Any) -> Self: ...
        def __sub__(self, other: Any) -> Self: ...
        def __rsub__(self, other: Any) -> Self: ...
        def __mul__(self, other: Any) -> Self: ...
        def __rmul__(self, other: Any) -> Self: ...
        def __truediv__(self, other: Any) -> Self: ...
        def __rtruediv__(self, other: Any) -> Self: ...
        def __matmul__(self, other: Any) -> Self: ...
        def __rmatmul__(self, other: Any) -> Self: ...
        def __pow__(self, other: Any) -> Self: ...
        def __rpow__(self, other: Any) -> Self: ...
        def __lt__(self, other: Any) -> Self: ...
        def __le__(self, other: Any) -> Self: ...
        def __gt__(self, other: Any) -> Self: ...
        def __ge__(self, other: Any) -> Self: ...
        def __neg__(self) -> Self: ...
        def __getitem__(self, index: Any) -> Self: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...

    def __init__(self, data: Any, dtype: npt.DTypeLike | None = None) -> None:
        self._data: Array = np.array(data._data if isinstance(data, Values) else data, dtype=dtype)
        if self._data.dtype.kind not in "fiub":
            raise ValueError(f"a tensor holds real numbers, not {self._data.dtype}")
        self._version = [0]  # counts the changes in place; a list, which views of the same memory share

    @property
    def data(self) -> Array:
        """The plain array. What is written into it directly (`t.data[0] = 1`) goes unnoticed, as in torch."""
        return self._data

    @data.setter
    def data(self, value: npt.ArrayLike) -> None:
        value = np.asarray(value)
        if self.dtype.kind == "f" and value.dtype.kind != "f":
            raise ValueError(f"a tensor of {self.dtype} stays one of floats, and does not take data of {value.dtype}")
        self._data = value
        self._version[0] += 1

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._data.dtype

    @property
    def T(self) -> Self:  # noqa: N802
        """All dimensions in reverse order."""
        return self.permute(*reversed(range(self.ndim)))

    @property
    def mT(self) -> Self:  # noqa: N802
        """Every matrix transposed: the last two dimensions exchanged."""
        return self.transpose(-1, -2)

    def item(self) -> Any:
        """The one number as Python's own."""
        return self._data.item()

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[Self]:
        return (self[number] for number in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._data)

    def __float__(self) -> float:
        return float(self._data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._data, dtype=dtype, copy=copy)

    def __getattr__(self, name: str) -> Any:
        """Called for what does not exist; the declaration tells a type checker that operations come as methods too."""
        raise AttributeError(f"a {type(self).__name__} has no {name!r}")


def method(operation: Operation) -> Operation:
    """Lets `exp(x)` be written `x.exp()` as well."""
    return special(operation.__name__)(operation)


def special(name: str) -> Callable[[Operation], Operation]:
    """Lets `neg(x)` be written `-x`, and `getitem(x, i)` be written `x[i]`: what Python calls by a name of its own."""

    def give(operation: Operation) -> Operation:
        setattr(Values, name, operation)
        return operation

    return give


def symbol(name: str) -> Callable[[Operation], Operation]:
    """Lets `mul(a, b)` be written `a * b`, where a number on either side becomes a tensor, and `a *= b`."""

    def give(operation: Operation) -> Operation:
        special(f"__{name}__")(lambda a, b: operation(a, a.like(b)))
        special(f"__r{name}__")(lambda a, b: operation(a.like(b), a))
        special(f"__i{name}__")(lambda a, b: a.become(operation(a, a.like(b))))
        return operation

    return give
