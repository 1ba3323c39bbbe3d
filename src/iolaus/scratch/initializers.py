"""Where learning starts: random weights that keep signals about the same size from layer to layer.

All of them write into a tensor and return it. `fan_in` is how many numbers each output is computed from, `fan_out` in
how many outputs each input has a part.
"""

import math

import numpy as np

from iolaus.scratch.random import generator
from iolaus.scratch.tensor import Tensor, no_grad
from iolaus.scratch.values import Array


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in, …), where … are the positions of a convolution's kernel."""
    if len(shape) < 2:
        raise ValueError(f"a weight of shape {shape} has no fan-in: it needs two dimensions or more")
    positions = math.prod(shape[2:])
    return shape[1] * positions, shape[0] * positions


def uniform_(tensor: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    return _fill(tensor, generator().uniform(low, high, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    return _fill(tensor, generator().normal(mean, std, tensor.shape))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Variance gain² · 2 / (fan_in + fan_out) (Glorot & Bengio 2010)."""
    limit = gain * math.sqrt(6 / sum(fans(tensor.shape)))
    return uniform_(tensor, -limit, limit)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    return normal_(tensor, std=gain * math.sqrt(2 / sum(fans(tensor.shape))))


def kaiming_uniform_(tensor: Tensor, gain: float = math.sqrt(2)) -> Tensor:
    """Variance gain² / fan_in; √2 makes up for the half that a ReLU sets to 0 (He et al. 2015)."""
    limit = gain * math.sqrt(3 / fans(tensor.shape)[0])
    return uniform_(tensor, -limit, limit)


def kaiming_normal_(tensor: Tensor, gain: float = math.sqrt(2)) -> Tensor:
    return normal_(tensor, std=gain / math.sqrt(fans(tensor.shape)[0]))


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Rows, or columns if they are fewer, at right angles to each other: no direction is lost (Saxe et al. 2013)."""
    num_rows, num_columns = tensor.shape[0], math.prod(tensor.shape[1:])
    normal = generator().standard_normal((max(num_rows, num_columns), min(num_rows, num_columns)))
    q, r = np.linalg.qr(normal)
    q = q * np.sign(np.diag(r))  # makes every rotation equally likely
    return _fill(tensor, gain * (q if num_rows >= num_columns else q.T).reshape(tensor.shape))


def _fill(tensor: Tensor, values: Array) -> Tensor:
    with no_grad():
        return tensor.copy_(values)
