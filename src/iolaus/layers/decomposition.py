"""Takes a series apart into a trend and what is left of it (Wu et al. 2021, Autoformer, arXiv:2106.13008)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def moving_average(x: Tensor, size: int) -> Tensor:
    """(B, L, T) → the same shape: the mean of `size` steps around each, with the first and the last step repeated
    beyond the ends. `size` is odd."""
    assert size % 2 == 1, "an even window has no middle"
    margin = size // 2
    before, after = x[..., :1].expand(*x.shape[:2], margin), x[..., -1:].expand(*x.shape[:2], margin)
    return F.avg_pool1d(torch.cat([before, x, after], dim=2), size, stride=1)
