"""Means over many batches, kept on the device so that no step waits for them."""

import torch
import torch.distributed
from torch import Tensor


class Meter:
    """Sample-weighted means of named values.

    Adding costs two small kernels a value; reading synchronizes once, with the device and between processes.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._num_samples = 0
        self._before: tuple[dict[str, Tensor], int] = ({}, 0)

    def add(self, num_samples: int, **means: Tensor) -> None:
        """Takes in the means of each value over one batch of `num_samples`."""
        self._before = dict(self._sums), self._num_samples
        for name, mean in means.items():
            total = mean.detach() * num_samples
            self._sums[name] = self._sums[name] + total if name in self._sums else total
        self._num_samples += num_samples

    def undo(self) -> None:
        """Takes the last batch out again."""
        self._sums, self._num_samples = self._before

    def take(self) -> dict[str, float]:
        """The means over everything added since the last call, and over all processes; then starts anew."""
        if not self._sums:
            return {}
        device = next(iter(self._sums.values())).device
        sums = torch.stack(
            [
                *(total.double() for total in self._sums.values()),
                torch.tensor(self._num_samples, device=device).double(),
            ]
        )
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(sums)
        *totals, num_samples = sums.tolist()
        means = {name: total / num_samples for name, total in zip(self._sums, totals, strict=True)}
        self._sums, self._num_samples = {}, 0
        return means
