"""How far apart the features of two domains are: what task=adapt makes small beside the loss of its classes.

Each is built for features of `dim` and called as `gap(source, other, strength)` with the features of both, (B, D) and
(B', D). What reaches these of its gradient is multiplied by the strength.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.losses.products import product

By = Literal["dann", "coral"]


def gap(by: By, dim: int) -> nn.Module:
    """The one of that name."""
    return {"dann": Adversary, "coral": Coral}[by](dim)


class Adversary(nn.Module):
    """The cross entropy of a small network that tells the domains apart, while the features learn to deceive it: the
    gradient is reversed on its way to them.

    It reads features of mean 0 and deviation 1, which the paper's does not: or they deceive it by being small. It has
    two hidden layers, as the paper's for all but MNIST.

    Ganin et al. 2016, "Domain-adversarial training of neural networks", arXiv:1505.07818.
    """

    def __init__(self, dim: int, *, hidden_dim: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(dim, elementwise_affine=False),
            nn.Linear(dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, 1),
        )

    def forward(self, source: Tensor, other: Tensor, strength: float) -> Tensor:
        said = self.layers(with_gradient(torch.cat([source, other]), -strength)).squeeze(1)
        right = torch.cat([said.new_ones(len(source)), said.new_zeros(len(other))])
        return F.binary_cross_entropy_with_logits(said, right)


class Coral(nn.Module):
    """How far the covariances of the features differ: their squared distance over 4 D².

    Sun & Saenko 2016, "Deep CORAL: correlation alignment for deep domain adaptation", arXiv:1607.01719.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, source: Tensor, other: Tensor, strength: float) -> Tensor:
        one, two = (covariance(with_gradient(features, strength)) for features in (source, other))
        return (one - two).square().sum() / (4 * self.dim**2)


def covariance(features: Tensor) -> Tensor:
    """(B, D) → (D, D)"""
    centred = features - features.mean(0)
    return product(centred.T, centred) / max(len(features) - 1, 1)


def with_gradient(x: Tensor, factor: float) -> Tensor:
    """x as it is, but its gradient will be multiplied by `factor`; -1 reverses it."""
    scaled: Tensor = _ScaledGradient.apply(x, factor)
    return scaled


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, factor: float) -> Tensor:
        context.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return context.factor * gradients[0], None
