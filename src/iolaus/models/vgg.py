"""VGG (Simonyan & Zisserman 2015, "Very deep convolutional networks for large-scale image recognition",
arXiv:1409.1556)."""

from typing import ClassVar, Literal

from torch import Tensor, nn

from iolaus.layers.activations import Activation
from iolaus.layers.convolution import convolution_layer
from iolaus.layers.features import Features
from iolaus.layers.fully_connected import FullyConnected
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm
from iolaus.layers.stem import LARGE_PICTURE, Stem, is_small
from iolaus.ranges import Count, Rate
from iolaus.spec import Image, Input, Target

Depth = Literal[11, 13, 16, 19]

_SMALL_PICTURE = 32  # pixels a side, below which five pools would leave nothing to convolve

# 3×3 convolutions in each of the five groups: columns A, B, D and E of the paper's table 1.
_LENGTHS: dict[int, tuple[int, ...]] = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
_MULTIPLES = 1, 2, 4, 8, 8  # filters of each group, in widths
_MAP = 7  # places a side that the fully connected layers read


class VGG(nn.Module):
    """Five groups of 3×3 convolutions, pooled after each, and three fully connected layers.

    depth: layers with weights.
    width: filters of the first group; the others have 2, 4, 8 and 8 times as many.
    hidden_dim: features of the two hidden fully connected layers; None: 4096, and 512 for pictures under 96 pixels
        (Liu & Deng 2015, doi:10.1109/ACPR.2015.7486599).
    norm: after each convolution. Without one, as in the paper, depth needs patience.
    stem: large pools after all five groups; small not after the first two; auto: large from 32 pixels a side.
    dropout: after the hidden fully connected layers. spatial_dropout: of whole maps, after each group.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        depth: Depth = 16,
        width: Count = 64,
        hidden_dim: Count | None = None,
        activation: Activation = "relu",
        norm: Norm = "none",
        stem: Stem = "auto",
        dropout: Rate = 0.5,
        spatial_dropout: Rate = 0.0,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        num_unpooled = 2 if is_small(stem, input, large_from=_SMALL_PICTURE) else 0
        self.groups = nn.ModuleList()
        channels = input.channels
        for number, (length, multiple) in enumerate(zip(_LENGTHS[depth], _MULTIPLES, strict=True)):
            group = nn.Sequential()
            for _ in range(length):
                group.append(convolution_layer(channels, multiple * width, 3, activation=activation, norm=norm))
                channels = multiple * width
            if number >= num_unpooled:
                group.append(nn.MaxPool2d(2, ceil_mode=True))
            self.groups.append(group.append(nn.Dropout2d(spatial_dropout)))
        shrunk = 2 ** (5 - num_unpooled)
        size = min(_MAP, -(-input.height // shrunk)), min(_MAP, -(-input.width // shrunk))
        hidden_dim = hidden_dim or (4096 if min(input.height, input.width) >= LARGE_PICTURE else 512)
        self.fully_connected = FullyConnected(channels, size, hidden_dim, activation=activation, dropout=dropout)
        self.head = head(target, hidden_dim)

    def features(self, x: Tensor) -> Features:
        for group in self.groups:
            x = group(x)
        return Features(self.fully_connected(x))  # (B, 1, D)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [*self.groups, self.fully_connected, self.head]
