"""Pictures held in memory, or mapped into it: a split that hands out batches by index."""

from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Tensor

from iolaus.batch import Batch

_PICTURES_PER_CHUNK = 1024  # statistics are taken piece by piece: a split in float32 would be four times its size


@dataclass(frozen=True)
class Pictures:
    """A part of a set of pictures.

    `values`  (N, C, H, W) uint8, of the whole set; parts share them.
    `labels`  (N, …) what is asked about each, such as its class; None for pictures to predict.
    `rows`    which of the N belong to this part.
    """

    values: Tensor
    labels: Tensor | None
    rows: Tensor

    @classmethod
    def whole(cls, values: Tensor, labels: Tensor | None) -> "Pictures":
        return cls(values, labels, torch.arange(len(values)))

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, index: Tensor) -> Batch:
        rows = self.rows[index]
        labels = None if self.labels is None else self.labels[rows]
        # index_select copies picture by picture; `values[rows]` goes pixel by pixel, at 20 times the cost.
        return Batch(self.values.index_select(0, rows), labels, index)

    def part(self, index: Tensor) -> "Pictures":
        return Pictures(self.values, self.labels, self.rows[index])

    @property
    def targets(self) -> Tensor:
        """The label of each picture of this part: (len(self), …)."""
        assert self.labels is not None
        return self.labels[self.rows]

    def digest(self) -> str:
        """The same for the same pictures in the same order, whichever others there are beside them."""
        digest = sha256(repr(tuple(self.values.shape[1:])).encode())
        for rows in self.rows.split(_PICTURES_PER_CHUNK):
            digest.update(self.values.index_select(0, rows).contiguous().numpy().data)
        return digest.hexdigest()

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        """Of each channel over all pixels, on the scale 0 … 255. A constant channel has the deviation 1."""
        num_channels, height, width = self.values.shape[1:]
        total, squares = torch.zeros(2, num_channels, dtype=torch.float64)
        for rows in self.rows.split(_PICTURES_PER_CHUNK):
            pixels = self.values.index_select(0, rows).transpose(0, 1).flatten(1).float()  # (C, pixels)
            total += pixels.sum(1, dtype=torch.float64)
            squares += pixels.square_().sum(1, dtype=torch.float64)
        num_pixels = len(self) * height * width
        mean = total / num_pixels
        std = (squares / num_pixels - mean**2).clamp(min=0).sqrt()
        return mean.tolist(), torch.where(std > 0, std, 1.0).tolist()
