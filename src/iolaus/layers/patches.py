"""Cuts pictures and windows of series into the patches that become tokens."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def patches_of_images(images: Tensor, height: int, width: int) -> Tensor:
    """(B, C, H, W) → (B, L, C·height·width), in reading order.

    A picture that its patches do not fill is padded with zeros on the right and at the bottom.
    """
    images = F.pad(images, (0, -images.shape[3] % width, 0, -images.shape[2] % height))
    grid = images.unflatten(3, (-1, width)).unflatten(2, (-1, height))  # (B, C, rows, height, columns, width)
    return grid.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def patches_of_series(series: Tensor, size: int, stride: int) -> Tensor:
    """(B, T, C) → (B, L, C·size): one patch every `stride` steps, as many as `num_patches_of_series` says.

    The last step is repeated at the end: for one stride where patches overlap, as PatchTST does; otherwise for as long
    as it takes to fill the last patch.
    """
    end = series[:, -1:].expand(-1, _end(series.shape[1], size, stride), -1)
    return torch.cat([series, end], dim=1).unfold(1, size, stride).flatten(2)


def num_patches_of_series(length: int, size: int, stride: int) -> int:
    return (length + _end(length, size, stride) - size) // stride + 1


def _end(length: int, size: int, stride: int) -> int:
    return stride if stride < size else (size - length) % stride


def image_patch_size(height: int, width: int) -> int:
    """The smallest power of two that makes at most twice as many patches as a side has pixels.

    2 for 8×8 pictures, 4 for 32×32, 8 for 64×64, 16 for 224×224.
    """
    side = math.sqrt(height * width)
    return 2 ** max(0, math.ceil(math.log2(side / 2) / 2))


def series_patch_size(length: int) -> int:
    """16 steps, as PatchTST has it; in short windows the largest power of two that fits in four times."""
    return min(16, 2 ** max(0, int(math.log2(length / 4)))) if length >= 4 else 1
