"""EfficientNet (Tan & Le 2019, "Rethinking model scaling for convolutional neural networks", arXiv:1905.11946)."""

import math
from typing import ClassVar, Literal, NamedTuple

from torch import Tensor, nn

from iolaus.layers.activations import Activation
from iolaus.layers.convolution import ConvNorm, convolution_layer
from iolaus.layers.drop_path import DropPath, drop_path_rates
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm
from iolaus.layers.sizes import warn_if_overruled
from iolaus.layers.squeeze_excitation import SqueezeExcitation
from iolaus.layers.stem import Stem, is_small
from iolaus.ranges import Positive, Rate
from iolaus.spec import Image, Input, Target

Size = Literal["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"]


class Group(NamedTuple):
    """A row of the paper's table 1: blocks alike, of which the first has the stride."""

    expansion: int
    channels: int
    num_blocks: int
    stride: int
    filter_size: int


_B0 = (
    Group(1, 16, 1, 1, 3),
    Group(6, 24, 2, 2, 3),
    Group(6, 40, 2, 2, 5),
    Group(6, 80, 3, 2, 3),
    Group(6, 112, 3, 1, 5),
    Group(6, 192, 4, 2, 5),
    Group(6, 320, 1, 1, 3),
)
_STEM, _TOP = 32, 1280  # channels before and after these

# By size: how many times as wide and as deep as b0, and the dropout.
_SCALES: dict[str, tuple[float, float, float]] = {
    "b0": (1.0, 1.0, 0.2),
    "b1": (1.0, 1.1, 0.2),
    "b2": (1.1, 1.2, 0.3),
    "b3": (1.2, 1.4, 0.3),
    "b4": (1.4, 1.8, 0.4),
    "b5": (1.6, 2.2, 0.4),
    "b6": (1.8, 2.6, 0.5),
    "b7": (2.0, 3.1, 0.5),
}


class EfficientNet(nn.Module):
    """A stem, seven groups of inverted bottlenecks, a 1×1 convolution, the mean over all places, a linear layer.

    size: b0 to b7, which scale width, depth and dropout together.
    width, depth: channels and blocks, as multiples of b0's; None: as the size has them.
    stem: large (stride 2) halves the picture's sides; small keeps them; auto: large from 96 pixels a side.
    dropout: on what the last linear layer reads; None: as the size has it, 0.2 to 0.5.
    spatial_dropout: of whole maps, after each group.
    drop_path: how often the last block is left out; earlier ones less, evenly down to 0.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        size: Size = "b0",
        width: Positive | None = None,
        depth: Positive | None = None,
        activation: Activation = "silu",
        norm: Norm = "batch",
        stem: Stem = "auto",
        dropout: Rate | None = None,
        spatial_dropout: Rate = 0.0,
        drop_path: Rate = 0.2,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        warn_if_overruled(size, "b0", width=width, depth=depth, dropout=dropout)
        size_width, size_depth, size_dropout = _SCALES[size]
        width, depth = width or size_width, depth or size_depth
        channels, top = _scaled(_STEM, width), _scaled(_TOP, width)
        stride = 1 if is_small(stem, input) else 2
        self.stem = convolution_layer(input.channels, channels, 3, stride=stride, activation=activation, norm=norm)
        lengths = [math.ceil(group.num_blocks * depth) for group in _B0]
        rates = iter(drop_path_rates(drop_path, sum(lengths)))
        self.groups = nn.ModuleList()
        for group, length in zip(_B0, lengths, strict=True):
            blocks, out_channels = nn.Sequential(), _scaled(group.channels, width)
            for number in range(length):
                block = InvertedBottleneck(
                    channels,
                    out_channels,
                    group.filter_size,
                    expansion=group.expansion,
                    stride=group.stride if number == 0 else 1,
                    activation=activation,
                    norm=norm,
                    drop_path=next(rates),
                )
                blocks.append(block)
                channels = out_channels
            self.groups.append(blocks.append(nn.Dropout2d(spatial_dropout)))
        self.top = convolution_layer(channels, top, 1, activation=activation, norm=norm)
        self.head = head(target, top, pooling="mean", dropout=size_dropout if dropout is None else dropout)

    def features(self, x: Tensor) -> Features:
        x = self.stem(x)
        for group in self.groups:
            x = group(x)
        return Features(self.top(x))  # (B, D, H, W)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.stem, *self.groups, self.top, self.head]


class InvertedBottleneck(nn.Module):
    """Expands, convolves each channel by itself, weighs the channels, contracts (Sandler et al. 2018).

    Where its output has the shape of its input, it is added to that.
    """

    def __init__(
        self,
        channels: int,
        out_channels: int,
        filter_size: int,
        *,
        expansion: int,
        stride: int,
        activation: Activation,
        norm: Norm,
        drop_path: float,
    ) -> None:
        super().__init__()
        hidden = channels * expansion
        self.layers = nn.Sequential()
        if expansion > 1:
            self.layers.append(convolution_layer(channels, hidden, 1, activation=activation, norm=norm))
        self.layers.append(
            convolution_layer(
                hidden, hidden, filter_size, stride=stride, groups=hidden, activation=activation, norm=norm
            )
        )
        self.layers.append(SqueezeExcitation(hidden, max(1, channels // 4), activation=activation))
        self.layers.append(ConvNorm(hidden, out_channels, 1, norm=norm))
        self.is_residual = stride == 1 and channels == out_channels
        self.drop_path = DropPath(drop_path if self.is_residual else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.drop_path(self.layers(x)) if self.is_residual else self.layers(x)


def _scaled(channels: int, width: float) -> int:
    """The multiple of 8 nearest to so many times the channels, but never less than nine tenths of that."""
    wanted = channels * width
    nearest = max(8, int(wanted + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * wanted else nearest + 8
