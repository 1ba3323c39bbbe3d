"""Losses for values: forecasts and other numbers."""

import torch
from torch import Tensor, nn

from iolaus.ranges import Probability


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
