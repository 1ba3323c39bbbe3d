"""Activations, as functions and as modules: what bends a network's straight lines."""

import math

import numpy as np

from iolaus.scratch.module import Module
from iolaus.scratch.operations import erf, exp, tanh
from iolaus.scratch.tensor import Tensor, apply
from iolaus.scratch.values import Array, method


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))  # in (0, 1]: never overflows
    return np.where(x >= 0, 1, small) / (1 + small)


@method
def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e⁻ˣ): from 0 to 1."""
    return apply("sigmoid", _sigmoid, (x, lambda g, y: g * y * (1 - y)))


@method
def relu(x: Tensor) -> Tensor:
    """x where it is positive, else 0."""
    return apply("relu", lambda x: np.maximum(x, 0), (x, lambda g, _: g * (x.data > 0)))


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where it is positive, else a little of it, so that no neuron stops learning (Maas et al. 2013)."""
    slope = np.where(x.data > 0, 1, negative_slope).astype(x.dtype)
    return x * slope


@method
def softmax(x: Tensor, dim: int) -> Tensor:
    """Positive numbers that sum to 1 along a dimension, in proportion to eˣ."""

    def forward(x: Array) -> Array:
        powers = np.exp(x - x.max(dim, keepdims=True))  # the largest power is 1: nothing overflows
        return powers / powers.sum(dim, keepdims=True)

    return apply("softmax", forward, (x, lambda g, y: (g - (g * y).sum(dim, keepdim=True)) * y))


@method
def log_softmax(x: Tensor, dim: int) -> Tensor:
    """The logarithm of softmax, in which no small probability is lost to rounding."""

    def forward(x: Array) -> Array:
        shifted = x - x.max(dim, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(dim, keepdims=True))

    return apply("log_softmax", forward, (x, lambda g, y: g - exp(y) * g.sum(dim, keepdim=True)))


def softplus(x: Tensor) -> Tensor:
    """log(1 + eˣ), a ReLU without the corner."""
    return apply("softplus", lambda x: np.logaddexp(x, 0), (x, lambda g, _: g * sigmoid(x)))


def gelu(x: Tensor) -> Tensor:
    """x times the probability that a standard normal draw is below it (Hendrycks & Gimpel 2016)."""
    return x * 0.5 * (1 + erf(x * math.sqrt(0.5)))


def silu(x: Tensor) -> Tensor:
    """x · sigmoid(x), also called swish (Elfwing et al. 2017, Ramachandran et al. 2017)."""
    return x * sigmoid(x)


def mish(x: Tensor) -> Tensor:
    """x · tanh(softplus(x)) (Misra 2019)."""
    return x * tanh(softplus(x))


class Sigmoid(Module):
    def forward(self, x: Tensor) -> Tensor:
        return sigmoid(x)


class Tanh(Module):
    def forward(self, x: Tensor) -> Tensor:
        return tanh(x)


class ReLU(Module):
    def forward(self, x: Tensor) -> Tensor:
        return relu(x)


class LeakyReLU(Module):
    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(x, self.negative_slope)


class Softmax(Module):
    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return softmax(x, self.dim)


class GELU(Module):
    def forward(self, x: Tensor) -> Tensor:
        return gelu(x)


class SiLU(Module):
    def forward(self, x: Tensor) -> Tensor:
        return silu(x)


class Mish(Module):
    def forward(self, x: Tensor) -> Tensor:
        return mish(x)
