"""Ends a run that a signal asked to stop: between two steps, with a checkpoint of the last one."""

from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback

from iolaus.process.interruption import Interrupted, Interruption
from iolaus.training.loops import Moment


class Stop(Callback):
    """While training, saves after the optimizer step that is under way, with all the batches it accumulates.

    Validation and test leave after the batch under way: nothing has changed since the last checkpoint that training
    could not do again. Several processes agree before each batch, so that all of them save the same step.
    """

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption
        self._signum: int | None = None  # what all processes know of

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._interruption.is_awaited = True

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._signum = self._interruption.signum
        if trainer.world_size > 1:
            signum = torch.tensor(self._signum or 0, device=trainer.strategy.root_device)
            self._signum = int(trainer.strategy.reduce(signum, reduce_op="max")) or None

    def on_settled(self, trainer: L.Trainer, moment: Moment) -> None:
        if trainer.world_size == 1:
            self._signum = self._interruption.signum
        if self._signum is not None:
            checkpoint: Any = trainer.checkpoint_callback
            if checkpoint is not None:
                checkpoint.save(trainer)
            raise Interrupted(self._signum)

    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        self._interruption.check()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._interruption.is_awaited = False
        self._interruption.check()

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._interruption.is_awaited = True

    def on_test_batch_end(self, *_: Any, **__: Any) -> None:
        self._interruption.check()
