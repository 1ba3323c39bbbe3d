"""Hands out a split batch by batch. The split is in memory, so there are no workers and no per-sample Python."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from torch import Tensor

from iolaus.batch import Batch
from iolaus.chance import seeds_of
from iolaus.data.order import Order


class Split(Protocol):
    """A part of the data, held in memory: training, validation or test samples."""

    def __len__(self) -> int: ...

    def batch(self, index: Tensor) -> Batch:
        """The samples at these indices (B,), gathered at once."""


class Loader:
    """An epoch of batches. What remains to be done is a function of (epoch, batches done), which is its state.

    `epoch` says which epoch the run is in; None for evaluation, whose batches carry no seed.
    """

    def __init__(self, split: Split, order: Order, *, epoch: Callable[[], int] | None = None) -> None:
        self.split = split
        self.order = order
        self._epoch = epoch
        self._num_done = 0
        self._resumed: tuple[int, int] | None = None  # epoch, batches done

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[Batch]:
        epoch = self._epoch() if self._epoch else 0
        start = self._resumed[1] if self._resumed and self._resumed[0] == epoch else 0
        self._num_done, self._resumed = start, None
        seeds: list[int] | None = None
        if self._epoch:
            seeds = seeds_of(len(self), self.order.seed, epoch, self.order.rank)
        for number, index in enumerate(self.order.batches(epoch)):
            if number < start:
                continue
            self._num_done = number + 1
            batch = self.split.batch(index)
            yield replace(batch, seed=seeds[number]) if seeds else batch

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self._epoch() if self._epoch else 0, "num_done": self._num_done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self._num_done = state["num_done"]
        self._resumed = state["epoch"], state["num_done"]
