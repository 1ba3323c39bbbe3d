"""Which samples are held out: a function of their labels, the share asked for, and a seed."""

from typing import Annotated

import numpy as np
import torch
from annotated_types import Gt, Lt
from numpy.typing import ArrayLike
from torch import Tensor

Share = Annotated[float, Gt(0), Lt(1)]  # of the samples: neither none nor all


def held_out(labels: ArrayLike, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Which samples stay, and which (a random `fraction`, at least one) are held out: indices, rising.

    labels: (N,), the class of each sample. Every class gives its share, to within one sample.
    """
    labels = np.asarray(labels)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    num_held = max(1, round(len(labels) * fraction))
    places = (np.arange(num_held) + 0.5) * len(labels) / num_held  # evenly spaced through the classes, one by one
    is_held = np.zeros(len(labels), dtype=bool)
    is_held[by_class[places.astype(np.int64)]] = True
    return torch.from_numpy(np.flatnonzero(~is_held)), torch.from_numpy(np.flatnonzero(is_held))
