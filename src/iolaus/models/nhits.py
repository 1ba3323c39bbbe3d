"""N-HiTS: blocks that read a series at several rates, each explaining what those before it left over."""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.channels import channel_windows
from iolaus.layers.features import Features
from iolaus.layers.reversible import restore_level
from iolaus.ranges import Count, Rate
from iolaus.spec import Forecast, Series


class NHiTS(nn.Module):
    """The forecast is the sum of those of all blocks, from the slow movements to the fast ones.

    Challu et al. 2023, arXiv:2201.12886, figure 2. Each block sees its part of the window through a maximum over
    `pool_sizes` steps, takes its backcast away from what the next one sees, and forecasts few values, a line between
    which is its answer (hierarchical interpolation). Each channel is forecast from itself alone. The last value is
    added, as in the authors' code; the last block's backcast, which nobody would see, is left out.

    dim: hidden features. num_layers: hidden layers of a block.
    pool_sizes: steps under each maximum, a block each. downsampling: of how many steps a block forecasts one.
    dropout: after each hidden layer.
    instance_norm: sees each window without its own level and scale, instead of adding its last value.

    Raises:
        ValueError: for as many pool_sizes as not downsampling, or more steps under a maximum than in a window.
    """

    reads: ClassVar[tuple[type, ...]] = (Series,)
    writes: ClassVar[tuple[type, ...]] = (Forecast,)

    def __init__(
        self,
        input: Series,
        target: Forecast,
        *,
        dim: Count = 512,
        num_layers: Count = 2,
        pool_sizes: Sequence[Count] = (16, 8, 1),
        downsampling: Sequence[Count] = (24, 12, 1),
        activation: Activation = "relu",
        dropout: Rate = 0.0,
        instance_norm: bool = False,
    ) -> None:
        super().__init__()
        if len(pool_sizes) != len(downsampling):
            raise ValueError(
                f"model.pool_sizes has {len(pool_sizes)} blocks and model.downsampling {len(downsampling)}: "
                "type as many numbers in one as in the other."
            )
        if max(pool_sizes) > input.length:
            raise ValueError(
                f"model.pool_sizes={max(pool_sizes)} is longer than the window of {input.length} steps: "
                f"type {input.length} or less."
            )
        self.instance_norm = instance_norm
        self.blocks = nn.ModuleList(
            Block(input.length, size, dim, num_layers=num_layers, activation=activation, dropout=dropout)
            for size in pool_sizes
        )
        self.backcasts = nn.ModuleList(nn.Linear(dim, input.length) for _ in pool_sizes[1:])
        self.head = InterpolationHead(dim, target, downsampling)

    def features(self, x: Tensor) -> Features:
        windows = channel_windows(x, without="mean" if self.instance_norm else "none")
        unexplained = windows.values.squeeze(1)  # (B·C, T)
        hidden = [self.blocks[0](unexplained)]  # (B·C, D) each
        for backcast, block in zip(self.backcasts, self.blocks[1:], strict=True):
            unexplained = unexplained - backcast(hidden[-1])
            hidden.append(block(unexplained))
        if not self.instance_norm:
            windows = windows._replace(level=x[:, -1:], scale=torch.ones_like(x[:, -1:]))
        return windows.with_values(torch.stack(hidden, dim=1))  # (B·C, number of blocks, D)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        between = zip(self.backcasts, self.blocks[1:], strict=True)
        return [self.blocks[0], *(part for pair in between for part in pair), self.head]


class Block(nn.Module):
    """A maximum over every few steps, then a multilayer perceptron: (B, T) → (B, D)."""

    def __init__(
        self, length: int, pool_size: int, dim: int, *, num_layers: int, activation: Activation, dropout: float
    ) -> None:
        super().__init__()
        self.pool_size = pool_size
        sizes = [-(-length // pool_size)] + [dim] * num_layers
        layers = [(nn.Linear(*pair), activation_layer(activation), nn.Dropout(dropout)) for pair in pairwise(sizes)]
        self.perceptron = nn.Sequential(*(part for layer in layers for part in layer))

    def forward(self, window: Tensor) -> Tensor:
        pooled = F.max_pool1d(window.unsqueeze(1), self.pool_size, ceil_mode=True).squeeze(1)
        return self.perceptron(pooled)


class InterpolationHead(nn.Module):
    """A few values from each block's features, lines between them, and their sum: (B·C, S, D) → (B, horizon, C)."""

    def __init__(self, dim: int, target: Forecast, downsampling: Sequence[int]) -> None:
        super().__init__()
        self.channels, self.horizon = target.channels, target.horizon
        self.knots = nn.ModuleList(nn.Linear(dim, max(1, target.horizon // rate)) for rate in downsampling)

    def forward(self, features: Features) -> Tensor:
        knots = [
            layer(hidden).unsqueeze(1) for layer, hidden in zip(self.knots, features.values.unbind(1), strict=True)
        ]
        forecasts = [F.interpolate(values, self.horizon, mode="linear") for values in knots]  # (B·C, 1, horizon) each
        forecast = torch.cat(forecasts, dim=1).sum(1).unflatten(0, (-1, self.channels)).transpose(1, 2)
        assert features.level is not None
        assert features.scale is not None
        return restore_level(forecast, features.level, features.scale)
