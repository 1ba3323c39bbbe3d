"""Starts a new model from a finished run's weights."""

import logging
from typing import Any

from torch import Tensor, nn

from iolaus.layers.lora import merge_lora

log = logging.getLogger(__name__)


def load_weights(model: nn.Module, checkpoint: dict[str, Any]) -> None:
    """Copies the run's weights into the model. A head of another size stays as it was initialized, and that is said.

    Raises:
        ValueError: if anything but the head differs: it is another architecture.
    """
    state = checkpoint["state_dict"]
    theirs = merge_lora({name.removeprefix("model."): state[name] for name in state if name.startswith("model.")})
    copy_weights(model, theirs)


def copy_weights(model: nn.Module, theirs: dict[str, Tensor]) -> None:
    """As `load_weights`, from weights that have the names of the model's own.

    Where there are more positions than the model reads, it takes the first ones.
    """
    ours = model.state_dict()
    for name in ours.keys() & theirs.keys():
        if name.endswith("positions.table") and len(theirs[name]) > len(ours[name]):
            theirs[name] = theirs[name][: len(ours[name])]
    differing = [
        name
        for name in ours.keys() | theirs.keys()
        if name not in ours or name not in theirs or ours[name].shape != theirs[name].shape
    ]
    outside = sorted(name for name in differing if not name.startswith("head."))
    if outside:
        here, there = (
            str(tuple(weights[outside[0]].shape)) if outside[0] in weights else "absent" for weights in (ours, theirs)
        )
        raise ValueError(
            f"init_from: the weights do not fit this model, first at {outside[0]}, which is {there} there, "
            f"{here} here: start with the model, its options and the kind of data that they were learned with."
        )
    anew = sorted(name for name in differing if name in ours)
    if anew:
        log.info("init_from: the head has another size and starts anew (%s)", ", ".join(anew))
    model.load_state_dict({name: weight for name, weight in theirs.items() if name not in differing}, strict=False)
