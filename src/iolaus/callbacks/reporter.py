"""Tells whoever waits for it what each validation found, and stops the run if the answer says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.callbacks import Callback

from iolaus.process.mailbox import Mailbox

Report = Callable[[int, int, dict[str, float]], bool]


class Reporter(Callback):
    """Only the first process of a run asks; all of them do what it is told.

    report: takes the epoch (counted from 1), the steps done and the metrics; returns whether to go on.
    address: how a process that this one starts makes a reporter of its own (`by_mail`).
    """

    def __init__(self, report: Report, metrics: list[str], address: dict[str, Any]) -> None:
        self.address, self._report, self._metrics = address, report, metrics
        self.is_stopped = False

    @classmethod
    def by_mail(cls, *, folder: str, metrics: list[str], asks: bool) -> "Reporter":
        """One that reports through the run's folder, and waits for an answer if `asks`."""
        mailbox = Mailbox.of_run(Path(folder))

        def report(epoch: int, num_steps: int, found: dict[str, float]) -> bool:
            mailbox.send([epoch, num_steps, found])
            return mailbox.wait() if asks else True

        return cls(report, metrics, {"folder": folder, "metrics": metrics, "asks": asks})

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        goes_on = True
        if trainer.is_global_zero:
            known = trainer.callback_metrics
            metrics = {name: known[name].item() for name in self._metrics if name in known}
            goes_on = self._report(trainer.current_epoch + 1, trainer.global_step, metrics)
        is_last = trainer.current_epoch + 1 == trainer.max_epochs  # there is nothing to be saved by stopping now
        if not trainer.strategy.broadcast(goes_on) and not is_last:
            self.is_stopped = True
            trainer.should_stop = True
