"""Means over many batches, kept on the device so that no step waits for them."""

from typing import Any

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
        if _are_several():
            torch.distributed.all_reduce(sums)
        *totals, num_samples = sums.tolist()
        means = {name: total / num_samples for name, total in zip(self._sums, totals, strict=True)}
        self._sums, self._num_samples = {}, 0
        return means

    def state_dict(self) -> dict[str, Any]:
        """What every process has added since the last reading: all of them have to ask."""
        mine = {"sums": {name: total.cpu() for name, total in self._sums.items()}, "num_samples": self._num_samples}
        processes = [mine]
        if _are_several():
            processes = [mine] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(processes, mine)
        return {"processes": processes}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Each process takes back its own; where they are another number, the first takes all."""
        processes = state["processes"]
        rank, number = (torch.distributed.get_rank(), torch.distributed.get_world_size()) if _are_several() else (0, 1)
        self._sums, self._num_samples = {}, 0
        for saved in [processes[rank]] if len(processes) == number else processes if rank == 0 else []:
            for name, total in saved["sums"].items():
                self._sums[name] = self._sums[name] + total if name in self._sums else total
            self._num_samples += saved["num_samples"]


def _are_several() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
