"""Residual networks for ImageNet and for CIFAR (He et al. 2016, arXiv:1512.03385)."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.convolution import ConvNorm
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm
from iolaus.ranges import Count, Rate
from iolaus.spec import Image, Input, Target

Depth = Literal[8, 14, 20, 32, 44, 56, 110, 18, 34, 50, 101, 152]
Stem = Literal["auto", "small", "large"]

_LARGE_PICTURE = 96  # pixels a side, from which on a stem that keeps one place in sixteen pays


class ResNet(nn.Module):
    """A stem, three or four groups of residual blocks, the mean over all places, a linear layer.

    depth: layers with weights. 8, 14, 20, 32, 44, 56, 110 are the CIFAR family: three groups, the first 16 wide.
        18, 34, 50, 101, 152 are the ImageNet family: four groups, the first 64 wide, from 50 on with bottlenecks.
    width: channels of the first group, doubled by each that follows; None: as the family has it.
    stem: small (3×3) keeps the picture's size; large (7×7 and pooling) quarters its sides; auto: large from 96 pixels.
    zero_init: each block begins as the identity, with weight 0 in its last norm (Goyal et al. 2017, arXiv:1706.02677)
        or, without norms, in its last convolution (Zhang et al. 2019, arXiv:1901.09321).
    dropout: on what the last linear layer reads.

    Shortcuts are identities, and 1×1 convolutions where the shape changes: the paper's option B, in both families.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        depth: Depth = 20,
        width: Count | None = None,
        activation: Activation = "relu",
        norm: Norm = "batch",
        stem: Stem = "auto",
        zero_init: bool = True,
        dropout: Rate = 0.0,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        residual, expansion, lengths, family_width = _DESIGNS[depth]
        width = width or family_width
        make_stem = _small_stem if stem == "small" or (stem == "auto" and _is_small(input)) else _large_stem
        self.stem = make_stem(input.channels, width, activation=activation, norm=norm)
        make_block = partial(Block, residual, expansion, activation=activation, norm=norm, zero_init=zero_init)
        self.groups = nn.ModuleList()
        channels = width
        for number, length in enumerate(lengths):
            hidden = width * 2**number
            first = make_block(channels, hidden, stride=1 if number == 0 else 2)
            channels = hidden * expansion
            self.groups.append(nn.Sequential(first, *(make_block(channels, hidden) for _ in range(length - 1))))
        self.head = head(target, channels, pooling="mean", dropout=dropout)

    def features(self, x: Tensor) -> Features:
        x = self.stem(x)
        for group in self.groups:
            x = group(x)
        return Features(x)  # (B, D, H, W)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.stem, *self.groups, self.head]


class Block(nn.Module):
    """activation(shortcut(x) + residual(x)): figure 2 of the paper."""

    def __init__(
        self,
        residual: Callable[..., nn.Sequential],
        expansion: int,
        channels: int,
        hidden: int,
        *,
        stride: int = 1,
        activation: Activation,
        norm: Norm,
        zero_init: bool,
    ) -> None:
        super().__init__()
        out_channels = hidden * expansion
        self.residual = residual(channels, hidden, stride, activation, norm, zero_init)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels != out_channels:
            self.shortcut = ConvNorm(channels, out_channels, 1, stride=stride, norm=norm)
        self.activation = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.shortcut(x) + self.residual(x))


def _basic(
    channels: int, hidden: int, stride: int, activation: Activation, norm: Norm, zero_init: bool
) -> nn.Sequential:
    """Figure 5, left."""
    return nn.Sequential(
        ConvNorm(channels, hidden, 3, stride=stride, norm=norm),
        activation_layer(activation),
        ConvNorm(hidden, hidden, 3, norm=norm, silent=zero_init),
    )


def _bottleneck(
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


def _is_small(input: Image) -> bool:
    return min(input.height, input.width) < _LARGE_PICTURE


def _small_stem(in_channels: int, width: int, *, activation: Activation, norm: Norm) -> nn.Sequential:
    return nn.Sequential(ConvNorm(in_channels, width, 3, norm=norm), activation_layer(activation))


def _large_stem(in_channels: int, width: int, *, activation: Activation, norm: Norm) -> nn.Sequential:
    return nn.Sequential(
        ConvNorm(in_channels, width, 7, stride=2, norm=norm),
        activation_layer(activation),
        nn.MaxPool2d(3, stride=2, padding=1),
    )


# By depth: the residual, its expansion of channels, blocks per group, width of the first group.
_DESIGNS: dict[int, tuple[Callable[..., nn.Sequential], int, tuple[int, ...], int]] = {
    **{6 * n + 2: (_basic, 1, (n, n, n), 16) for n in (1, 2, 3, 5, 7, 9, 18)},
    18: (_basic, 1, (2, 2, 2, 2), 64),
    34: (_basic, 1, (3, 4, 6, 3), 64),
    50: (_bottleneck, 4, (3, 4, 6, 3), 64),
    101: (_bottleneck, 4, (3, 4, 23, 3), 64),
    152: (_bottleneck, 4, (3, 8, 36, 3), 64),
}
