"""In which order an epoch goes through its samples: a function of (seed, epoch) alone."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

# Sorting by length is done within this many batches' worth of shuffled samples: long enough for batches of nearly equal
# lengths, short enough that the same samples do not always meet.
_BATCHES_PER_POOL = 50


class Order:
    """Which samples make up each batch of an epoch.

    `batch_size` is the size of the *global* batch: each of `world_size` processes takes its share of every batch, so a
    recipe means the same on one device and on eight. With `lengths`, samples of similar length come together.
    """

    def __init__(
        self,
        num_samples: int,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = False,
        lengths: Tensor | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.lengths = lengths
        self.rank = rank
        self.world_size = world_size

    def __len__(self) -> int:
        """Batches per epoch. Training leaves an incomplete last one out: its few samples would weigh more."""
        if self.shuffle:
            return self.num_samples // self.batch_size
        whole, rest = divmod(self.num_samples, self.batch_size)
        # A rest that not every process could get a sample of joins the batch before it.
        return max(1, whole + (rest >= self.world_size))

    def batches(self, epoch: int) -> Iterator[Tensor]:
        """This process's share of each batch of the epoch: indices (B,)."""
        order = self._permutation(epoch)
        starts = [number * self.batch_size for number in range(len(self))]
        ends = [start + self.batch_size for start in starts]
        if not self.shuffle:
            ends[-1] = self.num_samples
        for number in self._shuffled_batches(epoch):
            yield order[starts[number] : ends[number]][self.rank :: self.world_size]

    def _permutation(self, epoch: int) -> Tensor:
        if not self.shuffle:
            return torch.arange(self.num_samples) if self.lengths is None else torch.argsort(self.lengths, stable=True)
        order = torch.from_numpy(np.random.default_rng((self.seed, epoch)).permutation(self.num_samples))
        if self.lengths is None:
            return order
        order = order[: len(self) * self.batch_size]  # before sorting, or always the longest would be left out
        pools = order.split(_BATCHES_PER_POOL * self.batch_size)
        return torch.cat([pool[torch.argsort(self.lengths[pool], stable=True)] for pool in pools])

    def _shuffled_batches(self, epoch: int) -> list[int]:
        """Batches sorted by length come in random order, or every pool would go from short to long."""
        if self.shuffle and self.lengths is not None:
            return np.random.default_rng((self.seed, epoch, 1)).permutation(len(self)).tolist()
        return list(range(len(self)))
