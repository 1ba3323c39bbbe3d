"""Ends a run that a signal asked to stop: between two steps, with a checkpoint of the last one."""

from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.trainer.states import TrainerFn

from iolaus.process.interruption import Interrupted, Interruption
from iolaus.training.loops import Moment


class Stop(Callback):
    """While training, saves after the optimizer step that is under way, with all the batches it accumulates.

    Validation leaves after the batch under way, and what was trained before it is saved; the test likewise, but then
    everything is saved already. Several processes agree at each batch, so that all of them save the same step.
    """

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption
        self._signum: int | None = None  # what all processes know of

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._interruption.is_awaited = True

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._agree(trainer)

    def _agree(self, trainer: L.Trainer) -> None:
        self._signum = self._interruption.signum
        if trainer.world_size > 1:
            signum = torch.tensor(self._signum or 0, device=trainer.strategy.root_device)
            self._signum = int(trainer.strategy.reduce(signum, reduce_op="max")) or None

    def on_settled(self, trainer: L.Trainer, moment: Moment) -> None:
        if trainer.world_size == 1:
            self._signum = self._interruption.signum
        self._leave_if_asked(trainer)

    def on_validation_batch_end(self, trainer: L.Trainer, *_: Any, **__: Any) -> None:
        self._agree(trainer)
        if not trainer.fit_loop._should_accumulate():  # else it is a validation in the midst of a step
            self._leave_if_asked(trainer)

    def _leave_if_asked(self, trainer: L.Trainer) -> None:
        if self._signum is None:
            return
        checkpoint: Any = trainer.checkpoint_callback
        if checkpoint is not None and trainer.state.fn == TrainerFn.FITTING:
            checkpoint.save(trainer)
        raise Interrupted(self._signum)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._interruption.is_awaited = False
        self._interruption.check()

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._interruption.is_awaited = True

    def on_test_batch_end(self, *_: Any, **__: Any) -> None:
        self._interruption.check()
