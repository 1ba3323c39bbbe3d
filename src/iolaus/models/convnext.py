"""ConvNeXt (Liu et al. 2022, "A ConvNet for the 2020s", arXiv:2201.03545)."""

from typing import ClassVar, Literal

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.convolution import convolution
from iolaus.layers.drop_path import DropPath, drop_path_rates
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.layer_scale import LayerScale
from iolaus.layers.norms import Norm, NormOfTokens, norm_layer
from iolaus.layers.patch_convolution import PatchConvolution
from iolaus.layers.sizes import warn_if_overruled
from iolaus.layers.stem import Stem, is_small
from iolaus.ranges import Count, NonNegative, Rate
from iolaus.spec import Image, Input, Target

Size = Literal["tiny", "small", "base", "large"]

# By size: channels of the first group, blocks of the four groups.
_SIZES: dict[str, tuple[int, tuple[int, ...]]] = {
    "tiny": (96, (3, 3, 9, 3)),
    "small": (96, (3, 3, 27, 3)),
    "base": (128, (3, 3, 27, 3)),
    "large": (192, (3, 3, 27, 3)),
}


class ConvNeXt(nn.Module):
    """A stem of patches, four groups of depthwise blocks, the mean over all places, a norm, a linear layer.

    size: tiny, small, base or large, which set the two that follow.
    dim: channels of the first group, doubled by each that follows. depths: blocks of each group.
    layer_scale: what the branches are multiplied by at first; 0: they are not.
    stem: large makes patches of 4×4 pixels; small takes each pixel for one; auto: large from 96 pixels a side.
    dropout: on what the last linear layer reads. spatial_dropout: of whole maps, after each group.
    drop_path: how often the last block is left out; earlier ones less, evenly down to 0.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        size: Size = "tiny",
        dim: Count | None = None,
        depths: tuple[Count, Count, Count, Count] | None = None,
        layer_scale: NonNegative = 1e-6,
        activation: Activation = "gelu",
        norm: NormOfTokens = "layer",
        stem: Stem = "auto",
        dropout: Rate = 0.0,
        spatial_dropout: Rate = 0.0,
        drop_path: Rate = 0.1,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        warn_if_overruled(size, "tiny", dim=dim, depths=depths)
        size_dim, size_depths = _SIZES[size]
        dim, lengths = dim or size_dim, depths or size_depths
        patch = 1 if is_small(stem, input) else 4
        patches = PatchConvolution(input.channels, dim, patch)
        self.stem = nn.Sequential(patches, norm_layer(norm, dim, spatial=True))
        rates = iter(drop_path_rates(drop_path, sum(lengths)))
        self.groups = nn.ModuleList()
        for number, length in enumerate(lengths):
            group = nn.Sequential()
            if number > 0:
                group.append(norm_layer(norm, dim, spatial=True)).append(PatchConvolution(dim, 2 * dim, 2))
                dim = 2 * dim
            for _ in range(length):
                group.append(
                    Block(dim, activation=activation, norm=norm, layer_scale=layer_scale, drop_path=next(rates))
                )
            self.groups.append(group.append(nn.Dropout2d(spatial_dropout)))
        self.norm = norm_layer(norm, dim)
        self.head = head(target, dim, dropout=dropout)

    def features(self, x: Tensor) -> Features:
        x = self.stem(x)
        for group in self.groups:
            x = group(x)
        return Features(self.norm(x.mean((2, 3)).unsqueeze(1)))  # (B, 1, D)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.stem, *self.groups, self.norm, self.head]


class Block(nn.Module):
    """7×7 on each channel by itself, norm, and an MLP on each place by itself; added to x: figure 4."""

    def __init__(self, dim: int, *, activation: Activation, norm: Norm, layer_scale: float, drop_path: float) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            convolution(dim, dim, 7, groups=dim),
            norm_layer(norm, dim, spatial=True),
            convolution(dim, 4 * dim, 1),
            activation_layer(activation),
            convolution(4 * dim, dim, 1),
            LayerScale(dim, layer_scale) if layer_scale else nn.Identity(),
            DropPath(drop_path),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)
