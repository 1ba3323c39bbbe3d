"""Which parameters an optimizer treats alike: what decays, what does not, and which are matrices between two layers."""

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.utils import parametrize

# The names of the groups: loggers show them beside each learning rate, and Muon knows its matrices by theirs.
MATRICES, WEIGHTS, UNDECAYED = "matrices", "weights", "undecayed"

# Their parameters may be called `weight` and have two dimensions or more. (The other norms have vectors only.)
_UNDECAYED_MODULES = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.RMSNorm)

# How the names of the two end that weight norm makes a weight of.
_LENGTH, _DIRECTION = ".original0", ".original1"


def parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """Every trainable parameter once, in up to three groups, each in the order of the model.

    matrices   weights with two dimensions, of hidden layers: neither the first nor the last of the model's stages.
    weights    other weights: convolutions, the first layer, the head.
    undecayed  the rest, with a weight decay of 0. Decay keeps a weight from growing; it has no business with norms
               and biases, which have no scale to spare, with embeddings, most of which a batch does not touch, and
               with positions and tokens that a module holds itself.

    A parameter that two modules share decays only where both would have it decay.

    Where weight norm has split a weight, its lengths are among the weights: as they decay, so does the product. Its
    directions do not, since their own length changes nothing. L1 then draws whole filters to zero, as the group lasso
    does (Yuan & Lin 2006, doi:10.1111/j.1467-9868.2005.00532.x).
    """
    undecayed = {parameter for module in model.modules() for parameter in _undecayed(module)}
    outer = {parameter for stage in _outer_stages(model) for parameter in stage.parameters()}
    groups: dict[str, dict[str, Any]] = {
        MATRICES: {"params": [], "name": MATRICES},
        WEIGHTS: {"params": [], "name": WEIGHTS},
        UNDECAYED: {"params": [], "name": UNDECAYED, "weight_decay": 0.0},
    }
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        is_matrix = parameter.ndim == 2 and parameter not in outer and not name.endswith(_LENGTH)
        group = UNDECAYED if parameter in undecayed else MATRICES if is_matrix else WEIGHTS
        groups[group]["params"].append(parameter)
    return [group for group in groups.values() if group["params"]]


def _undecayed(module: nn.Module) -> Iterator[nn.Parameter]:
    for name, parameter in _own(module):
        # Layers call what they multiply by `weight…`, `…_weight…`; positions, tokens and scales have other names.
        is_weight = "weight" in name and not name.endswith(_DIRECTION)
        if isinstance(module, _UNDECAYED_MODULES) or parameter.ndim < 2 or not is_weight:
            yield parameter


def _own(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """A module's own parameters. Those that a weight is made of, as by weight norm, are named after it:
    `weight.original0`."""
    if isinstance(module, parametrize.ParametrizationList):
        return  # they belong to the module that has the weight
    yield from module.named_parameters(recurse=False)
    if parametrize.is_parametrized(module):
        for name, parts in module.parametrizations.items():  # type: ignore[union-attr, operator]
            yield from parts.named_parameters(prefix=name, recurse=False)


def _outer_stages(model: nn.Module) -> list[nn.Module]:
    """The parts that touch the input and the output."""
    stages: list[nn.Module] = getattr(model, "stages", list)()
    return [stages[0], stages[-1]] if stages else []
