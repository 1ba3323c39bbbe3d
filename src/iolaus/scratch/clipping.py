"""Limits to gradients, between backward and the optimizer's step, so that one bad batch does not undo the others."""

from collections.abc import Iterable

import numpy as np

from iolaus.scratch.tensor import Tensor


def clip_grad_norm_(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Shortens all gradients, taken as one long vector, to max_norm if they are longer. Returns the length before."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = float(np.sqrt(sum(float((gradient.data**2).sum()) for gradient in gradients)))
    if norm > max_norm:
        for gradient in gradients:
            gradient.data *= max_norm / (norm + 1e-6)
    return norm


def clip_grad_value_(parameters: Iterable[Tensor], clip_value: float) -> None:
    """Cuts every single number of the gradients off at ± clip_value."""
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad.data = parameter.grad.data.clip(-clip_value, clip_value)
