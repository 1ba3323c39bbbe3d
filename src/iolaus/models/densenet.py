"""DenseNet (Huang et al. 2017, "Densely connected convolutional networks", arXiv:1608.06993)."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.convolution import ConvNorm, NormConv, convolution
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm, norm_layer
from iolaus.layers.stem import Stem, is_small
from iolaus.ranges import Count, Rate
from iolaus.spec import Image, Input, Target

Depth = Literal[22, 40, 100, 190, 250, 121, 161, 169, 201]

# By depth, for ImageNet: layers of the four groups, and the growth.
_IMAGENET: dict[int, tuple[tuple[int, ...], int]] = {
    121: ((6, 12, 24, 16), 32),
    161: ((6, 12, 36, 24), 48),
    169: ((6, 12, 32, 32), 32),
    201: ((6, 12, 48, 32), 32),
}


class DenseNet(nn.Module):
    """A stem, groups of layers that read what all before them found, transitions that halve the maps, a linear layer.

    depth: layers with weights. 22, 40, 100, 190, 250 are for small pictures: three groups alike. 121, 161, 169, 201 are
        for ImageNet: four groups.
    growth: channels that each layer adds; None: 12, and as the paper has it for ImageNet.
    bottleneck: a 1×1 convolution first makes 4 · growth channels of all that came before (the B of BC).
    compression: transitions keep half of the channels (the C of BC).
    stem: small (3×3) keeps the picture's size; large (7×7 and pooling) quarters its sides; auto: large from 96 pixels.
    dropout: after each convolution but the first; the paper has 0.2 where nothing augments the pictures.
    spatial_dropout: of whole maps, after each group.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        depth: Depth = 40,
        growth: Count | None = None,
        bottleneck: bool = True,
        compression: bool = True,
        activation: Activation = "relu",
        norm: Norm = "batch",
        stem: Stem = "auto",
        dropout: Rate = 0.0,
        spatial_dropout: Rate = 0.0,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        lengths, family_growth = _IMAGENET.get(depth, ((_layers_per_group(depth, bottleneck),) * 3, 12))
        growth = growth or family_growth
        channels = 2 * growth if bottleneck and compression else 16
        if is_small(stem, input):
            self.stem = nn.Sequential(convolution(input.channels, channels, 3, norm=norm))
        else:
            self.stem = nn.Sequential(
                ConvNorm(input.channels, channels, 7, stride=2, norm=norm),
                activation_layer(activation),
                nn.MaxPool2d(3, stride=2, padding=1),
            )
        self.groups = nn.ModuleList()
        for number, length in enumerate(lengths):
            group = nn.Sequential()
            if number > 0:
                kept = channels // 2 if compression else channels
                group.append(Transition(channels, kept, activation=activation, norm=norm, dropout=dropout))
                channels = kept
            for _ in range(length):
                layer = _layer(channels, growth, bottleneck, activation=activation, norm=norm, dropout=dropout)
                group.append(Dense(layer))
                channels += growth
            self.groups.append(group)
        group.extend([norm_layer(norm, channels, spatial=True), activation_layer(activation)])
        self.spatial_dropout = nn.Dropout2d(spatial_dropout)
        self.head = head(target, channels, pooling="mean")

    def features(self, x: Tensor) -> Features:
        x = self.stem(x)
        for group in self.groups:
            x = self.spatial_dropout(group(x))
        return Features(x)  # (B, D, H, W)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.stem, *self.groups, self.head]


class Dense(nn.Module):
    """What came before, with what the layer finds in it beside it: (B, C, H, W) → (B, C + growth, H, W)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layer(x)], dim=1)


class Transition(nn.Module):
    """Norm, nonlinearity, 1×1 convolution; and the means of 2×2 places."""

    def __init__(self, channels: int, kept: int, *, activation: Activation, norm: Norm, dropout: float) -> None:
        super().__init__()
        self.conv = NormConv(channels, kept, 1, activation=activation, norm=norm)
        self.dropout = nn.Dropout(dropout)
        self.pool = nn.AvgPool2d(2, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.dropout(self.conv(x)))


def _layer(
    channels: int, growth: int, bottleneck: bool, *, activation: Activation, norm: Norm, dropout: float
) -> nn.Sequential:
    layer = nn.Sequential()
    if bottleneck:
        layer.append(NormConv(channels, 4 * growth, 1, activation=activation, norm=norm)).append(nn.Dropout(dropout))
        channels = 4 * growth
    return layer.append(NormConv(channels, growth, 3, activation=activation, norm=norm)).append(nn.Dropout(dropout))


def _layers_per_group(depth: int, bottleneck: bool) -> int:
    """All but the stem, two transitions and the head; a layer with a bottleneck counts twice."""
    return (depth - 4) // (6 if bottleneck else 3)
