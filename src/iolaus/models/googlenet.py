"""GoogLeNet (Szegedy et al. 2015, "Going deeper with convolutions", arXiv:1409.4842)."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.auxiliary import Auxiliary
from iolaus.layers.convolution import convolution_layer
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm
from iolaus.layers.stem import Stem, is_small
from iolaus.ranges import Count, NonNegative, Rate
from iolaus.spec import Image, Input, Target

# Filters of each inception module, for a stem of 64 (the paper's table 1): 1×1; 3×3 and what it reads; 5×5 and what it
# reads; after the pool.
_MODULES: dict[str, tuple[int, int, int, int, int, int]] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
_GROUPS = ("3a", "3b"), ("4a",), ("4b", "4c", "4d"), ("4e",), ("5a", "5b")
_POOLED = "4a", "5a"  # their input has lost half of its sides
_ANSWERING = "4a", "4d"  # an auxiliary classifier reads what they found


class GoogLeNet(nn.Module):
    """A stem, nine inception modules, the mean over all places, a linear layer: figure 3 of the paper.

    width: filters of the stem's first convolution; all others are in the paper's proportions to it.
    filter_size: of the largest filters: 5 in the paper, 3 in the implementations whose weights are published.
    auxiliary: what the losses of the two auxiliary classifiers count in training, beside the network's own; 0: without.
    auxiliary_dropout: on what their last linear layers read; None: 0.7.
    norm: after each convolution. The paper came before batch norm; its local response norms are left out.
    stem: small (3×3) keeps the picture's size; large (7×7, 3×3 and pools) leaves an eighth of its sides; auto: large
        from 96 pixels a side.
    dropout: on what the last linear layer reads. spatial_dropout: of whole maps, after each group.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        width: Count = 64,
        filter_size: Literal[3, 5] = 5,
        auxiliary: NonNegative = 0.3,
        auxiliary_dropout: Rate | None = None,
        activation: Activation = "relu",
        norm: Norm = "none",
        stem: Stem = "auto",
        dropout: Rate = 0.4,
        spatial_dropout: Rate = 0.0,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        if auxiliary == 0 and auxiliary_dropout is not None:
            warnings.warn(
                f"model.auxiliary_dropout={auxiliary_dropout} has no effect with model.auxiliary=0.", stacklevel=2
            )
        conv = partial(convolution_layer, activation=activation, norm=norm)
        self.stem = (_small_stem if is_small(stem, input) else _large_stem)(conv, input.channels, width)
        self.groups = nn.ModuleList()
        channels = 3 * width
        for names in _GROUPS:
            group = nn.Sequential()
            for name in names:
                if name in _POOLED:
                    group.append(_pool())
                module = Inception(conv, channels, [max(1, n * width // 64) for n in _MODULES[name]], filter_size)
                channels = module.out_channels
                group.append(module)
            if auxiliary and names[-1] in _ANSWERING:
                rate = 0.7 if auxiliary_dropout is None else auxiliary_dropout
                classifier = AuxiliaryHead(target, conv, channels, width, activation=activation, dropout=rate)
                group.append(Auxiliary(classifier, weight=auxiliary))
            self.groups.append(group.append(nn.Dropout2d(spatial_dropout)))
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


class Inception(nn.Module):
    """Filters of several sizes side by side, the larger ones behind 1×1 convolutions: figure 2b of the paper."""

    def __init__(
        self, conv: Callable[..., nn.Module], in_channels: int, filters: Sequence[int], filter_size: int
    ) -> None:
        super().__init__()
        one, three_reduced, three, five_reduced, five, pooled = filters
        self.branches = nn.ModuleList(
            [
                conv(in_channels, one, 1),
                nn.Sequential(conv(in_channels, three_reduced, 1), conv(three_reduced, three, 3)),
                nn.Sequential(conv(in_channels, five_reduced, 1), conv(five_reduced, five, filter_size)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(in_channels, pooled, 1)),
            ]
        )
        self.out_channels = one + three + five + pooled

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class AuxiliaryHead(nn.Module):
    """Means of 4×4 parts of the maps, a 1×1 convolution, a hidden linear layer, the answer."""

    def __init__(
        self,
        target: Target,
        conv: Callable[..., nn.Module],
        channels: int,
        width: int,
        *,
        activation: Activation,
        dropout: float,
    ) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.project = conv(channels, 2 * width, 1)
        self.hidden = nn.Sequential(nn.Linear(2 * width * 4 * 4, 16 * width), activation_layer(activation))
        self.head = head(target, 16 * width, dropout=dropout)

    def forward(self, features: Features) -> Tensor:
        hidden = self.hidden(self.project(self.pool(features.values)).flatten(1))  # (B, D)
        return self.head(Features(hidden.unsqueeze(1)))


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, padding=1)


def _small_stem(conv: Callable[..., nn.Module], in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(conv(in_channels, 3 * width, 3))


def _large_stem(conv: Callable[..., nn.Module], in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        conv(in_channels, width, 7, stride=2), _pool(), conv(width, width, 1), conv(width, 3 * width, 3), _pool()
    )
