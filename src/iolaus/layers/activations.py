"""Nonlinearities by name. None of them works in place: a residual or an explanation may want their input again."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from torch import nn

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish", "tanh", "sigmoid", "softplus"]

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,  # Clevert et al. 2016, arXiv:1511.07289
    "gelu": nn.GELU,  # Hendrycks & Gimpel 2016, arXiv:1606.08415
    "gelu_tanh": partial(nn.GELU, approximate="tanh"),  # what BERT's and GPT-2's own code computes
    "silu": nn.SiLU,  # Elfwing et al. 2018, arXiv:1702.03118
    "mish": nn.Mish,  # Misra 2020, arXiv:1908.08681
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,  # Dugas et al. 2001, papers.nips.cc/paper/1920
}


def activation_layer(name: Activation) -> nn.Module:
    return _ACTIVATIONS[name]()
