"""Networks of `iolaus.scratch` as models like all others. They read like torch's, because the names are the same."""

import math
from dataclasses import astuple
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np
from torch import Tensor, nn

from iolaus import scratch
from iolaus.layers.features import Features
from iolaus.layers.reversible import remove_level, restore_level
from iolaus.models.scratch_engine import Engine
from iolaus.ranges import Count
from iolaus.spec import Classes, Forecast, Image, Input, Series, Target, Text

Activation = Literal["relu", "leaky_relu", "gelu", "silu", "mish", "tanh", "sigmoid"]
Norm = Literal["layer", "none"]
Cell = Literal["rnn", "gru", "lstm"]

_ACTIVATIONS = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "gelu": "GELU", "silu": "SiLU", "mish": "Mish"}
_ACTIVATIONS |= {"tanh": "Tanh", "sigmoid": "Sigmoid"}
_CELLS = {"rnn": "RNNCell", "gru": "GRUCell", "lstm": "LSTMCell"}


class _Parts(scratch.Module):
    """A network whose layers have names. Its twin is a dict of layers."""

    def __init__(self, parts: dict[str, scratch.Module]) -> None:
        vars(self).update(parts)

    @classmethod
    def of(cls, library: Any, **parts: Any) -> Any:
        return cls(parts) if library is scratch else nn.ModuleDict(parts)


class _Numbers(_Parts):
    """(B, …) → hidden features (B, 1, D)."""

    hidden: scratch.Sequential

    def forward(self, x: scratch.Tensor) -> scratch.Tensor:
        return self.hidden(x.flatten(1)).unsqueeze(1)


class _Words(_Parts):
    """Token ids (B, L) → hidden features (B, 1, D) of the mean word."""

    embedding: scratch.Embedding
    hidden: scratch.Sequential

    def forward(self, x: scratch.Tensor, mask: scratch.Tensor) -> scratch.Tensor:
        total = (self.embedding(x) * mask.unsqueeze(-1)).sum(1)
        num_words = mask.data.sum(1, keepdims=True).clip(1).astype(total.dtype)
        return self.hidden(total / num_words).unsqueeze(1)


class _Steps(_Parts):
    """Vectors (B, L, C), or token ids (B, L) → the state after every step (B, L, D). Padding leaves it as it was."""

    embedding: scratch.Embedding  # where it reads token ids
    cell: scratch.RNNCell | scratch.GRUCell | scratch.LSTMCell

    def forward(self, x: scratch.Tensor, mask: scratch.Tensor | None = None) -> scratch.Tensor:
        x = self.embedding(x) if "embedding" in vars(self) else x
        h = c = scratch.Tensor(np.zeros((len(x), self.cell.hidden_size)), dtype=self.cell.weight_hh.dtype)
        states = []
        for step in range(x.shape[1]):
            if isinstance(self.cell, scratch.LSTMCell):
                next_h, next_c = self.cell(x[:, step], (h, c))
            else:
                next_h = next_c = self.cell(x[:, step], h)
            if mask is None:
                h, c = next_h, next_c
            else:
                is_word = mask.data[:, step, None]
                h, c = scratch.where(is_word, next_h, h), scratch.where(is_word, next_c, c)
            states.append(h)
        return scratch.stack(states, 1)


class _Answer(_Parts):
    """The last of features (B, L, D), or the mean of maps (B, D, H, W) → (B, number of outputs)."""

    project: scratch.Linear

    def forward(self, x: scratch.Tensor) -> scratch.Tensor:
        return self.project(x[:, -1] if x.ndim == 3 else x.mean((2, 3)))


class Head(nn.Module):
    """Features → logits (B, number of classes), or a forecast (B, horizon, channels)."""

    def __init__(self, target: Target, dim: int) -> None:
        super().__init__()
        assert isinstance(target, Classes | Forecast)
        shape = (len(target.names),) if isinstance(target, Classes) else (target.horizon, target.channels)
        self.shape = shape
        self.answer = Engine(lambda library: _Answer.of(library, project=library.Linear(dim, math.prod(shape))))

    def forward(self, features: Features) -> Tensor:
        answer = self.answer(features.values).unflatten(1, self.shape)
        if len(self.shape) == 1 or features.level is None or features.scale is None:
            return answer
        return restore_level(answer, features.level, features.scale)


class _Model(nn.Module):
    """What the three have in common: a body and a head, each with an engine of its own."""

    body: Engine
    head: Head

    def __init__(self, input: Input, target: Target) -> None:
        super().__init__()
        if isinstance(input, Series) and isinstance(target, Forecast) and input.channels != target.channels:
            raise ValueError(
                f"{input.channels} channels go in and {target.channels} are to be forecast, but networks from scratch "
                "forecast what they read: type model=mlp model.channel_independent=false model.instance_norm=false."
            )
        self.input = input

    def features(self, x: Tensor) -> Features:
        if isinstance(self.input, Text):
            return Features(self.body(x, x != self.input.pad))
        if isinstance(self.input, Series):
            x, level, scale = remove_level(x)
            return Features(self.body(x), level=level, scale=scale)
        return Features(self.body(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.body, self.head]


class ScratchMLP(_Model):
    """Linear layers with a nonlinearity after each (Rumelhart et al. 1986, doi:10.1038/323533a0), run from scratch.

    It reads all numbers of a picture or a series at once; of a text, the mean of its words' vectors.

    dim: hidden features. num_layers: hidden layers. norm: after each linear layer.
    """

    reads: ClassVar[tuple[type, ...]] = (Image, Text, Series)
    writes: ClassVar[tuple[type, ...]] = (Classes, Forecast)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        dim: Count = 256,
        num_layers: Count = 2,
        activation: Activation = "relu",
        norm: Norm = "layer",
    ) -> None:
        super().__init__(input, target)
        num_numbers = dim if isinstance(input, Text) else math.prod(astuple(input))

        def build(library: Any) -> Any:
            sizes = [num_numbers, *[dim] * num_layers]
            layers = []
            for before, after in pairwise(sizes):
                layers += [library.Linear(before, after), *[library.LayerNorm(after)] * (norm == "layer")]
                layers += [_activation(library, activation)]
            hidden = library.Sequential(*layers)
            if isinstance(input, Text):
                return _Words.of(library, embedding=library.Embedding(input.vocab_size, dim), hidden=hidden)
            return _Numbers.of(library, hidden=hidden)

        self.body = Engine(build)
        self.head = Head(target, dim)


class ScratchCNN(_Model):
    """Blocks of 3×3 convolution, batch norm, nonlinearity and pooling (LeCun et al. 1998, doi:10.1109/5.726791).

    dim: channels of the first block, doubled by each that follows.
    num_layers: blocks; each halves the sides of the picture, down to one pixel.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)
    writes: ClassVar[tuple[type, ...]] = (Classes,)

    def __init__(
        self, input: Input, target: Target, *, dim: Count = 16, num_layers: Count = 2, activation: Activation = "relu"
    ) -> None:
        super().__init__(input, target)
        assert isinstance(input, Image)
        shorter = min(input.height, input.width)
        channels = [input.channels, *(dim * 2**number for number in range(num_layers))]

        def build(library: Any) -> Any:
            blocks = [
                library.Sequential(
                    library.Conv2d(before, after, 3, padding=1),
                    library.BatchNorm2d(after),
                    _activation(library, activation),
                    *[library.MaxPool2d(2)] * (shorter >> number > 1),  # while there is something to halve
                )
                for number, (before, after) in enumerate(pairwise(channels))
            ]
            return library.Sequential(*blocks)

        self.body = Engine(build)
        self.head = Head(target, channels[-1])


class ScratchRNN(_Model):
    """A recurrent cell, whose last state answers (Elman 1990, doi:10.1207/s15516709cog1402_1), run from scratch.

    It reads a picture row by row, a series step by step, a text word by word.

    dim: features of the state. cell: what takes a step.
    """

    reads: ClassVar[tuple[type, ...]] = (Image, Text, Series)
    writes: ClassVar[tuple[type, ...]] = (Classes, Forecast)

    def __init__(self, input: Input, target: Target, *, dim: Count = 128, cell: Cell = "gru") -> None:
        super().__init__(input, target)

        def build(library: Any) -> Any:
            step = getattr(library, _CELLS[cell])
            if isinstance(input, Text):
                embedding = library.Embedding(input.vocab_size, dim)
                return _Steps.of(library, embedding=embedding, cell=step(dim, dim))
            size = input.channels * (input.width if isinstance(input, Image) else 1)
            return _Steps.of(library, cell=step(size, dim))

        self.body = Engine(build)
        self.head = Head(target, dim)

    def features(self, x: Tensor) -> Features:
        rows = x.transpose(1, 2).flatten(2) if isinstance(self.input, Image) else x  # (B, H, C·W)
        return super().features(rows)


def _activation(library: Any, name: str) -> Any:
    return getattr(library, _ACTIVATIONS[name])()
