"""Initial weights: what `initializer=…` does to a model once it is built. Called as `initialize(model)`.

What is filled are the weights of linear layers, of convolutions and of recurrent layers: matrix by matrix, so that the
stacked gates of an LSTM or the groups of a convolution get each what they would get alone. Biases become 0, the LSTM's
forget gate 1, norms the identity. Left as they are:

- embeddings: a look-up sums nothing, so there are no inputs to count and nothing that would need an even variance;
- bare parameters, such as positions and class tokens: only the layer that owns them knows what they mean;
- weights that are 0 throughout, by which a layer asks to start silent (the last of a residual branch).
"""

import warnings
from collections.abc import Callable
from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from iolaus.ranges import NonNegative, Positive, Rate

Nonlinearity = Literal["linear", "relu", "leaky_relu", "tanh", "sigmoid", "selu"]

_NORMS = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *_TRANSPOSED)
_NUM_GATES: dict[type[nn.Module], int] = {
    nn.RNN: 1,
    nn.RNNCell: 1,
    nn.GRU: 3,
    nn.GRUCell: 3,
    nn.LSTM: 4,
    nn.LSTMCell: 4,
}
_FILLED = (nn.Linear, *_CONVOLUTIONS, *_NUM_GATES, nn.MultiheadAttention)
# Not bias_k and bias_v of an attention: these are tokens.
_BIASES = ("bias_ih", "bias_hh", "in_proj_bias")


def default(model: nn.Module) -> None:
    """Leaves the weights as the model's layers made them."""


def xavier_uniform(model: nn.Module, *, gain: Positive = 1.0) -> None:
    """Glorot & Bengio 2010: variance gain² · 2 / (fan in + fan out), a balance of even values and even gradients."""
    _initialize(model, lambda weight: nn.init.xavier_uniform_(weight, gain))


def xavier_normal(model: nn.Module, *, gain: Positive = 1.0) -> None:
    """As `xavier_uniform`, but normal."""
    _initialize(model, lambda weight: nn.init.xavier_normal_(weight, gain))


def kaiming_uniform(
    model: nn.Module,
    *,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: Nonlinearity = "relu",
    negative_slope: NonNegative = 0.0,
) -> None:
    """He et al. 2015: variance gain² / fan, where the gain makes up for what the nonlinearity takes (2 / fan for ReLU).

    mode: which fan, so that either values on their way forward or gradients on their way back keep their variance.
    negative_slope: of leaky_relu.
    """
    _check_slope(nonlinearity, negative_slope)
    _initialize(model, lambda weight: nn.init.kaiming_uniform_(weight, negative_slope, mode, nonlinearity))


def kaiming_normal(
    model: nn.Module,
    *,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: Nonlinearity = "relu",
    negative_slope: NonNegative = 0.0,
) -> None:
    """As `kaiming_uniform`, but normal."""
    _check_slope(nonlinearity, negative_slope)
    _initialize(model, lambda weight: nn.init.kaiming_normal_(weight, negative_slope, mode, nonlinearity))


def orthogonal(model: nn.Module, *, gain: Positive = 1.0) -> None:
    """Saxe et al. 2014: rows (or columns, whichever are fewer) of length `gain` at right angles: no direction fades.

    A convolution counts as a matrix of outputs × everything that each one sees.
    """
    _initialize(model, lambda weight: nn.init.orthogonal_(weight, gain))


def sparse(model: nn.Module, *, sparsity: Rate = 0.9, gain: Positive = 1.0) -> None:
    """Martens 2010: every unit listens to a few random inputs only, the same number each, with normal weights.

    Their variance is gain² / number of inputs listened to, so that units start as loud whatever the sparsity. (Torch's
    `sparse_` counts zeros per input instead, which can leave units without any, and knows matrices only.)

    sparsity: share of the weights that are 0; every unit keeps at least one input.
    """
    _initialize(model, lambda weight: _sparse(weight, sparsity, gain))


def _sparse(weight: Tensor, sparsity: float, gain: float) -> Tensor:
    fan_in = weight[0].numel()
    num_inputs = max(1, round(fan_in * (1 - sparsity)))
    heard = torch.rand(len(weight), fan_in, device=weight.device).argsort(dim=1) < num_inputs
    return weight.normal_(std=gain / sqrt(num_inputs)).mul_(heard.view_as(weight))


def _check_slope(nonlinearity: str, negative_slope: float) -> None:
    if negative_slope and nonlinearity != "leaky_relu":
        warnings.warn(
            f"initializer.negative_slope={negative_slope} has no effect with initializer.nonlinearity={nonlinearity}: "
            "it is of leaky_relu.",
            stacklevel=3,
        )


@torch.no_grad()
def _initialize(model: nn.Module, fill: Callable[[Tensor], Tensor]) -> None:
    """`fill` is given one matrix (out, in) or kernel (out, in, …) at a time."""
    looked_up = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding | nn.EmbeddingBag)}
    for module in model.modules():
        for name, num_blocks in _stacks(module).items():
            if id(getattr(module, name)) not in looked_up:  # a head may share its weights with the embedding
                _fill(module, name, num_blocks, fill)
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, _FILLED) and (name == "bias" or name.startswith(_BIASES)):
                parameter.zero_()
            elif isinstance(module, _NORMS) and parameter.any():
                nn.init.constant_(parameter, 0 if name == "bias" else 1)
        if isinstance(module, nn.LSTM | nn.LSTMCell):
            _open_forget_gates(module)


def _stacks(module: nn.Module) -> dict[str, int]:
    """The module's weights that are to be filled, and of how many matrices each is stacked."""
    if isinstance(module, nn.Linear):
        return {"weight": 1}
    if isinstance(module, _CONVOLUTIONS):
        return {"weight": module.groups}
    if isinstance(module, nn.MultiheadAttention):
        apart = module.in_proj_weight is None  # keys or values of another size than queries
        return dict.fromkeys(("q_proj_weight", "k_proj_weight", "v_proj_weight"), 1) if apart else {"in_proj_weight": 3}
    num_gates = next((number for kind, number in _NUM_GATES.items() if isinstance(module, kind)), 0)
    names = [name for name, _ in module.named_parameters(recurse=False) if num_gates and name.startswith("weight")]
    return {name: 1 if name.startswith("weight_hr") else num_gates for name in names}  # hr: a projection, without gates


def _fill(module: nn.Module, name: str, num_blocks: int, fill: Callable[[Tensor], Tensor]) -> None:
    weight = getattr(module, name).detach().clone()
    if not weight.any():
        return
    for block in weight.chunk(num_blocks):
        matrix = block.transpose(0, 1) if isinstance(module, _TRANSPOSED) else block  # these keep (in, out, …)
        matrix.copy_(fill(torch.empty_like(matrix, memory_format=torch.contiguous_format)))
    if parametrize.is_parametrized(module, name):  # weight norm and its kind find the parameters that give this weight
        setattr(module, name, weight)
    else:
        getattr(module, name).copy_(weight)


def _open_forget_gates(module: nn.LSTM | nn.LSTMCell) -> None:
    """Or half of the state would be forgotten at every step (Jozefowicz et al. 2015).

    The two biases of a layer are added: the 1 stands in the one for the input.
    """
    for name, parameter in module.named_parameters(recurse=False):
        if name.startswith("bias_ih"):
            _, forget, _, _ = parameter.chunk(4)  # input, forget, cell, output
            forget.fill_(1)
