"""Products of matrices in the precision of what is multiplied."""

import torch
from torch import Tensor


def product(one: Tensor, two: Tensor) -> Tensor:
    """(N, K), (K, M) → (N, M)

    Autocast would multiply in half precision whatever it is given. A network can live with that; a loss that compares
    vectors looks at small differences between large products.
    """
    with torch.autocast(one.device.type, enabled=False):
        return one @ two
