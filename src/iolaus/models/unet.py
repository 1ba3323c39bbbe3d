"""U-Net: a class for every pixel (Ronneberger et al. 2015, "U-Net: convolutional networks for biomedical image
segmentation", arXiv:1505.04597)."""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from iolaus.layers.activations import Activation
from iolaus.layers.convolution import convolution_layer
from iolaus.layers.features import Features
from iolaus.layers.norms import Norm
from iolaus.ranges import Count, Rate
from iolaus.spec import Image, Input, Mask, Target


class UNet(nn.Module):
    """Down the left side of the U and up its right side, with bridges between: figure 1.

    As everyone builds it since, filters pad their maps, so that the answer is as large as the picture.

    width: channels of the first level, doubled by each below; the paper's is 64.
    depth: how often the sides are halved; the paper's is 4.
    norm: after each convolution; the paper has none.
    dropout: on the lowest maps. spatial_dropout: of whole maps, after each level on the way down.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)
    writes: ClassVar[tuple[type, ...]] = (Mask,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        width: Count = 16,
        depth: Count = 3,
        activation: Activation = "relu",
        norm: Norm = "batch",
        dropout: Rate = 0.0,
        spatial_dropout: Rate = 0.0,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        assert isinstance(target, Mask)
        channels = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            two_convolutions(before, after, activation, norm)
            for before, after in pairwise([input.channels, *channels[:-1]])
        )
        self.spatial_dropout = nn.Dropout2d(spatial_dropout)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.bottom = nn.Sequential(
            *two_convolutions(channels[-2], channels[-1], activation, norm), nn.Dropout(dropout)
        )
        self.up = nn.ModuleList(Up(below, level, activation, norm) for level, below in pairwise(channels))[::-1]
        self.head = MaskHead(width, len(target.names))

    def features(self, x: Tensor) -> Features:
        bridges = []
        for level in self.down:
            x = self.spatial_dropout(level(x))
            bridges.append(x)
            x = self.pool(x)
        x = self.bottom(x)
        for level, bridge in zip(self.up, reversed(bridges), strict=True):
            x = level(x, bridge)
        return Features(x)  # (B, D, H, W)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [*self.down, self.bottom, *self.up, self.head]


class Up(nn.Module):
    """Doubles the sides and halves the channels, puts the bridge's maps beside them, and convolves twice."""

    def __init__(self, below: int, channels: int, activation: Activation, norm: Norm) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(below, channels, 2, stride=2)
        self.merge = two_convolutions(2 * channels, channels, activation, norm)

    def forward(self, x: Tensor, bridge: Tensor) -> Tensor:
        height, width = bridge.shape[2:]
        enlarged = self.enlarge(x)[:, :, :height, :width]  # odd sides were rounded up on the way down
        return self.merge(torch.cat([bridge, enlarged], dim=1))


class MaskHead(nn.Module):
    """Features (B, D, H, W) → logits (B, classes, H, W)."""

    def __init__(self, dim: int, num_classes: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(dim, num_classes, 1)

    def forward(self, features: Features) -> Tensor:
        return self.project(features.values)


def two_convolutions(before: int, after: int, activation: Activation, norm: Norm) -> nn.Sequential:
    first = convolution_layer(before, after, 3, activation=activation, norm=norm)
    return nn.Sequential(first, convolution_layer(after, after, 3, activation=activation, norm=norm))
