"""Texts of unequal lengths in memory: all token ids in one row, and where each text begins in it."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data.tokenizer import PAD

End = Literal["head", "tail"]


@dataclass(frozen=True)
class Tokens:
    """A split of texts. Cutting and selecting share the ids: nothing is copied.

    ids      (T,) int32, of all texts, one behind the other.
    starts   (N,) where each text begins in `ids`.
    lengths  (N,) how many tokens it has; batches are made of texts of similar length.
    targets  (N,) int64, or None.
    """

    ids: Tensor
    starts: Tensor
    lengths: Tensor
    targets: Tensor | None = None

    @classmethod
    def packed(cls, ids: Tensor, lengths: Tensor, targets: Tensor | None = None) -> "Tokens":
        """Texts that lie one behind the other without gaps."""
        return cls(ids, lengths.cumsum(0) - lengths, lengths, targets)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, index: Tensor) -> Batch:
        """The texts at `index` (B,) as ids (B, L), int64, filled up with padding to the longest of them."""
        lengths = self.lengths[index]
        columns = torch.arange(int(lengths.max()))  # (L,)
        is_real = columns < lengths[:, None]  # (B, L)
        places = (self.starts[index, None] + columns).where(is_real, 0)  # any place will do for padding
        ids = self.ids[places].long().where(is_real, PAD)
        return Batch(ids, None if self.targets is None else self.targets[index], index)

    def cut(self, length: int, keep: End) -> "Tokens":
        """At most `length` tokens of each text: its first ones (head) or its last ones (tail)."""
        lengths = self.lengths.clamp(max=length)
        starts = self.starts if keep == "head" else self.starts + self.lengths - lengths
        return replace(self, starts=starts, lengths=lengths)

    def select(self, index: Tensor) -> "Tokens":
        targets = None if self.targets is None else self.targets[index]
        return replace(self, starts=self.starts[index], lengths=self.lengths[index], targets=targets)
