"""Losses for masks that look at each class as a whole: how far what is said and what is right overlap."""

import torch
from torch import Tensor, nn

from iolaus.losses.classes import as_shares, check_weights, weights_as_tensor
from iolaus.ranges import NonNegative


class Dice(nn.Module):
    """1 - 2 Σ p·t / (Σ p² + Σ t²), the mean over the classes; sums go over all places of the batch.

    Milletari et al. 2016 (V-Net), arXiv:1606.04797, for several classes. A small class counts as much as a large one.
    Logits (B, C) or (B, C, …), targets as for the other losses of classes.

    smoothing: is added above and below, so that a class that is nowhere is right to be said nowhere.
    weights: of each class, in order; null: all the same.

    Raises:
        ValueError: if the weights are not one per class.
    """

    weight: Tensor | None

    def __init__(self, *, smoothing: NonNegative = 1.0, weights: list[NonNegative] | None = None) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.register_buffer("weight", weights_as_tensor(weights))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        check_weights(self.weight, output)
        said, right = (shares.movedim(1, 0).flatten(1) for shares in (output.softmax(dim=1), as_shares(target, output)))
        both = 2 * (said * right).sum(dim=1)  # (C,)
        each = said.square().sum(dim=1) + right.square().sum(dim=1)
        missed = 1 - (both + self.smoothing) / (each + self.smoothing).clamp(min=torch.finfo(each.dtype).tiny)
        if self.weight is None:
            return missed.mean()
        return (missed * self.weight).sum() / self.weight.sum()
