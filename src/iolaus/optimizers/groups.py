"""Which parameters an optimizer treats alike: what decays, what does not, and which are matrices between two layers."""

from collections.abc import Iterator
from typing import Any

from torch import nn

# The names of the groups: loggers show them beside each learning rate, and Muon knows its matrices by theirs.
MATRICES, WEIGHTS, UNDECAYED = "matrices", "weights", "undecayed"

# Their parameters may be called `weight` and have two dimensions or more. (The other norms have vectors only.)
_UNDECAYED_MODULES = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.RMSNorm)


def parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """Every trainable parameter once, in up to three groups, each in the order of the model.

    matrices   weights with two dimensions, of hidden layers: neither the first nor the last of the model's stages.
    weights    other weights: convolutions, the first layer, the head.
    undecayed  the rest, with a weight decay of 0. Decay keeps a weight from growing; it has no business with norms
               and biases, which have no scale to spare, with embeddings, most of which a batch does not touch, and
               with positions and tokens that a module holds itself.

    A parameter that two modules share decays only where both would have it decay.
    """
    undecayed = {parameter for module in model.modules() for parameter in _undecayed(module)}
    outer = {parameter for stage in _outer_stages(model) for parameter in stage.parameters()}
    groups: dict[str, dict[str, Any]] = {
        MATRICES: {"params": [], "name": MATRICES},
        WEIGHTS: {"params": [], "name": WEIGHTS},
        UNDECAYED: {"params": [], "name": UNDECAYED, "weight_decay": 0.0},
    }
    for parameter in model.parameters():
        if not parameter.requires_grad:
            continue
        if parameter in undecayed:
            name = UNDECAYED
        else:
            name = MATRICES if parameter.ndim == 2 and parameter not in outer else WEIGHTS
        groups[name]["params"].append(parameter)
    return [group for group in groups.values() if group["params"]]


def _undecayed(module: nn.Module) -> Iterator[nn.Parameter]:
    for name, parameter in module.named_parameters(recurse=False):
        # Layers call what they multiply by `weight…`, `…_weight…`; positions, tokens and scales have other names.
        if isinstance(module, _UNDECAYED_MODULES) or parameter.ndim < 2 or "weight" not in name:
            yield parameter


def _outer_stages(model: nn.Module) -> list[nn.Module]:
    """The parts that touch the input and the output."""
    stages: list[nn.Module] = getattr(model, "stages", list)()
    return [stages[0], stages[-1]] if stages else []
