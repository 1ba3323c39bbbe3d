"""Starts a new model from a finished run's weights."""

import logging
from typing import Any

from torch import Tensor, nn

from iolaus.layers.lora import merge_lora
from iolaus.spec import Image
from iolaus.transfer.positions import with_fitting_positions

log = logging.getLogger(__name__)


def load_weights(model: nn.Module, checkpoint: dict[str, Any], pictures: Image | None = None) -> None:
    """Copies the run's weights into the model. A head of another size stays as it was initialized, and that is said.

    pictures: those that the run learned from; None: square ones, or no pictures.

    Raises:
        ValueError: if anything but the head differs: it is another architecture.
    """
    state = checkpoint["state_dict"]
    theirs = merge_lora({name.removeprefix("model."): state[name] for name in state if name.startswith("model.")})
    copy_weights(model, theirs, pictures)


def copy_weights(model: nn.Module, theirs: dict[str, Tensor], pictures: Image | None = None) -> None:
    """As `load_weights`, from weights that have the names of the model's own.

    Where they have more positions than a text has tokens, the model takes the first ones; those of pictures of another
    size are resized.
    """
    ours = model.state_dict()
    theirs = with_fitting_positions(theirs, model, pictures)
    differing = sorted(
        name
        for name in ours.keys() | theirs.keys()
        if name not in ours or name not in theirs or ours[name].shape != theirs[name].shape
    )
    _refuse(ours, theirs, [name for name in differing if not _is_of_a_head(name)])
    anew = [name for name in differing if name in ours]
    if len(anew) == len(ours):
        raise ValueError(
            f"init_from: none of the weights fit: {anew[0]} is {tuple(theirs[anew[0]].shape)} there, "
            f"{tuple(ours[anew[0]].shape)} here."
            if anew[0] in theirs
            else "init_from: none of the weights has a place in this model."
        )
    if anew:
        log.info("init_from: the head has another size and starts anew (%s)", ", ".join(anew))
    left_out = [name for name in differing if name not in ours]
    if left_out:
        log.info("init_from: weights of a head that this model does not have are left out (%s)", ", ".join(left_out))
    model.load_state_dict({name: weight for name, weight in theirs.items() if name not in differing}, strict=False)


def _is_of_a_head(name: str) -> bool:
    """Of the model's own, or of an auxiliary classifier's, which stands among the other layers."""
    return "head" in name.split(".")


def _refuse(ours: dict[str, Tensor], theirs: dict[str, Tensor], names: list[str]) -> None:
    if names:
        here, there = (
            str(tuple(weights[names[0]].shape)) if names[0] in weights else "absent" for weights in (ours, theirs)
        )
        raise ValueError(
            f"init_from: the weights do not fit this model, first at {names[0]}, which is {there} there, "
            f"{here} here: start with the model, its options and the kind of data that they were learned with."
        )
