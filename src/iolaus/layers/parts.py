"""Layers by name, each built for the shape that it is to read, with the shape that it gives.

A part is a module that is called with values and their mask, and returns both.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.attention import SelfAttention
from iolaus.layers.convolution import convolution
from iolaus.layers.norms import Norm, norm_layer
from iolaus.layers.pooling import FlattenPool
from iolaus.layers.positions import Positions, position_layer
from iolaus.layers.recurrence import Recurrence
from iolaus.layers.tokens import TokenConvolution, TokenPooling
from iolaus.ranges import Count, Rate


@dataclass(frozen=True)
class Maps:
    """Feature maps: values (B, channels, height, width)."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.channels} feature maps of {self.height}×{self.width}"


@dataclass(frozen=True)
class Tokens:
    """Sequences: values (B, up to length, dim). `std`: about how large these begin, which positions must not drown."""

    length: int
    dim: int
    std: float = field(default=0.5, compare=False)

    def __str__(self) -> str:
        return f"{self.length} tokens of {self.dim} features"


Shape = Maps | Tokens
Built = tuple[nn.Module, Shape]


class Part(nn.Module):
    """A layer that sees values only."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.layer(values), mask


class MaskedPart(nn.Module):
    """A layer that sees the mask, too, and leaves it as it is."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.layer(values, mask), mask


class Flatten(nn.Module):
    """All places, or all tokens, side by side as one token; padding gives zeros."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.pool = FlattenPool(
            *((shape.channels, shape.height * shape.width) if isinstance(shape, Maps) else (shape.dim, shape.length))
        )

    def forward(self, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.pool(values, mask).unsqueeze(1), None


class PlacesAsTokens(nn.Module):
    """(B, C, H, W) → (B, H·W, C), in reading order."""

    def forward(self, values: Tensor) -> Tensor:
        return values.flatten(2).transpose(1, 2)


# What each name builds. The first option may be given alone: `linear: 64` is `linear: {dim: 64}`.


def _linear(shape: Shape, *, dim: Count) -> Built:
    if isinstance(shape, Maps):
        return Part(convolution(shape.channels, dim, 1)), Maps(dim, shape.height, shape.width)
    return Part(nn.Linear(shape.dim, dim)), Tokens(shape.length, dim)


def _convolution(shape: Shape, *, channels: Count, size: Count = 3, stride: Count = 1) -> Built:
    if isinstance(shape, Tokens):
        layer = TokenConvolution(shape.dim, channels, size, stride=stride)
        return layer, Tokens(-(-shape.length // stride), channels)
    if size % 2 == 0:
        raise ValueError(f"filters of {size}×{size} have no middle: type an odd size.")
    maps = Maps(channels, -(-shape.height // stride), -(-shape.width // stride))
    return Part(convolution(shape.channels, channels, size, stride=stride)), maps


def _pooling(shape: Shape, *, size: Count = 2, kind: Literal["max", "mean"] = "max") -> Built:
    if isinstance(shape, Tokens):
        if size > shape.length:
            raise ValueError(f"pools of {size} do not fit into {shape}: leave it out, or pool less before it.")
        return TokenPooling(size, kind), Tokens(-(-shape.length // size), shape.dim)
    if size > max(shape.height, shape.width):
        raise ValueError(f"pools of {size}×{size} do not fit into {shape}: leave it out, or pool less before it.")
    pool = (nn.MaxPool2d if kind == "max" else nn.AvgPool2d)(size, ceil_mode=True)
    return Part(pool), Maps(shape.channels, -(-shape.height // size), -(-shape.width // size))


def _recurrent(
    shape: Shape, *, cell: Literal["rnn", "lstm", "gru"] = "gru", bidirectional: bool = False, num_layers: Count = 1
) -> Built:
    tokens = _tokens_only(shape)
    if bidirectional and tokens.dim % 2:
        raise ValueError(
            f"two directions cannot share {tokens.dim} features: put `linear: {tokens.dim + 1}` before it."
        )
    kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
    return MaskedPart(Recurrence(kind, tokens.dim, num_layers=num_layers, bidirectional=bidirectional)), tokens


def _attention(shape: Shape, *, num_heads: Count = 4) -> Built:
    tokens = _tokens_only(shape)
    if tokens.dim % num_heads:
        wanted = -(-tokens.dim // num_heads) * num_heads
        raise ValueError(f"{num_heads} heads cannot share {tokens.dim} features: put `linear: {wanted}` before it.")
    return MaskedPart(SelfAttention(tokens.dim, num_heads)), tokens


def _positions(shape: Shape, *, kind: Positions = "learned") -> Built:
    tokens = _tokens_only(shape)
    return Part(position_layer(kind, tokens.length, tokens.dim, std=tokens.std)), tokens


def _norm(shape: Shape, *, kind: Norm = "batch") -> Built:
    if isinstance(shape, Tokens):
        return MaskedPart(norm_layer(kind, shape.dim)), shape
    if kind == "instance" and shape.height * shape.width == 1:
        raise ValueError("instance norm compares places, but the maps have only one: type norm: group.")
    return Part(norm_layer(kind, shape.channels, spatial=True)), shape


def _activation(shape: Shape, *, name: Activation) -> Built:
    return Part(activation_layer(name)), shape


def _dropout(shape: Shape, *, rate: Rate) -> Built:
    return Part(nn.Dropout(rate)), shape


def _spatial_dropout(shape: Shape, *, rate: Rate) -> Built:
    if isinstance(shape, Tokens):
        raise ValueError(f"it drops whole feature maps, but gets {shape}: type dropout.")
    return Part(nn.Dropout2d(rate)), shape


def _tokens(shape: Shape) -> Built:
    if isinstance(shape, Tokens):
        return Part(nn.Identity()), shape
    return Part(PlacesAsTokens()), Tokens(shape.height * shape.width, shape.channels)


def _flatten(shape: Shape) -> Built:
    layer = Flatten(shape)
    return layer, Tokens(1, layer.pool.output_dim)


def _tokens_only(shape: Shape) -> Tokens:
    if isinstance(shape, Maps):
        raise ValueError(f"it reads tokens, but gets {shape}: put `tokens` before it.")
    return shape


LAYERS: dict[str, Callable[..., Built]] = {
    "linear": _linear,
    "convolution": _convolution,
    "pooling": _pooling,
    "recurrent": _recurrent,
    "attention": _attention,
    "positions": _positions,
    "norm": _norm,
    "activation": _activation,
    "dropout": _dropout,
    "spatial_dropout": _spatial_dropout,
    "tokens": _tokens,
    "flatten": _flatten,
}
