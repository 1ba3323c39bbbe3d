"""A plain convolutional network for pictures."""

from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.convolution import ConvNorm
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm
from iolaus.ranges import Count, Rate
from iolaus.spec import Image, Input, Target


class CNN(nn.Module):
    """Blocks of 3×3 convolution, norm, nonlinearity and pooling, the mean over all places, a linear layer.

    The design of LeCun et al. 1998 (doi:10.1109/5.726791) with what came since: small filters whose number doubles as
    the picture shrinks (Simonyan & Zisserman 2015, arXiv:1409.1556) and batch norm.

    dim: channels of the first block. num_layers: blocks; each halves the sides of the picture, down to one pixel.
    dropout: on what the last linear layer reads. spatial_dropout: of whole maps, after each block.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        dim: Count = 64,
        num_layers: Count = 3,
        activation: Activation = "relu",
        norm: Norm = "batch",
        dropout: Rate = 0.0,
        spatial_dropout: Rate = 0.0,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        channels = [input.channels, *(dim * 2**number for number in range(num_layers))]
        self.blocks = nn.ModuleList(
            nn.Sequential(
                ConvNorm(before, after, 3, norm=norm),
                activation_layer(activation),
                nn.MaxPool2d(2, ceil_mode=True),
                nn.Dropout2d(spatial_dropout),
            )
            for before, after in pairwise(channels)
        )
        self.head = head(target, channels[-1], pooling="mean", dropout=dropout)

    def features(self, x: Tensor) -> Features:
        for block in self.blocks:
            x = block(x)
        return Features(x)  # (B, D, H, W)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [*self.blocks, self.head]
