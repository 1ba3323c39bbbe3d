"""Starts a new model from a finished run's weights."""

import logging
from typing import Any

from torch import nn

log = logging.getLogger(__name__)


def load_weights(model: nn.Module, checkpoint: dict[str, Any]) -> None:
    """Copies the run's weights into the model. A head of another size stays as it was initialized, and that is said.

    Raises:
        ValueError: if anything but the head differs: it is another architecture.
    """
    theirs = {
        name.removeprefix("model."): weight
        for name, weight in checkpoint["state_dict"].items()
        if name.startswith("model.")
    }
    ours = model.state_dict()
    differing = [
        name
        for name in ours.keys() | theirs.keys()
        if name not in ours or name not in theirs or ours[name].shape != theirs[name].shape
    ]
    outside = sorted(name for name in differing if not name.startswith("head."))
    if outside:
        raise ValueError(
            f"init_from: the run's weights do not fit this model, first at {outside[0]}: "
            "start with the model options that the run had."
        )
    if differing:
        log.info("init_from: the head has another size and starts anew (%s)", ", ".join(sorted(differing)))
    model.load_state_dict({name: weight for name, weight in theirs.items() if name not in differing}, strict=False)
