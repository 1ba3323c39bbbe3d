"""Residual networks for ImageNet and for CIFAR (He et al. 2016, arXiv:1512.03385), also with pre-activation (He et al.
2016, "Identity mappings in deep residual networks", arXiv:1603.05027)."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, repeat
from typing import ClassVar, Literal

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.convolution import ConvNorm
from iolaus.layers.drop_path import drop_path_rates
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm, norm_layer
from iolaus.layers.residual import (
    Block,
    PreActivationBlock,
    Shortcut,
    basic,
    bottleneck,
    pre_activation_basic,
    pre_activation_bottleneck,
)
from iolaus.layers.stem import Stem, is_small
from iolaus.ranges import Count, Rate
from iolaus.spec import Image, Input, Target

Depth = Literal[8, 14, 20, 32, 44, 56, 110, 164, 1001, 18, 34, 50, 101, 152]


class ResNet(nn.Module):
    """A stem, three or four groups of residual blocks, the mean over all places, a linear layer.

    depth: layers with weights. 8, 14, 20, 32, 44, 56, 110 are the CIFAR family: three groups, the first 16 wide; 164
        and 1001 are the same with bottlenecks. 18, 34, 50, 101, 152 are the ImageNet family: four groups, the first 64
        wide, from 50 on with bottlenecks.
    width: channels of the first group, doubled by each that follows; None: as the family has it.
    pre_activation: norm and activation come before each convolution but the stem's, and once more before the head.
    shortcut: where the shape changes: projection is a 1×1 convolution (the paper's option B); padding adds channels of
        zeros (option A, the paper's choice for CIFAR).
    stem: small (3×3) keeps the picture's size; large (7×7 and pooling) quarters its sides; auto: large from 96 pixels.
    zero_init: each block begins as the identity, with weight 0 in its last norm (Goyal et al. 2017, arXiv:1706.02677)
        or, where none is last, in its last convolution (Zhang et al. 2019, arXiv:1901.09321).
    dropout: on what the last linear layer reads. spatial_dropout: of whole maps, after each group.
    drop_path: how often the last block is left out; earlier ones less, evenly down to 0.
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
        pre_activation: bool = False,
        shortcut: Shortcut = "projection",
        stem: Stem = "auto",
        zero_init: bool = True,
        dropout: Rate = 0.0,
        spatial_dropout: Rate = 0.0,
        drop_path: Rate = 0.0,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        has_bottlenecks, lengths, family_width = _DESIGNS[depth]
        width = width or family_width
        make_stem = _small_stem if is_small(stem, input) else _large_stem
        self.stem = make_stem(input.channels, width, activation, norm)
        options = {"activation": activation, "norm": norm, "shortcut": shortcut, "zero_init": zero_init}
        expansion = 4 if has_bottlenecks else 1
        blocks = _blocks(has_bottlenecks, expansion, pre_activation)
        rates = iter(drop_path_rates(drop_path, sum(lengths)))
        self.groups = nn.ModuleList()
        channels = width
        for number, length in enumerate(lengths):
            hidden, group = width * 2**number, nn.Sequential()
            for place in range(length):
                stride = 2 if number > 0 and place == 0 else 1
                group.append(next(blocks)(channels, hidden, stride=stride, drop_path=next(rates), **options))
                channels = hidden * expansion
            self.groups.append(group)
        if pre_activation:
            group.extend([norm_layer(norm, channels, spatial=True), activation_layer(activation)])
        self.spatial_dropout = nn.Dropout2d(spatial_dropout)
        self.head = head(target, channels, pooling="mean", dropout=dropout)

    def features(self, x: Tensor) -> Features:
        x = self.stem(x)
        for group in self.groups:
            x = self.spatial_dropout(group(x))
        return Features(x)  # (B, D, H, W)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.stem, *self.groups, self.head]


def _blocks(has_bottlenecks: bool, expansion: int, pre_activation: bool) -> Iterator[Callable[..., nn.Module]]:
    """What makes the first block, the second and so on."""
    if not pre_activation:
        return repeat(partial(Block, bottleneck if has_bottlenecks else basic, expansion))
    residual = pre_activation_bottleneck if has_bottlenecks else pre_activation_basic
    block = partial(PreActivationBlock, residual, expansion)
    return chain([partial(block, is_first=True)], repeat(block))


def _small_stem(in_channels: int, width: int, activation: Activation, norm: Norm) -> nn.Sequential:
    return nn.Sequential(ConvNorm(in_channels, width, 3, norm=norm), activation_layer(activation))


def _large_stem(in_channels: int, width: int, activation: Activation, norm: Norm) -> nn.Sequential:
    pool = nn.MaxPool2d(3, stride=2, padding=1)
    return nn.Sequential(ConvNorm(in_channels, width, 7, stride=2, norm=norm), activation_layer(activation), pool)


# By depth: whether blocks have bottlenecks, blocks per group, width of the first group.
_DESIGNS: dict[int, tuple[bool, tuple[int, ...], int]] = {
    **{6 * n + 2: (False, (n, n, n), 16) for n in (1, 2, 3, 5, 7, 9, 18)},
    **{9 * n + 2: (True, (n, n, n), 16) for n in (18, 111)},
    18: (False, (2, 2, 2, 2), 64),
    34: (False, (3, 4, 6, 3), 64),
    50: (True, (3, 4, 6, 3), 64),
    101: (True, (3, 4, 23, 3), 64),
    152: (True, (3, 8, 36, 3), 64),
}
