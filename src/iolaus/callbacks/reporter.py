"""Tells whoever waits for it what each validation found, and stops the run if the answer says so."""

from collections.abc import Callable

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback


class Reporter(Callback):
    """report: takes the epoch (counted from 1), the steps done and the metrics; returns whether to go on.

    Only the first process of a run asks; all of them do what it is told.
    """

    def __init__(self, report: Callable[[int, int, dict[str, float]], bool], metrics: list[str]) -> None:
        self._report, self._metrics = report, metrics
        # In shared memory: the processes of a forked strategy report, but the one that forked them asks afterwards.
        self._is_stopped = torch.zeros(1, dtype=torch.bool).share_memory_()

    @property
    def is_stopped(self) -> bool:
        return bool(self._is_stopped)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        goes_on = True
        if trainer.is_global_zero:
            known = trainer.callback_metrics
            metrics = {name: known[name].item() for name in self._metrics if name in known}
            goes_on = self._report(trainer.current_epoch + 1, trainer.global_step, metrics)
        if not trainer.strategy.broadcast(goes_on):
            self._is_stopped.fill_(True)
            trainer.should_stop = True
