"""Tells tokens apart by where they stand: adds a vector to each position of (B, L, D)."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

Positions = Literal["learned", "sinusoidal", "none"]


def position_layer(name: Positions, length: int, dim: int, *, std: float) -> nn.Module:
    """`length`: the most tokens there can be; `std`: how large the vectors are, beside those they are added to."""
    if name == "none":
        return nn.Identity()
    return LearnedPositions(length, dim, std=std) if name == "learned" else SinusoidalPositions(length, dim, std=std)


class LearnedPositions(nn.Module):
    """One free vector per position (Gehring et al. 2017, arXiv:1705.03122)."""

    def __init__(self, length: int, dim: int, *, std: float) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(length, dim) * std)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table[: x.shape[1]]


class SinusoidalPositions(nn.Module):
    """Fixed waves of wavelengths 2π … 10000·2π (Vaswani et al. 2017, arXiv:1706.03762), scaled to `std`."""

    table: Tensor

    def __init__(self, length: int, dim: int, *, std: float) -> None:
        super().__init__()
        table = waves(length, dim) * (std * math.sqrt(2))  # a wave's own standard deviation is 1/√2
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table[: x.shape[1]]


def waves(length: int, dim: int) -> Tensor:
    """(L, D): sines in the even columns, cosines in the odd ones."""
    position = torch.arange(length, dtype=torch.float32).unsqueeze(1)
    frequency = torch.exp(torch.arange(0, dim, 2, dtype=torch.float32) * (-math.log(10000.0) / dim))
    angle = position * frequency  # (L, ⌈D/2⌉)
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :dim]
