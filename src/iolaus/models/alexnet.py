"""AlexNet (Krizhevsky et al. 2012, doi:10.1145/3065386), in the one-column form of 2014 (arXiv:1404.5997)."""

from typing import ClassVar

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

_MAP = 6  # places a side that the fully connected layers read


class AlexNet(nn.Module):
    """Five convolutions, three of them pooled, and three fully connected layers.

    Local response normalization is left out: Simonyan & Zisserman 2015 (arXiv:1409.1556) found that it gains nothing.

    width: filters of the first convolution; the others have 3, 6, 4 and 4 times as many.
    hidden_dim: features of the two hidden fully connected layers; None: 4096, and 512 for pictures under 96 pixels.
    stem: large: 11×11 with stride 4, and pools that keep off the edges; small: 5×5 that keep the picture's size; auto:
        large from 96 pixels a side.
    dropout: after the hidden fully connected layers. spatial_dropout: of whole maps, after each pool.

    Raises:
        ValueError: for pictures of which the large stem would leave nothing.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
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
        small = is_small(stem, input)
        height, width_left = (_side_left(side, small) for side in (input.height, input.width))
        if min(height, width_left) < 1:
            raise ValueError(
                f"model.stem={stem} needs pictures of 63 pixels a side, not {input.height}×{input.width}: "
                "type model.stem=small."
            )

        def conv(before: int, after: int, size: int, *, stride: int = 1, padding: int | None = None) -> nn.Sequential:
            return convolution_layer(
                before, after, size, stride=stride, padding=padding, activation=activation, norm=norm
            )

        def pool() -> nn.Sequential:
            maximum = nn.MaxPool2d(3, stride=2, padding=1 if small else 0)
            return nn.Sequential(maximum, nn.Dropout2d(spatial_dropout))

        colours, w = input.channels, width
        first = conv(colours, w, 5) if small else conv(colours, w, 11, stride=4, padding=2)
        self.stem = nn.Sequential(first, pool())
        self.groups = nn.ModuleList(
            [
                nn.Sequential(conv(w, 3 * w, 5), pool()),
                conv(3 * w, 6 * w, 3),
                conv(6 * w, 4 * w, 3),
                nn.Sequential(conv(4 * w, 4 * w, 3), pool()),
            ]
        )
        hidden_dim = hidden_dim or (4096 if min(input.height, input.width) >= LARGE_PICTURE else 512)
        size = min(_MAP, height), min(_MAP, width_left)
        self.fully_connected = FullyConnected(4 * w, size, hidden_dim, activation=activation, dropout=dropout)
        self.head = head(target, hidden_dim)

    def features(self, x: Tensor) -> Features:
        x = self.stem(x)
        for group in self.groups:
            x = group(x)
        return Features(self.fully_connected(x))  # (B, 1, D)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.stem, *self.groups, self.fully_connected, self.head]


def _side_left(side: int, small: bool) -> int:
    """Places along a side after the stem's stride and the three pools."""
    if small:
        return -(-side // 8)
    side = (side - 7) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side
