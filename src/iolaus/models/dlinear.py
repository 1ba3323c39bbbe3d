"""Two linear layers, one from a window's trend and one from what is left of it, and the sum of their forecasts."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from iolaus.layers.channels import channel_windows
from iolaus.layers.decomposition import moving_average
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.ranges import Count
from iolaus.spec import Series, Target


class DLinear(nn.Module):
    """Decomposition by a moving average, then a linear layer on each part (Zeng et al. 2023, arXiv:2205.13504).

    Each channel is forecast from itself alone, all with the same weights.

    kernel_size: steps that the moving average covers.
    instance_norm: sees each window without its own level and scale; the paper does not.

    Raises:
        ValueError: for an even kernel_size, which has no middle.
    """

    reads: ClassVar[tuple[type, ...]] = (Series,)

    def __init__(self, input: Series, target: Target, *, kernel_size: Count = 25, instance_norm: bool = False) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(
                f"model.kernel_size={kernel_size} has no middle: type model.kernel_size={kernel_size + 1}."
            )
        self.kernel_size = kernel_size
        self.instance_norm = instance_norm
        self.head = SumOfHeads(input, target)

    def features(self, x: Tensor) -> Features:
        windows = channel_windows(x, without="mean" if self.instance_norm else "none")  # values (B·C, 1, T)
        trend = moving_average(windows.values, self.kernel_size)
        return windows.with_values(torch.cat([trend, windows.values - trend], dim=1))  # (B·C, 2, T)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.head]


class SumOfHeads(nn.Module):
    """A head for the trend, a head for the remainder, and the sum of what they say, back on the window's level."""

    def __init__(self, input: Series, target: Target) -> None:
        super().__init__()
        self.trend = head(target, input.length, num_sequences=input.channels)
        self.remainder = head(target, input.length, num_sequences=input.channels)

    def forward(self, features: Features) -> Tensor:
        trend, remainder = features.values.split(1, dim=1)  # (B·C, 1, T) each
        no_level = None if features.level is None else torch.zeros_like(features.level)  # it comes back once
        other = features._replace(values=remainder, level=no_level)
        return self.trend(features.with_values(trend)) + self.remainder(other)
