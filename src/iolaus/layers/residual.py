"""Residual blocks: what they learn is added to what they are given (He et al. 2016, arXiv:1512.03385)."""

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.convolution import ConvNorm, NormConv, convolution
from iolaus.layers.drop_path import DropPath
from iolaus.layers.norms import Norm, norm_layer

Shortcut = Literal["projection", "padding"]
Residual = Callable[[int, int, int, Activation, Norm, bool], nn.Sequential]


class Block(nn.Module):
    """activation(shortcut(x) + residual(x)): figure 2 of the paper.

    residual: `basic` or `bottleneck`. expansion: by how much its output has more channels than `hidden`.
    shortcut: where the shape changes: a 1×1 convolution, or channels of zeros (options B and A of the paper).
    """

    def __init__(
        self,
        residual: Residual,
        expansion: int,
        channels: int,
        hidden: int,
        *,
        stride: int = 1,
        activation: Activation,
        norm: Norm,
        shortcut: Shortcut = "projection",
        zero_init: bool,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        out_channels = hidden * expansion
        self.residual = residual(channels, hidden, stride, activation, norm, zero_init)
        self.drop_path = DropPath(drop_path)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels != out_channels:
            self.shortcut = (
                ConvNorm(channels, out_channels, 1, stride=stride, norm=norm)
                if shortcut == "projection"
                else PaddedShortcut(out_channels - channels, stride)
            )
        self.activation = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.shortcut(x) + self.drop_path(self.residual(x)))


class PreActivationBlock(nn.Module):
    """x + residual(activation(norm(x))): nothing stands in the way of x itself (He et al. 2016, arXiv:1603.05027).

    Options are those of `Block`. Where the shape changes, a projection starts behind the first norm and activation.

    is_first: the stem has ended with that norm and activation, before the two paths part.
    """

    def __init__(
        self,
        residual: Residual,
        expansion: int,
        channels: int,
        hidden: int,
        *,
        stride: int = 1,
        activation: Activation,
        norm: Norm,
        shortcut: Shortcut = "projection",
        zero_init: bool,
        drop_path: float = 0.0,
        is_first: bool = False,
    ) -> None:
        super().__init__()
        out_channels = hidden * expansion
        self.before: nn.Module = nn.Identity()
        if not is_first:
            self.before = nn.Sequential(norm_layer(norm, channels, spatial=True), activation_layer(activation))
        self.residual = residual(channels, hidden, stride, activation, norm, zero_init)
        self.drop_path = DropPath(drop_path)
        self.projection: nn.Module | None = None
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels != out_channels:
            if shortcut == "projection":
                self.projection = convolution(channels, out_channels, 1, stride=stride, norm=norm)
            else:
                self.shortcut = PaddedShortcut(out_channels - channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        ready = self.before(x)
        x = self.shortcut(x) if self.projection is None else self.projection(ready)
        return x + self.drop_path(self.residual(ready))


class PaddedShortcut(nn.Module):
    """Every `stride`-th place, and channels of zeros after its own: a shortcut without weights."""

    def __init__(self, num_new_channels: int, stride: int) -> None:
        super().__init__()
        self.num_new_channels = num_new_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.num_new_channels))


# The residual branches. Where two or three convolutions follow each other, only what is between them differs:
# conv-norm, act, conv-norm in the first paper; conv, norm-act-conv in the second, whose first norm the block has.


def basic(
    channels: int, hidden: int, stride: int, activation: Activation, norm: Norm, zero_init: bool
) -> nn.Sequential:
    """Figure 5, left."""
    return nn.Sequential(
        ConvNorm(channels, hidden, 3, stride=stride, norm=norm),
        activation_layer(activation),
        ConvNorm(hidden, hidden, 3, norm=norm, silent=zero_init),
    )


def bottleneck(
    channels: int, hidden: int, stride: int, activation: Activation, norm: Norm, zero_init: bool
) -> nn.Sequential:
    """Figure 5, right; the stride is on the 3×3 convolution, which loses less (Goyal et al. 2017)."""
    return nn.Sequential(
        ConvNorm(channels, hidden, 1, norm=norm),
        activation_layer(activation),
        ConvNorm(hidden, hidden, 3, stride=stride, norm=norm),
        activation_layer(activation),
        ConvNorm(hidden, 4 * hidden, 1, norm=norm, silent=zero_init),
    )


def pre_activation_basic(
    channels: int, hidden: int, stride: int, activation: Activation, norm: Norm, zero_init: bool
) -> nn.Sequential:
    return nn.Sequential(
        convolution(channels, hidden, 3, stride=stride, norm=norm),
        NormConv(hidden, hidden, 3, activation=activation, norm=norm, silent=zero_init),
    )


def pre_activation_bottleneck(
    channels: int, hidden: int, stride: int, activation: Activation, norm: Norm, zero_init: bool
) -> nn.Sequential:
    return nn.Sequential(
        convolution(channels, hidden, 1, norm=norm),
        NormConv(hidden, hidden, 3, stride=stride, activation=activation, norm=norm),
        NormConv(hidden, 4 * hidden, 1, activation=activation, norm=norm, silent=zero_init),
    )
