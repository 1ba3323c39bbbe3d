"""Losses for classes: of logits (B, C), or (B, C, …) where every place has one.

Targets are indices (B, …), or probabilities (B, C, …), as mixed pictures have them.
"""

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Gt
from torch import Tensor, nn

from iolaus.ranges import Fraction, NonNegative, Rate


class CrossEntropy(nn.CrossEntropyLoss):
    """Cross entropy of logits (B, C) or (B, C, …), in nats.

    weights: of each class, in order; for classes of different frequency or cost. null: all the same.
    label_smoothing: share of every target that is spread evenly over all classes (Szegedy et al. 2016,
        arXiv:1512.00567).

    Raises:
        ValueError: if the weights are not one per class.
    """

    def __init__(self, *, weights: list[NonNegative] | None = None, label_smoothing: Fraction = 0.0) -> None:
        super().__init__(weight=weights_as_tensor(weights), label_smoothing=label_smoothing)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        check_weights(self.weight, output)
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
        self.register_buffer("weight", weights_as_tensor(weights))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        check_weights(self.weight, output)
        log_p = output.log_softmax(dim=1)
        if target.is_floating_point():
            losses = -self._focus(log_p) * target * log_p  # (B, C, …)
            if self.weight is not None:
                losses = losses * along_classes(self.weight, losses)
            return losses.sum(dim=1).mean()
        log_p = log_p.gather(1, target[:, None]).squeeze(1)
        losses = -self._focus(log_p) * log_p
        if self.weight is None:
            return losses.mean()
        weight = self.weight[target]
        return (losses * weight).sum() / weight.sum()

    def _focus(self, log_p: Tensor) -> Tensor:
        return _power(-torch.expm1(log_p), self.gamma)  # of 1 - p


class Poly(nn.Module):
    """Cross entropy of logits (B, C) or (B, C, …) with another first coefficient of its series in 1 - p: Poly-1.

    Leng et al. 2022, arXiv:2204.12511: cross entropy + epsilon · (1 - p), p the probability of the right class.

    epsilon: how much more the first power counts; 0: cross entropy. Above -1, or what is wrong is not always punished.
    weights: of each class, in order; null: all the same.

    Raises:
        ValueError: if the weights are not one per class.
    """

    weight: Tensor | None

    def __init__(self, *, epsilon: Annotated[float, Gt(-1)] = 1.0, weights: list[NonNegative] | None = None) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.register_buffer("weight", weights_as_tensor(weights))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        check_weights(self.weight, output)
        shares = as_shares(target, output)
        if self.weight is not None:
            shares = shares * along_classes(self.weight, shares)
        log_p = output.log_softmax(dim=1)
        losses = (shares * (self.epsilon * -torch.expm1(log_p) - log_p)).sum(dim=1)
        if self.weight is None or target.is_floating_point():
            return losses.mean()
        return losses.sum() / shares.sum()


class Asymmetric(nn.Module):
    """Each class is a question of its own, and most answers are no: easy ones of these hardly count.

    Ridnik et al. 2021, arXiv:2009.14119, on logits (B, C) or (B, C, …): the sum over the classes of the binary focal
    loss, whose focus is another for what is there than for what is not.

    gamma_positive, gamma_negative: how fast the attention to classes that are there, and that are not, fades with the
        probability of the right answer.
    clip: probabilities of classes that are not there are lowered by so much first; below it they do not count at all.
    """

    def __init__(
        self, *, gamma_positive: NonNegative = 1.0, gamma_negative: NonNegative = 4.0, clip: Rate = 0.05
    ) -> None:
        super().__init__()
        self.gamma_positive = gamma_positive
        self.gamma_negative = gamma_negative
        self.clip = clip
        self.log_clip = math.log(clip) if clip else -math.inf

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        is_there = as_shares(target, output)
        missing = torch.sigmoid(-output)  # 1 - p
        there = _power(missing, self.gamma_positive) * F.logsigmoid(output)
        shifted = (1 - missing - self.clip).clamp(min=0)  # p, lowered
        # log(1 - shifted), which goes on where p rounds to 1.
        rest = torch.logaddexp(F.logsigmoid(-output), torch.full_like(output, self.log_clip)).clamp(max=0)
        not_there = _power(shifted, self.gamma_negative) * rest
        return -(is_there * there + (1 - is_there) * not_there).sum(dim=1).mean()


def as_shares(target: Tensor, output: Tensor) -> Tensor:
    """How much of each class is right, in the shape of the output (B, C, …): of indices (B, …), or shares already."""
    if target.is_floating_point():
        return target
    return F.one_hot(target, output.shape[1]).movedim(-1, 1).to(output.dtype)


def along_classes(weight: Tensor, x: Tensor) -> Tensor:
    """(C,) → (C, 1, …), to be multiplied with x (B, C, …)."""
    return weight.view(-1, *[1] * (x.ndim - 2))


def weights_as_tensor(weights: list[float] | None) -> Tensor | None:
    return None if weights is None else torch.tensor(weights, dtype=torch.float32)


def check_weights(weight: Tensor | None, output: Tensor) -> None:
    if weight is not None and len(weight) != output.shape[1]:
        raise ValueError(
            f"loss.weights has {len(weight)} values, but there are {output.shape[1]} classes: give one each."
        )


def _power(share: Tensor, gamma: float) -> Tensor:
    """Where the share is 0, the slope of 0^gamma is infinite for gamma < 1, and NaN once it meets another 0."""
    return share.clamp(min=torch.finfo(share.dtype).eps) ** gamma
