"""Texts of unequal lengths in memory: all token ids in one row, and where each text begins in it."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data.text.tokenizer import PAD

End = Literal["head", "tail", "all"]
Frame = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Tokens:
    """A split of texts. Cutting and selecting share the ids: nothing is copied.

    ids      (T,) int32, of all texts, one behind the other.
    starts   (N,) where each text begins in `ids`.
    lengths  (N,) how many tokens it has; batches are made of texts of similar length.
    targets  (N,) int64, or None.
    frame    ids that stand before and after every text of a batch; the lengths do not count them.
    pad      what shorter texts of a batch are filled up with.
    """

    ids: Tensor
    starts: Tensor
    lengths: Tensor
    targets: Tensor | None = None
    frame: Frame = ((), ())
    pad: int = PAD

    @classmethod
    def packed(cls, ids: Tensor, lengths: Tensor, targets: Tensor | None = None, **options: Any) -> "Tokens":
        """Texts that lie one behind the other without gaps."""
        return cls(ids, lengths.cumsum(0) - lengths, lengths, targets, **options)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, index: Tensor) -> Batch:
        """The texts at `index` (B,) as ids (B, L), int64, filled up with padding to the longest of them."""
        lengths = self.lengths[index]
        columns = torch.arange(int(lengths.max()))  # (L,)
        is_real = columns < lengths[:, None]  # (B, L)
        places = (self.starts[index, None] + columns).where(is_real, 0)  # any place will do for padding
        ids = self.ids[places].long().where(is_real, self.pad)
        return Batch(self._framed(ids, lengths), None if self.targets is None else self.targets[index], index)

    def cut(self, length: int, keep: End) -> "Tokens":
        """At most `length` tokens of each text, frame and all: its first ones (head), its last ones (tail), or all of
        them in pieces that are texts of their own (all)."""
        length -= sum(map(len, self.frame))
        if keep == "all":
            return self._pieces(length)
        lengths = self.lengths.clamp(max=length)
        starts = self.starts if keep == "head" else self.starts + self.lengths - lengths
        return replace(self, starts=starts, lengths=lengths)

    def _pieces(self, length: int) -> "Tokens":
        counts = -(-self.lengths // length)  # (N,)
        text = torch.arange(len(self)).repeat_interleave(counts)  # which one each piece is of
        offsets = length * (torch.arange(len(text)) - (counts.cumsum(0) - counts)[text])
        targets = None if self.targets is None else self.targets[text]
        lengths = (self.lengths[text] - offsets).clamp(max=length)
        return replace(self, starts=self.starts[text] + offsets, lengths=lengths, targets=targets)

    def select(self, index: Tensor) -> "Tokens":
        targets = None if self.targets is None else self.targets[index]
        return replace(self, starts=self.starts[index], lengths=self.lengths[index], targets=targets)

    def _framed(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids (B, L), of which `lengths` (B,) are real, with the frame around what is real."""
        before, after = self.frame
        if not before and not after:
            return ids
        ids = torch.cat(
            [ids.new_tensor(before).expand(len(ids), -1), ids, ids.new_full((len(ids), len(after)), self.pad)], 1
        )
        ends = len(before) + lengths[:, None] + torch.arange(len(after))
        return ids.scatter(1, ends, ids.new_tensor(after).expand(len(ids), -1))
