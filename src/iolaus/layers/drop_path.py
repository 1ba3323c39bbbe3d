"""Stochastic depth: training leaves a residual branch out for some samples (Huang et al. 2016, arXiv:1603.09382)."""

from torch import Tensor, nn


class DropPath(nn.Module):
    """Zeros a sample's whole branch with probability `rate`, and makes up for it in the others. (B, …) → (B, …)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return branch
        stays = branch.new_empty([len(branch)] + [1] * (branch.ndim - 1)).bernoulli_(1 - self.rate)
        return branch * stays / (1 - self.rate)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


def drop_path_rates(last: float, num_blocks: int) -> list[float]:
    """The rate of each block: they rise evenly from 0, because what early blocks find, all others need."""
    return [last * number / (num_blocks - 1) for number in range(num_blocks)] if num_blocks > 1 else [last]
