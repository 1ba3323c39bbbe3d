"""Optimizer and schedule start afresh where a run goes on with others than its checkpoint's."""

import warnings
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.callbacks import Callback
from torch.optim.lr_scheduler import ReduceLROnPlateau

from iolaus.tasks.task import Task


class FreshStart(Callback):
    """Leaves out what a checkpoint holds of an optimizer and a schedule that are others now, or laid out for another
    length: loaded without a word, it would overrule their options, or fit no parameter.

    The weights stay, and a schedule goes on at the step where the run stands.

    recipe: of what optimizer and schedule are made, as `config/resume.py` says it.
    """

    def __init__(self, recipe: str) -> None:
        self._recipe = recipe
        self._loaded: dict[str, Any] | None = None  # the checkpoint, until it is judged
        self._is_fresh = False

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        assert isinstance(pl_module, Task)
        checkpoint["recipe"] = {"made_of": self._recipe, "num_planned_steps": pl_module.num_planned_steps}

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        self._loaded = checkpoint
        if trainer.optimizers:  # else there is no schedule to compare with yet
            self._judge(pl_module)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Before Lightning restores the optimizer."""
        self._judge(pl_module)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._is_fresh:
            _move_on(trainer)

    def _judge(self, task: L.LightningModule) -> None:
        loaded, self._loaded = self._loaded, None
        assert isinstance(task, Task)
        now = {"made_of": self._recipe, "num_planned_steps": task.num_planned_steps}
        if loaded is None or loaded.get("recipe", now) == now:
            return
        loaded["optimizer_states"], loaded["lr_schedulers"] = [], []
        self._is_fresh = True
        warnings.warn(
            "the checkpoint was made with another optimizer or schedule, so both start afresh, the schedule at the "
            "step where the run stands; the weights are the checkpoint's.",
            stacklevel=2,
        )


def _move_on(trainer: L.Trainer) -> None:
    """As if the schedules had been these from the start."""
    for config in trainer.lr_scheduler_configs:
        if isinstance(config.scheduler, ReduceLROnPlateau):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of schedules that move before their optimizer
            for _ in range(trainer.global_step if config.interval == "step" else trainer.current_epoch):
                config.scheduler.step()
