"""What layers and networks have in common: parameters are found by walking attributes, and go to a file and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from iolaus.scratch.tensor import Tensor
from iolaus.scratch.values import Array


class Parameter(Tensor):
    """A tensor that is to be learned: it needs gradients, and modules find it among their attributes."""

    __slots__ = ()

    def __init__(self, data: npt.ArrayLike | Tensor) -> None:
        super().__init__(data, requires_grad=True)


class Module:
    """A layer, or a network of them. Subclasses set tensors and modules as attributes, and define `forward`.

    A tensor that is no `Parameter` is a buffer: saved and loaded, not learned. Lists, tuples and dicts are walked too.
    """

    training = True

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    def named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters and buffers with their paths of attributes, e.g. `0.weight`."""
        return ((path, part) for path, part in _walk(self, "", set()) if isinstance(part, Tensor))

    def modules(self) -> Iterator["Module"]:
        """This module and all within it."""
        return (part for _, part in _walk(self, "", set()) if isinstance(part, Module))

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, even where two layers share it."""
        return ((path, tensor) for path, tensor in self.named_tensors() if isinstance(tensor, Parameter))

    def parameters(self) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters())

    def zero_grad(self) -> None:
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode: bool = True) -> Self:
        """Switches dropout and batch norm to training, or (`mode=False`) to evaluation."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        return self.train(False)

    def to(self, dtype: npt.DTypeLike) -> Self:
        """Changes the precision of all floats: `model.to("float32")` halves the memory and is faster."""
        for _, tensor in self.named_tensors():
            if tensor.dtype.kind == "f":
                tensor.data, tensor.grad = tensor.data.astype(dtype), None
        return self

    def state_dict(self) -> dict[str, Array]:
        """Copies of all parameters and buffers."""
        return {path: tensor.data.copy() for path, tensor in self.named_tensors()}

    def load_state_dict(self, state: dict[str, Array]) -> None:
        """Takes over what `state_dict` gave.

        Raises ValueError where names or shapes differ; then nothing has changed.
        """
        tensors = dict(self.named_tensors())
        if missing := sorted(tensors.keys() ^ state.keys()):
            raise ValueError(f"only one of the module and the state has {', '.join(missing)}")
        for path, tensor in tensors.items():
            if tensor.shape != np.shape(state[path]):
                raise ValueError(f"{path} has shape {tensor.shape}, in the state {np.shape(state[path])}")
        for path, tensor in tensors.items():
            tensor.data = np.array(state[path], dtype=tensor.dtype)

    def save(self, path: str | Path) -> None:
        """Writes all parameters and buffers to a `.npz` file: plain arrays, no pickle."""
        with open(path, "wb") as file:
            np.savez(file, allow_pickle=False, **self.state_dict())

    def load(self, path: str | Path) -> None:
        with np.load(path, allow_pickle=False) as state:
            self.load_state_dict(dict(state))


class Sequential(Module):
    """Modules one after the other."""

    def __init__(self, *modules: Module) -> None:
        vars(self).update({str(number): module for number, module in enumerate(modules)})

    def __iter__(self) -> Iterator[Module]:
        return (part for part in vars(self).values() if isinstance(part, Module))

    def forward(self, x: Any) -> Any:
        for module in self:
            x = module(x)
        return x


def _walk(part: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """All tensors and modules within, each once, depth first in the order in which they were set."""
    if isinstance(part, Tensor | Module):
        if id(part) in seen:
            return
        seen.add(id(part))
        yield path, part
    if isinstance(part, Module):
        part = vars(part)
    elif isinstance(part, list | tuple):
        part = dict(enumerate(part))
    if isinstance(part, dict):
        for name, child in part.items():
            yield from _walk(child, f"{path}.{name}" if path else str(name), seen)
