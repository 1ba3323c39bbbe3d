"""Layers that steady a network: normalization brings signals to one scale, dropout takes crutches away."""

import numpy as np

from iolaus.scratch.module import Module, Parameter
from iolaus.scratch.operations import sqrt
from iolaus.scratch.random import generator
from iolaus.scratch.tensor import Tensor, no_grad


class LayerNorm(Module):
    """Brings each vector to mean 0 and variance 1, then to a scale and shift it learns (Ba et al. 2016)."""

    def __init__(self, normalized_shape: int, eps: float = 1e-5) -> None:
        self.weight = Parameter(np.ones(normalized_shape))
        self.bias = Parameter(np.zeros(normalized_shape))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        variance = (centred * centred).mean(-1, keepdim=True)
        return centred / sqrt(variance + self.eps) * self.weight + self.bias


class BatchNorm(Module):
    """Brings each channel to mean 0 and variance 1 over the batch (Ioffe & Szegedy 2015): (B, C) or (B, C, …).

    In evaluation it uses running averages of what it saw in training, so a sample does not depend on its neighbours.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.weight = Parameter(np.ones(num_features))
        self.bias = Parameter(np.zeros(num_features))
        self.running_mean = Tensor(np.zeros(num_features))
        self.running_var = Tensor(np.ones(num_features))
        self.eps = eps
        self.momentum = momentum

    def forward(self, x: Tensor) -> Tensor:
        channels = (1, -1, *[1] * (x.ndim - 2))  # the shape in which (C,) broadcasts to (B, C, …)
        if self.training:
            dims = (0, *range(2, x.ndim))
            mean = x.mean(dims, keepdim=True)
            variance = ((x - mean) ** 2).mean(dims, keepdim=True)
            self._remember(mean, variance, x.data.size // mean.data.size)
        else:
            mean, variance = self.running_mean.reshape(*channels), self.running_var.reshape(*channels)
        normal = (x - mean) / sqrt(variance + self.eps)
        return normal * self.weight.reshape(*channels) + self.bias.reshape(*channels)

    def _remember(self, mean: Tensor, variance: Tensor, num_values: int) -> None:
        if num_values == 1:
            raise ValueError("batch norm in training needs more than one value per channel: use larger batches")
        unbiased = variance.data.ravel() * num_values / (num_values - 1)
        with no_grad():
            self.running_mean += self.momentum * (mean.data.ravel() - self.running_mean.data)
            self.running_var += self.momentum * (unbiased - self.running_var.data)


BatchNorm1d = BatchNorm2d = BatchNorm  # torch tells them apart; here the shape of the input does


class Dropout(Module):
    """In training, sets each number to 0 with probability p and enlarges the rest to match (Srivastava et al. 2014)."""

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"dropout's p={p} is not a probability below 1")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        mask = generator().random(x.shape) >= self.p
        return x * (mask / (1 - self.p)).astype(x.dtype)
