"""Tells tokens apart by where they stand.

Learned and sinusoidal positions add a vector to each token (B, L, D). Rotary and relative ones act where tokens look at
each other: they turn queries and keys, or add to the scores of attention.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

Positions = Literal["learned", "sinusoidal", "none"]
AttentionPositions = Literal["learned", "sinusoidal", "rotary", "relative", "none"]


def position_layer(name: AttentionPositions, length: int, dim: int, *, std: float) -> nn.Module:
    """What is added to the tokens: nothing, where their places are told in attention.

    `length`: the most tokens there can be; `std`: how large the vectors are, beside those they are added to.
    """
    if name not in ("learned", "sinusoidal"):
        return NoPositions()
    return LearnedPositions(length, dim, std=std) if name == "learned" else SinusoidalPositions(length, dim, std=std)


class LearnedPositions(nn.Module):
    """One free vector per position (Gehring et al. 2017, arXiv:1705.03122)."""

    def __init__(self, length: int, dim: int, *, std: float) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(length, dim) * std)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        return x + _places(self.table, start, x.shape[1])


class SinusoidalPositions(nn.Module):
    """Fixed waves of wavelengths 2π … 10000·2π (Vaswani et al. 2017, arXiv:1706.03762), scaled to `std`."""

    table: Tensor

    def __init__(self, length: int, dim: int, *, std: float) -> None:
        super().__init__()
        table = waves(length, dim) * (std * math.sqrt(2))  # a wave's own standard deviation is 1/√2
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        return x + _places(self.table, start, x.shape[1])


def _places(table: Tensor, start: int, length: int) -> Tensor:
    assert start + length <= len(table), "more tokens than this was built for"
    return table[start : start + length]


class NoPositions(nn.Module):
    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        return x


class RotaryPositions(nn.Module):
    """Turns each pair of a head's features by an angle that grows with the place, so that a query and a key meet at the
    angle of their distance (Su et al. 2021, arXiv:2104.09864). Pairs are (i, i + d/2), as in GPT-NeoX and LLaMA.

    Raises:
        ValueError: for an odd number of features per head.
    """

    frequency: Tensor

    def __init__(self, head_dim: int) -> None:
        super().__init__()
        if head_dim % 2:
            raise ValueError(
                f"model.positions=rotary turns pairs of features, but a head has {head_dim}: type a model.dim that is "
                "an even multiple of model.num_heads."
            )
        frequency = 10000.0 ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
        self.register_buffer("frequency", frequency, persistent=False)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """x: (B, N, L, d), of which the first token stands at place `start`."""
        place = torch.arange(start, start + x.shape[2], device=x.device)
        angle = place[:, None] * self.frequency  # (L, d/2)
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class RelativePositions(nn.Module):
    """A number for each head and distance, added to the scores of attention (Raffel et al. 2020, arXiv:1910.10683).

    Near distances have one each, far ones share buckets that widen with the logarithm, the last one all that is
    `max_distance` away and more.

    is_causal: there are only keys before the query, so all buckets are for them; otherwise half of them.
    """

    def __init__(
        self, num_heads: int, *, is_causal: bool = False, num_buckets: int = 32, max_distance: int = 128
    ) -> None:
        super().__init__()
        self.is_causal = is_causal
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.table = nn.Embedding(num_buckets, num_heads)
        nn.init.zeros_(self.table.weight)

    def forward(self, length: int, start: int = 0) -> Tensor:
        """(N, Lq, Lk) for the queries from place `start` to `length`, and keys from 0 to `length`."""
        place = torch.arange(length, device=self.table.weight.device)
        return self.table(self._bucket(place - place[start:, None])).permute(2, 0, 1)

    def _bucket(self, distance: Tensor) -> Tensor:
        """distance: of the key from the query; negative if it comes before."""
        num_buckets = self.num_buckets if self.is_causal else self.num_buckets // 2
        num_near = num_buckets // 2
        size = (-distance).clamp(min=0) if self.is_causal else distance.abs()
        ratio = (size.clamp(min=1).float() / num_near).log() / math.log(self.max_distance / num_near)
        far = (num_near + (ratio * (num_buckets - num_near)).long()).clamp(max=num_buckets - 1)
        bucket = size.where(size < num_near, far)
        return bucket if self.is_causal else bucket + num_buckets * (distance > 0)


def waves(length: int, dim: int) -> Tensor:
    """(L, D): sines in the even columns, cosines in the odd ones."""
    position = torch.arange(length, dtype=torch.float32).unsqueeze(1)
    frequency = torch.exp(torch.arange(0, dim, 2, dtype=torch.float32) * (-math.log(10000.0) / dim))
    angle = position * frequency  # (L, ⌈D/2⌉)
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :dim]
