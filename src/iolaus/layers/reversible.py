"""Reversible instance normalization for time series (Kim et al. 2022, openreview.net/forum?id=cGDAkQo1C0p).

Tomorrow's level is mostly today's: a window is seen without its own level and scale, and the forecast gets them back.
The paper's learned scale and shift of each channel are left out.
"""

import torch
from torch import Tensor

_EPSILON = 1e-5  # added to the variance: windows may be constant


def remove_level(window: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T, C) → the window with mean 0 and standard deviation 1, its level (B, 1, C) and its scale (B, 1, C)."""
    level = window.mean(1, keepdim=True)
    scale = torch.sqrt(window.var(1, keepdim=True, correction=0) + _EPSILON)
    return (window - level) / scale, level, scale


def remove_last(window: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T, C) → the window from its last value on, that value (B, 1, C) as its level, and 1 (B, 1, C) as its scale.

    What NLinear does (Zeng et al. 2023, arXiv:2205.13504).
    """
    last = window[:, -1:]
    return window - last, last, torch.ones_like(last)


def restore_level(forecast: Tensor, level: Tensor, scale: Tensor) -> Tensor:
    """(B, horizon, C) → the same on the scale of the window that it continues."""
    assert forecast.shape[2] == level.shape[2], "a level belongs to the channel it was taken from"
    return forecast * scale + level
