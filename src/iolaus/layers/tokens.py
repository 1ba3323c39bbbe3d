"""Convolution and pooling along tokens (B, L, D), with their mask (B, L): padding has no part in what they find."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TokenConvolution(nn.Module):
    """Filters over `size` neighbours, around every `stride`-th token: (B, L, C) → (B, ⌈L/stride⌉, D)."""

    def __init__(self, in_channels: int, out_channels: int, size: int, *, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.sides = (size - 1) // 2, size // 2
        self.conv = nn.Conv1d(in_channels, out_channels, size, stride)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        if mask is not None:
            x = x * mask.unsqueeze(2)  # a filter at the last word sees silence after it
            mask = mask[:, :: self.stride]
        return self.conv(F.pad(x.transpose(1, 2), self.sides)).transpose(1, 2), mask


class TokenPooling(nn.Module):
    """Of every `size` tokens the maximum or mean of the real ones: (B, L, D) → (B, ⌈L/size⌉, D)."""

    def __init__(self, size: int, kind: Literal["max", "mean"]) -> None:
        super().__init__()
        self.size = size
        self.kind = kind

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        real = x.new_ones(x.shape[:2], dtype=torch.bool) if mask is None else mask
        missing = -x.shape[1] % self.size
        values = F.pad(x, (0, 0, 0, missing)).unflatten(1, (-1, self.size))  # (B, L/size, size, D)
        real = F.pad(real, (0, missing)).unflatten(1, (-1, self.size)).unsqueeze(3)  # (B, L/size, size, 1)
        if self.kind == "mean":
            pooled = (values * real).sum(2) / real.sum(2).clamp(min=1)
        else:
            pooled = values.masked_fill(~real, torch.finfo(x.dtype).min).amax(2) * real.any(2)
        return pooled.to(x.dtype), None if mask is None else real.any(2).squeeze(2)
