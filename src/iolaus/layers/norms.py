"""Normalizations by name, for feature maps (B, D, H, W) and for sequences (B, L, D).

Those for sequences are called with a mask (B, L) too, True at real tokens: padding has no part in their statistics.
"""

from collections.abc import Callable
from math import gcd
from typing import Literal

import torch
from torch import Tensor, nn

from iolaus.layers.adaptive_norm import MapAdaptiveNorm, SequenceAdaptiveNorm

Norm = Literal["batch", "layer", "group", "instance", "rms", "adaptive", "none"]
# For models that read the mean over all places or tokens: after an instance norm it is the same, whatever they hold.
NormOfTokens = Literal["batch", "layer", "group", "rms", "adaptive", "none"]

_NUM_GROUPS = 32  # what Wu & He 2018 settled on


def norm_layer(name: Norm, dim: int, *, spatial: bool = False) -> nn.Module:
    """`spatial`: one for feature maps, called as `norm(x)`; otherwise one for sequences, called as `norm(x, mask)`."""
    return (_FOR_MAPS if spatial else _FOR_SEQUENCES)[name](dim)


def num_groups(dim: int) -> int:
    """Thirty-two, or fewer where a group would have less than eight features: one that is alone always becomes 0."""
    number = gcd(_NUM_GROUPS, dim)
    while dim // number < 8 and number % 2 == 0:
        number //= 2
    return number


# Feature maps. Layer and rms norm go over the channels of each position by itself, as in ConvNeXt (arXiv:2201.03545).


class MapLayerNorm(nn.LayerNorm):
    """Ba et al. 2016, arXiv:1607.06450."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class MapRMSNorm(nn.RMSNorm):
    """Zhang & Sennrich 2019, arXiv:1910.07467."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class MapInstanceNorm(nn.InstanceNorm2d):
    """Ulyanov et al. 2016, arXiv:1607.08022.

    Raises:
        ValueError: on maps of one place, all of which it would make 0.
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] * x.shape[3] == 1:
            raise ValueError(
                "model.norm=instance compares the places of a feature map, but here the pictures have shrunk to one: "
                "type model.norm=group."
            )
        return super().forward(x)


class MapGroupNorm(nn.GroupNorm):
    """Wu & He 2018, arXiv:1803.08494."""

    def __init__(self, dim: int) -> None:
        super().__init__(num_groups(dim), dim)


# Sequences. Layer, rms and group norm see one token at a time, so padding cannot reach the others through them.


class SequenceLayerNorm(nn.LayerNorm):
    """Ba et al. 2016, arXiv:1607.06450."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(x)


class SequenceRMSNorm(nn.RMSNorm):
    """Zhang & Sennrich 2019, arXiv:1910.07467."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(x)


class SequenceGroupNorm(nn.GroupNorm):
    """Over groups of each token's features. Wu & He 2018, arXiv:1803.08494."""

    def __init__(self, dim: int) -> None:
        super().__init__(num_groups(dim), dim)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(x.flatten(0, 1)).view_as(x)


class SequenceIdentity(nn.Identity):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return x


class SequenceBatchNorm(nn.BatchNorm1d):
    """Over all real tokens of a batch. Ioffe & Szegedy 2015, arXiv:1502.03167."""

    running_mean: Tensor
    running_var: Tensor

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None or not self.training:
            return super().forward(x.flatten(0, 1)).view_as(x)
        mean, variance, count = masked_moments(x, mask, dims=(0, 1))
        self._remember(mean.flatten(), (variance * count / (count - 1).clamp(min=1)).flatten())  # unbiased, as torch's
        return ((x - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)


class SequenceInstanceNorm(nn.Module):
    """Each feature over the real tokens of its own sequence. Ulyanov et al. 2016, arXiv:1607.08022."""

    def __init__(self, dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        real = x.new_ones(x.shape[:2], dtype=torch.bool) if mask is None else mask
        mean, variance, _ = masked_moments(x, real, dims=(1,))
        return ((x - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias).to(x.dtype)


def masked_moments(x: Tensor, mask: Tensor, *, dims: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and (biased) variance of x (B, L, D) over the real tokens along `dims`, and how many there were."""
    x = x.float()  # half precision cannot count to 512 and loses small differences
    weight = mask.unsqueeze(-1).to(x.dtype)  # (B, L, 1)
    count = weight.sum(dims, keepdim=True).clamp(min=1)
    mean = (x * weight).sum(dims, keepdim=True) / count
    variance = ((x - mean).square() * weight).sum(dims, keepdim=True) / count
    return mean, variance, count


_FOR_MAPS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "layer": MapLayerNorm,
    "group": MapGroupNorm,
    "instance": MapInstanceNorm,
    "rms": MapRMSNorm,
    "adaptive": MapAdaptiveNorm,
    "none": nn.Identity,
}

_FOR_SEQUENCES: dict[str, Callable[[int], nn.Module]] = {
    "batch": SequenceBatchNorm,
    "layer": SequenceLayerNorm,
    "group": SequenceGroupNorm,
    "instance": SequenceInstanceNorm,
    "rms": SequenceRMSNorm,
    "adaptive": SequenceAdaptiveNorm,
    "none": SequenceIdentity,
}
