"""Losses for vectors (B, D) whose distances are to say what belongs together: labels (B,) are classes.

All compare the samples of a batch with each other. A sample whose class has no other in the batch has nothing to be
near to; where no sample has anything to compare with, the loss is 0.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from iolaus.losses.products import product
from iolaus.ranges import NonNegative, Positive


class Triplet(nn.Module):
    """How far a sample's distance to one of its class, and `margin`, exceeds that to one of another class.

    Schroff et al. 2015, arXiv:1503.03832.

    mining: hard compares the farthest of its class with the nearest of another one, for every sample; all takes the
        mean over all triplets that still cost something (both: Hermans et al. 2017, arXiv:1703.07737).
    """

    def __init__(self, *, margin: Positive = 0.2, mining: Literal["hard", "all"] = "hard") -> None:
        super().__init__()
        self.margin = margin
        self.mining = mining

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        far, (same, other) = distances(output), relations(output, target)
        if self.mining == "hard":
            farthest = far.masked_fill(~same, -torch.inf).amax(dim=1)  # (B,)
            nearest = far.masked_fill(~other, torch.inf).amin(dim=1)
            compared = same.any(dim=1) & other.any(dim=1)
            return mean_of((farthest - nearest + self.margin).clamp(min=0)[compared], output)
        excess = far.unsqueeze(2) - far.unsqueeze(1) + self.margin  # (B, B, B): sample, of its class, of another
        return mean_of(excess[same.unsqueeze(2) & other.unsqueeze(1) & (excess > 0)], output)


class Contrastive(nn.Module):
    """½ d² for two of one class, ½ max(0, margin - d)² for two of different classes: the mean over all pairs.

    Hadsell et al. 2006, doi:10.1109/CVPR.2006.100. Vectors of length 1 are at most 2 apart.
    """

    def __init__(self, *, margin: Positive = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        far, (same, other) = distances(output), relations(output, target)
        apart = (self.margin - far).clamp(min=0)
        return mean_of(torch.cat([far[same].square(), apart[other].square()]) / 2, output)


class SupervisedContrastive(nn.Module):
    """The cross entropy of finding those of its class among all others in the batch, for every sample.

    Khosla et al. 2020, arXiv:2004.11362, equation 2, on vectors of length 1.

    temperature: inner products are divided by it: the smaller, the more the nearest count.
    """

    def __init__(self, *, temperature: Positive = 0.1) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        same, _ = relations(output, target)
        itself = torch.eye(len(output), dtype=torch.bool, device=output.device)
        likeness = (product(output, output.T) / self.temperature).masked_fill(itself, -torch.inf)
        log_share = likeness.log_softmax(dim=1).masked_fill(~same, 0.0)  # of each other sample, for each
        count = same.sum(dim=1)
        found = count > 0
        return mean_of(-log_share.sum(dim=1)[found] / count[found], output)


class CosineEmbedding(nn.CosineEmbeddingLoss):
    """1 - cos for two of one class, max(0, cos - margin) for two of different classes: the mean over all pairs."""

    def __init__(self, *, margin: NonNegative = 0.0) -> None:
        super().__init__(margin=margin, reduction="none")

    def forward(self, output: Tensor, target: Tensor) -> Tensor:  # type: ignore[override]
        relations(output, target)
        one, two = torch.triu_indices(len(output), len(output), 1, device=output.device)
        sign = torch.where(target[one] == target[two], 1, -1)
        return mean_of(super().forward(output[one], output[two], sign), output)


def distances(output: Tensor) -> Tensor:
    """(B, B), Euclidean."""
    # Without the shortcut by matrix products, which loses small distances to rounding.
    return torch.cdist(output, output, compute_mode="donot_use_mm_for_euclid_dist")


def relations(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Which samples are of one class, without each itself, and which of different ones: (B, B) both.

    Raises:
        ValueError: if these are not vectors and classes.
    """
    if output.ndim != 2 or target.ndim != 1 or target.is_floating_point():
        raise ValueError(
            f"This loss compares vectors by their classes, but {tuple(output.shape)} meets {target.shape}."
        )
    same = target.unsqueeze(0) == target.unsqueeze(1)
    itself = torch.eye(len(target), dtype=torch.bool, device=target.device)
    return same & ~itself, ~same


def mean_of(losses: Tensor, output: Tensor) -> Tensor:
    """0 where there are none, with a gradient of 0."""
    return losses.mean() if len(losses) else 0.0 * output.sum()
