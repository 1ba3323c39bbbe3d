"""Losses that torch lacks, called as `loss(output, target)`; what it has by itself, the configs name directly.

Those for classes read targets that are indices (B,) or probabilities (B, C), as mixed pictures have them.
"""

import torch
from torch import Tensor, nn

from iolaus.ranges import Fraction, NonNegative, Probability


class CrossEntropy(nn.CrossEntropyLoss):
    """Cross entropy of logits (B, C) or (B, C, …), in nats.

    weights: of each class, in order; for classes of different frequency or cost. null: all the same.
    label_smoothing: share of every target that is spread evenly over all classes (Szegedy et al. 2016,
        arXiv:1512.00567).

    Raises:
        ValueError: if the weights are not one per class.
    """

    def __init__(self, *, weights: list[NonNegative] | None = None, label_smoothing: Fraction = 0.0) -> None:
        super().__init__(weight=_tensor(weights), label_smoothing=label_smoothing)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        _check_weights(self.weight, output)
        return super().forward(output, target)


class Focal(nn.Module):
    """Cross entropy of logits (B, C) that looks past what is classified well already: (1 - p)^gamma · -log p.

    Lin et al. 2017, arXiv:1708.02002. With gamma 0 it is the cross entropy, weights and all: with index targets, the
    mean is a weighted one.

    gamma: how fast the attention fades with the probability p of the right class.
    weights: of each class, in order (the paper's alpha); null: all the same.

    Raises:
        ValueError: if the weights are not one per class.
    """

    weight: Tensor | None

    def __init__(self, *, gamma: NonNegative = 2.0, weights: list[NonNegative] | None = None) -> None:
        super().__init__()
        self.gamma = gamma
        self.register_buffer("weight", _tensor(weights))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        _check_weights(self.weight, output)
        log_p = output.log_softmax(dim=1)
        if target.is_floating_point():
            losses = -self._focus(log_p) * target * log_p
            return (losses if self.weight is None else losses * self.weight).sum(dim=1).mean()
        log_p = log_p.gather(1, target[:, None]).squeeze(1)
        losses = -self._focus(log_p) * log_p
        if self.weight is None:
            return losses.mean()
        weight = self.weight[target]
        return (losses * weight).sum() / weight.sum()

    def _focus(self, log_p: Tensor) -> Tensor:
        # Where p is 1, the slope of 0^gamma is infinite for gamma < 1, and NaN once multiplied by log p = 0.
        missing = -torch.expm1(log_p)  # 1 - p
        return missing.clamp(min=torch.finfo(log_p.dtype).eps) ** self.gamma


class Quantile(nn.Module):
    """The pinball loss, least for the value that what comes stays under with probability `quantile`.

    Koenker & Bassett 1978, Regression quantiles (doi:10.2307/1913643). A unit too low costs `quantile`, a unit too high
    1 - `quantile`; with 0.5, the median's, it is half the mean absolute error.
    """

    def __init__(self, *, quantile: Probability = 0.9) -> None:
        super().__init__()
        self.quantile = quantile

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Both of the same shape."""
        if output.shape != target.shape:
            raise ValueError(f"loss=quantile compares values with values, but {output.shape} meets {target.shape}.")
        missing = target - output
        return torch.maximum(self.quantile * missing, (self.quantile - 1) * missing).mean()


def _tensor(weights: list[float] | None) -> Tensor | None:
    return None if weights is None else torch.tensor(weights, dtype=torch.float32)


def _check_weights(weight: Tensor | None, output: Tensor) -> None:
    if weight is not None and len(weight) != output.shape[1]:
        raise ValueError(
            f"loss.weights has {len(weight)} values, but there are {output.shape[1]} classes: give one each."
        )
