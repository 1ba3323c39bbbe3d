"""What a network is to make small: a single number from its output and the target."""

from typing import Literal

import numpy as np

from iolaus.scratch.activations import log_softmax, softplus
from iolaus.scratch.module import Module
from iolaus.scratch.operations import clamp, log
from iolaus.scratch.tensor import Tensor

Reduction = Literal["mean", "sum", "none"]


class _Loss(Module):
    """A loss for every element, then their mean, their sum, or all of them."""

    def __init__(self, reduction: Reduction = "mean") -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f'reduction={reduction!r} is none of "mean", "sum", "none"')
        self.reduction = reduction

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        if output.shape != target.shape:  # broadcasting here would compare every output with every target
            raise ValueError(
                f"{type(self).__name__}: the output's shape {output.shape} is not the target's {target.shape}"
            )
        return self.reduce(self.each(output, target))

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        raise NotImplementedError

    def reduce(self, losses: Tensor) -> Tensor:
        if self.reduction == "none":
            return losses
        return losses.mean() if self.reduction == "mean" else losses.sum()


class MSELoss(_Loss):
    """The squared difference."""

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target) ** 2


class HuberLoss(_Loss):
    """Squared for differences up to delta, linear beyond, so that outliers do not rule (Huber 1964)."""

    def __init__(self, reduction: Reduction = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        difference = output - target
        near = clamp(difference, -self.delta, self.delta)
        return near * (difference - 0.5 * near)


class BCELoss(_Loss):
    """Binary cross entropy of probabilities. Logarithms end at -100, so that a certain mistake costs no infinity."""

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        hit, miss = clamp(log(output), min=-100), clamp(log(1 - output), min=-100)
        return -(target * hit + (1 - target) * miss)


class BCEWithLogitsLoss(_Loss):
    """Binary cross entropy of what a sigmoid would make a probability; safe for large values."""

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return softplus(output) - output * target


class CrossEntropyLoss(_Loss):
    """-log of the probability that softmax gives to the right class: output (B, C), target (B,) of class numbers."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        if output.ndim != 2 or target.shape != output.shape[:1] or target.dtype.kind not in "iu":
            raise ValueError(
                f"cross entropy reads an output (B, C) and integers (B,), not {output.shape} and {target.dtype} "
                f"{target.shape}: reshape them, e.g. (B, L, C) to (-1, C) and (B, L) to (-1,)"
            )
        if not 0 <= target.data.min() <= target.data.max() < output.shape[1]:
            raise ValueError(
                f"the target has classes from {target.data.min()} to {target.data.max()}, the output {output.shape[1]}"
            )
        return self.reduce(-log_softmax(output, 1)[np.arange(len(target)), target])
