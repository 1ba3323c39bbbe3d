"""Lightning's Trainer with what it leaves to its users: the precision that suits the machine, and compilation."""

import logging
import warnings
from typing import Any

import lightning.pytorch as L
from torch import nn

from iolaus.hardware import best_precision, memory_format

log = logging.getLogger(__name__)


class Trainer(L.Trainer):
    """Every other option is Lightning's own.

    precision: as Lightning's, or "auto": bfloat16 where the machine computes it faster for this kind of model.
    compile: `torch.compile` the model; pays on GPUs, hardly on CPUs.
    """

    def __init__(
        self, model: nn.Module, *, precision: str | int | None = "auto", compile: bool = False, **options: Any
    ) -> None:
        if precision == "auto":
            precision, reason = best_precision(model, options.get("accelerator", "auto"))
            log.info("precision %s: %s", precision, reason)
        model.to(memory_format=memory_format(model))  # type: ignore[call-overload]
        if compile:
            model.compile()
        _silence()
        super().__init__(precision=precision, **options)  # type: ignore[arg-type]


def _silence() -> None:
    """What Lightning says of every run, and no user of ours can act upon."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*available but not used.*",  # an accelerator that the user chose not to use
        ".*LeafSpec.*is deprecated.*",  # Lightning's own code
        ".*smaller than the logging interval.*",  # epochs are logged whatever the interval
    ):
        warnings.filterwarnings("ignore", message=message)
