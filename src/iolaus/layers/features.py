"""What flows between an embedding, the body of a model and its head."""

from typing import NamedTuple

from torch import Tensor


class Features(NamedTuple):
    """Feature vectors, and what the head must know of the input they came from.

    values  (B, L, D) for sequences, (B, D, H, W) for feature maps. With independent channels B is the number of
            samples × channels: every channel of a series is then a sequence of its own.
    mask    (B, L), True at real tokens, False at padding; None where nothing is padded.
    level   (B, 1, C) mean of each window of a series, and
    scale   (B, 1, C) its standard deviation, where reversible instance norm took them away; the head puts them back.
    table   (V, D) the vectors of all tokens, where the head compares with them.
    """

    values: Tensor
    mask: Tensor | None = None
    level: Tensor | None = None
    scale: Tensor | None = None
    table: Tensor | None = None

    def with_values(self, values: Tensor) -> "Features":
        return self._replace(values=values)
