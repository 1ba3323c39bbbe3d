"""Which samples are held out: a function of their number, the share asked for, and a seed."""

from typing import Annotated

import numpy as np
import torch
from annotated_types import Gt, Lt
from torch import Tensor

Share = Annotated[float, Gt(0), Lt(1)]  # of the samples: neither none nor all


def held_out(num_samples: int, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Indices of the samples that stay (rising), and of the `fraction` of them, at least one, that is held out (rising)."""
    shuffled = torch.from_numpy(np.random.default_rng(seed).permutation(num_samples))
    num_held = max(1, round(num_samples * fraction))
    return shuffled[num_held:].sort().values, shuffled[:num_held].sort().values
