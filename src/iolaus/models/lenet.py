"""LeNet-5 (LeCun et al. 1998, "Gradient-based learning applied to document recognition", doi:10.1109/5.726791)."""

from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from iolaus.layers.activations import Activation
from iolaus.layers.convolution import convolution_layer
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm
from iolaus.layers.stem import Stem, is_small
from iolaus.ranges import Count, Rate
from iolaus.spec import Image, Input, Target

_SIDES = 32, 14, 5  # of the maps that the paper's three convolutions read


class LeNet(nn.Module):
    """Figure 2 of the paper: C1, S2, C3, S4, C5, F6, and the classes.

    As everyone builds it since, pooling takes plain means, C3 sees all maps of S2, and the output is linear.

    width: filters of C1; those of C3, C5 and F6 are 16/6, 20 and 14 times as many.
    stem: large: filters keep off the edges, so pictures must have 32 pixels a side; small: maps are padded by 2, and
        keep their sizes; auto: each map is padded that is smaller than the paper's. Where pictures are larger than the
        paper's, the features of all places are averaged.
    dropout: on what the last linear layer reads. spatial_dropout: of whole maps, after S2 and S4.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        width: Count = 6,
        activation: Activation = "tanh",
        norm: Norm = "none",
        stem: Stem = "auto",
        dropout: Rate = 0.0,
        spatial_dropout: Rate = 0.0,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        channels = [input.channels, width, round(width * 16 / 6), width * 20]
        c1, c3, c5 = (
            convolution_layer(before, after, 5, padding=padding, activation=activation, norm=norm)
            for (before, after), padding in zip(pairwise(channels), _paddings(input, stem), strict=True)
        )
        s2, s4 = (nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Dropout2d(spatial_dropout)) for _ in range(2))
        f6 = convolution_layer(channels[-1], width * 14, 1, activation=activation, norm=norm)
        self.groups = nn.ModuleList([nn.Sequential(c1, s2), nn.Sequential(c3, s4), c5, f6])
        self.head = head(target, width * 14, pooling="mean", dropout=dropout)

    def features(self, x: Tensor) -> Features:
        for group in self.groups:
            x = group(x)
        return Features(x)  # (B, D, H, W); one place for pictures of 32×32

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [*self.groups, self.head]


def _paddings(input: Image, stem: Stem) -> list[int]:
    """Of C1, C3 and C5. Padded by 2, a map keeps its size; otherwise it loses 4 pixels a side."""
    paddings, side = [], min(input.height, input.width)
    for paper_side in _SIDES:
        small = is_small(stem, Image(input.channels, side, side), large_from=paper_side)
        if not small and side < 5:
            raise ValueError(
                f"model.stem={stem} needs pictures of 32 pixels a side, not {input.height}×{input.width}: "
                "type model.stem=auto."
            )
        paddings.append(2 if small else 0)
        side = -(-(side if small else side - 4) // 2)
    return paddings
