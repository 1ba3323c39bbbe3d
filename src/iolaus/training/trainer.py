"""Lightning's Trainer with what it leaves to its users: the precision that suits the machine, and compilation."""

import logging
import warnings
from collections.abc import Callable
from typing import Any, Literal

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from iolaus.callbacks.non_finite import NonFinite
from iolaus.hardware import best_precision, memory_format
from iolaus.ranges import Count, NonNegative
from iolaus.training import loops
from iolaus.training.checkpoint_io import CheckpointIO

log = logging.getLogger(__name__)

# `memory_format` has chosen how maps lie in memory: torch 2.13, choosing anew, gets gradients wrong on CPUs.
INDUCTOR: dict[str, str | int | bool | Callable[..., Any]] = {"layout_optimization": False}


class Trainer(L.Trainer):
    """Every other option is Lightning's own.

    precision: "auto": bfloat16 where the machine computes it faster for this kind of model. Weights are in float32.
    compile: `torch.compile` the model, also where a task calls its features alone; pays on GPUs, hardly on CPUs.
    batch_size: "auto" has the run find the largest batch that fits, before it starts; None leaves data.batch_size.
    on_nonfinite: what a loss or gradient that is infinite or not a number does: end the run, or have its step left out.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        precision: Literal["auto", "32-true", "16-mixed", "bf16-mixed"] = "auto",
        compile: bool = False,
        batch_size: Literal["auto"] | None = None,
        on_nonfinite: Literal["stop", "skip"] = "stop",
        gradient_clip_val: NonNegative | None = None,
        accumulate_grad_batches: Count = 1,
        check_val_every_n_epoch: Count | None = 1,
        log_every_n_steps: Count = 50,
        callbacks: list[Callback] | None = None,
        **options: Any,
    ) -> None:
        options |= {
            "gradient_clip_val": gradient_clip_val,
            "accumulate_grad_batches": accumulate_grad_batches,
            "check_val_every_n_epoch": check_val_every_n_epoch,
            "log_every_n_steps": log_every_n_steps,
        }
        _refuse(options)
        chosen: str = precision
        if precision == "auto":
            chosen, reason = best_precision(model, options.get("accelerator", "auto"))
            log.info("precision %s: %s", chosen, reason)
        model.to(memory_format=memory_format(model))  # type: ignore[call-overload]
        if compile:
            _compile(model)
        silence()
        self.non_finite = NonFinite(on_nonfinite)
        callbacks = [*(callbacks or []), self.non_finite]
        plugins = [*(options.pop("plugins", None) or []), CheckpointIO()]
        super().__init__(precision=chosen, plugins=plugins, callbacks=callbacks, **options)  # type: ignore[arg-type]
        loops.install(self)
        self._leave_signals_alone()
        if batch_size == "auto" and self.world_size > 1:
            raise ValueError(
                f"trainer.batch_size=auto measures one process, and there are {self.world_size}: find the size with "
                "trainer.devices=1, and type data.batch_size=… as many times as large."
            )

    def _leave_signals_alone(self) -> None:
        """`callbacks/stop.py` heeds them. Lightning's own handlers leave in the middle of an accumulated step, save
        nothing, and let processes that hear of a signal at different times wait for each other."""
        self._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
        self.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None  # type: ignore[method-assign]


def _compile(model: nn.Module) -> None:
    """Both ways in: tasks whose answers are tokens call `features` alone, and the head only where it counts."""
    model.compile(options=INDUCTOR)
    features = getattr(model, "features", None)
    if features is not None:
        model.features = torch.compile(features, options=INDUCTOR)  # type: ignore[assignment]


def _refuse(options: dict[str, Any]) -> None:
    """What would fail only once processes have been started, or in words that say nothing to a user."""
    accelerator, strategy = str(options.get("accelerator")), str(options.get("strategy"))
    if accelerator in ("gpu", "cuda", "mps") and not torch.accelerator.is_available():
        raise ValueError(f"torch finds no accelerator of the kind {accelerator} here: type trainer=cpu.")
    if strategy.startswith("ddp_") and strategy.endswith(("fork", "spawn", "notebook")):
        raise ValueError(f"trainer.strategy={strategy}: processes are started all the same way: type ddp.")
    if options.get("num_nodes", 1) != 1:
        raise ValueError(
            f"trainer.num_nodes={options['num_nodes']}: a run's processes are all on one machine: type "
            "trainer.num_nodes=1, and trainer.devices=N for the devices that it has."
        )
    is_norm = options.get("gradient_clip_algorithm") in (None, "norm")
    if strategy.startswith("fsdp") and options.get("gradient_clip_val") and is_norm:
        raise ValueError(
            "trainer.gradient_clip_val: with trainer=fsdp no process sees the norm of all gradients: type "
            "+trainer.gradient_clip_algorithm=value, which clips each by itself."
        )


def silence() -> None:
    """What Lightning says of every run, and no user of ours can act upon."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*available but not used.*",  # an accelerator that the user chose not to use
        ".*LeafSpec.*is deprecated.*",  # Lightning's own code
        ".*sync_dist=True.*",  # a task logs means over all processes
        ".*smaller than the logging interval.*",  # epochs are logged whatever the interval
    ):
        warnings.filterwarnings("ignore", message=message)
