"""Automatic differentiation and neural networks from nothing but NumPy, to be read in an evening.

Start with `tensor.py`, then `operations.py`, then `linear.py`; docs/autograd.md goes the whole way.
"""

# ruff: noqa: F401 (what is imported here is offered)

from iolaus.scratch.activations import (
    GELU,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
    gelu,
    leaky_relu,
    log_softmax,
    mish,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
)
from iolaus.scratch.attention import MultiheadAttention, scaled_dot_product_attention
from iolaus.scratch.checking import check_gradients
from iolaus.scratch.clipping import clip_grad_norm_, clip_grad_value_
from iolaus.scratch.convolution import AvgPool2d, Conv2d, MaxPool2d, avg_pool2d, conv2d, max_pool2d
from iolaus.scratch.drawing import graph
from iolaus.scratch.initializers import (
    kaiming_normal_,
    kaiming_uniform_,
    normal_,
    orthogonal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
)
from iolaus.scratch.linear import Embedding, Flatten, Linear, Neuron
from iolaus.scratch.losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, HuberLoss, MSELoss
from iolaus.scratch.module import Module, Parameter, Sequential
from iolaus.scratch.normalization import BatchNorm, BatchNorm1d, BatchNorm2d, Dropout, LayerNorm
from iolaus.scratch.operations import cos, erf, exp, log, maximum, minimum, sin, sqrt, tanh, where
from iolaus.scratch.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from iolaus.scratch.random import manual_seed, rand, randn
from iolaus.scratch.recurrent import GRUCell, LSTMCell, RNNCell
from iolaus.scratch.reductions import amax, amin, logsumexp
from iolaus.scratch.schedulers import CosineAnnealingLR, ExponentialLR, LambdaLR, LinearLR, LRScheduler, StepLR
from iolaus.scratch.shapes import cat, stack
from iolaus.scratch.tensor import Tensor, grad, no_grad, set_grad_enabled
