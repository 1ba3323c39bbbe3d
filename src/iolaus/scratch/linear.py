"""A neuron, a layer of neurons, and the layer that looks vectors up."""

import math
from collections.abc import Callable

from iolaus.scratch.initializers import normal_, uniform_
from iolaus.scratch.module import Module, Parameter
from iolaus.scratch.operations import tanh
from iolaus.scratch.random import rand
from iolaus.scratch.shapes import flatten
from iolaus.scratch.tensor import Tensor


def uniform_parameter(shape: tuple[int, ...], fan_in: int) -> Parameter:
    """Weights as torch's layers start with: uniform within ±1/√fan_in."""
    parameter = Parameter(rand(*shape))
    uniform_(parameter, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))
    return parameter


class Neuron(Module):
    """One neuron: a weighted sum of its inputs and a bias, bent by an activation. (…, num_inputs) gives (…)."""

    def __init__(self, num_inputs: int, activation: Callable[[Tensor], Tensor] = tanh) -> None:
        self.weight = uniform_parameter((num_inputs,), num_inputs)
        self.bias = uniform_parameter((), num_inputs)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation((x * self.weight).sum(-1) + self.bias)


class Linear(Module):
    """Many sums of the same inputs, each with weights of its own: (…, in_features) gives (…, out_features)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        self.weight = uniform_parameter((out_features, in_features), in_features)
        self.bias = uniform_parameter((out_features,), in_features) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


class Embedding(Module):
    """A table of vectors, looked up by number: integers (…) give (…, embedding_dim)."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        self.weight = Parameter(rand(num_embeddings, embedding_dim))
        normal_(self.weight)

    def forward(self, index: Tensor) -> Tensor:
        if index.dtype.kind not in "iu":
            raise ValueError(f"an Embedding looks up integers, not {index.dtype}")
        if index.data.size and not 0 <= index.data.min() <= index.data.max() < len(self.weight):
            raise ValueError(
                f"an Embedding of {len(self.weight)} vectors was asked for {index.data.min()} to {index.data.max()}"
            )
        return self.weight[index]


class Flatten(Module):
    """(B, …) gives (B, all of them)."""

    def forward(self, x: Tensor) -> Tensor:
        return flatten(x, 1)
