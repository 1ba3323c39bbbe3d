"""What most forecasters begin with: each channel of a series is seen by itself, without its level."""

from typing import Literal

from torch import Tensor

from iolaus.layers.features import Features
from iolaus.layers.reversible import remove_last, remove_level

Level = Literal["mean", "last", "none"]


def channel_windows(x: Tensor, *, without: Level) -> Features:
    """Windows (B, T, C) → values (B·C, 1, T): one token per channel, the whole of its window.

    without: "mean" takes away each window's mean and standard deviation, "last" its last value, "none" nothing; the
        head puts it back.
    """
    level, scale = None, None
    if without != "none":
        x, level, scale = remove_level(x) if without == "mean" else remove_last(x)
    return Features(x.transpose(1, 2).flatten(0, 1).unsqueeze(1), None, level, scale)
