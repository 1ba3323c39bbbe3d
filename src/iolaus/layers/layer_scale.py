"""A learned size for each channel of a residual branch, which begins small (Touvron et al. 2021, arXiv:2103.17239)."""

import torch
from torch import Tensor, nn


class LayerScale(nn.Module):
    """Feature maps (B, D, H, W) → the same, each channel times its own number."""

    def __init__(self, dim: int, initial: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((dim, 1, 1), initial))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale
