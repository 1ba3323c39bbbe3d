"""Where chance comes from: one generator, which `manual_seed` sets, so that all draws repeat."""

import numpy as np

from iolaus.scratch.tensor import Tensor

_state = {"generator": np.random.default_rng(0)}


def manual_seed(seed: int) -> None:
    """Makes all draws from here on repeat: initial weights, dropout, `randn`."""
    _state["generator"] = np.random.default_rng(seed)


def generator() -> np.random.Generator:
    return _state["generator"]


def randn(*shape: int) -> Tensor:
    """Normally distributed numbers with mean 0 and variance 1."""
    return Tensor(generator().standard_normal(shape))


def rand(*shape: int) -> Tensor:
    """Uniformly distributed numbers in [0, 1)."""
    return Tensor(generator().random(shape))
